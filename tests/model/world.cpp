#include "world.h"

#include <iterator>
#include <utility>

namespace repodigest::model {
namespace {

using namespace std::chrono_literals;

std::uint64_t salt_of(std::uint64_t seed, std::size_t engine) {
  return seed * 100 + engine;
}

constexpr std::size_t first_images = 14;

}  // namespace

World::World(std::uint64_t seed, bool tame, Duration unrest, SimulatedClock& clock)
    : dice_(seed, 1),
      clock_(clock),
      tame_(tame),
      end_(clock.now() + unrest),
      store_(another_engine(nullptr), salt_of(seed, engines_)) {
  for (std::size_t i = dice_.below(first_images); i > 0; --i) static_cast<void>(store_.change(dice_));
  for (std::size_t i = dice_.below(6); i > 0; --i) change_containers();
  remember_engine();
  plan_changes();
  if (tame_) return;
  plan_replacement();
  plan_absence();
}

/// One that differs in version from `now`, so that its answers can be told from that one's; which store it
/// has is decided too, and its ID.
Rules World::another_engine(const Rules* now) {
  engine_id_ = "engine-" + std::to_string(++engines_);
  while (true) {
    const std::size_t kind = dice_.below(8);
    const Store store = kind < 5 ? Store::containerd : kind < 7 ? Store::graphdriver : Store::podman;
    Rules next =
        rules_of(dice_.one_of(store == Store::podman ? podman_versions() : docker_versions()), store);
    if (now == nullptr) return next;
    // Podman has no ID by which one could tell it from another podman.
    const bool both_podman = now->store == Store::podman && store == Store::podman;
    if (next.version != now->version && !both_podman) return next;
  }
}

void World::plan_changes() {
  const Duration pause = tame_             ? Duration(60s) + dice_.up_to(60s)
                         : dice_.one_in(3) ? dice_.up_to(300ms)
                                           : dice_.up_to(40s);
  clock_.in(pause, [this] {
    if (!restless()) return;
    if (tame_) return burst(1 + dice_.below(5));
    change();
    plan_changes();
  });
}

void World::burst(std::size_t changes) {
  const bool leaves_out = change();
  if (changes > 1) {
    // What an event leaves out is never heard of if the name moves on before it was asked about.
    const Duration at_least = leaves_out ? 3s : 0s;
    clock_.in(at_least + dice_.up_to(300ms), [this, changes] { burst(changes - 1); });
    return;
  }
  after_burst();
  plan_changes();
}

bool World::change() {
  last_change_ = clock_.now();
  if (dice_.one_in(8)) {
    change_containers();
    return false;
  }
  if (!tame_ && dice_.one_in(12)) {
    store_.change_beside_the_engine(dice_);
    return false;
  }
  if (!tame_ && dice_.one_in(6)) {
    flicker();
    return false;
  }
  bool leaves_out = false;
  for (const ModelEvent& event : store_.change(dice_)) {
    leaves_out = leaves_out || event.action == "pull" || event.action == "push" || event.action == "load" ||
                 event.action == "import";
    on_event(event);
  }
  return leaves_out;
}

/// A tag that comes and soon goes: between two lists, perhaps with an inspect while it is there.
void World::flicker() {
  std::string name;
  for (const ModelEvent& event : store_.tag(dice_)) {
    name = event.name;
    on_event(event);
  }
  if (name.empty()) return;
  clock_.in(dice_.up_to(40s), [this, name] {
    for (const ModelEvent& event : store_.untag(name)) on_event(event);
  });
}

void World::change_containers() {
  static const Strings states = {"created", "running", "exited", "paused"};
  const std::size_t which = dice_.below(8);
  if (which < containers_.size()) {
    if (dice_.one_in(2))
      containers_[which].state = dice_.one_of(states);
    else
      containers_.erase(std::next(containers_.begin(), static_cast<std::ptrdiff_t>(which)));
    return;
  }
  if (store_.images().empty()) return;
  const auto image =
      std::next(store_.images().begin(), static_cast<std::ptrdiff_t>(dice_.below(store_.images().size())));
  const std::string number = std::to_string(++containers_made_);
  containers_.push_back(
      {std::string(64 - number.size(), 'c') + number, "name-" + number, image->first, dice_.one_of(states)});
}

void World::plan_replacement() {
  // Longer than a list and a look that hang: who comes and goes while one question is asked is never told
  // apart.
  clock_.in(Duration(4min) + dice_.up_to(8min), [this] {
    if (!restless()) return;
    replace();
    plan_replacement();
  });
}

void World::replace() {
  const bool in_place = dice_.one_in(2);
  const Rules now = rules();
  if (in_place) {
    const Strings& versions = now.store == Store::podman ? podman_versions() : docker_versions();
    std::string version;
    do version = dice_.one_of(versions);
    while (version == now.version);
    store_.set_rules(rules_of(version, now.store));
  } else {
    const std::uint64_t seed = dice_.next();
    store_ = ImageStore(another_engine(&now), salt_of(seed % 1'000'000, engines_));
    containers_.clear();
    for (std::size_t i = dice_.below(first_images); i > 0; --i) static_cast<void>(store_.change(dice_));
    for (std::size_t i = dice_.below(6); i > 0; --i) change_containers();
  }
  remember_engine();
  clock_.trace("now ", engine_id_, " of version ", rules().version);
  on_restart();
}

bool World::is_mistakable() const {
  return ids_by_version_.at(rules().version).size() > 1;
}

void World::plan_absence() {
  clock_.in(dice_.up_to(20min), [this] {
    if (!restless()) return;
    away_until_ = clock_.now() + dice_.up_to(90s);
    clock_.trace("the engine goes away");
    on_restart();
    plan_absence();
  });
}

}  // namespace repodigest::model
