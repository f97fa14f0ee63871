#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>

#include "repodigest/web/server.h"

namespace repodigest::web {
namespace {

constexpr std::string_view unix_scheme = "unix://";

bool is_ipv6(const std::string& host) {
  in6_addr address{};
  return ::inet_pton(AF_INET6, host.substr(0, host.find('%')).c_str(), &address) == 1;
}

Error not_understood(std::string_view text, std::string_view why) {
  return {Reason::usage, "listen address \"" + std::string(text) + "\": " + std::string(why) +
                             "; write host:port, :port, [::1]:port or unix:///path"};
}

Result<ListenAddress> parse_unix(std::string_view text) {
  ListenAddress address;
  address.is_unix = true;
  address.path = text.substr(unix_scheme.size());
  if (address.path.size() < 2 || address.path.front() != '/' || address.path.find('\0') != std::string::npos)
    return not_understood(text, "the path of a unix socket must begin with /");
  if (address.path.size() >= sizeof(sockaddr_un::sun_path))
    return not_understood(text, "the path of a unix socket has at most " +
                                    std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes");
  return address;
}

}  // namespace

Result<ListenAddress> ListenAddress::parse(std::string_view text) {
  if (text.substr(0, unix_scheme.size()) == unix_scheme) return parse_unix(text);
  if (text.find('/') != std::string_view::npos)
    return not_understood(text, "it is neither host:port nor unix://");
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return not_understood(text, "it has no port");

  ListenAddress address;
  const auto port = text.substr(colon + 1);
  const auto* const end = port.data() + port.size();
  const auto [rest, error] = std::from_chars(port.data(), end, address.port);
  if (error != std::errc() || rest != end) return not_understood(text, "the port must be 0 to 65535");

  address.host = text.substr(0, colon);
  if (!address.host.empty() && address.host.front() == '[') {
    if (address.host.back() == ']') address.host = address.host.substr(1, address.host.size() - 2);
    if (!is_ipv6(address.host)) return not_understood(text, "there is no IPv6 address between the brackets");
  } else if (address.host.find_first_of("[]: \t") != std::string::npos) {
    return not_understood(text, "an IPv6 address must stand in brackets, and a host has no spaces");
  }
  return address;
}

Result<ListenAddress> ListenAddress::of_socket(int socket) {
  const auto refused = [socket](std::string_view why) {
    return Error{Reason::usage, "descriptor " + std::to_string(socket) + " cannot be listened at: it is " +
                                    std::string(why)};
  };
  const auto option = [socket](int name) {
    int value = 0;
    socklen_t size = sizeof value;
    return ::getsockopt(socket, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
  };
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&name), &size) != 0)
    return refused(errno == EBADF ? "not open" : "not a socket");
  if (option(SO_TYPE) != SOCK_STREAM) return refused("no stream socket (ListenStream= of a socket unit)");
  if (option(SO_ACCEPTCONN) != 1) return refused("not listening, as a connection is not (Accept=no)");

  ListenAddress address;
  address.socket = socket;
  std::array<char, INET6_ADDRSTRLEN> host{};
  if (name.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(name);
    address.host = ::inet_ntop(AF_INET, &v4.sin_addr, host.data(), host.size());
    address.port = ntohs(v4.sin_port);
  } else if (name.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(name);
    address.host = ::inet_ntop(AF_INET6, &v6.sin6_addr, host.data(), host.size());
    address.port = ntohs(v6.sin6_port);
  } else if (name.ss_family == AF_UNIX) {
    const auto& local = reinterpret_cast<const sockaddr_un&>(name);
    address.is_unix = true;
    address.path.assign(local.sun_path, size - offsetof(sockaddr_un, sun_path));
    // A path ends with a zero, which may or may not be counted; an abstract name begins with one (unix(7)).
    if (address.path.substr(0, 1) != std::string(1, '\0'))
      address.path.resize(std::strlen(address.path.c_str()));
    std::replace(address.path.begin(), address.path.end(), '\0', '@');
  } else {
    return refused("neither of TCP nor a unix socket");
  }
  return address;
}

std::string ListenAddress::text() const {
  if (is_unix) return std::string(unix_scheme) + path;
  const bool brackets = host.find(':') != std::string::npos;
  return (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool ListenAddress::loopback() const {
  if (is_unix || host == "localhost") return true;
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24U) == 127;
  in6_addr v6{};
  if (::inet_pton(AF_INET6, host.c_str(), &v6) != 1) return false;
  // An IPv4 address as IPv6 writes it (RFC 4291 2.5.5.2) is where that one is.
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

}  // namespace repodigest::web
