#include "repodigest/inventory/inventory.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "agenda.h"
#include "image.h"
#include "repodigest/digest/digest.h"

namespace repodigest::inventory {
namespace {

constexpr unsigned tries_before_failure = 3;
constexpr Duration first_pause = std::chrono::minutes(1);
constexpr Duration longest_pause = std::chrono::hours(1);

/// 1, 2, 4 … minutes, an hour at most.
Duration pause_after(unsigned failures) {
  constexpr unsigned doublings_to_longest = 6;
  return std::min(longest_pause, first_pause * (1U << std::min(failures, doublings_to_longest)));
}

/// Whether it is about the way to the engine, so that it says nothing about the image.
bool concerns_connection(Reason reason) {
  return reason == Reason::connect || reason == Reason::permission || reason == Reason::tls ||
         reason == Reason::api_version;
}

/// Whether it says that there is nothing by the name asked for, or that it is no name: containerd takes names
/// that Docker refuses with 400.
bool leads_nowhere(const Error& error) {
  return error.reason == Reason::not_found ||
         (error.reason == Reason::http && error.status >= 300 && error.status < 500);
}

/// Whether it is what engines answer while an image is being tagged or removed, or cut off while they stop:
/// worth asking again at once.
bool may_pass(const Error& error) {
  return error.reason == Reason::not_found || error.reason == Reason::interrupted ||
         (error.reason == Reason::http && error.status >= 500);
}

/// The first tag that names one image and no digest; the Id if there is none.
const std::string& cheapest_name(const Image& image) {
  const auto tag = std::find_if(image.repo_tags.begin(), image.repo_tags.end(), [](const std::string& name) {
    return !name.empty() && name.find('@') == std::string::npos;
  });
  return tag == image.repo_tags.end() ? image.id : *tag;
}

}  // namespace

/// An image and how asking for it goes.
struct Inventory::Entry {
  /// What went wrong since its row last changed.
  struct Trouble {
    bool ask_by_id = false;                  // its tag led to another image, or to none
    bool not_inspectable = false;            // 404 in spite of a newer list that has it
    std::optional<std::uint64_t> first_404;  // the number of the latest list when it came
    unsigned tries = 0;                      // in vain, of the kind that may pass
    unsigned failures = 0;                   // recorded ones: they make the pauses grow
    std::optional<SteadyTime> retry_at;
  };

  std::shared_ptr<const Image> image;  // null only while its first row is being applied
  std::vector<std::string> row_digests;
  std::uint64_t list = 0;     // the number of the latest list that has it
  std::size_t position = 0;   // in that list's order of Ids
  std::size_t first_row = 0;  // in that list
  std::size_t last_row = 0;   // another one where several rows have its Id
  bool unchanged = false;     // its row is that of the list before, and nothing is to be done about it
  bool current = false;       // image->digests were inspected since its row last changed
  bool misplaced = true;      // its place in State::by_name is to be found
  // The number of the latest list when an inspect came that does not go with its row: a tag came or went
  // between the two. If it is gone again by the next list, the row is as before, but the counts are not.
  std::optional<std::uint64_t> doubtful_since;
  Trouble trouble;
};

struct Inventory::State {
  explicit State(bool is_demo) : demo(is_demo) {}

  const bool demo;
  std::optional<engine::Identity> identity;
  bool engine_doubles = false;
  std::unordered_map<std::string, Entry> entries;  // by Id; its nodes never move
  std::vector<Entry*> order;                       // as the list has them, newest first
  std::vector<Entry*> by_name;                     // as the snapshot has them, but for the misplaced
  std::uint64_t lists = 0;
  bool listed = false;                // by the engine in `identity`
  engine::ImageList list;             // the latest one of that engine
  std::vector<Entry*> row_entries;    // whose each of its rows is
  std::vector<std::size_t> next_row;  // after each of its rows the next of the same Id; 0: none
  Agenda agenda;
  Totals totals;
  bool changed = true;  // since `latest`
  std::shared_ptr<const Snapshot> latest;

  /// Suspects come before the others, and each kind in the order of the list.
  [[nodiscard]] Agenda::Rank rank(const Entry& entry) const {
    return entry.position + (entry.image->suspect ? 0 : order.size());
  }
  [[nodiscard]] const Entry& at(Agenda::Rank rank) const { return *order[rank % order.size()]; }

  /// Whether its counts are of another moment than its row, and a newer list has come that it can be compared
  /// with.
  [[nodiscard]] bool doubtful(const Entry& entry) const {
    return entry.doubtful_since && *entry.doubtful_since < lists;
  }

  std::vector<Entry*> take(engine::ImageList next);
  [[nodiscard]] engine::ImageRow merged_row(const Entry& entry) const;
  void apply(Entry& entry, engine::ImageRow row);
  void drop_absent();
  void forget_images();
  void plan();
  void succeeded(Entry& entry, const engine::ImageInspect& inspect);
  void failed(Entry& entry, bool asked_by_tag, const Error& error, SteadyTime now);
  void replace(Entry& entry, Image image);
  void sort_by_name();
};

Inventory::Inventory(bool demo) : state_(std::make_unique<State>(demo)) {}
Inventory::~Inventory() = default;
Inventory::Inventory(Inventory&&) noexcept = default;
Inventory& Inventory::operator=(Inventory&&) noexcept = default;

IdentityChange Inventory::set_identity(const engine::Identity& identity) {
  State& state = *state_;
  if (state.identity == identity) return {};
  IdentityChange change;
  if (state.identity) {
    change.version = state.identity->version != identity.version;
    change.store = state.identity->image_store != identity.image_store;
    change.engine_id = state.identity->id != identity.id;
  }
  state.identity = identity;
  state.engine_doubles = engine::doubles_single_names(identity.version, identity.image_store);
  state.changed = true;
  if (change.store || change.engine_id) state.forget_images();
  for (Entry* const entry : state.order) {
    Image image = *entry->image;
    if (change.any()) {
      image.digests.reset();
      image.failure.reset();
      entry->current = false;
      entry->doubtful_since.reset();
      entry->trouble = {};
    }
    state.replace(*entry, std::move(image));
  }
  state.plan();
  return change;
}

void Inventory::apply_list(engine::ImageList list, SteadyTime now) {
  State& state = *state_;
  ++state.lists;
  if (!std::exchange(state.listed, true)) state.changed = true;
  for (Entry* const entry : state.take(std::move(list))) state.apply(*entry, state.merged_row(*entry));
  state.drop_absent();
  state.plan();
  state.agenda.advance(now);
}

std::size_t Inventory::due_count(SteadyTime now) const {
  state_->agenda.advance(now);
  return state_->agenda.due_count();
}

std::optional<Due> Inventory::next_due(SteadyTime now) const {
  state_->agenda.advance(now);
  const auto rank = state_->agenda.first_due();
  if (!rank) return std::nullopt;
  const Entry& entry = state_->at(*rank);
  const Image& image = *entry.image;
  return Due{image.id, entry.trouble.ask_by_id ? image.id : cheapest_name(image)};
}

std::optional<SteadyTime> Inventory::next_retry() const {
  return state_->agenda.next_time();
}

void Inventory::apply_inspect(const Due& due, Result<engine::ImageInspect> answer, SteadyTime now) {
  const auto found = state_->entries.find(due.id);
  if (found == state_->entries.end()) return;
  Entry& entry = found->second;
  const bool asked_by_tag = due.name != due.id;
  if (!answer.ok()) {
    state_->failed(entry, asked_by_tag, answer.error(), now);
  } else if (answer->id == due.id) {
    state_->succeeded(entry, *answer);
  } else {
    // By tag it is as good as "no such image": the tag moved. By Id it is no answer to the question.
    const Reason reason = asked_by_tag ? Reason::not_found : Reason::parse;
    state_->failed(entry, asked_by_tag, Error{reason, "the engine answered with another image"}, now);
  }
}

std::shared_ptr<const Snapshot> Inventory::snapshot(WallTime wall) {
  State& state = *state_;
  if (!state.changed) return state.latest;
  state.sort_by_name();
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->sequence = state.latest ? state.latest->sequence + 1 : 1;
  snapshot->demo = state.demo;
  snapshot->engine = state.identity;
  if (state.identity)
    snapshot->advisories = engine::advisories(state.identity->version, state.identity->image_store);
  snapshot->listed = state.listed;
  snapshot->images.reserve(state.by_name.size());
  for (const Entry* const entry : state.by_name) snapshot->images.push_back(entry->image);
  snapshot->totals = state.totals;
  snapshot->changed_at = wall;
  state.changed = false;
  state.latest = std::move(snapshot);
  return state.latest;
}

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

/// Makes the agenda anew, after a list or an identity changed ranks.
void Inventory::State::plan() {
  agenda.clear();
  for (const Entry* const entry : order) {
    if (entry->current && !doubtful(*entry)) continue;
    if (entry->trouble.retry_at) {
      agenda.postpone(rank(*entry), *entry->trouble.retry_at);
    } else {
      agenda.add(rank(*entry));
    }
  }
}

void Inventory::State::succeeded(Entry& entry, const engine::ImageInspect& inspect) {
  Image image = *entry.image;
  std::optional<digest::Analysis> digests = digest::analyse(inspect.repo_digests);
  // The same answer again is no coincidence: this engine's list and inspect differ about this image.
  const bool confirmed = entry.doubtful_since && digests == image.digests;
  entry.current = true;
  entry.doubtful_since.reset();
  entry.trouble = {};
  agenda.remove(rank(entry));
  image.digests = std::move(digests);
  image.failure.reset();
  replace(entry, std::move(image));
  const bool goes_with_row = have_same_tags(entry.image->repo_tags, inspect.repo_tags) &&
                             !entry.image->anomalies.has(digest::Anomaly::list_mismatch);
  if (!goes_with_row && !confirmed) entry.doubtful_since = lists;
}

void Inventory::State::failed(Entry& entry, bool asked_by_tag, const Error& error, SteadyTime now) {
  Entry::Trouble& trouble = entry.trouble;
  if (concerns_connection(error.reason)) return;
  if (asked_by_tag && leads_nowhere(error)) {
    trouble.ask_by_id = true;
    return;
  }
  if (error.reason == Reason::not_found) {
    if (!trouble.first_404) trouble.first_404 = lists;
    trouble.not_inspectable = lists > *trouble.first_404;
  }
  if (may_pass(error) && !trouble.not_inspectable && ++trouble.tries < tries_before_failure) return;
  trouble.retry_at = now + pause_after(trouble.failures++);
  agenda.postpone(rank(entry), *trouble.retry_at);
  Image image = *entry.image;
  image.failure = error.reason;
  if (trouble.not_inspectable) image.digests.reset();
  replace(entry, std::move(image));
}

/// Publishes `image`, of which all but what derive() fills in is given, as the entry's.
void Inventory::State::replace(Entry& entry, Image image) {
  derive(image, {.row_digests = entry.row_digests,
                 .current = entry.current,
                 .doubtful = doubtful(entry),
                 .not_inspectable = entry.trouble.not_inspectable,
                 .store = identity ? identity->image_store : engine::ImageStore::unknown,
                 .engine_doubles = engine_doubles});
  if (entry.image) {
    if (*entry.image == image) return;
    if (entry.image->name != image.name) entry.misplaced = true;
    tally(totals, *entry.image, -1);
  }
  tally(totals, image, 1);
  entry.image = std::make_shared<const Image>(std::move(image));
  changed = true;
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
