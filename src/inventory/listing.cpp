// Lists: which rows are new or changed, which images are gone, and the order by name.
#include <algorithm>
#include <iterator>
#include <string_view>
#include <tuple>
#include <utility>

#include "image.h"
#include "state.h"

namespace repodigest::inventory {

/// Makes `next` the latest list: `order` and where each entry stands follow. Returns the entries to which
/// their rows are to be applied.
///
/// Most lists are the last one again, or nearly. Walking along it, a row is mostly the one that is expected
/// there, found without a look into the table.
std::vector<Inventory::Entry*> Inventory::State::take(engine::ImageList next) {
  std::vector<Entry*> to_apply;
  std::vector<Entry*> found;
  found.reserve(next.size());
  next_row.assign(next.size(), 0);
  entries.reserve(next.size());
  order.clear();
  std::size_t expected = 0;  // in the last list
  const auto is_expected = [&](const engine::ImageList::Row& row) {
    return expected < list.size() && list[expected].id == row.id;
  };
  for (std::size_t i = 0; i < next.size(); ++i) {
    const engine::ImageList::Row& row = next[i];
    Entry* entry = nullptr;
    bool same = false;
    if (!is_expected(row)) {
      entry = &entries[std::string(row.id)];
      const bool in_last_list = entry->image && entry->list + 1 == lists;
      if (in_last_list) expected = entry->first_row;
    }
    if (is_expected(row)) {
      entry = row_entries[expected];
      same = list[expected] == row;
      ++expected;
    }
    found.push_back(entry);

    if (entry->list == lists) {  // a further row of its Id
      if (std::exchange(entry->unchanged, false)) to_apply.push_back(entry);
      next_row[entry->last_row] = i;
      entry->last_row = i;
      continue;
    }
    const bool had_one_row = entry->first_row == entry->last_row;
    entry->unchanged = same && had_one_row && entry->current && !entry->doubtful_since;
    if (!entry->unchanged) to_apply.push_back(entry);
    entry->list = lists;
    entry->position = order.size();
    entry->first_row = entry->last_row = i;
    order.push_back(entry);
  }
  list = std::move(next);
  row_entries = std::move(found);
  return to_apply;
}

/// The entry's row in the latest list; several of one Id as one, with the names of all, the earliest time and
/// the largest size.
engine::ImageRow Inventory::State::merged_row(const Entry& entry) const {
  const auto append = [](std::vector<std::string>& all, engine::ImageList::Texts more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  const engine::ImageList::Row& first = list[entry.first_row];
  engine::ImageRow merged;
  merged.id = first.id;
  merged.created = first.created;
  merged.size = first.size;
  append(merged.repo_tags, first.repo_tags);
  append(merged.repo_digests, first.repo_digests);
  for (std::size_t i = next_row[entry.first_row]; i != 0; i = next_row[i]) {
    append(merged.repo_tags, list[i].repo_tags);
    append(merged.repo_digests, list[i].repo_digests);
    merged.created = std::min(merged.created, list[i].created);
    merged.size = std::max(merged.size, list[i].size);
  }
  std::erase(merged.repo_tags, "<none>:<none>");
  keep_first_appearances(merged.repo_tags);
  keep_first_appearances(merged.repo_digests);
  if (entry.first_row != entry.last_row) {
    // Rows of equal age come in another order from call to call, which must not look like a change.
    std::sort(merged.repo_tags.begin(), merged.repo_tags.end());
    std::sort(merged.repo_digests.begin(), merged.repo_digests.end());
  }
  return merged;
}

void Inventory::State::apply(Entry& entry, engine::ImageRow row) {
  const bool is_new = entry.image == nullptr;
  // Asked at once, whether an image of which the last answer was a 404 can't be inspected or was on its way.
  if (entry.trouble.first_404 && !entry.trouble.not_inspectable) entry.trouble.retry_at.reset();
  const bool names_changed =
      is_new || entry.image->repo_tags != row.repo_tags || entry.row_digests != row.repo_digests;
  if (!names_changed && !entry.doubtful_since && entry.image->created == row.created &&
      entry.image->size == row.size)
    return;
  if (is_new) by_name.push_back(&entry);
  Image image = is_new ? Image{} : *entry.image;
  image.id = std::move(row.id);
  image.created = row.created;
  image.size = row.size;
  if (names_changed) {
    image.repo_tags = std::move(row.repo_tags);
    image.failure.reset();
    entry.row_digests = std::move(row.repo_digests);
    entry.current = false;
    entry.doubtful_since.reset();
    entry.trouble = {};
  }
  replace(entry, std::move(image));
}

/// Forgets the images that the latest list no longer has.
void Inventory::State::drop_absent() {
  if (entries.size() == order.size()) return;
  const auto is_absent = [this](const Entry& entry) { return entry.list != lists; };
  std::erase_if(by_name, [&](const Entry* entry) { return is_absent(*entry); });
  std::erase_if(entries, [&](const auto& id_and_entry) {
    if (!is_absent(id_and_entry.second)) return false;
    tally(totals, *id_and_entry.second.image, -1);
    return true;
  });
  changed = true;
}

/// Everything is as before the first list: beside the identity of another engine, the rows of the former one
/// would be nobody's.
void Inventory::State::forget_images() {
  order.clear();
  by_name.clear();
  entries.clear();
  row_entries.clear();
  list = {};
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
