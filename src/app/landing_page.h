// The page on `/`: what this is, how the engine is, and where to go on. Plain HTML, no script.
#pragma once

#include <string>

#include "repodigest/inventory/snapshot.h"
#include "repodigest/poll/health.h"
#include "repodigest/web/message.h"

namespace repodigest::app {

/// What of the page is a matter of flags.
struct PageOptions {
  std::string telemetry_path;
  bool api = true;      ///< whether the links to /api/v1 lead anywhere
  bool polling = true;  ///< whether anything of the engine is known
};

/// `events`: whether the event stream is open. Any thread.
web::Reply landing_page(const inventory::Snapshot& snapshot, const poll::Health& health, bool stale,
                        bool events, const PageOptions& options);

}  // namespace repodigest::app
