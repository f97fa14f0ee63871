// Asks a running daemon, for `check --url` and `healthcheck`.
#pragma once

#include <string>
#include <string_view>

#include "repodigest/base/cancel.h"
#include "repodigest/base/result.h"
#include "repodigest/cli/config.h"
#include "repodigest/transport/transport.h"

namespace repodigest::app {

/// Where the daemon of these settings is: --url, else its first --web.listen-address (by loopback if it
/// listens on all addresses). Its paths stand below --web.route-prefix, unless --url has a path of its own (a
/// proxy's). Errors: usage.
Result<transport::Endpoint> daemon_endpoint(const cli::Config& config);

/// GET of a path below the endpoint; any status is an answer.
Result<transport::Response> ask_daemon(const transport::Endpoint& endpoint, std::string_view path,
                                       std::size_t max_body_bytes, const Cancel& cancel);

}  // namespace repodigest::app
