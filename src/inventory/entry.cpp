#include "entry.h"

#include <algorithm>
#include <string>
#include <utility>

namespace repodigest::inventory {

namespace {

std::shared_ptr<Image> named(std::string_view id) {
  auto image = std::make_shared<Image>();
  image->id = id;
  return image;
}

}  // namespace

Inventory::Entry::Entry(std::string_view id) : image(named(id)) {}

const Inventory::Entry::Trouble& Inventory::Entry::trouble() const {
  static const Trouble none;
  return trouble_ ? *trouble_ : none;
}

Inventory::Entry::Trouble& Inventory::Entry::in_trouble() {
  if (!trouble_) trouble_ = std::make_unique<Trouble>();
  return *trouble_;
}

digest::Texts Inventory::Entry::row_digests() const {
  if (row_digest_ == 0) return own_row_digests_;
  if (row_digest_ == all_of_them) return image->digests->unique;
  return {image->digests->unique[row_digest_ - 1]};
}

bool Inventory::Entry::has_row_digests(engine::ImageList::Texts row_digests) const {
  if (row_digest_ == 0) return std::ranges::equal(own_row_digests_, row_digests);
  const digest::Texts& inspected = image->digests->unique;
  if (row_digest_ == all_of_them) return std::ranges::equal(inspected, row_digests);
  return row_digests.size() == 1 && row_digests[0] == inspected[row_digest_ - 1];
}

void Inventory::Entry::set_row_digests(digest::Texts row_digests) {
  row_digest_ = 0;
  own_row_digests_ = std::move(row_digests);
  if (!image->digests || own_row_digests_.empty()) return;
  const digest::Texts& inspected = image->digests->unique;
  if (own_row_digests_ == inspected) {
    row_digest_ = all_of_them;
  } else if (own_row_digests_.size() == 1) {
    const auto found = std::find(inspected.begin(), inspected.end(), own_row_digests_[0]);
    if (found != inspected.end()) row_digest_ = static_cast<std::uint32_t>(found - inspected.begin()) + 1;
  }
  if (row_digest_ != 0) own_row_digests_ = {};
}

void Inventory::Entry::replace_image(std::shared_ptr<const Image> next) {
  digest::Texts row = row_digests();
  image = std::move(next);
  set_row_digests(std::move(row));
}

}  // namespace repodigest::inventory
