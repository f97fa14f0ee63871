// What is kept over a restart of this program, so that the engine is not asked for it again.
#include <utility>

#include "state.h"

namespace repodigest::inventory {

std::vector<Remembered> Inventory::worth_keeping() const {
  std::vector<Remembered> all;
  for (const Entry* const entry : state_->order) {
    if (entry == nullptr || !State::worth_keeping(*entry)) continue;
    const Image& image = *entry->image;
    Remembered& one = all.emplace_back();
    one.id = image.id;
    one.row_tags = image.repo_tags.strings();
    one.row_digests = entry->row_digests().strings();
    // Where the repeats stood makes no difference.
    one.repo_digests = image.digests->unique.strings();
    for (const digest::Duplicate& duplicate : image.digests->duplicates)
      one.repo_digests.insert(one.repo_digests.end(), duplicate.count - 1,
                              std::string(image.digests->unique[duplicate.index]));
  }
  return all;
}

std::uint64_t Inventory::generation() const {
  return state_->generation;
}

void Inventory::remember(std::vector<Remembered> images) {
  auto& remembered = state_->remembered;
  remembered.clear();
  remembered.reserve(images.size());
  for (Remembered& image : images) {
    std::string id = image.id;
    remembered.insert_or_assign(std::move(id), std::move(image));
  }
}

/// What an earlier run kept of the image with that row; null if nothing.
const Remembered* Inventory::State::remembered_as(const engine::ImageRow& row) const {
  const auto found = remembered.find(row.id);
  if (found == remembered.end()) return nullptr;
  const Remembered& image = found->second;
  return image.row_tags == row.repo_tags && image.row_digests == row.repo_digests ? &image : nullptr;
}

}  // namespace repodigest::inventory
