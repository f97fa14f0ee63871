#include "repodigest/transport/transport.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "connect.h"
#include "exchange.h"
#include "stream.h"
#include "tls.h"

namespace repodigest::transport {
namespace {

/// Opens connections when they are needed and keeps the last one for the next call.
class SocketTransport final : public Transport {
 public:
  explicit SocketTransport(Endpoint endpoint) : endpoint_(std::move(endpoint)) {}

  Result<Response> call(const Request& request, const Cancel& cancel) override;
  Status stream(const Request& request, const Receiver& receiver, const Cancel& cancel) override;

 private:
  Result<Stream> open(const Cancel& cancel) const;
  /// An Error with the place in front of its clause.
  Error placed(const Request& request, const Error& error) const;

  Endpoint endpoint_;
  std::optional<Stream> kept_;
};

Result<Response> SocketTransport::call(const Request& request, const Cancel& cancel) {
  Response response;
  std::string& body = response.body;
  const Receiver whole{
      .head = [&](const Response& head) -> Status {
        response = head;
        if (request.expected_body_bytes > 0)
          body.reserve(std::min(request.expected_body_bytes, request.max_body_bytes) + body_padding);
        return {};
      },
      .piece = [&](std::string_view piece) -> Status {
        if (body.empty()) body.reserve(piece.size() + body_padding);  // most bodies are one piece
        body.append(piece);
        return {};
      }};
  if (auto read = stream(request, whole, cancel); !read) return std::move(read).error();
  body.reserve(body.size() + body_padding);
  return response;
}

Status SocketTransport::stream(const Request& request, const Receiver& receiver, const Cancel& cancel) {
  const auto head = request_head(endpoint_, request);
  if (!head) return placed(request, head.error());
  const Cancel head_cancel =
      request.head_timeout > Duration::zero() ? cancel.within(request.head_timeout) : cancel;
  // Out of kept_ while in use: if an exception ended the call, the rest of its answer must not be taken for
  // the next one's.
  std::optional<Stream> connection = std::exchange(kept_, std::nullopt);
  if (connection && !connection->quiet()) connection.reset();
  while (true) {
    const bool fresh = !connection;
    if (fresh) {
      auto opened = open(head_cancel);
      if (!opened) return std::move(opened).error();
      connection.emplace(std::move(opened).value());
    }
    Exchange exchange(*connection, head_cancel, cancel);
    Status outcome = exchange.run(*head, request, fresh, receiver);
    if (outcome.ok()) {
      if (exchange.keep_open()) kept_ = std::move(connection);
      return {};
    }
    if (exchange.ended_by_receiver()) return outcome;
    connection.reset();
    // A kept connection may have ended just as we wrote. Nothing came, so asking again does no harm.
    const bool ended_unnoticed = !fresh && !exchange.started() && outcome.error().reason == Reason::connect;
    if (!ended_unnoticed || (request.method != "GET" && request.method != "HEAD"))
      return placed(request, outcome.error());
  }
}

Result<Stream> SocketTransport::open(const Cancel& cancel) const {
  auto socket = connect_to(endpoint_, cancel);
  if (!socket) return std::move(socket).error();
  if (endpoint_.kind != Endpoint::Kind::tls) return Stream(std::move(socket).value());
  auto session = tls_connect(endpoint_, socket->get(), cancel);
  if (!session) return std::move(session).error();
  return Stream(std::move(socket).value(), std::move(session).value());
}

Error SocketTransport::placed(const Request& request, const Error& error) const {
  constexpr std::size_t shown = 200;  // a target with filters can be long, and a log line should not be
  std::string target = request.target.substr(0, shown);
  if (request.target.size() > shown) target += "...";
  return {error.reason, request.method + " " + target + " on " + endpoint_.text() + ": " + error.text,
          error.status};
}

}  // namespace

std::string Endpoint::text() const {
  switch (kind) {
    case Kind::unix_socket:
      return "unix://" + path;
    case Kind::tcp:
      return "tcp://" + authority(*this) + prefix;
    case Kind::tls:
      break;
  }
  return "https://" + authority(*this) + prefix;
}

std::string_view Response::header(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [&](const auto& header) { return same_token(header.first, name); });
  return found == headers.end() ? std::string_view() : found->second;
}

std::unique_ptr<Transport> make_transport(Endpoint endpoint) {
  return std::make_unique<SocketTransport>(std::move(endpoint));
}

}  // namespace repodigest::transport
