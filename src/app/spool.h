// Where output waits until it is known to be wanted: in memory while it is small, then in an unlinked file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "repodigest/base/fd.h"
#include "repodigest/base/result.h"

namespace repodigest::app {

/// Takes bytes and gives them out again, in order. What is over memory_bytes lies in a file of `folder` that
/// has no name, so that nothing stays behind however the program ends. Thread rule: one thread.
class Spool {
 public:
  static constexpr std::size_t memory_bytes = std::size_t{1} << 20U;

  explicit Spool(std::string folder) : folder_(std::move(folder)) {}

  /// Errors: connect, naming the folder and TMPDIR (disk full and the like).
  Status append(std::string_view bytes);
  /// Writes all of it to `target`. Errors: interrupted, naming `name` (closed pipe, full disk); else as
  /// append(). Once.
  Status copy_to(int target, std::string_view name);

 private:
  Status open_file();
  /// Moves to the file what is in memory.
  Status flush();
  [[nodiscard]] Error failed(int error_number) const;

  std::string folder_;
  std::string waiting_;  // what the file does not have yet
  Fd file_;
};

}  // namespace repodigest::app
