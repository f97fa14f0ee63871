#include <cstdio>

#include "daemon_client.h"
#include "repodigest/app/commands.h"
#include "repodigest/base/cancel.h"

namespace repodigest::app {
namespace {

constexpr Duration patience = std::chrono::seconds(5);
constexpr std::size_t max_body_bytes = 64U << 10U;

}  // namespace

int run_healthcheck(const cli::Config& config) {
  const auto endpoint = daemon_endpoint(config);
  const auto answer = endpoint.ok()
                          ? ask_daemon(*endpoint, "/-/healthy", max_body_bytes, Cancel().within(patience))
                          : Result<transport::Response>(endpoint.error());
  // Who wants a certificate before all lives, too.
  if (!answer.ok() && endpoint.ok() && config.url.empty() && answer.error().reason == Reason::tls) return 0;
  if (!answer.ok()) {
    std::fprintf(stderr, "repodigest_exporter: not healthy: %s\n", answer.error().text.c_str());
    return 1;
  }
  // 401 (it wants a password), 429 (others asked too often) and 503 (it is busy) come from a living process
  // too.
  for (const int alive : {200, 401, 429, 503})
    if (answer->status == alive) return 0;
  std::fprintf(stderr, "repodigest_exporter: not healthy: %s answered with status %d\n",
               endpoint->text().c_str(), answer->status);
  return 1;
}

}  // namespace repodigest::app
