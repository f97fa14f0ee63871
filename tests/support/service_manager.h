// What systemd is to a service: a socket that hears its notifications.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>

#include "repodigest/base/cancel.h"
#include "repodigest/base/fd.h"

namespace repodigest::support {

/// Hears what is sent to a unix socket of that name, a path or "@abstract": the value of NOTIFY_SOCKET.
class ServiceManager {
 public:
  explicit ServiceManager(std::string name)
      : name_(std::move(name)), fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name_.copy(address.sun_path, sizeof address.sun_path - 1);
    if (name_.front() == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0)
        << std::strerror(errno);
  }

  [[nodiscard]] const std::string& name() const { return name_; }

  /// The next notification; "" and a failure of the test if none comes.
  std::string next() {
    std::array<char, 4096> buffer{};
    if (Cancel().within(std::chrono::seconds(30)).wait(fd_.get(), POLLIN)) {
      ADD_FAILURE() << "nothing is said";
      return "";
    }
    const auto size = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    return size < 0 ? "" : std::string(buffer.data(), static_cast<std::size_t>(size));
  }
  /// The next one that is no ping.
  std::string next_but_pings() {
    std::string said = next();
    while (said == "WATCHDOG=1") said = next();
    return said;
  }
  /// Whether nothing has been said that was not heard yet.
  [[nodiscard]] bool silent() const {
    char byte = 0;
    return ::recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
  }

 private:
  const std::string name_;
  Fd fd_;
};

}  // namespace repodigest::support
