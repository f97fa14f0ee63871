// An image of an Inventory and how asking for it goes. For the inventory room alone.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>

#include "repodigest/inventory/inventory.h"

namespace repodigest::inventory {

/// There are as many as images, so what is rare or stands elsewhere already takes no room.
struct Inventory::Entry {
  using ListNumber = std::uint32_t;

  /// What went wrong since its row last changed.
  struct Trouble {
    bool ask_by_id = false;               // its tag led to another image, or to none
    bool not_inspectable = false;         // 404 in spite of a newer list that has it
    std::optional<ListNumber> first_404;  // the number of the latest list when it came
    unsigned tries = 0;                   // in vain, of the kind that may pass
    unsigned failures = 0;                // recorded ones: they make the pauses grow
    std::optional<SteadyTime> retry_at;
  };

  explicit Entry(std::string_view id);

  std::shared_ptr<const Image> image;  // never null
  // The number of the latest list when an inspect came that does not go with its row: a tag came or went
  // between the two. If it is gone again by the next list, the row is as before, but the counts are not.
  std::optional<ListNumber> doubtful_since;
  ListNumber list = 0;         // the number of the latest list that has it
  std::uint32_t position = 0;  // in State::order
  bool is_new = true;          // nothing but its Id is known yet, and it is not counted
  bool unchanged = false;      // its row is that of the list before, and nothing is to be done about it
  bool current = false;        // image->digests were inspected since its row last changed
  bool row_known = true;       // false after a bell: what the next list says of it is no change by itself
  bool misplaced = true;       // its place in State::by_name is to be found

  [[nodiscard]] const Trouble& trouble() const;
  Trouble& in_trouble();
  void forget_trouble() { trouble_.reset(); }

  /// RepoDigests of its list row.
  [[nodiscard]] digest::Texts row_digests() const;
  [[nodiscard]] bool has_row_digests(engine::ImageList::Texts row_digests) const;
  void set_row_digests(digest::Texts row_digests);
  /// Makes `next` its image, of which the row is the same.
  void replace_image(std::shared_ptr<const Image> next);

 private:
  static constexpr std::uint32_t all_of_them = std::numeric_limits<std::uint32_t>::max();

  std::unique_ptr<Trouble> trouble_;  // null: none
  // RepoDigests of the row are mostly among those of the inspect: one of them (this is its number, from 1 on)
  // or all. 0: they are `own_row_digests_`.
  std::uint32_t row_digest_ = 0;
  digest::Texts own_row_digests_;
};

}  // namespace repodigest::inventory
