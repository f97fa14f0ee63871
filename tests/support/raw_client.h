// A client that sends exactly the bytes it is told to and says exactly what came back. Every wait has a
// deadline; a missed one fails the test instead of hanging it.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "repodigest/base/cancel.h"
#include "repodigest/base/fd.h"
#include "repodigest/base/openssl.h"
#include "support/test_certificates.h"

namespace repodigest::support {

/// One HTTP reply as it stood on the wire.
struct RawReply {
  int status = 0;    ///< 0: nothing that begins like a reply arrived
  std::string head;  ///< with its empty line
  std::string body;

  /// The value of a header (any case), or "".
  [[nodiscard]] std::string header(std::string_view name) const {
    for (std::size_t line = head.find("\r\n"); line != std::string::npos;
         line = head.find("\r\n", line + 2)) {
      const char* const begin = head.c_str() + line + 2;
      if (::strncasecmp(begin, name.data(), name.size()) != 0 || begin[name.size()] != ':') continue;
      const std::string_view rest(begin + name.size() + 1);
      const auto value = rest.substr(0, rest.find("\r\n"));
      return std::string(value.substr(std::min(value.find_first_not_of(' '), value.size())));
    }
    return "";
  }
};

class RawClient {
 public:
  /// How long any single wait may last.
  static constexpr std::chrono::seconds patience{60};

  static RawClient tcp(std::uint16_t port, int receive_buffer = 0) {
    RawClient client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    client.connect_tcp(port, receive_buffer);
    return client;
  }
  static RawClient tcp6(std::uint16_t port) {
    RawClient client(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 name{};
    name.sin6_family = AF_INET6;
    name.sin6_port = htons(port);
    name.sin6_addr = in6addr_loopback;
    EXPECT_EQ(::connect(client.fd(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0)
        << std::strerror(errno);
    return client;
  }
  static RawClient unix_socket(const std::string& path) {
    RawClient client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path.copy(name.sun_path, sizeof name.sun_path - 1);
    EXPECT_EQ(::connect(client.fd(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0)
        << std::strerror(errno);
    return client;
  }
  /// A socket that is not connected yet.
  static RawClient unconnected() { return RawClient(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

  /// Connects to 127.0.0.1. A small receive buffer makes a reader that is slow from its first bytes on.
  void connect_tcp(std::uint16_t port, int receive_buffer = 0) {
    if (receive_buffer > 0) {
      EXPECT_EQ(::setsockopt(fd(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer), 0);
    }
    // As real clients do: else the end of a handshake and the request behind it wait for each other.
    const int on = 1;
    EXPECT_EQ(::setsockopt(fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0)
        << std::strerror(errno);
  }

  /// How a client shakes hands. It takes any certificate.
  struct Handshake {
    PemFiles identity = {};  ///< its own certificate, if it has one
    int newest = TLS1_3_VERSION;
    std::string protocols = {};  ///< ALPN, as it stands on the wire
  };
  /// Speaks TLS from now on; false if the peer refuses. (With TLS 1.3 it can refuse a certificate later.)
  bool shake_hands(const Handshake& how) {
    const timeval limit{patience.count(), 0};
    ::setsockopt(fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    const std::unique_ptr<SSL_CTX, FreedBy<SSL_CTX_free>> context(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context.get(), how.newest);
    if (!how.identity.certificate.empty()) {
      EXPECT_EQ(
          SSL_CTX_use_certificate_file(context.get(), how.identity.certificate.c_str(), SSL_FILETYPE_PEM), 1);
      EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context.get(), how.identity.key.c_str(), SSL_FILETYPE_PEM), 1);
    }
    SSL_CTX_set_alpn_protos(context.get(), reinterpret_cast<const unsigned char*>(how.protocols.data()),
                            static_cast<unsigned>(how.protocols.size()));
    tls_.reset(SSL_new(context.get()));
    attach_socket(*tls_, fd());
    return SSL_connect(tls_.get()) == 1;
  }
  bool shake_hands() { return shake_hands({}); }
  [[nodiscard]] SSL* tls() const { return tls_.get(); }

  /// Sends all of it; false if the peer has closed.
  bool send(std::string_view bytes) {
    if (tls_) return SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size())) > 0;
    while (!bytes.empty()) {
      if (Cancel().within(patience).wait(fd(), POLLOUT)) {
        ADD_FAILURE() << "the peer takes nothing";
        return false;
      }
      const auto sent = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno != EAGAIN && errno != EINTR) return false;
      if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// The next reply, by its Content-Length. `to_head` says that it answers HEAD. Replies that follow stay for
  /// the next call.
  RawReply read_reply(bool to_head = false) {
    std::size_t end = std::string::npos;
    while ((end = received_.find("\r\n\r\n")) == std::string::npos)
      if (!receive()) return {0, std::exchange(received_, {}), ""};
    RawReply reply;
    reply.head = received_.substr(0, end + 4);
    received_.erase(0, end + 4);
    if (reply.head.rfind("HTTP/1.1 ", 0) == 0) reply.status = std::atoi(reply.head.c_str() + 9);
    const std::size_t size = to_head ? 0 : std::strtoull(reply.header("Content-Length").c_str(), nullptr, 10);
    while (received_.size() < size)
      if (!receive()) break;
    reply.body = received_.substr(0, size);
    received_.erase(0, size);
    return reply;
  }

  /// Reads on until `words` have come, and drops all up to their end; false if the peer closes before.
  bool read_until(std::string_view words) {
    std::size_t at = 0;
    while ((at = received_.find(words)) == std::string::npos)
      if (!receive()) return false;
    received_.erase(0, at + words.size());
    return true;
  }

  /// Everything until the peer closes or resets.
  std::string read_to_end() {
    while (receive()) {
    }
    return std::exchange(received_, {});
  }

  /// Whether the peer closes without sending anything more.
  bool is_closed() { return read_to_end().empty() && ended_; }

  void finish_sending() { ::shutdown(fd(), SHUT_WR); }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  explicit RawClient(int fd) : fd_(fd) { EXPECT_GE(fd, 0) << std::strerror(errno); }

  bool receive() {
    std::array<char, 1U << 16U> buffer{};
    if (tls_ && !ended_) {
      const int count = SSL_read(tls_.get(), buffer.data(), static_cast<int>(buffer.size()));
      if (count > 0) {
        received_.append(buffer.data(), static_cast<std::size_t>(count));
        return true;
      }
      ended_ = SSL_get_error(tls_.get(), count) != SSL_ERROR_WANT_READ;
      if (!ended_) ADD_FAILURE() << "nothing arrives any more";  // within the socket's limit, which is ours
      return false;
    }
    while (!ended_) {
      if (Cancel().within(patience).wait(fd(), POLLIN)) {
        ADD_FAILURE() << "nothing arrives any more";
        return false;
      }
      const auto count = ::recv(fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (count > 0) {
        received_.append(buffer.data(), static_cast<std::size_t>(count));
        return true;
      }
      ended_ = count == 0 || (errno != EAGAIN && errno != EINTR);
    }
    return false;
  }

  Fd fd_;
  TlsSession tls_;  ///< null: plain
  std::string received_;
  bool ended_ = false;
};

}  // namespace repodigest::support
