#include "repodigest/base/cancel.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <system_error>

namespace repodigest {

Wake::Wake() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!fd_) throw std::system_error(errno, std::generic_category(), "cannot make an eventfd");
}

void Wake::raise() const {
  const int saved_errno = errno;  // of whatever a signal interrupts
  const std::uint64_t one = 1;
  // The only failure is a full counter, and then it is raised already.
  [[maybe_unused]] const auto written = ::write(fd_.get(), &one, sizeof one);
  errno = saved_errno;
}

void Wake::clear() const {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto taken = ::read(fd_.get(), &count, sizeof count);
}

bool Wake::raised() const {
  return Cancel(*this).ended().has_value();
}

Cancel Cancel::until(SteadyTime deadline) const {
  Cancel copy = *this;
  copy.deadline_ = deadline_ ? std::min(*deadline_, deadline) : deadline;
  return copy;
}

Cancel Cancel::within(Duration timeout) const {
  const auto now = std::chrono::steady_clock::now();
  return until(timeout < SteadyTime::max() - now ? now + timeout : SteadyTime::max());
}

Cancel Cancel::also(const Wake& wake) const {
  Cancel copy = *this;
  assert(copy.fd_count_ < copy.fds_.size());
  copy.fds_[copy.fd_count_++] = wake.fd();
  return copy;
}

std::optional<Reason> Cancel::ended() const {
  std::array<pollfd, std::tuple_size_v<decltype(fds_)>> watched{};
  for (std::size_t i = 0; i < fd_count_; ++i) watched[i] = {fds_[i], POLLIN, 0};
  if (fd_count_ > 0 && ::poll(watched.data(), fd_count_, 0) > 0) return Reason::interrupted;
  if (deadline_ && std::chrono::steady_clock::now() >= *deadline_) return Reason::timeout;
  return std::nullopt;
}

std::optional<Reason> Cancel::wait(int fd, short events) const {
  std::array<pollfd, std::tuple_size_v<decltype(fds_)> + 1> watched{};
  watched[0] = {fd, events, 0};
  for (std::size_t i = 0; i < fd_count_; ++i) watched[i + 1] = {fds_[i], POLLIN, 0};
  while (true) {
    int milliseconds = -1;
    if (deadline_) {
      const auto left = *deadline_ - std::chrono::steady_clock::now();
      // Rounded up, so that it doesn't spin through the last fraction of a millisecond.
      const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(left).count();
      milliseconds = static_cast<int>(std::clamp<std::int64_t>(rounded, 0, INT_MAX));
    }
    const int ready = ::poll(watched.data(), fd_count_ + 1, milliseconds);
    if (ready < 0 && errno != EINTR) return Reason::interrupted;
    for (std::size_t i = 1; i <= fd_count_ && ready > 0; ++i)
      if (watched[i].revents != 0) return Reason::interrupted;
    // The deadline comes before the descriptor: a peer that sends a byte each second must not outlive it.
    if (deadline_ && std::chrono::steady_clock::now() >= *deadline_) return Reason::timeout;
    if (ready > 0 && watched[0].revents != 0) return std::nullopt;
  }
}

}  // namespace repodigest
