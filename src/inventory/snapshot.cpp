#include "repodigest/inventory/snapshot.h"

#include <algorithm>
#include <string>
#include <utility>

namespace repodigest::inventory {
namespace {

/// What somebody asked for, read in each of the ways it can be meant. Views of the text asked for.
class Question {
 public:
  explicit Question(std::string_view text) : text_(text), name_(digest::familiar_name(text)) {
    if (digest::repository_of(name_) == name_) name_ += ":latest";
    const std::size_t colon = text.find(':');
    if (colon != std::string_view::npos) algorithm_ = text.substr(0, colon + 1);
    hex_ = text.substr(algorithm_.size());
    if (hex_.find_first_not_of("0123456789abcdef") != std::string_view::npos) hex_ = {};
  }

  [[nodiscard]] bool is_id_of(const Image& image) const { return !hex_.empty() && hex_ == hex_of(image); }

  [[nodiscard]] bool is_name_of(const Image& image) const {
    const auto is_it = [this](std::string_view name) {
      return name == text_ || digest::familiar_name(name) == name_;
    };
    return std::any_of(image.repo_tags.begin(), image.repo_tags.end(), is_it) ||
           (image.digests && std::any_of(image.digests->unique.begin(), image.digests->unique.end(), is_it));
  }

  [[nodiscard]] bool is_id_prefix_of(const Image& image) const {
    return !hex_.empty() && hex_of(image).starts_with(hex_);
  }

 private:
  /// The image's Id without its algorithm; empty if the question is about another algorithm.
  [[nodiscard]] std::string_view hex_of(const Image& image) const {
    const std::string_view id = image.id;
    return id.starts_with(algorithm_) ? id.substr(id.find(':') + 1) : std::string_view();
  }

  std::string_view text_;
  std::string name_;            // as Docker shows it, with a tag or a digest
  std::string_view algorithm_;  // "sha256:", or "" if it does not say
  std::string_view hex_;        // of an Id; "" if it can't be one
};

}  // namespace

Result<std::shared_ptr<const Image>> Snapshot::find(std::string_view id_or_name) const {
  const std::string quoted = '"' + std::string(id_or_name) + '"';
  if (!listed)
    return Error{Reason::not_found,
                 "no image " + quoted + ": the engine has not sent its list of images yet; ask again later"};

  const Question question(id_or_name);
  // In Docker's order: a whole Id, a name, the beginning of an Id.
  for (const auto fits : {&Question::is_id_of, &Question::is_name_of, &Question::is_id_prefix_of}) {
    std::shared_ptr<const Image> found;
    std::size_t count = 0;
    for (const auto& image : images) {
      if (!(question.*fits)(*image)) continue;
      found = image;
      ++count;
    }
    if (count == 1) return found;
    if (count > 1)
      return Error{Reason::usage, quoted + " fits " + std::to_string(count) +
                                      " images: give more digits of the Id, or a whole name"};
  }
  return Error{Reason::not_found, "no image " + quoted + " among the engine's " +
                                      std::to_string(images.size()) +
                                      ": give a name, an Id, or the beginning of an Id"};
}

SnapshotStore::SnapshotStore() : current_(std::make_shared<const Snapshot>()) {}

void SnapshotStore::publish(std::shared_ptr<const Snapshot> snapshot) {
  // Swapped, so that the old one, perhaps the last holder of many images, is freed after the lock.
  const MutexLock lock(mutex_);
  current_.swap(snapshot);
}

std::shared_ptr<const Snapshot> SnapshotStore::current() const {
  const MutexLock lock(mutex_);
  return current_;
}

}  // namespace repodigest::inventory
