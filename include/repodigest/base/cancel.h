// Cancellation is one type: a deadline, SIGTERM and a client that hangs up are the same need, so whoever
// waits for anything waits on a Cancel.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "repodigest/base/clock.h"
#include "repodigest/base/fd.h"
#include "repodigest/base/result.h"

namespace repodigest {

/// A descriptor that becomes readable once raised and stays so until cleared. raise() is async-signal-safe;
/// all functions may be called from any thread.
class Wake {
 public:
  /// Throws std::system_error if the process has no descriptor left.
  Wake();
  void raise() const;
  void clear() const;
  [[nodiscard]] bool raised() const;
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  Fd fd_;
};

/// When to give up waiting: at a deadline, when a Wake is raised, or never. A small value; copies watch the
/// same wakes, which must outlive them. Thread rule: immutable, any thread.
class Cancel {
 public:
  /// Never ends by itself.
  Cancel() = default;
  /// Ends when `wake` is raised.
  explicit Cancel(const Wake& wake) : fds_{wake.fd()}, fd_count_(1) {}

  /// The same, but ended at `deadline` if that is earlier than its own.
  [[nodiscard]] Cancel until(SteadyTime deadline) const;
  /// The same, but ended `timeout` from now (the machine's steady clock); one that is too long to add never
  /// ends it.
  [[nodiscard]] Cancel within(Duration timeout) const;
  /// The same, but ended when `wake` is raised too. At most three wakes (asserted).
  [[nodiscard]] Cancel also(const Wake& wake) const;

  /// Whether it has ended: Reason::timeout after the deadline, Reason::interrupted when a wake was raised.
  [[nodiscard]] std::optional<Reason> ended() const;
  [[nodiscard]] std::optional<SteadyTime> deadline() const { return deadline_; }

  /// Waits until `fd` has one of `events` (poll(2) bits; POLLERR and POLLHUP count too), and returns nothing;
  /// or why it ended before that. `fd` -1 waits for the end alone.
  [[nodiscard]] std::optional<Reason> wait(int fd, short events) const;

 private:
  std::optional<SteadyTime> deadline_;
  std::array<int, 3> fds_{};
  std::size_t fd_count_ = 0;
};

}  // namespace repodigest
