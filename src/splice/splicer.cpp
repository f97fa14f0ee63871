#include "repodigest/splice/splicer.h"

#include "scanner.h"

namespace repodigest::splice {

Splicer::Splicer(Options options) : scanner_(std::make_unique<Scanner>(options)) {}
Splicer::~Splicer() = default;
Splicer::Splicer(Splicer&&) noexcept = default;
Splicer& Splicer::operator=(Splicer&&) noexcept = default;

Status Splicer::feed(std::string_view bytes, std::string& out) {
  return scanner_->feed(bytes, out);
}

Status Splicer::finish(std::string& out) {
  return scanner_->finish(out);
}

std::uint64_t Splicer::removed() const {
  return scanner_->outlet().removed();
}

std::uint64_t Splicer::lists() const {
  return scanner_->outlet().lists();
}

Place Splicer::place() const {
  return scanner_->place();
}

}  // namespace repodigest::splice
