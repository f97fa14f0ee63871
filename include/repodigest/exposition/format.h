// The formats that metrics are written in.
#pragma once

namespace repodigest::exposition {

/// Both carry the same samples in the same order. What differs: OpenMetrics names a family without the _total
/// or _info of its samples, knows info as a type and units, writes the bounds of a histogram as floats, and
/// ends with a line that says so.
enum class Format {
  text,         ///< Prometheus text 0.0.4
  openmetrics,  ///< OpenMetrics text 1.0.0
};

}  // namespace repodigest::exposition
