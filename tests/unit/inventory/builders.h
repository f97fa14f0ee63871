// Rows, answers and identities in few words, for the tests of this room.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "repodigest/base/stats.h"
#include "repodigest/inventory/inventory.h"

namespace repodigest::inventory {

using Strings = std::vector<std::string>;

/// "sha256:…" of one repeated digit, so that failures stay readable.
inline std::string id(char digit) {
  return "sha256:" + std::string(64, digit);
}

inline engine::ImageRow row(std::string image, Strings tags, Strings digests = {}) {
  return {.id = std::move(image),
          .repo_tags = std::move(tags),
          .repo_digests = std::move(digests),
          .created = 1,
          .size = 2};
}

inline engine::ImageInspect inspect(std::string image, Strings digests, Strings tags = {}) {
  return {.id = std::move(image),
          .repo_tags = std::move(tags),
          .repo_digests = std::move(digests),
          .created = 0,
          .size = 0};
}

inline engine::Identity identity(std::string version = "27.3.1",
                                 engine::ImageStore store = engine::ImageStore::containerd) {
  engine::Identity made;
  made.id = "engine-1";
  made.version = std::move(version);
  made.image_store = store;
  return made;
}

inline Error not_found() {
  return {Reason::not_found, "no such image", 404};
}
inline Error server_error() {
  return {Reason::http, "consistency error", 500};
}

/// The image of that Id; null if the snapshot has none.
inline std::shared_ptr<const Image> image_of(const Snapshot& snapshot, const std::string& image) {
  for (const auto& one : snapshot.images)
    if (one->id == image) return one;
  return nullptr;
}

/// An inventory with a clock that stands still until it is moved.
class World {
 public:
  Inventory inventory;
  SteadyTime now{std::chrono::hours(1)};
  WallTime wall{std::chrono::hours(2)};

  void list(std::vector<engine::ImageRow> rows) { inventory.apply_list(std::move(rows), now); }
  /// Answers the next inspect that is due, which must be that of `image`; returns the name it was asked by.
  /// An answer without tags gets those of the image's row.
  std::string answer(const std::string& image, Result<engine::ImageInspect> answer) {
    const auto due = inventory.next_due(now);
    if (!due || due->id != image) return "(not due)";
    if (answer.ok() && answer->repo_tags.empty()) answer->repo_tags = this->image(image)->repo_tags.strings();
    inventory.apply_inspect(*due, std::move(answer), now);
    return due->name;
  }
  std::size_t due_count() { return inventory.due_count(now); }
  /// The Id that is due next; "" if none is.
  std::string next() {
    const auto due = inventory.next_due(now);
    return due ? due->id : "";
  }
  std::shared_ptr<const Snapshot> snapshot() { return inventory.snapshot(wall); }
  std::shared_ptr<const Image> image(const std::string& id) { return image_of(*snapshot(), id); }
};

}  // namespace repodigest::inventory
