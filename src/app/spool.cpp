#include "spool.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

#include "repodigest/base/file.h"

namespace repodigest::app {

Status Spool::append(std::string_view bytes) {
  if (waiting_.size() + bytes.size() > memory_bytes)
    if (auto status = flush(); !status) return status;
  if (bytes.size() <= memory_bytes) {
    waiting_ += bytes;
    return {};
  }
  const int failure = write_all(file_.get(), bytes);
  return failure == 0 ? Status() : Status(failed(failure));
}

Status Spool::copy_to(int target, std::string_view name) {
  const auto put = [&](std::string_view bytes) -> Status {
    const int failure = write_all(target, bytes);
    if (failure == 0) return {};
    return Error{Reason::interrupted, "cannot write to " + std::string(name) + ": " + errno_text(failure)};
  };
  if (file_) {
    if (auto status = flush(); !status) return status;
    std::vector<char> buffer(std::size_t{256} << 10U);
    for (off_t at = 0;;) {
      const auto count = ::pread(file_.get(), buffer.data(), buffer.size(), at);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return failed(errno);
      if (count == 0) break;
      if (auto status = put({buffer.data(), static_cast<std::size_t>(count)}); !status) return status;
      at += count;
    }
    return {};
  }
  return put(waiting_);
}

Status Spool::open_file() {
  file_ = Fd(::open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (file_) return {};
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) return failed(errno);
  // A file system without such files (some of FUSE, old NFS).
  std::string path = folder_ + "/repodigest.XXXXXX";
  file_ = Fd(::mkostemp(path.data(), O_CLOEXEC));
  if (!file_) return failed(errno);
  ::unlink(path.c_str());
  return {};
}

Status Spool::flush() {
  if (!file_)
    if (auto status = open_file(); !status) return status;
  if (const int failure = write_all(file_.get(), waiting_); failure != 0) return failed(failure);
  waiting_.clear();
  return {};
}

Error Spool::failed(int error_number) const {
  return {Reason::connect, "cannot keep the output in a temporary file in " + folder_ + ": " +
                               errno_text(error_number) + "; set TMPDIR to a folder with room for it"};
}

}  // namespace repodigest::app
