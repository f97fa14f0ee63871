// What each path of the contract answers, from the newest snapshot and health.
#pragma once

#include "repodigest/base/clock.h"
#include "repodigest/base/stats.h"
#include "repodigest/cli/config.h"
#include "repodigest/exposition/forms.h"
#include "repodigest/inventory/snapshot.h"
#include "repodigest/poll/health.h"
#include "repodigest/web/server.h"

namespace repodigest::app {

/// What handlers read. All of it outlives the server.
struct Sources {
  const inventory::SnapshotStore& snapshots;
  const poll::HealthBoard& health;
  const Stats& stats;
  const Clock& clock;
  exposition::Forms& forms;
};

/// The routes of the daemon. Handlers may run on any thread at once.
web::Routes make_routes(const cli::Config& config, const Sources& sources);

}  // namespace repodigest::app
