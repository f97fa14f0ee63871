#include "outlet.h"

#include "list.h"

namespace repodigest::splice {

void Outlet::begin_piece(const char* begin, std::string& out) {
  out_ = &out;
  rest_ = begin;
  list_from_ = begin;
}

void Outlet::end_piece(const char* end) {
  out_->append(rest_, in_list_ ? list_from_ : end);
  if (!in_list_) return;
  held_.append(list_from_, end);
  if (held_.size() > max_held_) no_list();
}

void Outlet::give_up(const char* end) {
  no_list();
  end_piece(end);
}

void Outlet::begin_list(const char* bracket) {
  in_list_ = true;
  list_from_ = bracket;
}

void Outlet::end_list(const char* end) {
  out_->append(rest_, list_from_);
  std::string_view list(list_from_, static_cast<std::size_t>(end - list_from_));
  if (!held_.empty()) list = held_.append(list);
  removed_ += append_unique(list, *out_);
  ++lists_;
  in_list_ = false;
  held_.clear();
  rest_ = end;
}

void Outlet::no_list() {
  in_list_ = false;
  out_->append(held_);
  held_.clear();
}

}  // namespace repodigest::splice
