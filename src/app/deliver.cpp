#include "deliver.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "repodigest/base/fd.h"
#include "repodigest/base/file.h"

namespace repodigest::app {
namespace {

/// Whether it was not a stranger who put there what stands there: where everybody may write, as in /tmp, a
/// stranger's link can lead to a device, and a stranger's pipe reads along and holds us up. It is what
/// fs.protected_symlinks and fs.protected_fifos of Linux refuse, which can be off (proc(5)).
bool is_trusted(const std::string& path) {
  struct stat folder {};
  struct stat standing {};
  if (::stat(folder_of(path).c_str(), &folder) != 0 || ::lstat(path.c_str(), &standing) != 0) return false;
  return (folder.st_mode & S_IWOTH) == 0 || standing.st_uid == ::geteuid() ||
         standing.st_uid == folder.st_uid;
}

/// Writes into what is no regular file: a rename would take away /dev/null or /dev/stdout from everybody.
Status write_into(const std::string& path, std::string_view text) {
  if (!is_trusted(path))
    return Error{Reason::permission, "cannot write " + path +
                                         ": it is not a regular file, and somebody else put it in a folder "
                                         "that everybody may write to: choose another path"};
  const Fd target(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
  if (!target) return cannot_write(path, errno);
  if (const int failure = write_all(target.get(), text); failure != 0) return cannot_write(path, failure);
  return {};
}

}  // namespace

Status write_stdout(std::string_view text) {
  if (const int failure = write_all(STDOUT_FILENO, text); failure != 0)
    return Error{Reason::interrupted, "the answer could not be delivered to stdout: " + errno_text(failure)};
  return {};
}

Status write_file(const std::string& path, std::string_view text) {
  struct stat standing {};
  if (::stat(path.c_str(), &standing) == 0 && !S_ISREG(standing.st_mode)) return write_into(path, text);
  return replace_file(path, text, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
}

}  // namespace repodigest::app
