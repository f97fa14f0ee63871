#include "repodigest/base/file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

namespace repodigest {
namespace {

/// Makes the rename last over a power loss, where the folder lets us: the file itself is right without it.
void sync_folder_of(const std::string& path) {
  const Fd opened(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened) ::fsync(opened.get());
}

Error cannot_read(const std::string& path, int error_number) {
  Reason reason = Reason::connect;
  if (error_number == ENOENT || error_number == ENOTDIR) reason = Reason::not_found;
  if (error_number == EACCES || error_number == EPERM) reason = Reason::permission;
  return {reason, "cannot read " + path + ": " + errno_text(error_number)};
}

}  // namespace

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) {
      // Whoever shares a pipe or a terminal with us can have made it so.
      pollfd ready{fd, POLLOUT, 0};
      (void)::poll(&ready, 1, -1);
      continue;
    }
    if (written < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

Error cannot_write(const std::string& path, int error_number) {
  const std::string text = "cannot write " + path + ": " + errno_text(error_number);
  switch (error_number) {
    case EACCES:
    case EPERM:
      return {Reason::permission,
              text + ": it and its folder must be writable for user " + std::to_string(::geteuid())};
    case EROFS:
      return {Reason::permission, text + ": choose a folder that is writable"};
    case ENOENT:
      return {Reason::connect, text + ": make its folder first"};
    default:
      return {Reason::connect, text};
  }
}

NewFile::NewFile(std::string path, std::string temporary, Fd file)
    : path_(std::move(path)), temporary_(std::move(temporary)), file_(std::move(file)) {}

NewFile::~NewFile() {
  if (file_) ::unlink(temporary_.c_str());
}

Result<NewFile> NewFile::beside(std::string path) {
  struct stat standing {};
  if (::stat(path.c_str(), &standing) == 0 && !S_ISREG(standing.st_mode))
    return Error{Reason::connect, "cannot write " + path + ": it is not a regular file: choose another path"};
  std::string temporary = path + ".XXXXXX";
  Fd file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file) return cannot_write(path, errno);
  return NewFile(std::move(path), std::move(temporary), std::move(file));
}

Status NewFile::write(std::string_view text) {
  if (const int failure = write_all(file_.get(), text); failure != 0) return cannot_write(path_, failure);
  return {};
}

Status NewFile::put_in_place(mode_t mode) {
  if (::fchmod(file_.get(), mode) != 0 || ::fsync(file_.get()) != 0 ||
      ::rename(temporary_.c_str(), path_.c_str()) != 0)
    return cannot_write(path_, errno);
  file_.reset();
  sync_folder_of(path_);
  return {};
}

Status replace_file(const std::string& path, std::string_view text, mode_t mode) {
  Result<NewFile> file = NewFile::beside(path);
  if (!file) return file.error();
  if (Status written = file->write(text); !written) return written;
  return file->put_in_place(mode);
}

Result<std::string> read_regular_file(const std::string& path, std::size_t max_bytes) {
  // O_NONBLOCK: a FIFO in the file's place must not stop the program.
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return cannot_read(path, errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return cannot_read(path, errno);
  if (!S_ISREG(status.st_mode)) return Error{Reason::usage, path + " is not a regular file"};
  const Error too_large{Reason::too_large, path + " is larger than " + std::to_string(max_bytes) + " bytes"};
  const auto announced = static_cast<std::size_t>(status.st_size);
  if (announced > max_bytes) return too_large;

  // One byte more than announced, so that its end is seen; files of /proc announce nothing.
  std::string content(announced + 1, '\0');
  std::size_t size = 0;
  while (true) {
    if (size == content.size()) {
      if (size > max_bytes) return too_large;
      content.resize(std::min(std::max(2 * size, std::size_t{4096}), max_bytes + 1));
    }
    const ssize_t got = ::read(file.get(), content.data() + size, content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_read(path, errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  content.resize(size);
  return content;
}

}  // namespace repodigest
