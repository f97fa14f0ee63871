#include "repodigest/engine/image_list.h"

#include <algorithm>
#include <memory>

namespace repodigest::engine {

bool operator==(const ImageList::Row& one, const ImageList::Row& other) {
  return one.id == other.id && one.created == other.created && one.size == other.size &&
         std::ranges::equal(one.repo_tags, other.repo_tags) &&
         std::ranges::equal(one.repo_digests, other.repo_digests);
}

ImageList::ImageList(const std::vector<ImageRow>& rows) {
  for (const ImageRow& row : rows) {
    const std::vector<std::string_view> tags(row.repo_tags.begin(), row.repo_tags.end());
    const std::vector<std::string_view> digests(row.repo_digests.begin(), row.repo_digests.end());
    add({row.id, tags, digests, row.created, row.size});
  }
}

void ImageList::add(const Row& row) {
  if (!texts_) texts_ = std::make_unique<std::pmr::monotonic_buffer_resource>();
  const auto copy = [this](std::string_view text) -> std::string_view {
    if (text.empty()) return {};
    auto* const at = static_cast<char*>(texts_->allocate(text.size(), 1));
    return {at, text.copy(at, text.size())};
  };
  const auto copies = [this, &copy](Texts texts) -> Texts {
    std::pmr::polymorphic_allocator<std::string_view> views(texts_.get());
    std::string_view* const at = views.allocate(texts.size());
    std::uninitialized_default_construct_n(at, texts.size());
    std::ranges::transform(texts, at, copy);
    return {at, texts.size()};
  };
  rows_.push_back({copy(row.id), copies(row.repo_tags), copies(row.repo_digests), row.created, row.size});
}

}  // namespace repodigest::engine
