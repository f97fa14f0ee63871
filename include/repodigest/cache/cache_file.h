// What was inspected, in a file, so that a restart of this program does not ask the engine for it again.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "repodigest/base/result.h"
#include "repodigest/engine/types.h"
#include "repodigest/inventory/inventory.h"

namespace repodigest::cache {

/// One file for one engine: a version of the format, the engine's ID, version and image store, the images,
/// and a SHA-256 over all of it. Nothing in it is trusted. Thread rule: one thread.
class CacheFile {
 public:
  /// Largest file that is read or written: about 250,000 images of four names.
  static constexpr std::size_t max_bytes = std::size_t{256} << 20U;

  explicit CacheFile(std::string path) : path_(std::move(path)) {}

  /// The images kept of just this engine, version and store; none if there is no file. A file that is
  /// damaged, of another format or engine, too large, or no regular file is left alone with a line in the
  /// log. An engine without a lasting ID (podman) has none.
  [[nodiscard]] std::vector<inventory::Remembered> load(const engine::Identity& engine) const;

  /// Replaces the file as NewFile does, mode 0600; but not a file that is no cache file, which a wrong path
  /// may have hit. An image with texts that are not sound (empty, not UTF-8, control characters, over 4 KiB)
  /// is left out. Nothing is written of an engine without a lasting ID. Errors: permission, connect (disk
  /// full and the like), too_large; the old file stays then.
  [[nodiscard]] Status save(const engine::Identity& engine,
                            const std::vector<inventory::Remembered>& images) const;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace repodigest::cache
