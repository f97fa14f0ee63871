#include "deliver.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "repodigest/base/fd.h"

namespace repodigest::app {
namespace {

/// 0, or the errno that stopped it.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

Error cannot_write(const std::string& path, int error_number) {
  const Reason reason = error_number == EACCES || error_number == EPERM || error_number == EROFS
                            ? Reason::permission
                            : Reason::connect;
  return {reason, "cannot write " + path + ": " + errno_text(error_number)};
}

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
    return Error{Reason::interrupted, "the report could not be delivered to stdout: " + errno_text(failure)};
  return {};
}

Status write_file(const std::string& path, std::string_view text) {
  struct stat standing {};
  if (::stat(path.c_str(), &standing) == 0 && !S_ISREG(standing.st_mode)) return write_into(path, text);
  std::string temporary = path + ".XXXXXX";
  const Fd file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file) return cannot_write(path, errno);
  int failure = write_all(file.get(), text);
  if (failure == 0 && ::fchmod(file.get(), S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH) != 0) failure = errno;
  if (failure == 0 && ::fsync(file.get()) != 0) failure = errno;
  if (failure == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) failure = errno;
  if (failure == 0) return {};
  ::unlink(temporary.c_str());
  return cannot_write(path, failure);
}

}  // namespace repodigest::app
