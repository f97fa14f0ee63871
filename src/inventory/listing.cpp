// Lists: which rows are new or changed, which images are gone, and the order by name.
#include <algorithm>
#include <iterator>
#include <string_view>
#include <tuple>
#include <utility>

#include "image.h"
#include "repodigest/digest/digest.h"
#include "state.h"

namespace repodigest::inventory {

namespace {

using engine::ImageList;

/// Several rows of one Id as one, with the names of all, the earliest time and the largest size.
engine::ImageRow merged_row(const ImageList& list, std::size_t first,
                            const std::vector<std::size_t>& further) {
  const auto append = [](std::vector<std::string>& all, ImageList::Texts more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  engine::ImageRow merged;
  merged.id = list[first].id;
  merged.created = list[first].created;
  merged.size = list[first].size;
  append(merged.repo_tags, list[first].repo_tags);
  append(merged.repo_digests, list[first].repo_digests);
  for (const std::size_t i : further) {
    append(merged.repo_tags, list[i].repo_tags);
    append(merged.repo_digests, list[i].repo_digests);
    merged.created = std::min(merged.created, list[i].created);
    merged.size = std::max(merged.size, list[i].size);
  }
  std::erase(merged.repo_tags, "<none>:<none>");
  keep_first_appearances(merged.repo_tags);
  if (further.empty()) {
    keep_first_appearances(merged.repo_digests);
  } else {
    // A row that only repeats a digest is a name that 24.0 does not show, and makes inspect say it twice.
    // Rows of equal age come in another order from call to call, which must not look like a change.
    std::sort(merged.repo_tags.begin(), merged.repo_tags.end());
    std::sort(merged.repo_digests.begin(), merged.repo_digests.end());
  }
  return merged;
}

/// Whether what is known of an image is what `row` says, but for RepoDigests.
bool is_as_in(const Image& image, const ImageList::Row& row) {
  return image.created == row.created && image.size == row.size &&
         std::ranges::equal(image.repo_tags, row.repo_tags);
}

}  // namespace

Inventory::Entry* Inventory::State::find(std::string_view id) const {
  const auto found = entries.find(id);
  return found == entries.end() ? nullptr : found->get();
}

Inventory::Entry& Inventory::State::find_or_make(std::string_view id) {
  Entry* const found = find(id);
  return found != nullptr ? *found : **entries.insert(std::make_unique<Entry>(id)).first;
}

/// Makes `list` the latest: `order` follows, and each row is applied that is not as it was.
///
/// Most lists are the last one again, or nearly. Walking along its order, a row is mostly of the image that
/// is expected there, found without a look into the table.
void Inventory::State::take(const ImageList& list) {
  const std::vector<Entry*> before = std::exchange(order, {});
  order.reserve(list.size());
  entries.reserve(list.size());
  std::vector<std::size_t> first_rows;  // of each in `order`
  first_rows.reserve(list.size());
  std::unordered_map<const Entry*, std::vector<std::size_t>> further_rows;
  std::vector<Entry*> to_apply;
  std::size_t expected = 0;  // in `before`
  Entry* entry = nullptr;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const ImageList::Row& row = list[i];
    if (i > 0 && list[i - 1].id == row.id) {
      // another row of the same image
    } else if (expected < before.size() && before[expected] != nullptr &&
               before[expected]->image->id == row.id) {
      entry = before[expected++];
    } else {
      entry = &find_or_make(row.id);
      const bool was_before = !entry->is_new && entry->list != lists;
      if (was_before) expected = entry->position + 1;
    }

    if (entry->list == lists) {
      further_rows[entry].push_back(i);
      if (std::exchange(entry->unchanged, false)) to_apply.push_back(entry);
      continue;
    }
    entry->unchanged =
        worth_keeping(*entry) && is_as_in(*entry->image, row) && entry->has_row_digests(row.repo_digests);
    if (!entry->unchanged) to_apply.push_back(entry);
    entry->list = lists;
    entry->position = static_cast<std::uint32_t>(order.size());
    order.push_back(entry);
    first_rows.push_back(i);
  }
  for (Entry* const one : to_apply) {
    const auto further = further_rows.find(one);
    apply(*one, merged_row(list, first_rows[one->position],
                           further == further_rows.end() ? std::vector<std::size_t>() : further->second));
  }
}

void Inventory::State::apply(Entry& entry, const engine::ImageRow& row) {
  const bool is_new = entry.is_new;
  const bool row_was_known = std::exchange(entry.row_known, true);
  // Asked at once, whether an image of which the last answer was a 404 can't be inspected or was on its way.
  if (entry.trouble().first_404 && !entry.trouble().not_inspectable) entry.in_trouble().retry_at.reset();
  const Remembered* const kept = entry.current ? nullptr : remembered_as(row);
  const bool is_as_known = !is_new && entry.image->repo_tags == row.repo_tags &&
                           entry.row_digests() == row.repo_digests && row_was_known;
  if (is_as_known && !entry.doubtful_since && kept == nullptr && entry.image->created == row.created &&
      entry.image->size == row.size)
    return;
  // What a bell's inspect told, the row tells too: then it holds, though it is the first such row. Not on
  // engines that list names with a digest nowhere (24.0), which are those that don't announce every change.
  const bool goes_with_bell = !is_new && !row_was_known &&
                              have_same_names(row.repo_tags, entry.image->repo_tags) &&
                              (!identity || engine::announces_every_change(*identity));
  if (is_new) by_name.push_back(&entry);
  Image image = *entry.image;
  if (is_new) image.containers = containers_of(row.id);
  image.created = row.created;
  image.size = row.size;
  if (kept != nullptr || !(is_as_known || goes_with_bell)) {
    image.failure.reset();
    entry.current = kept != nullptr;
    entry.doubtful_since.reset();
    entry.forget_trouble();
    if (kept != nullptr) image.digests = digest::analyse(kept->repo_digests);
  }
  if (!is_as_known || kept != nullptr) ++generation;
  if (!is_as_known) {
    image.repo_tags = row.repo_tags;
    entry.set_row_digests(row.repo_digests);
  }
  replace(entry, std::move(image));
  if (goes_with_bell && entry.current && !agrees_with_row(entry)) {
    entry.doubtful_since = lists - 1;  // the list is newer than the inspect
    replace(entry, *entry.image);
  }
}

/// Forgets the images that the latest list no longer has.
void Inventory::State::drop_absent() {
  if (entries.size() == order.size()) return;
  const auto is_absent = [this](const Entry& entry) { return entry.list != lists; };
  std::erase_if(by_name, [&](const Entry* entry) { return is_absent(*entry); });
  std::erase_if(entries, [&](const auto& entry) {
    if (!is_absent(*entry)) return false;
    tally(totals, *entry->image, -1);
    return true;
  });
  changed = true;
  ++generation;
}

/// Everything is as before the first list: beside the identity of another engine, the rows of the former one
/// would be nobody's.
void Inventory::State::forget_images() {
  order.clear();
  by_name.clear();
  entries.clear();
  questions.clear();
  containers.clear();
  containers_known = false;
  totals = {};
  listed = false;
}

/// Only the misplaced are sorted, then merged with the rest, so that a few new names among many cost little.
void Inventory::State::sort_by_name() {
  const auto misplaced = std::stable_partition(by_name.begin(), by_name.end(),
                                               [](const Entry* entry) { return !entry->misplaced; });
  if (misplaced == by_name.end()) return;
  // Ids differ, so the pointer never decides.
  const auto key_of = [](Entry* entry) {
    return std::tuple<std::string_view, std::string_view, Entry*>(entry->image->name, entry->image->id,
                                                                  entry);
  };
  // Keys side by side, because the way from an entry to its name is one of cache misses.
  std::vector<decltype(key_of(nullptr))> keys;
  keys.reserve(static_cast<std::size_t>(by_name.end() - misplaced));
  std::transform(misplaced, by_name.end(), std::back_inserter(keys), key_of);
  std::sort(keys.begin(), keys.end());
  std::transform(keys.begin(), keys.end(), misplaced, [](const auto& key) {
    Entry* const entry = std::get<Entry*>(key);
    entry->misplaced = false;
    return entry;
  });
  std::inplace_merge(by_name.begin(), misplaced, by_name.end(),
                     [&](Entry* one, Entry* other) { return key_of(one) < key_of(other); });
}

}  // namespace repodigest::inventory
