#include "repodigest/exposition/forms.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include "repodigest/base/sha256.h"
#include "repodigest/base/stats.h"
#include "repodigest/exposition/json.h"

namespace repodigest::exposition {
namespace {

/// A form that is made when it is first asked for; who asks meanwhile waits for it.
template <typename T>
class Form {
 public:
  template <typename Make>
  T get(Make make) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (!made_) {
      made_ = make();
      is_made_.store(true, std::memory_order_release);
    }
    return *made_;
  }

  /// Nothing while nobody has asked for it, or it is not finished.
  std::optional<T> if_made() EXCLUDES(mutex_) {
    if (!is_made_.load(std::memory_order_acquire)) return std::nullopt;
    const MutexLock lock(mutex_);
    return made_;
  }

 private:
  Mutex mutex_;
  std::optional<T> made_ GUARDED_BY(mutex_);
  std::atomic<bool> is_made_ = false;  ///< from then on nobody holds the mutex for long
};

using Bytes = std::shared_ptr<const std::string>;

/// Without the room it grew by, which can be as much as itself.
Bytes shared(std::string bytes) {
  bytes.shrink_to_fit();
  return std::make_shared<const std::string>(std::move(bytes));
}

/// The first 128 bits of SHA-256, in hex and quotes: no two documents of one daemon will ever share them.
std::string etag_of(const std::string& bytes) {
  constexpr std::size_t digits = 32;
  return '"' + sha256_hex(bytes).substr(0, digits) + '"';
}

Bytes gzipped(std::string_view plain) {
  const GzipPart part = gzip_part(plain);
  return shared(*part.bytes + gzip_end(part, ""));
}

}  // namespace

Document make_document(std::string bytes, bool gzip) {
  Document document;
  document.etag = etag_of(bytes);
  document.bytes = shared(std::move(bytes));
  if (gzip) document.gzip = gzipped(*document.bytes);
  return document;
}

/// Everything made of one (snapshot, stale). Its forms lock one by one: who wants text never waits for JSON.
/// Who holds the set keeps it, even if a newer one has taken its place. Any thread.
class Forms::Set {
 public:
  Set(std::shared_ptr<const inventory::Snapshot> snapshot, bool stale, const SeriesOptions& options)
      : snapshot_(std::move(snapshot)), stale_(stale), options_(options) {}

  [[nodiscard]] bool is_of(const std::shared_ptr<const inventory::Snapshot>& snapshot, bool stale) const {
    return snapshot_ == snapshot && stale_ == stale;
  }

  Bytes text(Format format) {
    return texts_[index_of(format)].plain.get([&] { return make_text(format); });
  }

  /// Of the plain form if somebody has asked for that too; else it is there for the moment only.
  GzipPart text_gzip(Format format) {
    Text& text = texts_[index_of(format)];
    return text.gzip.get([&] {
      const auto plain = text.plain.if_made();
      return gzip_part(plain ? **plain : *make_text(format));
    });
  }

  std::optional<GzipPart> text_gzip_if_made(Format format) { return texts_[index_of(format)].gzip.if_made(); }

  Document images() {
    const Bytes plain = images_.get([this] { return make_images(); });
    return {plain, nullptr, etag_.get([&plain] { return etag_of(*plain); })};
  }

  Document images_gzip() {
    const Bytes gzip = images_gzip_.get([this] {
      const Bytes plain = images_.if_made().value_or(nullptr);
      return make_images_gzip(plain ? *plain : *make_images());
    });
    return {nullptr, gzip, etag_.if_made().value()};
  }

 private:
  struct Text {
    Form<Bytes> plain;
    Form<GzipPart> gzip;
  };

  Bytes make_text(Format format) const { return shared(render_text(*snapshot_, stale_, options_, format)); }
  Bytes make_images() const { return shared(render_images(*snapshot_, stale_)); }
  Bytes make_images_gzip(const std::string& plain) {
    etag_.get([&plain] { return etag_of(plain); });
    return gzipped(plain);
  }

  const std::shared_ptr<const inventory::Snapshot> snapshot_;
  const bool stale_;
  const SeriesOptions options_;
  // What is made of another form may wait for that (the ETag) or take it if it is there, and so in this order
  // only.
  Form<std::string> etag_;
  std::array<Text, 2> texts_;  ///< by format
  Form<Bytes> images_;
  Form<Bytes> images_gzip_;
};

Forms::Forms(SeriesOptions options) : options_(options) {}
Forms::~Forms() = default;

std::shared_ptr<Forms::Set> Forms::set_of(const std::shared_ptr<const inventory::Snapshot>& snapshot,
                                          bool stale) {
  std::shared_ptr<Set> old;  // dies after the lock: it may be the last holder of many megabytes
  const MutexLock lock(mutex_);
  if (!set_ || !set_->is_of(snapshot, stale))
    old = std::exchange(set_, std::make_shared<Set>(snapshot, stale, options_));
  return set_;
}

std::shared_ptr<const std::string> Forms::text(const std::shared_ptr<const inventory::Snapshot>& snapshot,
                                               bool stale, Format format) {
  return set_of(snapshot, stale)->text(format);
}

GzipPart Forms::text_gzip(const std::shared_ptr<const inventory::Snapshot>& snapshot, bool stale,
                          Format format) {
  return set_of(snapshot, stale)->text_gzip(format);
}

std::optional<GzipPart> Forms::text_gzip_if_made(const std::shared_ptr<const inventory::Snapshot>& snapshot,
                                                 bool stale, Format format) {
  const MutexLock lock(mutex_);
  if (!set_ || !set_->is_of(snapshot, stale)) return std::nullopt;
  return set_->text_gzip_if_made(format);
}

Document Forms::images(const std::shared_ptr<const inventory::Snapshot>& snapshot, bool stale, bool gzip) {
  const auto set = set_of(snapshot, stale);
  return gzip ? set->images_gzip() : set->images();
}

}  // namespace repodigest::exposition
