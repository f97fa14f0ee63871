// Durations as Prometheus writes them: `500ms`, `30s`, `5m`, `1h30m`.
#pragma once

#include <string>
#include <string_view>

#include "repodigest/base/clock.h"
#include "repodigest/base/result.h"

namespace repodigest {

/// Reads a duration: one or more of y, w, d, h, m, s, ms, each at most once and in this order, or a plain "0"
/// (prometheus/common model/time.go ParseDuration). A year is 365 days. Errors: Reason::usage, with the text
/// that was not understood; values that don't fit 292 years are refused. Any thread.
Result<Duration> parse_duration(std::string_view text);

/// The shortest such text for a duration, truncated to milliseconds: 90 s is "1m30s", zero is "0s". Any
/// thread.
std::string format_duration(Duration duration);

/// An RFC 3339 timestamp in UTC with milliseconds: "2026-11-23T20:00:00.123Z". Any thread.
std::string format_timestamp(WallTime time);

}  // namespace repodigest
