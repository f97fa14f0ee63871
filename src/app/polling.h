// The daemon's polling as one thing: everything that asks the engine for its images, with its threads.
#pragma once

#include <cstdint>
#include <optional>
#include <thread>

#include "repodigest/app/engine_access.h"
#include "repodigest/base/cancel.h"
#include "repodigest/base/clock.h"
#include "repodigest/base/stats.h"
#include "repodigest/cache/cache_file.h"
#include "repodigest/cli/config.h"
#include "repodigest/inventory/snapshot.h"
#include "repodigest/poll/doorbell.h"
#include "repodigest/poll/driver.h"
#include "repodigest/poll/health.h"
#include "repodigest/poll/watcher.h"

namespace repodigest::app {

/// Publishes snapshots and health until its end, which waits for its threads: they give up at once what is
/// under way, but for what can't be cancelled (getaddrinfo). Thread rule: made, started and destroyed by one
/// thread.
class Polling {
 public:
  /// All of it outlives this.
  struct Parts {
    EngineAccess& access;
    inventory::SnapshotStore& snapshots;
    poll::HealthBoard& health;
    Stats& stats;
    const Clock& clock;
  };
  Polling(const cli::Config& config, const Parts& parts);
  ~Polling();
  Polling(const Polling&) = delete;
  Polling& operator=(const Polling&) = delete;

  void start();
  /// Lets go of the engine; returns at once.
  void give_up() { stop_.raise(); }

 private:
  const Parts parts_;
  const std::uint64_t seed_;
  const bool events_;
  const Wake stop_;
  poll::Doorbell doorbell_;
  cache::CacheFile cache_;
  poll::Driver driver_;
  std::optional<poll::Watcher> watcher_;
  std::thread thread_;
};

}  // namespace repodigest::app
