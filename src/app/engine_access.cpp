#include "repodigest/app/engine_access.h"

#include <utility>

#include "support/recording.h"
#include "support/replay_engine.h"

namespace repodigest::app {

EngineAccess::EngineAccess() = default;
EngineAccess::EngineAccess(EngineAccess&&) noexcept = default;
EngineAccess& EngineAccess::operator=(EngineAccess&&) noexcept = default;
EngineAccess::~EngineAccess() = default;

Result<EngineAccess> EngineAccess::make(const cli::Config& config, const engine::Surroundings& surroundings,
                                        Stats& stats, const Clock& clock) {
  EngineAccess access;
  engine::EndpointOptions where = config.docker;
  if (config.demo) {
    auto demo = support::ReplayEngine::on_loopback(support::Recording::embedded());
    if (!demo.ok()) return demo.error();
    access.demo_ = std::move(demo).value();
    where = {};
    where.host = access.demo_->host();
  }
  auto found = engine::find_endpoint(where, surroundings);
  if (!found.ok()) return found.error();
  access.endpoint_ = std::move(found->endpoint);
  access.timeout_ = config.docker_timeout;
  access.source_ = config.demo ? "--demo" : found->source;
  access.warnings_ = std::move(found->warnings);

  engine::ClientOptions options;
  options.api_version = config.demo ? "" : config.docker_api_version;
  options.timeout = config.docker_timeout;
  options.list_timeout = config.docker_list_timeout;
  options.max_list_bytes = config.docker_max_response_bytes;
  access.client_ = std::make_unique<engine::Client>(transport::make_transport(access.endpoint_),
                                                    access.endpoint(), std::move(options), stats, clock);
  return access;
}

std::function<std::unique_ptr<transport::Transport>()> EngineAccess::connector() const {
  return [endpoint = endpoint_] { return transport::make_transport(endpoint); };
}

engine::EventStream EngineAccess::event_stream() const {
  return {transport::make_transport(endpoint_), endpoint_.text(), timeout_};
}

}  // namespace repodigest::app
