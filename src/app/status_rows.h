// The table of the status page.
#pragma once

#include <cstddef>
#include <string>

#include "html.h"
#include "repodigest/inventory/snapshot.h"

namespace repodigest::app {

/// As many rows as the server renders at most; the script makes as many at once.
inline constexpr std::size_t status_rows_limit = 200;

/// The first rows: images with duplicates, other anomalous ones, then the rest, each in the snapshot's order.
/// `links`: each leads to its document below api/v1/images. Any thread.
std::string status_rows(const inventory::Snapshot& snapshot, bool links);

}  // namespace repodigest::app
