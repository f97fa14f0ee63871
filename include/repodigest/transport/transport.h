// One HTTP call to one endpoint (unix socket, TCP, TLS) under one Cancel: an overall deadline, a cap on
// bytes, and a reason for every failure. Knows nothing of Docker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "repodigest/base/cancel.h"
#include "repodigest/base/result.h"

namespace repodigest::transport {

/// Certificates of a TLS endpoint; empty paths are absent.
struct Tls {
  std::string ca_file;    ///< PEM; empty: the system's authorities
  std::string cert_file;  ///< PEM, with key_file: the client certificate
  std::string key_file;
  bool verify = true;  ///< false: any certificate is taken (a warning is the caller's business)
  friend bool operator==(const Tls&, const Tls&) = default;
};

/// Where to call.
struct Endpoint {
  enum class Kind { unix_socket, tcp, tls };
  Kind kind = Kind::unix_socket;
  std::string path;  ///< of the unix socket
  std::string host;  ///< of tcp and tls: a name or an address (IPv6 without brackets)
  std::uint16_t port = 0;
  std::string prefix;  ///< before every target, without a slash at its end ("/docker" of
                       ///< http://proxy/docker); often ""
  Tls tls;

  /// As it is written: "unix:///var/run/docker.sock", "tcp://[::1]:2375", "https://host:2376" for TLS.
  [[nodiscard]] std::string text() const;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// Spare bytes behind every body, as simdjson wants to read past the end (SIMDJSON_PADDING is 32 or 64).
inline constexpr std::size_t body_padding = 64;

/// A name as part of a path: slashes and what names are made of stay (`/ : @ . _ -`, letters, digits), the
/// rest becomes %XX (RFC 3986 2.1). Any thread.
std::string encode_path(std::string_view name);

/// A request without a body.
struct Request {
  std::string method = "GET";
  std::string
      target;  ///< path and query as they go out, percent-encoded by the caller; without Endpoint::prefix
  std::vector<std::pair<std::string, std::string>>
      headers;  ///< Host, User-Agent, Accept are added unless here
  std::size_t max_body_bytes = 16U << 20U;
  /// Memory taken at once for the body, as far as the cap allows: about the size of the last answer to the
  /// same request, so that a body of many megabytes is not moved again and again while it grows.
  std::size_t expected_body_bytes = 0;
  /// Of stream(): how long the head of the answer may take, and the whole of one with a status from 300 on
  /// (that is no stream, whatever was asked for), apart from its Cancel; zero is no limit of its own.
  Duration head_timeout = Duration::zero();
};

struct Response {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  ///< in the order received
  std::string body;  ///< whole; capacity() is at least size() + body_padding
  bool new_connection =
      false;  ///< the first call on its connection: whoever answers may be another than before

  /// The first header of that name (any case), or "".
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// Takes an answer while it comes. An Error of either ends the call with that Error.
struct Receiver {
  std::function<Status(const Response& head)> head;  ///< once: status and headers, without the body
  /// The body's next bytes as soon as they are there, without the framing of chunks; valid for this call.
  std::function<Status(std::string_view piece)> piece;
};

/// One of the house's three interfaces, so that tests can answer without a socket.
/// Thread rule: one call at a time per object.
class Transport {
 public:
  virtual ~Transport() = default;

  /// Makes one call and reads the whole answer, whatever its status (an answer of 404 is a Response, not an
  /// Error). The connection is kept open for the next call where the peer allows it; a kept connection that
  /// turns out to be closed before any byte of the answer came is opened anew once (GET and HEAD). Only the
  /// lookup of a host's name does not end with `cancel`: getaddrinfo(3) can't be cancelled. Errors:
  ///  connect: not reachable, or closed before an answer; permission: EACCES (the text names the ids that
  ///  matter); tls: handshake; timeout and interrupted: as `cancel` ended, or the answer ended before its
  ///  length; http: not an HTTP answer, or a request that cannot be sent (a space or line break in its target
  ///  or a header); too_large: the body exceeds max_body_bytes, or the head 64 KiB.
  /// After any Error the connection is closed, so that the engine stops working on the answer.
  virtual Result<Response> call(const Request& request, const Cancel& cancel) = 0;

  /// The same for an answer that is handed on while it comes and is kept nowhere: one that never ends by
  /// itself (/events), or one too large to hold. Nothing is read while the receiver works, so that a slow one
  /// slows the peer. Returns when the answer is whole. Once receiver.head was called there is no second try.
  /// Errors: as call(), and those of the receiver as they are.
  virtual Status stream(const Request& request, const Receiver& receiver, const Cancel& cancel) = 0;
};

/// The real one. Nothing is opened before the first call.
std::unique_ptr<Transport> make_transport(Endpoint endpoint);

}  // namespace repodigest::transport
