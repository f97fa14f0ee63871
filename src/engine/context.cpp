#include "context.h"

#include <nlohmann/json.hpp>
#include <string_view>

#include "repodigest/base/secret.h"
#include "repodigest/base/sha256.h"

namespace repodigest::engine {
namespace {

using nlohmann::json;

Error usage(std::string text) {
  return Error{.reason = Reason::usage, .text = std::move(text)};
}

Result<json> read_json(const std::string& path, const Surroundings& surroundings) {
  const Result<std::string> text = surroundings.read_file(path);
  if (!text) return text.error();
  json document = json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return usage(path + " is not a JSON object");
  return document;
}

/// A member of an object, in its place (a copy of deep nesting would overflow the stack); null if it isn't
/// there or `object` is none.
const json& member(const json& object, const char* name) {
  static const json none;
  if (!object.is_object()) return none;
  const auto found = object.find(name);
  return found == object.end() ? none : *found;
}

std::string text_or_empty(const json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

}  // namespace

std::optional<std::string> docker_config_folder(const Surroundings& surroundings) {
  if (auto folder = surroundings.variable("DOCKER_CONFIG")) return folder;
  if (auto home = surroundings.variable("HOME")) return *home + "/.docker";
  return std::nullopt;
}

Result<std::string> current_context(const std::string& config_folder, const Surroundings& surroundings) {
  const std::string path = config_folder + "/config.json";
  if (!surroundings.exists(path)) return std::string();
  const Result<json> config = read_json(path, surroundings);
  if (!config) return config.error();
  return text_or_empty(member(*config, "currentContext"));
}

Result<Context> read_context(const std::string& name, const std::string& config_folder,
                             const Surroundings& surroundings) {
  const std::string contexts = config_folder + "/contexts";
  // docker/cli v27.3.1 cli/context/store/metadatastore.go
  const std::string hash = sha256_hex(name);
  const std::string path = contexts + "/meta/" + hash + "/meta.json";
  if (!surroundings.exists(path))
    return usage("there is no Docker context \"" + without_password(name) + "\" in " + contexts +
                 "; `docker context ls` lists those there are");
  const Result<json> meta = read_json(path, surroundings);
  if (!meta) return meta.error();
  const json& endpoint = member(member(*meta, "Endpoints"), "docker");
  Context context{.host = text_or_empty(member(endpoint, "Host")), .tls = std::nullopt};
  if (context.host.empty())
    return usage("the Docker context \"" + name + "\" names no Docker engine (" + path + ")");
  transport::Tls tls;
  tls.verify = member(endpoint, "SkipTLSVerify") != true;
  const Result<bool> certificates =
      find_certificates(contexts + "/tls/" + hash + "/docker", surroundings, tls);
  if (!certificates) return certificates.error();
  if (*certificates || !tls.verify) context.tls = tls;
  return context;
}

Result<bool> find_certificates(const std::string& folder, const Surroundings& surroundings,
                               transport::Tls& tls) {
  const auto found = [&](const char* name) {
    std::string path = folder + "/" + name;
    return surroundings.exists(path) ? path : std::string();
  };
  tls.ca_file = found("ca.pem");
  tls.cert_file = found("cert.pem");
  tls.key_file = found("key.pem");
  if (tls.cert_file.empty() != tls.key_file.empty())
    return usage(folder + " has only one of cert.pem and key.pem: a client certificate needs both");
  return !(tls.ca_file.empty() && tls.cert_file.empty());
}

}  // namespace repodigest::engine
