#include "image.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "repodigest/base/stats.h"
#include "repodigest/digest/digest.h"

namespace repodigest::inventory {
namespace {

using digest::Texts;
using Strings = std::vector<std::string>;

/// The repository of the first entry that has one; empty if none has.
std::string_view first_repository(const Texts& repo_digests) {
  for (const std::string_view entry : repo_digests)
    if (const std::string_view repository = digest::parse_entry(entry).repository; !repository.empty())
      return repository;
  return {};
}

void set_name_and_state(Image& image, const Texts& row_digests) {
  std::optional<std::string_view> first_tag;
  for (const std::string_view tag : image.repo_tags)
    if (tag.find('@') == std::string_view::npos && (!first_tag || tag < *first_tag)) first_tag = tag;
  if (first_tag) {
    image.name = *first_tag;
    image.state = NameState::tagged;
    return;
  }
  const bool inspect_has_any = image.digests && !image.digests->unique.empty();
  const std::string_view repository = first_repository(inspect_has_any ? image.digests->unique : row_digests);
  image.name = repository.empty() ? "<none>" : repository;
  // Without a tag, a name in RepoTags that was not dropped as a placeholder has a digest.
  image.state = repository.empty() && image.repo_tags.empty() ? NameState::dangling : NameState::digest_only;
}

/// By sorting: for the few strings of most images that is cheaper than a table.
bool has_repeats(std::vector<std::string_view> strings) {
  std::sort(strings.begin(), strings.end());
  return std::adjacent_find(strings.begin(), strings.end()) != strings.end();
}

bool has_several_names_of_a_repository(const Texts& names) {
  if (names.size() < 2) return false;
  std::vector<std::string_view> repositories;
  repositories.reserve(names.size());
  for (const std::string_view name : names) repositories.push_back(digest::repository_of(name));
  return has_repeats(std::move(repositories));
}

/// Whether `some` has an entry, placeholders excepted, that is not in `all`. Equal familiar names are equal:
/// 24.0 writes `docker.io/library/nginx@…` in its list and `nginx@…` in its inspect.
bool has_more_than(const Texts& some, const Texts& all) {
  std::unordered_set<std::string_view> missing;
  for (const std::string_view entry : some)
    if (digest::parse_entry(entry).kind != digest::EntryKind::placeholder)
      missing.insert(digest::familiar_name(entry));
  for (auto entry = all.begin(); entry != all.end() && !missing.empty(); ++entry)
    missing.erase(digest::familiar_name(*entry));
  return !missing.empty();
}

/// Those of `names` that are wanted, sorted, each once.
template <typename Predicate>
std::vector<std::string_view> familiar(const Texts& names, Predicate is_wanted) {
  std::vector<std::string_view> all;
  for (const std::string_view name : names)
    if (is_wanted(name)) all.push_back(digest::familiar_name(name));
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

}  // namespace

void derive(Image& image, const Circumstances& circumstances) {
  const Texts& row_digests = circumstances.row_digests;
  set_name_and_state(image, row_digests);
  image.pending = (!circumstances.current || circumstances.doubtful) && !image.failure;
  image.suspect = circumstances.engine_doubles || has_several_names_of_a_repository(image.repo_tags);

  image.anomalies = digest::anomalies_of_entries(row_digests);
  if (circumstances.not_inspectable) image.anomalies.add(digest::Anomaly::not_inspectable);
  if (!image.digests) return;
  image.anomalies.add(image.digests->anomalies);
  const Texts& inspected = image.digests->unique;
  // With the containerd store a list row has one entry at most, so only a graphdriver's list can lack one.
  const bool list_is_complete = circumstances.store == engine::ImageStore::graphdriver;
  if (circumstances.current && circumstances.row_known && row_digests != inspected &&
      (has_more_than(row_digests, inspected) || (list_is_complete && has_more_than(inspected, row_digests))))
    image.anomalies.add(digest::Anomaly::list_mismatch);
}

bool have_same_tags(const Texts& row_tags, const Texts& inspect_tags) {
  const auto is_tag = [](std::string_view name) { return name.find('@') == std::string::npos; };
  return row_tags == inspect_tags || familiar(row_tags, is_tag) == familiar(inspect_tags, is_tag);
}

bool entries_go_with_names(const digest::Analysis& digests, const Texts& row_tags, const Texts& row_digests,
                           bool repeats) {
  const auto add_repository = [](std::vector<std::string_view>& to, std::string_view name) {
    const std::string_view repository = digest::repository_of(digest::familiar_name(name));
    if (!repository.empty()) to.push_back(repository);
  };
  std::vector<std::string_view> needed;  // repositories that must have an entry
  std::vector<std::string_view> known;   // that may have one
  std::vector<std::string_view> have;
  std::size_t names_with_entry = 0;
  for (const std::string_view name : row_tags) {
    add_repository(known, name);
    if (digest::parse_entry(name).kind == digest::EntryKind::tagged) continue;
    add_repository(needed, name);
    ++names_with_entry;
  }
  for (const std::string_view entry : row_digests)
    if (digest::parse_entry(entry).kind == digest::EntryKind::canonical) add_repository(known, entry);
  for (const std::string_view entry : digests.unique)
    if (digest::parse_entry(entry).kind == digest::EntryKind::canonical) add_repository(have, entry);
  for (auto* const repositories : {&needed, &known, &have})
    std::sort(repositories->begin(), repositories->end());
  const auto includes = [](const std::vector<std::string_view>& all, std::vector<std::string_view> some) {
    some.erase(std::unique(some.begin(), some.end()), some.end());
    return std::includes(all.begin(), all.end(), some.begin(), some.end());
  };
  return includes(known, have) && includes(have, needed) &&
         digests.raw_count <= std::max(row_tags.size(), row_digests.size()) &&
         (!repeats || digests.raw_count >= names_with_entry);
}

bool have_same_names(const Texts& some, const Texts& others) {
  const auto any = [](std::string_view) { return true; };
  return some == others || familiar(some, any) == familiar(others, any);
}

void tally(Totals& totals, const Image& image, int times) {
  // Unsigned arithmetic wraps, so adding "minus one" takes one away.
  const auto add = [times](std::size_t& total, std::size_t amount) {
    total += static_cast<std::size_t>(times) * amount;
  };
  add(totals.images, 1);
  add(totals.by_state[index_of(image.state)], 1);
  if (image.digests) {
    add(totals.inspected, 1);
    add(totals.repo_digests, image.digests->raw_count);
    add(totals.repo_digests_unique, image.digests->unique.size());
    add(totals.images_with_duplicates, image.digests->duplicates.empty() ? 0 : 1);
    if (!image.digests->duplicates.empty())
      for (const Container& container : image.containers)
        add(totals.containers_with_duplicates[index_of(container.kind())], 1);
  }
  for (std::size_t i = 0; i < totals.by_anomaly.size(); ++i)
    add(totals.by_anomaly[i], image.anomalies.has(static_cast<digest::Anomaly>(i)) ? 1 : 0);
  if (image.failure && *image.failure != Reason::usage)  // which is no label
    add(totals.inspections_failed[index_of(*image.failure)], 1);
  if (image.pending) add(image.suspect ? totals.pending_suspect : totals.pending_other, 1);
}

void keep_first_appearances(Strings& strings) {
  if (strings.size() < 2 || !has_repeats({strings.begin(), strings.end()})) return;
  Strings kept;
  std::unordered_set<std::string_view> seen;
  for (const std::string& one : strings)
    if (seen.insert(one).second) kept.push_back(one);
  strings = std::move(kept);
}

}  // namespace repodigest::inventory
