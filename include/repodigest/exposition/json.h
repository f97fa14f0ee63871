// A snapshot as the documents of /api/v1, by nlohmann/json. Strings that are not UTF-8 never get this far
// (the decoder refuses them).
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "repodigest/base/clock.h"
#include "repodigest/base/stats.h"
#include "repodigest/digest/digest.h"
#include "repodigest/inventory/snapshot.h"
#include "repodigest/poll/health.h"

namespace repodigest::exposition {

/// What of the images is wanted.
struct Filter {
  std::optional<digest::Anomaly> anomaly = {};
  std::optional<std::string> name = {};  ///< a substring of one of the tags
  std::optional<std::size_t> limit = {};
  std::size_t offset = 0;
  [[nodiscard]] bool any() const { return anomaly || name || limit || offset > 0; }
};

/// The document of /api/v1/images. With a filter, `matched` stands beside `totals`. Any thread.
std::string render_images(const inventory::Snapshot& snapshot, bool stale, const Filter& filter = {});
/// The document of /api/v1/images/{id or name}: one element of `images`. Its containers are null unless
/// they are known. Any thread.
std::string render_image(const inventory::Image& image, bool containers_known);
/// The document of /api/v1/summary: flat numbers, under 1 kB. Any thread.
std::string render_summary(const inventory::Snapshot& snapshot, const poll::Health& health,
                           const Stats& stats, SteadyTime now, WallTime wall);
/// The document of /api/v1/engine. Any thread.
std::string render_engine(const inventory::Snapshot& snapshot, const poll::Health& health, const Stats& stats,
                          SteadyTime now, WallTime wall);

}  // namespace repodigest::exposition
