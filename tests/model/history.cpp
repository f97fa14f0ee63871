#include "history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "repodigest/digest/digest.h"
#include "repodigest/engine/client.h"

namespace repodigest::model {
namespace {

using namespace std::chrono_literals;

constexpr Duration unrest = 20min;
// Long enough for what may be left of it: a list that hung for five minutes is paid for in an hour, a failed
// inspect is tried again within an hour, and a full list comes every hour.
constexpr Duration longest_calm = 6h;
constexpr Duration between_looks = 10min;
// Events are late by a second at most, and a list takes up to six in a tame world.
constexpr Duration settling = 20s;
constexpr Duration first_settling = 3min;

/// Tame but for its event stream, which breaks off now and then.
bool has_gaps(std::uint64_t seed) {
  return seed % 8 == 2;
}

bool is_tame(std::uint64_t seed) {
  return seed % 4 == 0 || has_gaps(seed);
}

poll::MachineOptions options_of(std::uint64_t seed) {
  Dice dice(seed, 4);
  poll::MachineOptions options;
  options.interval = dice.one_of(std::array<Duration, 4>{20s, 60s, 60s, 5min});
  options.full_interval = dice.one_of(std::array<Duration, 2>{10min, 1h});
  options.max_engine_share = dice.one_of(std::array<double, 3>{0.1, 0.1, 0.5});
  options.containers = !dice.one_in(4);
  options.seed = seed;
  return options;
}

Strings strings_of(const auto& texts) {
  return Strings(texts.begin(), texts.end());
}

/// What the list says of an image, its rows as one.
Said listed(const Rules& rules, const Image& image) {
  std::vector<Said> rows = rules.rows(image);
  Said merged = rows.front();
  if (rows.size() == 1) return merged;
  std::set<std::string> tags;
  std::set<std::string> digests;
  for (const Said& row : rows) {
    tags.insert(row.tags.begin(), row.tags.end());
    digests.insert(row.digests.begin(), row.digests.end());
  }
  return {{tags.begin(), tags.end()}, {digests.begin(), digests.end()}};
}

std::set<std::string> familiar(const Strings& names, bool with_digests) {
  std::set<std::string> all;
  for (const std::string& name : names)
    if (with_digests || !has_digest(name)) all.emplace(digest::familiar_name(name));
  return all;
}

bool has_more_than(const Strings& some, const Strings& all) {
  const std::set<std::string> these = familiar(some, true);
  const std::set<std::string> those = familiar(all, true);
  return !std::includes(those.begin(), those.end(), these.begin(), these.end());
}

std::string text(const Strings& strings) {
  std::string all = "[";
  for (const std::string& one : strings) all += " " + one;
  return all + " ]";
}

std::string text(const std::optional<digest::Analysis>& digests) {
  if (!digests) return "unknown";
  return std::to_string(digests->raw_count) + " of " + text(strings_of(digests->unique));
}

}  // namespace

History::History(std::uint64_t seed, bool with_events)
    : with_events_(with_events),
      world_(seed, is_tame(seed), unrest, clock_),
      engine_(seed, world_, clock_),
      start_(clock_.now()),
      options_(options_of(seed)) {
  if (with_events_) stream_.emplace(seed, has_gaps(seed), world_, doorbell_, clock_);
  world_.on_event = [this](const ModelEvent& event) {
    if (stream_) stream_->send(event);
  };
  world_.on_restart = [this] {
    engine_.restarted();
    if (stream_) stream_->restarted();
  };
  world_.after_burst = [this] {
    clock_.in(settling, [this] { judge_settled(false); });
    clock_.in(options_.interval + 2 * settling, [this] { judge_listed(false); });
  };
  clock_.before_time_goes_on = [this] {
    judge_publication();
    judge_spending();
    if (stream_) stream_->look_at_the_doorbell();
  };
  clock_.in(unrest + between_looks, [this] { look_whether_all_is_well(false); });
}

void History::run() {
  engine::Client client(std::make_unique<ModelTransport>(engine_), "model", {}, stats_, clock_);
  poll::Driver driver({.client = client,
                       .store = store_,
                       .board = board_,
                       .stats = stats_,
                       .clock = clock_,
                       .doorbell = with_events_ ? &doorbell_ : nullptr},
                      options_, false);
  driver.run(Cancel(stop_));
}

void History::judge_publication() {
  const auto snapshot = store_.current();
  if (snapshot == judged_) return;
  const auto before = std::exchange(judged_, snapshot);
  clock_.trace("published ", snapshot->images.size(), " images of ",
               snapshot->engine ? snapshot->engine->id : "");
  if (!snapshot->listed) {
    judged_images_.clear();
    return;
  }
  const engine::Identity& engine = *snapshot->engine;
  if (before && before->engine != snapshot->engine) judged_images_.clear();
  std::map<std::string, std::string> holders;
  std::vector<const inventory::Image*> images;
  images.reserve(snapshot->images.size());
  for (const auto& image : snapshot->images) {
    images.push_back(image.get());
    const Strings names = strings_of(image->repo_tags);
    for (const std::string& name : names) {
      if (has_digest(name)) continue;
      const auto [holder, first] = holders.emplace(digest::familiar_name(name), image->id);
      EXPECT_TRUE(first) << name << " is held by " << holder->second << " and by " << image->id;
    }
    if (std::binary_search(judged_images_.begin(), judged_images_.end(), image.get())) continue;
    EXPECT_TRUE(engine_.ever_had(engine.id, image->id)) << engine.id << " never had " << image->id;
    for (const std::string& name : names)
      EXPECT_TRUE(engine_.ever_named(engine.id, image->id, name))
          << engine.id << " never gave " << image->id << " the name " << name;
    if (!image->digests) continue;
    EXPECT_TRUE(engine_.ever_inspected(engine.id, engine.version, image->id, image->digests->raw_count,
                                       strings_of(image->digests->unique)))
        << engine.id << " of version " << engine.version << " never answered " << text(image->digests)
        << " for " << image->id;
  }
  std::sort(images.begin(), images.end());
  judged_images_ = std::move(images);
}

void History::judge_spending() {
  const ModelEngine::Spent& spent = engine_.spent();
  // After an exception nothing is known any more, what was spent neither.
  const auto starts = static_cast<Duration::rep>(1 + spent.exceptions);
  const Duration credit = starts * Duration(10s);
  const auto filled =
      std::chrono::duration_cast<Duration>((clock_.now() - start_) * options_.max_engine_share);
  // The main part and the reserve may each owe a request.
  EXPECT_LE(to_seconds(spent.all), to_seconds(credit + filled + 2 * starts * spent.longest));
}

void History::judge_settled(bool again) {
  if (!hears_all() || clock_.now() - start_ < first_settling) return;
  // After a gap there is a list, when the interval allows it.
  const std::optional<SteadyTime> open_since = stream_->open_since();
  if (!open_since ||
      (stream_->openings() > 1 && clock_.now() - *open_since < options_.interval + 2 * settling))
    return;
  // One before and one after each opening of the stream, besides the full ones.
  const std::size_t full_lists = static_cast<std::size_t>((clock_.now() - start_) / options_.full_interval);
  EXPECT_LE(engine_.spent().lists, 2 * stream_->openings() + full_lists + stream_->unplaceable());
  // What a list brings to light is inspected when the list is paid for.
  if (board_.get().budget.credit < Duration::zero()) return;
  const auto wrong = difference(Names::by_bells);
  // Where list and inspect differ by their nature, an inspect is made twice: a list may just have been.
  if (wrong && !again) return clock_.in(5s, [this] { judge_settled(true); });
  if (wrong)
    ADD_FAILURE() << to_seconds(clock_.now() - start_)
                  << " s after the start, settled after changes: " << *wrong;
}

void History::judge_listed(bool again) {
  const bool quick = engine_.longest_list() <
                     std::chrono::duration_cast<Duration>(options_.interval * options_.max_engine_share) / 2;
  const bool has_gap = hears_all() && !stream_->open_since();
  const bool has_changed = clock_.now() - world_.last_change() < options_.interval + settling;
  if (!quick || has_gap || has_changed || clock_.now() - start_ < first_settling) return;
  auto wrong = difference(hears_all() ? Names::by_bells : Names::of_the_list);
  if (!wrong && nameless_and_unknown() > 0) wrong = "an image without names is not known";
  // As above.
  if (wrong && !again) return clock_.in(5s, [this] { judge_listed(true); });
  if (wrong)
    ADD_FAILURE() << to_seconds(clock_.now() - start_)
                  << " s after the start, an interval after changes: " << *wrong;
}

std::size_t History::nameless_and_unknown() const {
  const auto snapshot = store_.current();
  const auto is_known = [&](const std::string& id) {
    return std::any_of(snapshot->images.begin(), snapshot->images.end(),
                       [&](const auto& image) { return image->id == id; });
  };
  const auto& images = world_.store().images();
  return static_cast<std::size_t>(std::count_if(images.begin(), images.end(), [&](const auto& id_and_image) {
    const auto& [id, image] = id_and_image;
    return !image.hidden && image.names.empty() && image.digests.empty() && !is_known(id);
  }));
}

std::optional<std::string> History::difference_of(const inventory::Image& image, Names names) const {
  const Rules& rules = world_.rules();
  const auto found = world_.store().images().find(image.id);
  if (found == world_.store().images().end() || found->second.hidden) return "there is no such image";
  const Said row = listed(rules, found->second);
  const Said inspect = rules.inspect(found->second);
  const bool nameless = found->second.names.empty() && found->second.digests.empty();
  // A list may have brought it this moment.
  if (names == Names::by_bells && nameless && image.repo_tags.empty()) return std::nullopt;
  if (image.pending) return "pending";
  if (image.failure) return "failed: " + std::string(name_of(*image.failure));
  const Strings tags = strings_of(image.repo_tags);
  const bool same_names =
      names == Names::of_the_list ? tags == row.tags : familiar(tags, false) == familiar(row.tags, false);
  if (!same_names) return "names " + text(tags) + ", not " + text(row.tags);
  const digest::Analysis digests = digest::analyse(inspect.digests);
  if (image.digests != digests) return "digests " + text(image.digests) + ", not " + text(digests);
  if (image.created != found->second.created || image.size != found->second.size) return "time or size";
  if (names == Names::by_bells) return std::nullopt;

  digest::Anomalies anomalies = digest::anomalies_of_entries(row.digests);
  anomalies.add(digests.anomalies);
  const bool complete = rules.store != Store::containerd;
  if (has_more_than(row.digests, inspect.digests) ||
      (complete && has_more_than(inspect.digests, row.digests)))
    anomalies.add(digest::Anomaly::list_mismatch);
  if (image.anomalies != anomalies) return "anomalies";

  std::vector<inventory::Container> containers;
  if (options_.containers && !engine_.refuses_containers())
    for (const engine::Container& one : world_.containers())
      if (one.image_id == image.id) containers.push_back({one.id, one.name, one.state});
  std::sort(containers.begin(), containers.end(), [](const auto& one, const auto& other) {
    return std::tie(one.name, one.id) < std::tie(other.name, other.id);
  });
  if (image.containers != containers) return "containers";
  return std::nullopt;
}

std::optional<std::string> History::difference(Names names) const {
  const auto snapshot = store_.current();
  if (!snapshot->engine || !snapshot->listed) return "nothing was listed";
  const Rules& rules = world_.rules();
  if (snapshot->engine->version != rules.version ||
      snapshot->engine->id != (rules.store == Store::podman ? "" : world_.engine_id()))
    return "another engine: " + snapshot->engine->id + " of version " + snapshot->engine->version;
  for (const auto& image : snapshot->images)
    if (const auto wrong = difference_of(*image, names))
      return image->id + " on " + rules.version + (rules.store == Store::graphdriver ? " graphdriver" : "") +
             ": " + *wrong;
  const std::size_t missing_without_names = names == Names::by_bells ? nameless_and_unknown() : 0;
  const auto visible = std::count_if(world_.store().images().begin(), world_.store().images().end(),
                                     [](const auto& id_and_image) { return !id_and_image.second.hidden; });
  if (snapshot->images.size() + missing_without_names != static_cast<std::size_t>(visible))
    return std::to_string(snapshot->images.size()) + " images, not " + std::to_string(visible);
  return std::nullopt;
}

std::optional<std::string> History::trouble() const {
  const poll::Health health = board_.get();
  if (!health.up) return "not up";
  if (!health.ready) return "not ready";
  if (health.last_error) return health.last_error->text;
  if (!health.confirmed_until || health.stale(clock_.now())) return "stale";
  return std::nullopt;
}

void History::look_whether_all_is_well(bool was_well) {
  judge_publication();
  auto wrong = difference(Names::of_the_list);
  if (!wrong) wrong = trouble();
  if (!wrong && was_well) return stop_.raise();
  const bool over = clock_.now() - start_ > unrest + longest_calm;
  if (over) {
    ADD_FAILURE() << "after the calm: " << *wrong;
    return stop_.raise();
  }
  clock_.in(between_looks, [this, well = !wrong] { look_whether_all_is_well(well); });
}

}  // namespace repodigest::model
