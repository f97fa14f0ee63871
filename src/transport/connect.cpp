#include "connect.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "socket_trouble.h"

namespace repodigest::transport {
namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

/// How an attempt to connect ended: connected (both empty), refused by the system, or cancelled.
struct Attempt {
  int error_number = 0;
  std::optional<Reason> ended;
  [[nodiscard]] bool connected() const { return error_number == 0 && !ended; }
};

Attempt attempt(int socket, const sockaddr* address, socklen_t size, const Cancel& cancel) {
  if (const auto why = cancel.ended()) return {0, why};
  while (::connect(socket, address, size) != 0) {
    if (errno == EAGAIN) {
      // A unix socket whose backlog is full: there is no event to wait for, so it is tried again.
      const auto soon = cancel.within(std::chrono::milliseconds(10));
      if (soon.wait(-1, 0) == Reason::interrupted) return {0, Reason::interrupted};
      if (const auto why = cancel.ended()) return {0, why};
      continue;
    }
    if (errno != EINPROGRESS && errno != EINTR) return {errno, std::nullopt};
    if (const auto why = cancel.wait(socket, POLLOUT)) return {0, why};
    int error_number = 0;
    socklen_t length = sizeof error_number;
    if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error_number, &length) != 0) error_number = errno;
    return {error_number, std::nullopt};
  }
  return {};
}

Error gave_up(const Endpoint& endpoint, Reason why) {
  const std::string text = "cannot connect to " + endpoint.text() + ": ";
  if (why != Reason::timeout) return {why, text + "it was given up"};
  return {why, text + (endpoint.kind == Endpoint::Kind::unix_socket
                           ? "its queue of waiting connections stays full: the server hangs"
                           : "no answer in time: is the host up, and does a firewall drop the packets?")};
}

Result<Fd> connect_unix(const Endpoint& endpoint, const Cancel& cancel) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // An embedded NUL would cut the path short, a leading one would name an abstract socket.
  if (endpoint.path.empty() || endpoint.path.find('\0') != std::string::npos)
    return Error{Reason::connect,
                 "cannot open the socket \"" + endpoint.path + "\": it is not a path: set --docker.host"};
  if (endpoint.path.size() >= sizeof address.sun_path)
    return Error{Reason::connect, "cannot open " + endpoint.path + ": a socket's path has at most " +
                                      std::to_string(sizeof address.sun_path - 1) + " bytes, this one has " +
                                      std::to_string(endpoint.path.size()) + ": use a shorter one"};
  std::memcpy(address.sun_path, endpoint.path.data(), endpoint.path.size());

  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return Error{Reason::connect, "cannot make a socket: " + errno_text(errno)};
  const auto how = attempt(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address, cancel);
  if (how.connected()) return socket;
  if (how.ended) return gave_up(endpoint, *how.ended);
  return explain(gather_socket_facts(endpoint.path, how.error_number));
}

/// The addresses of the endpoint's host: without a lookup if it is an address.
Result<Addresses> resolve(const Endpoint& endpoint) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  const std::string port = std::to_string(endpoint.port);
  addrinfo* found = nullptr;
  int failed = ::getaddrinfo(endpoint.host.c_str(), port.c_str(), &hints, &found);
  if (failed != 0) {
    hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
    failed = ::getaddrinfo(endpoint.host.c_str(), port.c_str(), &hints, &found);
  }
  if (failed == 0) return Addresses(found, &::freeaddrinfo);
  const std::string cause = failed == EAI_SYSTEM ? errno_text(errno) : ::gai_strerror(failed);
  return Error{Reason::connect, "cannot find the host of " + endpoint.text() + ": " + cause +
                                    ": check the name, and this machine's DNS"};
}

void set_option(int socket, int level, int option, int value) {
  ::setsockopt(socket, level, option, &value, sizeof value);
}

Result<Fd> connect_tcp(const Endpoint& endpoint, const Cancel& cancel) {
  auto addresses = resolve(endpoint);
  if (!addresses) return std::move(addresses).error();
  int left = 0;
  for (const addrinfo* a = addresses->get(); a != nullptr; a = a->ai_next) ++left;

  Attempt how;
  for (const addrinfo* a = addresses->get(); a != nullptr; a = a->ai_next, --left) {
    Fd socket(::socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) {
      how = {errno, std::nullopt};
      continue;
    }
    // Each address gets its share of the time, so that a silent one does not use up the next one's.
    Cancel share = cancel;
    if (const auto deadline = cancel.deadline())
      share = cancel.within((*deadline - std::chrono::steady_clock::now()) / left);
    how = attempt(socket.get(), a->ai_addr, a->ai_addrlen, share);
    if (how.connected()) {
      // A request is one small write that waits for its answer: nothing to gain from Nagle's delay.
      set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);
      // A stream without a deadline says nothing for hours; a peer that is gone is noticed within a minute.
      set_option(socket.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
      set_option(socket.get(), IPPROTO_TCP, TCP_KEEPIDLE, 30);
      set_option(socket.get(), IPPROTO_TCP, TCP_KEEPINTVL, 10);
      set_option(socket.get(), IPPROTO_TCP, TCP_KEEPCNT, 3);
      return socket;
    }
    if (how.ended && cancel.ended()) break;
  }
  if (how.ended) return gave_up(endpoint, *how.ended);
  const bool forbidden = how.error_number == EACCES || how.error_number == EPERM;
  return Error{forbidden ? Reason::permission : Reason::connect,
               "cannot connect to " + endpoint.text() + ": " + errno_text(how.error_number) +
                   (forbidden ? ": a firewall or a sandbox of this machine forbids it"
                              : ": does the engine listen there? If it is elsewhere, set --docker.host")};
}

}  // namespace

Result<Fd> connect_to(const Endpoint& endpoint, const Cancel& cancel) {
  return endpoint.kind == Endpoint::Kind::unix_socket ? connect_unix(endpoint, cancel)
                                                      : connect_tcp(endpoint, cancel);
}

}  // namespace repodigest::transport
