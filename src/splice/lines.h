// Where a byte stands.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "repodigest/splice/splicer.h"

namespace repodigest::splice {

/// Counts the lines of what goes by. Thread rule: one thread.
class Lines {
 public:
  /// The next bytes, cut anywhere.
  void pass(std::string_view bytes) {
    const auto newlines = std::count(bytes.begin(), bytes.end(), '\n');
    if (newlines > 0) {
      newlines_ += static_cast<std::uint64_t>(newlines);
      line_from_ = passed_ + bytes.rfind('\n') + 1;
    }
    passed_ += bytes.size();
  }
  /// Of the byte that would come next.
  [[nodiscard]] Place next() const { return {newlines_ + 1, passed_ - line_from_ + 1}; }

 private:
  std::uint64_t passed_ = 0;
  std::uint64_t newlines_ = 0;
  std::uint64_t line_from_ = 0;  ///< how many bytes come before the last line
};

}  // namespace repodigest::splice
