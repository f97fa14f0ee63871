#include "daemon_client.h"

#include "repodigest/access/web_config.h"
#include "repodigest/base/file.h"
#include "repodigest/engine/endpoint.h"

namespace repodigest::app {
namespace {

constexpr std::size_t max_web_config_bytes = std::size_t{1} << 20U;

/// Whether a web config asks for plain HTTP. One that is broken since the daemon read it says nothing; TLS is
/// the better guess then, as a plain server answers it too, if only by failing the handshake.
bool says_plain(const std::string& path) {
  const auto content = read_regular_file(path, max_web_config_bytes);
  if (!content) return false;
  const auto web_config = access::parse_web_config(path, *content);
  return web_config && !web_config->tls;
}

}  // namespace

Result<transport::Endpoint> daemon_endpoint(const cli::Config& config) {
  if (!config.url.empty()) {
    auto endpoint = engine::parse_host(config.url);
    if (endpoint.ok() && endpoint->prefix.empty()) endpoint->prefix = config.web_route_prefix;
    return endpoint;
  }
  const web::ListenAddress& address = config.web_listen_addresses.front();
  transport::Endpoint endpoint;
  endpoint.prefix = config.web_route_prefix;
  if (address.is_unix) {
    endpoint.path = address.path;
    return endpoint;
  }
  endpoint.kind = transport::Endpoint::Kind::tcp;
  const bool any = address.host.empty() || address.host == "0.0.0.0" || address.host == "::";
  endpoint.host = !any ? address.host : address.host == "::" ? "::1" : "127.0.0.1";
  endpoint.port = address.port;
  if (config.web_config_file.empty()) return endpoint;
  if (says_plain(config.web_config_file)) return endpoint;
  endpoint.kind = transport::Endpoint::Kind::tls;
  // It is this machine's own, and its certificate is for the names that others call it by.
  endpoint.tls.verify = false;
  return endpoint;
}

Result<transport::Response> ask_daemon(const transport::Endpoint& endpoint, std::string_view path,
                                       std::size_t max_body_bytes, const Cancel& cancel) {
  transport::Request request;
  request.target = path;
  request.max_body_bytes = max_body_bytes;
  auto answer = transport::make_transport(endpoint)->call(request, cancel);
  if (!answer.ok() && answer.error().reason == Reason::connect)  // the transport's advice is about engines
    return Error{Reason::connect, "no exporter answers at " + endpoint.text() +
                                      ": is it running? If it listens elsewhere, set --url"};
  return answer;
}

}  // namespace repodigest::app
