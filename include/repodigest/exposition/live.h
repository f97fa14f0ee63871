// What changes from scrape to scrape: poll health, API calls, our own HTTP, the process. The families about
// requests, which are most of it, are prometheus-cpp's, kept until there is another request; the few lines
// that are new each time are written as it would write them, because this is what each scrape costs.
#pragma once

#include <string>

#include "repodigest/base/clock.h"
#include "repodigest/base/stats.h"
#include "repodigest/exposition/format.h"
#include "repodigest/poll/health.h"

namespace repodigest::exposition {

struct LiveOptions {
  bool exporter_metrics =
      true;                 ///< process_* and repodigest_exporter_*; off with --web.disable-exporter-metrics
  bool polling = true;      ///< off with --no-poll: of docker_* only what the time of the engine went into
  bool docker_api = false;  ///< the corrected Docker API is served: its series, among the exporter's own
};

/// docker_up, poll, list, event, API and self metrics. They are the last part of what is sent: in OpenMetrics
/// the line that ends it is theirs. Any thread.
std::string render_live(const Stats& stats, const poll::Health& health, const LiveOptions& options,
                        Format format = Format::text);

}  // namespace repodigest::exposition
