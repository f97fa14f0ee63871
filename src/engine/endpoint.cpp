#include "repodigest/engine/endpoint.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "context.h"
#include "repodigest/base/file.h"
#include "repodigest/base/secret.h"

namespace repodigest::engine {
namespace {

using transport::Endpoint;

Error usage(std::string text) {
  return Error{.reason = Reason::usage, .text = std::move(text)};
}

/// The setting that decides where the engine is.
struct Choice {
  bool is_context = false;
  std::string value;
  std::string source;  ///< as FoundEndpoint::source names it
};

bool given(const std::optional<std::string>& value) {
  return value && !value->empty();
}

Result<std::optional<Choice>> choose(const EndpointOptions& options, const Surroundings& surroundings) {
  if (given(options.host) && given(options.context))
    return usage("--docker.host and --docker.context both say where the engine is: give only one of them");
  if (given(options.host)) return std::optional(Choice{false, *options.host, "--docker.host"});
  if (given(options.context)) return std::optional(Choice{true, *options.context, "--docker.context"});
  if (const auto host = surroundings.variable("DOCKER_HOST"))
    return std::optional(Choice{false, *host, "DOCKER_HOST"});
  if (const auto context = surroundings.variable("DOCKER_CONTEXT"))
    return std::optional(Choice{true, *context, "DOCKER_CONTEXT"});
  return std::optional<Choice>();
}

/// What the user wants of TLS, wherever the endpoint comes from.
struct TlsWishes {
  std::string cert_path;
  bool cert_path_is_ours = false;  ///< by an option of ours, not by DOCKER_CERT_PATH
  std::optional<bool> verify;      ///< by an option of ours
  bool asked = false;              ///< DOCKER_TLS_VERIFY, or docker.tls-verify explicitly on
};

TlsWishes tls_wishes(const EndpointOptions& options, const Surroundings& surroundings) {
  TlsWishes wishes;
  wishes.cert_path_is_ours = given(options.cert_path);
  wishes.cert_path =
      wishes.cert_path_is_ours ? *options.cert_path : surroundings.variable("DOCKER_CERT_PATH").value_or("");
  wishes.verify = options.tls_verify;
  wishes.asked = options.tls_verify == true || surroundings.variable("DOCKER_TLS_VERIFY");
  return wishes;
}

/// The certificates of a folder that the user named: one without any is a mistake.
Status use_cert_path(const std::string& folder, const Surroundings& surroundings, transport::Tls& tls) {
  const Result<bool> found = find_certificates(folder, surroundings, tls);
  if (!found) return found.error();
  if (!*found)
    return usage("the certificate path " + without_password(folder) +
                 " has none of ca.pem, cert.pem and key.pem");
  return {};
}

Result<Endpoint> endpoint_of_host(const std::string& host, const TlsWishes& wishes,
                                  const Surroundings& surroundings) {
  Result<Endpoint> endpoint = parse_host(host, !wishes.cert_path.empty() || wishes.asked);
  if (!endpoint || endpoint->kind != Endpoint::Kind::tls) return endpoint;
  endpoint->tls.verify = wishes.verify.value_or(true);
  if (!wishes.cert_path.empty()) {
    if (Status used = use_cert_path(wishes.cert_path, surroundings, endpoint->tls); !used)
      return used.error();
  } else if (wishes.asked) {
    if (const auto folder = docker_config_folder(surroundings)) {
      const Result<bool> found = find_certificates(*folder, surroundings, endpoint->tls);
      if (!found) return found.error();
    }
  }
  return endpoint;
}

Result<Endpoint> endpoint_of_context(const std::string& name, const TlsWishes& wishes,
                                     const Surroundings& surroundings) {
  const auto folder = docker_config_folder(surroundings);
  if (!folder)
    return usage("the Docker context \"" + without_password(name) +
                 "\" can't be looked up: neither DOCKER_CONFIG nor HOME is set");
  Result<Context> context = read_context(name, *folder, surroundings);
  if (!context) return context.error();
  Result<Endpoint> endpoint = parse_host(context->host, context->tls || wishes.cert_path_is_ours);
  if (!endpoint) return usage("the Docker context \"" + name + "\": its host " + endpoint.error().text);
  if (endpoint->kind != Endpoint::Kind::tls) return endpoint;
  if (context->tls) endpoint->tls = *context->tls;
  if (wishes.verify) endpoint->tls.verify = *wishes.verify;
  if (wishes.cert_path_is_ours)
    if (Status used = use_cert_path(wishes.cert_path, surroundings, endpoint->tls); !used)
      return used.error();
  return endpoint;
}

/// The rootless socket only where the usual one is missing.
Endpoint usual_socket(const Surroundings& surroundings) {
  Endpoint endpoint;
  endpoint.path = "/var/run/docker.sock";
  if (surroundings.exists(endpoint.path)) return endpoint;
  if (const auto runtime = surroundings.variable("XDG_RUNTIME_DIR"))
    if (const std::string rootless = *runtime + "/docker.sock"; surroundings.exists(rootless))
      endpoint.path = rootless;
  return endpoint;
}

bool is_loopback(const std::string& host) {
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24U) == 127;
  in6_addr v6{};
  if (::inet_pton(AF_INET6, host.c_str(), &v6) == 1)
    return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
  return host == "localhost";
}

void warn_of_insecurity(FoundEndpoint& found) {
  const Endpoint& endpoint = found.endpoint;
  if (endpoint.kind == Endpoint::Kind::tls && !endpoint.tls.verify)
    found.warnings.push_back("the certificate of " + endpoint.text() +
                             " is not verified: whoever sits in between can answer in its place");
  if (endpoint.kind == Endpoint::Kind::tcp && !is_loopback(endpoint.host))
    found.warnings.push_back(endpoint.text() +
                             " is neither encrypted nor authenticated: set a certificate path "
                             "(--docker.cert-path or DOCKER_CERT_PATH) if the engine speaks TLS");
}

/// The endpoint when nothing says where it is.
FoundEndpoint default_endpoint(const TlsWishes& wishes, const Surroundings& surroundings) {
  FoundEndpoint found{.endpoint = usual_socket(surroundings), .source = "default", .warnings = {}};
  const auto folder = docker_config_folder(surroundings);
  if (!folder) {
    found.warnings.emplace_back("Docker's contexts are not looked at: neither DOCKER_CONFIG nor HOME is set");
    return found;
  }
  const Result<std::string> current = current_context(*folder, surroundings);
  if (!current) {
    found.warnings.push_back("the current Docker context is not known: " + current.error().text);
    return found;
  }
  if (current->empty() || *current == "default") return found;
  Result<Endpoint> endpoint = endpoint_of_context(*current, wishes, surroundings);
  if (!endpoint) {
    found.warnings.push_back("the current Docker context is passed over: " + endpoint.error().text);
    return found;
  }
  found.endpoint = std::move(*endpoint);
  found.source = "context \"" + *current + "\"";
  return found;
}

Result<std::string> read_setting(const std::string& path) {
  constexpr std::size_t largest = std::size_t{1} << 20U;
  Result<std::string> text = read_regular_file(path, largest);
  if (!text) return usage(text.error().text);
  return text;
}

}  // namespace

Surroundings Surroundings::of_process() {
  return {.variable = [](const std::string& name) -> std::optional<std::string> {
            const char* value = std::getenv(name.c_str());
            if (value == nullptr || *value == '\0') return std::nullopt;
            return value;
          },
          .read_file = read_setting,
          .exists = [](const std::string& path) { return ::access(path.c_str(), F_OK) == 0; },
          .variable_names =
              [] {
                std::vector<std::string> names;
                for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
                  names.emplace_back(*entry, std::strcspn(*entry, "="));
                return names;
              }};
}

Result<FoundEndpoint> find_endpoint(const EndpointOptions& options, const Surroundings& surroundings) {
  const Result<std::optional<Choice>> chosen = choose(options, surroundings);
  if (!chosen) return chosen.error();
  const TlsWishes wishes = tls_wishes(options, surroundings);
  FoundEndpoint found;
  if (!*chosen) {
    found = default_endpoint(wishes, surroundings);
  } else if (const Choice& choice = **chosen; choice.is_context && choice.value == "default") {
    found.endpoint = usual_socket(surroundings);
    found.source = choice.source;
  } else {
    Result<Endpoint> endpoint = choice.is_context ? endpoint_of_context(choice.value, wishes, surroundings)
                                                  : endpoint_of_host(choice.value, wishes, surroundings);
    if (!endpoint) return usage(choice.source + ": " + endpoint.error().text);
    found.endpoint = std::move(*endpoint);
    found.source = choice.is_context ? "context \"" + choice.value + "\"" : choice.source;
  }
  warn_of_insecurity(found);
  return found;
}

}  // namespace repodigest::engine
