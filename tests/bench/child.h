// Processes of a benchmark's own, so that what one part of it costs is not counted as another's.
#pragma once

#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>

#include "repodigest/base/fd.h"
#include "repodigest/base/result.h"

namespace repodigest::bench {

[[noreturn]] inline void give_up(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

template <typename T>
T must(Result<T> result) {
  if (!result.ok()) give_up(result.error().text);
  return std::move(result).value();
}

/// Microseconds of CPU that a process has used so far, by all its threads, ended ones too.
inline double cpu_of(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0)
    give_up("the system does not tell the CPU time of another process");
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

/// A child of this process that lives as long as this object and answers each number with some bytes, so that
/// nothing of what it does is counted as ours, nor of ours as its own. To be made before any thread is.
class Child {
 public:
  using Answer = std::function<std::string(std::uint32_t)>;
  /// `serve` is what the child does; it hands its own `answer` to the function that it is given, which
  /// returns when this object goes.
  explicit Child(const std::function<void(const std::function<void(const Answer&)>&)>& serve) {
    int sockets[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) give_up("no socket pair");
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) give_up("cannot fork");
    if (pid_ == 0) {
      ::close(sockets[0]);
      serve([socket = sockets[1]](const Answer& answer) {
        for (std::uint32_t number = 0; ::recv(socket, &number, sizeof number, 0) == sizeof number;) {
          const std::string text = answer(number);
          (void)::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
        }
      });
      ::_exit(0);
    }
    ::close(sockets[1]);
    socket_ = Fd(sockets[0]);
  }
  ~Child() {
    socket_.reset();
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] std::string ask(std::uint32_t number) const {
    char answer[256];
    (void)::send(socket_.get(), &number, sizeof number, MSG_NOSIGNAL);
    const auto size = ::recv(socket_.get(), answer, sizeof answer, 0);
    if (size <= 0) give_up("a child of this program has ended");
    return {answer, static_cast<std::size_t>(size)};
  }

 private:
  pid_t pid_ = -1;
  Fd socket_;
};

}  // namespace repodigest::bench
