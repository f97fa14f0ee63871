// What each path of the contract answers, from the newest snapshot and health.
#pragma once

#include <functional>
#include <string_view>

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
  /// Reads the configuration again; whether it was good. For /-/reload, with --web.enable-lifecycle.
  std::function<bool()> reload = {};
};

/// The one path that takes a POST, with --web.enable-lifecycle.
inline constexpr std::string_view reload_path = "/-/reload";

/// The routes of the daemon. Handlers may run on any thread at once.
web::Routes make_routes(const cli::Config& config, const Sources& sources);

}  // namespace repodigest::app
