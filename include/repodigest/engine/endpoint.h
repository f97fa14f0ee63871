// Where the engine is: flags, Docker's variables, Docker's contexts and the usual sockets, in Docker's own
// order.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "repodigest/base/result.h"
#include "repodigest/transport/transport.h"

namespace repodigest::engine {

/// What the user said about the endpoint. An absent value is unset; where a value came from decides who wins.
struct EndpointOptions {
  std::optional<std::string> host;       ///< --docker.host or REPODIGEST_EXPORTER_DOCKER_HOST
  std::optional<std::string> context;    ///< --docker.context or its variable
  std::optional<std::string> cert_path;  ///< --docker.cert-path or its variable
  std::optional<bool> tls_verify;        ///< --[no-]docker.tls-verify or its variable
};

/// What is read from outside: one of the house's three interfaces, so that tests bring their own.
struct Surroundings {
  /// A variable of the environment; an empty one counts as unset (nothing).
  std::function<std::optional<std::string>(const std::string& name)> variable;
  /// A file's whole content, at most 1 MiB.
  std::function<Result<std::string>(const std::string& path)> read_file;
  /// Whether something is at that path.
  std::function<bool(const std::string& path)> exists;
  /// The names of all variables of the environment, to tell misspelt ones; may be absent.
  std::function<std::vector<std::string>()> variable_names = {};

  /// The process's own.
  static Surroundings of_process();
};

/// The endpoint found, and what should be said about the search.
struct FoundEndpoint {
  transport::Endpoint endpoint;
  std::string source;  ///< "--docker.host", "DOCKER_HOST", "context \"remote\"", "default", …
  std::vector<std::string> warnings;  ///< one sentence each: a context passed over, certificates not verified
};

/// Finds the endpoint: --docker.host, --docker.context, DOCKER_HOST, DOCKER_CONTEXT, the config's
/// currentContext, unix:///var/run/docker.sock, $XDG_RUNTIME_DIR/docker.sock (docker/cli v27.3.1
/// cli/command/cli.go, cli/context/store; CONTRACT, Flags). Reads files, opens no socket. Errors:
/// Reason::usage, naming what to change. Any thread.
Result<FoundEndpoint> find_endpoint(const EndpointOptions& options, const Surroundings& surroundings);

/// Reads one host text (`unix://`, `tcp://`, `http://`, `https://`; `ssh://` and others are refused with a
/// clear text). The TLS part stays empty but for https, which verifies. Errors: Reason::usage. Any thread.
Result<transport::Endpoint> parse_host(std::string_view text);

}  // namespace repodigest::engine
