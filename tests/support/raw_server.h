// A server of raw bytes for tests: each connection runs a script that says what goes out and when. For
// answers that no proper server gives: cut off, endless, late, not HTTP.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "repodigest/base/fd.h"
#include "repodigest/base/mutex.h"
#include "support/temporary_folder.h"

namespace repodigest::support {

/// The server's side of one connection, for its script's thread. Every wait ends when the client closes or
/// the server is destroyed.
class RawConnection {
 public:
  explicit RawConnection(int socket) : socket_(socket) {}

  /// The bytes up to and with the next blank line; what came before the client's end if there is none.
  std::string read_head() {
    while (true) {
      const auto end = received_.find("\r\n\r\n");
      if (end != std::string::npos) {
        std::string head = received_.substr(0, end + 4);
        received_.erase(0, end + 4);
        return head;
      }
      if (!receive()) return std::exchange(received_, {});
    }
  }
  /// The next `size` bytes; fewer if the client ends before.
  std::string read(std::size_t size) {
    while (received_.size() < size && receive()) {
    }
    std::string bytes = received_.substr(0, size);
    received_.erase(0, bytes.size());
    return bytes;
  }
  /// False when the client is gone.
  bool send(std::string_view data) const {
    while (!data.empty()) {
      const ssize_t sent = ::send(socket_, data.data(), data.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      data.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  /// Sends `data` again and again until the client is gone.
  void send_endlessly(std::string_view data) const {
    while (send(data)) {
    }
  }
  /// Waits until the client closes; what it still says is dropped.
  void wait_for_close() {
    while (receive()) {
    }
  }
  [[nodiscard]] int socket() const { return socket_; }

 private:
  bool receive() {
    char buffer[4096];
    const ssize_t got = ::recv(socket_, buffer, sizeof buffer, 0);
    if (got <= 0) return false;
    received_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }

  int socket_;
  std::string received_;
};

/// Listens from its construction to its destruction, which ends every script. Scripts run in threads of their
/// own; a connection is closed when its script returns. Throws std::runtime_error if it cannot listen.
class RawServer {
 public:
  using Script = std::function<void(RawConnection&)>;

  /// On 127.0.0.1 and a free port. The n-th connection runs the n-th script, later ones the last.
  static RawServer on_tcp(std::vector<Script> scripts) { return RawServer(AF_INET, std::move(scripts)); }
  /// On a unix socket in a folder of its own.
  static RawServer on_unix(std::vector<Script> scripts) { return RawServer(AF_UNIX, std::move(scripts)); }
  /// A script that reads one head, sends `answer` and closes.
  static Script answering(std::string answer) {
    return [answer = std::move(answer)](RawConnection& connection) {
      connection.read_head();
      connection.send(answer);
    };
  }

  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;
  ~RawServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
    {
      const MutexLock lock(mutex_);
      for (const auto& served : served_)
        if (served.socket) ::shutdown(served.socket.get(), SHUT_RDWR);
    }
    for (auto& served : served_) served.thread.join();
  }

  [[nodiscard]] std::string path() const { return (folder_.path() / "raw.sock").string(); }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// How many connections were accepted so far.
  [[nodiscard]] std::size_t connections() {
    const MutexLock lock(mutex_);
    return served_.size();
  }

 private:
  struct Served {
    Fd socket;
    std::thread thread;
  };

  RawServer(int family, std::vector<Script> scripts)
      : scripts_(std::move(scripts)), listener_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (family == AF_UNIX) {
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      path().copy(address.sun_path, sizeof address.sun_path - 1);
      listen_on(reinterpret_cast<sockaddr*>(&address), sizeof address);
    } else {
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      socklen_t size = sizeof address;
      listen_on(reinterpret_cast<sockaddr*>(&address), size);
      ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
      port_ = ntohs(address.sin_port);
    }
    acceptor_ = std::thread([this] { accept_all(); });
  }

  void listen_on(const sockaddr* address, socklen_t size) const {
    if (::bind(listener_.get(), address, size) != 0 || ::listen(listener_.get(), 64) != 0)
      throw std::runtime_error("the raw server cannot listen");
  }

  void accept_all() {
    while (true) {
      Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!socket) return;
      const MutexLock lock(mutex_);
      const Script& script = scripts_[std::min(served_.size(), scripts_.size() - 1)];
      Served& served = served_.emplace_back();
      served.socket = std::move(socket);
      served.thread = std::thread([this, &served, &script, number = served.socket.get()] {
        RawConnection connection(number);
        script(connection);
        const MutexLock closing(mutex_);
        served.socket.reset();
      });
    }
  }

  TemporaryFolder folder_;
  std::vector<Script> scripts_;
  Fd listener_;
  std::uint16_t port_ = 0;
  Mutex mutex_;
  std::list<Served> served_;  // grows under mutex_, by the acceptor alone
  std::thread acceptor_;
};

}  // namespace repodigest::support
