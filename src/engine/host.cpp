#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>

#include "repodigest/base/secret.h"
#include "repodigest/engine/endpoint.h"

namespace repodigest::engine {
namespace {

using transport::Endpoint;

Error refused(std::string_view text, std::string_view why) {
  return Error{.reason = Reason::usage, .text = "\"" + without_password(text) + "\" " + std::string(why)};
}

bool only(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}

constexpr std::string_view letters_and_digits =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

Result<Endpoint> parse_unix(std::string_view text, std::string_view path) {
  if (!path.starts_with('/'))
    return refused(text, "is not an absolute path: write unix:///var/run/docker.sock, with three slashes");
  // The kernel's limit, with the zero at the end.
  if (constexpr std::size_t room = sizeof(sockaddr_un::sun_path); path.size() >= room)
    return refused(text, "is too long for a unix socket: its path may have " + std::to_string(room - 1) +
                             " bytes; a symbolic link can shorten it");
  if (path.find('\0') != std::string_view::npos) return refused(text, "contains a zero byte");
  Endpoint endpoint;
  endpoint.kind = Endpoint::Kind::unix_socket;
  endpoint.path = path;
  return endpoint;
}

/// `host[:port][/prefix]`, as in a URL.
Result<Endpoint> parse_network(std::string_view text, std::string_view rest, Endpoint::Kind kind,
                               std::uint16_t default_port) {
  if (rest.find_first_of("?#") != std::string_view::npos)
    return refused(text, "has a query or a fragment: only host, port and path count");
  if (rest.find('@') != std::string_view::npos)
    return refused(text, "has a user name: Docker has none; for client certificates use --docker.cert-path");
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view authority = rest.substr(0, slash);
  std::string_view prefix = rest.substr(slash);
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (std::any_of(prefix.begin(), prefix.end(), [](char c) { return c <= ' ' || c > '~'; }))
    return refused(text, "has a path with characters that a URL cannot have: percent-encode them");

  Endpoint endpoint;
  endpoint.kind = kind;
  endpoint.port = default_port;
  endpoint.prefix = prefix;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return refused(text, "has an IPv6 address without its closing ]");
    endpoint.host = authority.substr(1, end - 1);
    authority.remove_prefix(end + 1);
    if (endpoint.host.find(':') == std::string::npos ||
        !only(endpoint.host, std::string(letters_and_digits) + ":.%_-"))
      return refused(text, "has no IPv6 address between [ and ]");
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    endpoint.host = authority.substr(0, colon);
    authority.remove_prefix(colon);
    if (authority.find(':', 1) != std::string_view::npos)
      return refused(text, "has several colons: write an IPv6 address as [::1]");
    if (endpoint.host.empty()) return refused(text, "has no host");
    if (!only(endpoint.host, std::string(letters_and_digits) + "._-"))
      return refused(text, "has a host with characters that no host name has");
  }
  if (authority.empty()) return endpoint;
  const char* const last = authority.data() + authority.size();
  const auto [end, error] = std::from_chars(authority.data() + 1, last, endpoint.port);
  if (authority.front() != ':' || error != std::errc() || end != last || endpoint.port == 0)
    return refused(text, "has no port from 1 to 65535 after the host");
  return endpoint;
}

}  // namespace

Result<Endpoint> parse_host(std::string_view text, bool tls) {
  constexpr std::string_view known = "unix:///path, tcp://host:2375, http://host or https://host";
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) {
    if (text.starts_with('/')) return refused(text, "has no scheme: write unix://" + std::string(text));
    return refused(text, "has no scheme: write " + std::string(known));
  }
  const std::string_view scheme = text.substr(0, colon);
  const std::string_view rest = text.substr(colon + 3);
  // The ports of docker/cli for tcp (opts/hosts.go), those of URLs for the others.
  if (scheme == "unix") return parse_unix(text, rest);
  if (scheme == "tcp")
    return tls ? parse_network(text, rest, Endpoint::Kind::tls, 2376)
               : parse_network(text, rest, Endpoint::Kind::tcp, 2375);
  if (scheme == "http") return parse_network(text, rest, Endpoint::Kind::tcp, 80);
  if (scheme == "https") return parse_network(text, rest, Endpoint::Kind::tls, 443);
  if (scheme == "ssh")
    return refused(text,
                   "is reached by ssh, which this program does not speak: forward the socket (ssh -nNT -L "
                   "/run/user/1000/remote-docker.sock:/var/run/docker.sock host) and give it as unix://, "
                   "or run the exporter there");
  if (scheme == "npipe" || scheme == "fd")
    return refused(text, "is not an endpoint that can be called here: write " + std::string(known));
  return refused(text, "has an unknown scheme: write " + std::string(known));
}

}  // namespace repodigest::engine
