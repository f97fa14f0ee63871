// The families about the engine's requests: three quarters of the lines of a scrape's own part.
#pragma once

#include "lines.h"
#include "repodigest/base/stats.h"

namespace repodigest::exposition {

/// docker_api_request_duration_seconds and docker_api_request_failures_total, held in prometheus-cpp's types
/// and, as text, written by its serializer; only when there was a request since the last time, since that
/// costs as much as four scrapes. Any thread.
void append_requests(Output& out, const Stats& stats);

}  // namespace repodigest::exposition
