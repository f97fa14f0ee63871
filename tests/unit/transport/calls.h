// Short ways to make a call in these tests.
#pragma once

#include <string>
#include <utility>

#include "repodigest/base/cancel.h"
#include "repodigest/transport/transport.h"
#include "support/raw_server.h"

namespace repodigest::transport {

inline Endpoint unix_endpoint(std::string path) {
  Endpoint endpoint;
  endpoint.path = std::move(path);
  return endpoint;
}

inline Endpoint tcp_endpoint(std::uint16_t port) {
  Endpoint endpoint;
  endpoint.kind = Endpoint::Kind::tcp;
  endpoint.host = "127.0.0.1";
  endpoint.port = port;
  return endpoint;
}

inline Request get(std::string target = "/", std::size_t max_body_bytes = 1U << 20U) {
  Request request;
  request.target = std::move(target);
  request.max_body_bytes = max_body_bytes;
  return request;
}

/// So long that only a broken test reaches it.
inline Cancel patience() {
  return Cancel().within(std::chrono::seconds(60));
}

/// One call to a server that answers every connection with `answer` and closes it.
inline Result<Response> answer_to(const Request& request, std::string answer) {
  auto server = support::RawServer::on_unix({support::RawServer::answering(std::move(answer))});
  return make_transport(unix_endpoint(server.path()))->call(request, patience());
}

}  // namespace repodigest::transport
