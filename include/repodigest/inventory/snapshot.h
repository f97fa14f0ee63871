// What is known about the engine's images at one moment, immutable and whole. Everything the engine said is
// rendered from one Snapshot.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "repodigest/base/clock.h"
#include "repodigest/base/mutex.h"
#include "repodigest/base/result.h"
#include "repodigest/digest/digest.h"
#include "repodigest/engine/types.h"

namespace repodigest::inventory {

/// How an image is named; the names are values of the label `state` of docker_images.
enum class NameState { tagged, digest_only, dangling };
inline constexpr std::array<std::string_view, 3> name_state_names = {"tagged", "digest_only", "dangling"};

/// What a container that uses an image does; the names are values of the label `state` of
/// docker_containers_with_duplicate_repo_digests and docker_image_containers.
enum class ContainerState { running, other };
inline constexpr std::array<std::string_view, 2> container_state_names = {"running", "other"};

/// A container that was made from an image.
struct Container {
  std::string id;
  std::string name;
  std::string state;  ///< the engine's word: "running", "exited", …
  [[nodiscard]] ContainerState kind() const {
    return state == "running" ? ContainerState::running : ContainerState::other;
  }
  friend bool operator==(const Container&, const Container&) = default;
};

/// One image. Immutable once published; shared by the snapshots in which it did not change.
struct Image {
  std::string id;    ///< full: "sha256:…"
  std::string name;  ///< CONTRACT: first RepoTag in byte order without `@`; else repository of the first
                     ///< RepoDigest; else "<none>"
  NameState state = NameState::dangling;
  digest::Texts repo_tags;   ///< as the list has them, without `<none>:<none>`, each once
  std::int64_t created = 0;  ///< seconds since 1970
  std::int64_t size = 0;     ///< bytes
  /// Of the last inspect; nothing while it was never inspected, or cannot be.
  std::optional<digest::Analysis> digests;
  digest::Anomalies anomalies;  ///< all of it: of the entries, of the list, not_inspectable
  bool pending = false;         ///< to be inspected (for the first time, or again because it changed)
  bool suspect = false;         ///< likely to show duplicates: inspected first
  std::optional<Reason>
      failure;  ///< why its latest inspect failed; nothing if it succeeded or was never made
  std::vector<Container> containers;  ///< sorted by name, then id; empty too while containers are not known

  /// What comes first where there is no room for all: 0 has duplicates, 1 other anomalies, 2 neither.
  [[nodiscard]] std::size_t rank() const {
    if (anomalies.has(digest::Anomaly::duplicate)) return 0;
    return anomalies.anomalous() ? 1 : 2;
  }
  friend bool operator==(const Image&, const Image&) = default;
};

/// Sums over the images, kept here so that no reader counts again.
struct Totals {
  std::size_t images = 0;
  std::size_t inspected = 0;  ///< images with digests
  std::size_t repo_digests = 0;
  std::size_t repo_digests_unique = 0;
  std::size_t images_with_duplicates = 0;
  std::array<std::size_t, name_state_names.size()> by_state{};
  std::array<std::size_t, digest::anomaly_names.size()> by_anomaly{};
  std::array<std::size_t, reason_names.size()> inspections_failed{};
  std::size_t pending_suspect = 0;
  std::size_t pending_other = 0;
  /// Containers made from images with duplicates.
  std::array<std::size_t, container_state_names.size()> containers_with_duplicates{};
  friend bool operator==(const Totals&, const Totals&) = default;
};

/// All of it. Thread rule: immutable, any thread.
struct Snapshot {
  std::uint64_t sequence = 0;              ///< grows with each change; equal sequence, equal content
  bool demo = false;                       ///< the embedded recording answers, not an engine
  std::optional<engine::Identity> engine;  ///< nothing before the first answer
  std::vector<engine::Advisory> advisories;
  bool listed =
      false;  ///< a complete list of this engine was seen; before that there are no images to speak of
  /// The engine's containers were listed; before that, and while it refuses to, no number of containers is
  /// known.
  bool containers_known = false;
  std::vector<std::shared_ptr<const Image>> images;  ///< sorted by name, then id
  Totals totals;
  WallTime changed_at{};  ///< when its content last changed

  /// Finds an image as `/api/v1/images/{id or name}` does: exact name, `name:latest`, Docker's short forms
  /// (`nginx` is `docker.io/library/nginx:latest`), a name with digest, id with or without `sha256:`, id
  /// prefix. Errors: not_found; usage if it fits several ids. Linear.
  [[nodiscard]] Result<std::shared_ptr<const Image>> find(std::string_view id_or_name) const;
};

/// Where the newest snapshot lies. Any thread.
class SnapshotStore {
 public:
  SnapshotStore();
  void publish(std::shared_ptr<const Snapshot> snapshot) EXCLUDES(mutex_);
  /// Never null: before the first publish() an empty one.
  [[nodiscard]] std::shared_ptr<const Snapshot> current() const EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const Snapshot> current_ GUARDED_BY(mutex_);
};

}  // namespace repodigest::inventory
