// A snapshot as Prometheus text or OpenMetrics: image series are appended with to_chars, everything else the
// engine said stands beside them, and what changes per scrape is rendered apart (live.h).
#pragma once

#include <cstddef>
#include <string>

#include "repodigest/exposition/format.h"
#include "repodigest/inventory/snapshot.h"

namespace repodigest::exposition {

/// Which images get series of their own.
enum class PerImage { all, anomalous, none };

struct SeriesOptions {
  PerImage per_image = PerImage::all;
  std::size_t max_images =
      5000;  ///< kept first: duplicates, then other anomalies, then the rest; stable from poll to poll
};

/// Every series that rests on the snapshot. When `stale`, those about images and digests are left out
/// (CONTRACT). Any thread.
std::string render_text(const inventory::Snapshot& snapshot, bool stale, const SeriesOptions& options,
                        Format format = Format::text);

}  // namespace repodigest::exposition
