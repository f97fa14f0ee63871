// Files of ours as a whole: one appears complete or not at all, and one that is read is bounded.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "repodigest/base/fd.h"
#include "repodigest/base/result.h"

namespace repodigest {

/// The folder that a file stands in: all up to the last slash, with it; "." of a bare name.
std::string folder_of(const std::string& path);

/// Writes all of it, and waits for room where the descriptor does not. Returns 0, or the errno that stopped
/// it. Any thread.
int write_all(int fd, std::string_view text);

/// "cannot write <path>: <why>", with what to do where that is known. Reasons: permission (a read-only file
/// system too), else connect (disk full and the like).
Error cannot_write(const std::string& path, int error_number);

/// A file that takes the place of `path` whole or not at all: written beside it, synced, renamed. A symlink
/// at `path` is replaced, not followed; what is no regular file (/dev/null, a pipe) is refused, because a
/// rename would take it away from everybody. A process that is killed in between leaves the temporary file
/// `<path>.XXXXXX`. Thread rule: one thread.
class NewFile {
 public:
  /// Errors of this and the other functions: as cannot_write(); `path` stands as before then.
  static Result<NewFile> beside(std::string path);
  NewFile(NewFile&&) noexcept = default;
  NewFile& operator=(NewFile&&) = delete;
  /// Without put_in_place() nothing is left of it.
  ~NewFile();

  /// Appends.
  Status write(std::string_view text);
  /// Ends it: `mode` is its permissions, whatever the umask. After this only the destructor may be called.
  Status put_in_place(mode_t mode);

 private:
  NewFile(std::string path, std::string temporary, Fd file);

  std::string path_;
  std::string temporary_;
  Fd file_;  ///< empty once there is nothing to take away any more
};

/// The same for a text that is there as a whole.
Status replace_file(const std::string& path, std::string_view text, mode_t mode);

/// Reads a regular file, also by a symlink; never waits as a pipe would make it. Errors, each with the path:
/// not_found, permission, too_large (more than `max_bytes`, also when it grows meanwhile), usage (no regular
/// file), connect (anything else). Any thread.
Result<std::string> read_regular_file(const std::string& path, std::size_t max_bytes);

}  // namespace repodigest
