// Where the engine is: flags, Docker's variables, Docker's contexts and the usual sockets, in Docker's own
// order.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "repodigest/base/result.h"
#include "repodigest/transport/transport.h"

namespace repodigest::engine {

/// What the user said about the endpoint by our own options: flag, our variable or config file, merged by the
/// caller, who leaves out what one of Docker's variables overrides. An absent value is unset, and so is an
/// empty text.
struct EndpointOptions {
  std::optional<std::string> host;       ///< --docker.host
  std::optional<std::string> context;    ///< --docker.context
  std::optional<std::string> cert_path;  ///< --docker.cert-path
  std::optional<bool> tls_verify;        ///< --[no-]docker.tls-verify
};

/// What is read from outside: one of the house's three interfaces, so that tests bring their own.
struct Surroundings {
  /// A variable of the environment; an empty one counts as unset (nothing).
  std::function<std::optional<std::string>(const std::string& name)> variable;
  /// A regular file's whole content, at most 1 MiB. Errors: Reason::usage, naming the file.
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

/// Finds the endpoint: --docker.host or --docker.context (both are an error), DOCKER_HOST, DOCKER_CONTEXT,
/// the current context of Docker's config, unix:///var/run/docker.sock, $XDG_RUNTIME_DIR/docker.sock
/// (docker/cli v27.3.1 cli/command/cli.go, cli/context/store; CONTRACT, Flags). A context that was asked for
/// must be usable; a current one that isn't is passed over with a warning. The context "default" is none: the
/// usual sockets.
///
/// tcp:// is TLS if a certificate path is set, DOCKER_TLS_VERIFY is not empty or docker.tls-verify is asked
/// for; it is verified unless docker.tls-verify is switched off. With TLS and without a path the certificates
/// are looked for in Docker's config folder, as Docker does. A context brings its own TLS settings, which
/// only our options override, not Docker's variables. Reads files, opens no socket. Errors: Reason::usage,
/// naming what to change. Any thread.
Result<FoundEndpoint> find_endpoint(const EndpointOptions& options, const Surroundings& surroundings);

/// Reads one host text (`unix://`, `tcp://`, `http://`, `https://`; `ssh://` and others are refused with a
/// clear text). Ports that are not named: 2375 for tcp, 2376 for tcp with `tls`, 80 for http, 443 for https.
/// `tls` makes tcp:// a TLS endpoint; the others say by themselves what they are. The certificates stay
/// empty, and TLS verifies. Errors: Reason::usage. Any thread.
Result<transport::Endpoint> parse_host(std::string_view text, bool tls = false);

}  // namespace repodigest::engine
