// Docker's contexts as `docker context create` leaves them in Docker's config folder.
#pragma once

#include <optional>
#include <string>

#include "repodigest/base/result.h"
#include "repodigest/engine/endpoint.h"
#include "repodigest/transport/transport.h"

namespace repodigest::engine {

/// The docker endpoint of a context.
struct Context {
  std::string host;
  std::optional<transport::Tls> tls;  ///< absent: plain
};

/// The folder of Docker's config: $DOCKER_CONFIG, else $HOME/.docker; nothing without both.
std::optional<std::string> docker_config_folder(const Surroundings& surroundings);

/// The name of the current context, "" if there is none. Errors: Reason::usage, the config can't be read.
Result<std::string> current_context(const std::string& config_folder, const Surroundings& surroundings);

/// Reads a context. Errors: Reason::usage: there is none of that name, or it says nothing of an engine.
Result<Context> read_context(const std::string& name, const std::string& config_folder,
                             const Surroundings& surroundings);

/// Sets those of ca.pem, cert.pem and key.pem that are in `folder`; returns whether there was any. Errors:
/// Reason::usage: a certificate without its key, or a key without its certificate.
Result<bool> find_certificates(const std::string& folder, const Surroundings& surroundings,
                               transport::Tls& tls);

}  // namespace repodigest::engine
