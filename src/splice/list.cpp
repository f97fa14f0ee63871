#include "list.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "runs.h"
#include "spelling.h"

namespace repodigest::splice {
namespace {

/// Walks through the strings of a valid list.
class Walk {
 public:
  explicit Walk(std::string_view list) : p_(list.data()), end_(list.data() + list.size()) {}

  /// Goes on to the next string; false: there is none.
  bool next() {
    from_ = p_;  // a bracket or a comma
    p_ = skip_white(p_ + 1, end_);
    if (p_ == end_ || *p_ != '"') return false;
    const char* const begin = ++p_;
    escaped_ = false;
    while (*(p_ = skip_plain(p_, end_)) != '"') {
      const bool escape = *p_ == '\\';
      escaped_ |= escape;
      p_ += escape ? 2 : 1;
    }
    spelling_ = {begin, static_cast<std::size_t>(p_ - begin)};
    string_end_ = ++p_;
    p_ = skip_white(p_, end_);
    return true;
  }

  [[nodiscard]] std::string_view spelling() const { return spelling_; }
  [[nodiscard]] bool escaped() const { return escaped_; }
  /// The comma before it (for the first: the bracket).
  [[nodiscard]] const char* from() const { return from_; }
  /// Behind its closing quote.
  [[nodiscard]] const char* end() const { return string_end_; }

 private:
  const char* p_;
  const char* end_;
  const char* from_ = nullptr;
  const char* string_end_ = nullptr;
  std::string_view spelling_;
  bool escaped_ = false;
};

struct Entry {
  std::string_view text;  ///< decoded
  std::size_t index;
};

/// By their place in the list: whether it stands before. Empty: none does.
std::vector<bool> repeated(std::vector<Entry> entries) {
  std::vector<bool> marks;
  std::sort(entries.begin(), entries.end(), [](const Entry& one, const Entry& other) {
    return std::tie(one.text, one.index) < std::tie(other.text, other.index);
  });
  for (std::size_t i = 1; i < entries.size(); ++i) {
    if (entries[i].text != entries[i - 1].text) continue;
    marks.resize(entries.size());
    marks[entries[i].index] = true;
  }
  return marks;
}

}  // namespace

std::size_t append_unique(std::string_view list, std::string& out) {
  std::vector<Entry> entries;
  std::string decoded;  // what some of the entries point into: never larger than the list, so it never moves
  for (Walk walk(list); walk.next();) {
    std::string_view text = walk.spelling();
    if (walk.escaped()) {
      decoded.reserve(list.size());
      const std::size_t begin = decoded.size();
      append_decoded(text, decoded);
      text = std::string_view(decoded).substr(begin);
    }
    entries.push_back({text, entries.size()});
  }

  const char* kept_from = list.data();
  std::size_t removed = 0;
  Walk walk(list);
  const auto marks = repeated(std::move(entries));
  for (const bool mark : marks) {
    walk.next();
    if (!mark) continue;
    out.append(kept_from, walk.from());
    kept_from = walk.end();
    ++removed;
  }
  out.append(kept_from, list.data() + list.size());
  return removed;
}

}  // namespace repodigest::splice
