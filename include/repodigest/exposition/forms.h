// The forms of the newest snapshot as ready bytes: each is made at most once per change, when it is first
// asked for, and outside any lock that a publisher needs.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "repodigest/base/clock.h"
#include "repodigest/base/mutex.h"
#include "repodigest/exposition/format.h"
#include "repodigest/exposition/gzip.h"
#include "repodigest/exposition/text.h"
#include "repodigest/inventory/snapshot.h"

namespace repodigest::exposition {

/// A document with its ETag (quoted, strong: made of the plain bytes).
struct Document {
  std::shared_ptr<const std::string> bytes;  ///< plain
  std::shared_ptr<const std::string> gzip;   ///< the whole as one gzip member
  std::string etag;
};

/// The document of these bytes, for what is rendered for one request alone; `gzip` says whether that form is
/// wanted too. Any thread.
Document make_document(std::string bytes, bool gzip);

/// Keeps the forms of one (snapshot, stale) at a time. Any thread; two threads that ask for the same missing
/// form wait for one rendering, those that ask for another form don't wait. A form nobody asks for takes no
/// memory: the plain one that a gzip is made of is gone again at once. Those of an older snapshot go when
/// anything of a newer one is first asked for; until then they, and the snapshot, stay.
class Forms {
 public:
  explicit Forms(SeriesOptions options);
  ~Forms();

  std::shared_ptr<const std::string> text(const std::shared_ptr<const inventory::Snapshot>& snapshot,
                                          bool stale, Format format = Format::text) EXCLUDES(mutex_);
  GzipPart text_gzip(const std::shared_ptr<const inventory::Snapshot>& snapshot, bool stale,
                     Format format = Format::text) EXCLUDES(mutex_);
  /// The same if it is made already. Never waits for a rendering.
  std::optional<GzipPart> text_gzip_if_made(const std::shared_ptr<const inventory::Snapshot>& snapshot,
                                            bool stale, Format format = Format::text) EXCLUDES(mutex_);
  /// /api/v1/images without a filter, as `bytes` or with `gzip` as that; the other one is null.
  Document images(const std::shared_ptr<const inventory::Snapshot>& snapshot, bool stale, bool gzip)
      EXCLUDES(mutex_);

 private:
  class Set;
  std::shared_ptr<Set> set_of(const std::shared_ptr<const inventory::Snapshot>& snapshot, bool stale)
      EXCLUDES(mutex_);

  const SeriesOptions options_;
  Mutex mutex_;  ///< held to find the set, never while a form is made
  std::shared_ptr<Set> set_ GUARDED_BY(mutex_);
};

}  // namespace repodigest::exposition
