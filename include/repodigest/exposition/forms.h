// The forms of the newest snapshot as ready bytes: each is made at most once per change, when it is first
// asked for, and outside any lock that a publisher needs.
#pragma once

#include <memory>
#include <string>

#include "repodigest/base/clock.h"
#include "repodigest/base/mutex.h"
#include "repodigest/exposition/gzip.h"
#include "repodigest/exposition/text.h"
#include "repodigest/inventory/snapshot.h"

namespace repodigest::exposition {

/// A document with its ETag (quoted, strong: made of the bytes).
struct Document {
  std::shared_ptr<const std::string> bytes;
  std::shared_ptr<const std::string> gzip;  ///< null until asked for
  std::string etag;
};

/// Keeps the forms of one (snapshot, stale) at a time. Any thread; two threads that ask for the same missing
/// form wait for one rendering.
class Forms {
 public:
  explicit Forms(SeriesOptions options) : options_(options) {}

  std::shared_ptr<const std::string> text(const std::shared_ptr<const inventory::Snapshot>& snapshot,
                                          bool stale) EXCLUDES(mutex_);
  GzipPart text_gzip(const std::shared_ptr<const inventory::Snapshot>& snapshot, bool stale) EXCLUDES(mutex_);
  /// /api/v1/images without a filter; `gzip` says whether that form is wanted too.
  Document images(const std::shared_ptr<const inventory::Snapshot>& snapshot, bool stale, bool gzip)
      EXCLUDES(mutex_);

 private:
  void keep(const std::shared_ptr<const inventory::Snapshot>& snapshot, bool stale) REQUIRES(mutex_);

  const SeriesOptions options_;
  Mutex mutex_;
  std::shared_ptr<const inventory::Snapshot> snapshot_ GUARDED_BY(mutex_);
  bool stale_ GUARDED_BY(mutex_) = false;
  std::shared_ptr<const std::string> text_ GUARDED_BY(mutex_);
  GzipPart text_gzip_ GUARDED_BY(mutex_);
  Document images_ GUARDED_BY(mutex_);
};

}  // namespace repodigest::exposition
