// The page on `/`: what this is, how the engine is, and where to go on. Plain HTML, no script.
#pragma once

#include <string_view>

#include "repodigest/inventory/snapshot.h"
#include "repodigest/poll/health.h"
#include "repodigest/web/message.h"

namespace repodigest::app {

/// `events`: whether the event stream is open. `api`: whether the links to /api/v1 lead anywhere. Any thread.
web::Reply landing_page(const inventory::Snapshot& snapshot, const poll::Health& health, bool stale,
                        bool events, std::string_view telemetry_path, bool api);

}  // namespace repodigest::app
