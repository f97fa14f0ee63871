// Where the engine is: a host text, Docker's config.json and a context's meta.json, in three parts with a
// line of "%%" between.
#include <cstdint>
#include <nlohmann/json.hpp>

#include "repodigest/engine/endpoint.h"
#include "require.h"

namespace repodigest::fuzz {
namespace {

using engine::parse_host;
using transport::Endpoint;

void check_host(std::string_view text, bool tls) {
  const auto endpoint = parse_host(text, tls);
  if (!endpoint) {
    require(endpoint.error().reason == Reason::usage && endpoint.error().text.size() > 3,
            "an error is one of usage");
    return;
  }
  const std::string written = endpoint->text();
  const auto again = parse_host(written);
  require(again.ok() && *again == *endpoint, "an endpoint reads the same as it is written");
  if (endpoint->kind == Endpoint::Kind::unix_socket) {
    require(endpoint->path.starts_with('/') && endpoint->path.size() < 108,
            "a socket has an absolute path that fits");
  } else {
    require(endpoint->port != 0 && !endpoint->host.empty(), "there is a host and a port");
    require(endpoint->host.find_first_of("/@ \r\n") == std::string::npos, "a host is no more than that");
    for (const char c : endpoint->prefix) require(c > ' ' && c < 0x7F, "a prefix can stand in a request");
  }
}

struct Files {
  std::string config;
  std::string meta;

  [[nodiscard]] engine::Surroundings surroundings() const {
    return {.variable = [](const std::string& name) -> std::optional<std::string> {
              if (name == "HOME") return "/home/user";
              return std::nullopt;
            },
            .read_file = [this](const std::string& path) -> Result<std::string> {
              return path == "/home/user/.docker/config.json" ? config : meta;
            },
            .exists = [](const std::string& path) { return !path.ends_with(".pem"); }};
  }
};

nlohmann::json parsed(const std::string& text) {
  return nlohmann::json::parse(text, nullptr, false);
}

/// The text at these keys; "" if it isn't there.
std::string text_at(const nlohmann::json& document, std::initializer_list<const char*> keys) {
  const nlohmann::json* at = &document;
  for (const char* key : keys) {
    if (!at->is_object() || !at->contains(key)) return "";
    at = &at->at(key);
  }
  return at->is_string() ? at->get<std::string>() : "";
}

void check_contexts(const Files& files) {
  const auto around = files.surroundings();
  const std::string host = text_at(parsed(files.meta), {"Endpoints", "docker", "Host"});
  const auto asked =
      find_endpoint({.host = {}, .context = "remote", .cert_path = {}, .tls_verify = {}}, around);
  require(asked.ok() == parse_host(host).ok(), "a context that was asked for is taken if its host is one");
  if (!asked) require(asked.error().reason == Reason::usage, "an error is one of usage");

  const auto found = find_endpoint({}, around);
  require(found.ok(), "a current context that is of no use is passed over");
  const std::string current = text_at(parsed(files.config), {"currentContext"});
  const bool uses_context = found->source != "default";
  require(uses_context == (asked.ok() && !current.empty() && current != "default"),
          "the current context is used if it can be");
  if (!uses_context) {
    require(found->endpoint.text() == "unix:///var/run/docker.sock", "else it is the usual socket");
    return;
  }
  require(found->endpoint == asked->endpoint, "it is the same as when it is asked for");
  const auto plain = parse_host(host);
  require(found->endpoint.host == plain->host && found->endpoint.path == plain->path,
          "it is where the context says");
}

}  // namespace
}  // namespace repodigest::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace repodigest::fuzz;
  const auto parts = split(text_of(data, size), "\n%%\n");
  check_host(parts[0], false);
  check_host(parts[0], true);
  if (parts.size() == 3) check_contexts({std::string(parts[1]), std::string(parts[2])});
  return 0;
}
