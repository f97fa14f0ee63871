#include "deliver.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "repodigest/base/fd.h"
#include "repodigest/base/file.h"

namespace repodigest::app {
namespace {

/// Writes into what is no regular file: a rename would take away /dev/null or /dev/stdout from everybody.
Status write_into(const std::string& path, std::string_view text) {
  const Fd target(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
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
