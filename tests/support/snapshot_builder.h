// Snapshots made by hand, for tests of what is rendered from them. They follow the rules that Inventory
// keeps: images sorted by name, then id; totals that fit the images.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "repodigest/base/stats.h"
#include "repodigest/digest/digest.h"
#include "repodigest/engine/types.h"
#include "repodigest/inventory/snapshot.h"

namespace repodigest::support {

/// "sha256:" and 64 times `digit`.
inline std::string sha256(char digit) {
  return "sha256:" + std::string(64, digit);
}

/// An image that is still to be inspected for the first time; the name is the first tag.
inline inventory::Image new_image(std::string id, std::vector<std::string> tags) {
  inventory::Image image;
  image.id = std::move(id);
  image.name = tags.empty() ? "<none>" : tags.front();
  image.state = tags.empty() ? inventory::NameState::dangling : inventory::NameState::tagged;
  image.repo_tags = std::move(tags);
  image.created = 1732392000;  // 2024-11-23T20:00:00Z
  image.size = 123;
  image.pending = true;
  return image;
}

/// An image whose inspect gave these RepoDigests.
inline inventory::Image inspected_image(std::string id, std::vector<std::string> tags,
                                        const std::vector<std::string>& repo_digests) {
  inventory::Image image = new_image(std::move(id), std::move(tags));
  image.pending = false;
  image.digests = digest::analyse(repo_digests);
  image.anomalies = image.digests->anomalies;
  if (image.repo_tags.empty() && !repo_digests.empty()) {
    image.state = inventory::NameState::digest_only;
    image.name = digest::repository_of(repo_digests.front());
  }
  return image;
}

class SnapshotBuilder {
 public:
  /// Of an engine with the defect and a first list that was complete.
  SnapshotBuilder() {
    snapshot_.sequence = 1;
    snapshot_.engine = engine::Identity{"2f6cd5a8-9c4e-4a5b-8a63-0b6a2f3d7c11",
                                        "docker-host",
                                        "27.3.1",
                                        "1.47",
                                        "linux",
                                        "amd64",
                                        "overlayfs",
                                        engine::ImageStore::containerd};
    snapshot_.advisories = {
        {"moby-45122", "The list counts names of other images.", "24.0.0", "https://example.org/45122",
         false},
        {"moby-48747", "RepoDigests have duplicates.", "27.4.0", "https://example.org/48747", true}};
    snapshot_.listed = true;
    snapshot_.changed_at = WallTime(std::chrono::milliseconds(1795464000123));  // 2026-11-23T20:00:00.123Z
  }

  /// The snapshot under construction, for what has no function here.
  inventory::Snapshot& operator*() { return snapshot_; }
  inventory::Snapshot* operator->() { return &snapshot_; }

  SnapshotBuilder& add(inventory::Image image) {
    snapshot_.images.push_back(std::make_shared<const inventory::Image>(std::move(image)));
    return *this;
  }

  [[nodiscard]] std::shared_ptr<const inventory::Snapshot> build() const {
    auto snapshot = std::make_shared<inventory::Snapshot>(snapshot_);
    std::sort(snapshot->images.begin(), snapshot->images.end(), [](const auto& a, const auto& b) {
      return std::tie(a->name, a->id) < std::tie(b->name, b->id);
    });
    for (const auto& image : snapshot->images) count(*image, snapshot->totals);
    return snapshot;
  }

 private:
  static void count(const inventory::Image& image, inventory::Totals& totals) {
    ++totals.images;
    ++totals.by_state[index_of(image.state)];
    if (image.failure) ++totals.inspections_failed[index_of(*image.failure)];
    if (image.pending) ++(image.suspect ? totals.pending_suspect : totals.pending_other);
    for (std::size_t i = 0; i < digest::anomaly_names.size(); ++i)
      if (image.anomalies.has(static_cast<digest::Anomaly>(i))) ++totals.by_anomaly[i];
    if (!image.digests) return;
    ++totals.inspected;
    totals.repo_digests += image.digests->raw_count;
    totals.repo_digests_unique += image.digests->unique.size();
    if (image.digests->duplicates.empty()) return;
    ++totals.images_with_duplicates;
    for (const auto& container : image.containers)
      ++totals.containers_with_duplicates[index_of(container.kind())];
  }

  inventory::Snapshot snapshot_;
};

}  // namespace repodigest::support
