#include "repodigest/inventory/inventory.h"

#include <algorithm>
#include <utility>

#include "failure.h"
#include "image.h"
#include "repodigest/digest/digest.h"
#include "state.h"

namespace repodigest::inventory {
namespace {

constexpr Duration first_pause = std::chrono::minutes(1);
constexpr Duration longest_pause = std::chrono::hours(1);

/// 1, 2, 4 … minutes, an hour at most.
Duration pause_after(unsigned failures) {
  constexpr unsigned doublings_to_longest = 6;
  return std::min(longest_pause, first_pause * (1U << std::min(failures, doublings_to_longest)));
}

/// The first tag that names one image and no digest; the Id if there is none.
std::string cheapest_name(const Image& image) {
  for (const std::string_view name : image.repo_tags)
    if (!name.empty() && name.find('@') == std::string_view::npos) return std::string(name);
  return image.id;
}

}  // namespace

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
  const auto advisories = engine::advisories(identity.version, identity.image_store);
  state.engine_repeats = std::any_of(advisories.begin(), advisories.end(), [](const engine::Advisory& one) {
    return one.affects && one.id == "moby-48747";
  });
  state.engine_doubles = engine::doubles_single_names(identity.version, identity.image_store);
  state.changed = true;
  if (change.store || change.engine_id) state.forget_images();
  if (change.any()) {
    state.questions.clear();
    state.remembered.clear();
    ++state.generation;
  }
  for (Entry* const entry : state.order) {
    if (entry == nullptr) continue;
    Image image = *entry->image;
    if (change.any()) {
      image.digests.reset();
      image.failure.reset();
      entry->current = false;
      entry->doubtful_since.reset();
      entry->forget_trouble();
    }
    state.replace(*entry, std::move(image));
  }
  state.plan();
  return change;
}

void Inventory::apply_list(const engine::ImageList& list, SteadyTime now) {
  State& state = *state_;
  ++state.lists;
  if (!std::exchange(state.listed, true)) state.changed = true;
  state.take(list);
  state.drop_absent();
  state.remembered.clear();
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
  return Due{image.id, entry.trouble().ask_by_id ? image.id : cheapest_name(image)};
}

std::optional<SteadyTime> Inventory::next_retry() const {
  return state_->agenda.next_time();
}

void Inventory::apply_inspect(const Due& due, Result<engine::ImageInspect> answer, SteadyTime now) {
  Entry* const found = state_->find(due.id);
  if (found == nullptr) return;
  Entry& entry = *found;
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
  snapshot->containers_known = state.containers_known;
  snapshot->images.reserve(state.by_name.size());
  for (const Entry* const entry : state.by_name) snapshot->images.push_back(entry->image);
  snapshot->totals = state.totals;
  snapshot->changed_at = wall;
  state.changed = false;
  state.latest = std::move(snapshot);
  return state.latest;
}

/// Makes the agenda anew, after a list or an identity changed ranks.
void Inventory::State::plan() {
  agenda.clear();
  for (const Entry* const entry : order)
    if (entry != nullptr) schedule(*entry);
}

/// Puts it on the agenda, if it is to be inspected.
void Inventory::State::schedule(const Entry& entry) {
  if (entry.current && !doubtful(entry)) return;
  if (const auto& retry_at = entry.trouble().retry_at) {
    agenda.postpone(rank(entry), *retry_at);
  } else {
    agenda.add(rank(entry));
  }
}

void Inventory::State::succeeded(Entry& entry, const engine::ImageInspect& inspect) {
  Image image = *entry.image;
  std::optional<digest::Analysis> digests = digest::analyse(inspect.repo_digests);
  // The same answer again is no coincidence: this engine's list and inspect differ about this image.
  const bool confirmed = entry.doubtful_since && digests == image.digests;
  ++generation;
  entry.current = true;
  entry.doubtful_since.reset();
  entry.forget_trouble();
  agenda.remove(rank(entry));
  image.digests = std::move(digests);
  image.failure.reset();
  replace(entry, std::move(image));
  const bool goes_with_row =
      have_same_tags(entry.image->repo_tags, inspect.repo_tags) && agrees_with_row(entry);
  if (!goes_with_row && !confirmed) entry.doubtful_since = lists;
}

bool Inventory::State::agrees_with_row(const Entry& entry) const {
  const Image& image = *entry.image;
  if (image.anomalies.has(digest::Anomaly::list_mismatch)) return false;
  if (!identity || identity->image_store != engine::ImageStore::containerd || !image.digests) return true;
  return entries_go_with_names(*image.digests, image.repo_tags, entry.row_digests(), engine_repeats);
}

void Inventory::State::failed(Entry& entry, bool asked_by_tag, const Error& error, SteadyTime now) {
  if (concerns_connection(error.reason)) return;
  Entry::Trouble& trouble = entry.in_trouble();
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
  derive(image, {.row_digests = entry.row_digests(),
                 .current = entry.current,
                 .row_known = entry.row_known,
                 .doubtful = doubtful(entry),
                 .not_inspectable = entry.trouble().not_inspectable,
                 .store = identity ? identity->image_store : engine::ImageStore::unknown,
                 .engine_doubles = engine_doubles});
  if (!std::exchange(entry.is_new, false)) {
    if (*entry.image == image) return;
    if (entry.image->name != image.name) entry.misplaced = true;
    tally(totals, *entry.image, -1);
  }
  tally(totals, image, 1);
  entry.replace_image(std::make_shared<const Image>(std::move(image)));
  changed = true;
}

}  // namespace repodigest::inventory
