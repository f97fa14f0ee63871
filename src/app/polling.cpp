#include "polling.h"

#include <unistd.h>

#include "repodigest/base/log.h"

namespace repodigest::app {
namespace {

/// Whether to listen to events: the stream takes a connection that the poller must not miss.
bool wants_events(const cli::Config& config) {
  if (config.poll_events && config.docker_max_connections < 2) {
    log::warn("no events are listened to: --docker.max-connections=1 leaves no connection for them");
    return false;
  }
  return config.poll_events;
}

}  // namespace

Polling::Polling(const cli::Config& config, const Parts& parts)
    : parts_(parts),
      seed_(static_cast<std::uint64_t>(::getpid())),
      events_(wants_events(config)),
      cache_(config.cache_file),
      driver_({.client = parts.access.client(),
               .store = parts.snapshots,
               .board = parts.health,
               .stats = parts.stats,
               .clock = parts.clock,
               .doorbell = events_ ? &doorbell_ : nullptr,
               .cache = config.cache_file.empty() ? nullptr : &cache_},
              {.interval = config.poll_interval,
               .full_interval = config.poll_full_interval,
               .stale_after = config.poll_stale_after,
               .max_engine_share = config.poll_max_engine_share,
               .containers = config.poll_containers,
               .seed = seed_},
              config.demo) {}

Polling::~Polling() {
  give_up();
  watcher_.reset();
  if (thread_.joinable()) thread_.join();
}

void Polling::start() {
  if (events_) watcher_.emplace(parts_.access.event_stream(), doorbell_, parts_.stats, parts_.clock, seed_);
  thread_ = std::thread([this] { driver_.run(Cancel(stop_)); });
}

}  // namespace repodigest::app
