// What happens in a history whether anybody looks or not: images and containers come and go, the engine is
// away for a while, is restarted as another version, or another one takes its place. All of it at times and
// by dice of its own, so that two who look differently see the same world.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "dice.h"
#include "image_store.h"
#include "repodigest/engine/types.h"
#include "rules.h"
#include "simulated_clock.h"

namespace repodigest::model {

/// Thread rule: one thread.
class World {
 public:
  /// Changes end after `unrest`. A `tame` world has one engine that is never away and is changed in bursts
  /// through its API only.
  World(std::uint64_t seed, bool tame, Duration unrest, SimulatedClock& clock);

  /// An image event; a burst of changes has ended (tame); the engine's process ended, so that connections
  /// break (unless a proxy keeps them).
  std::function<void(const ModelEvent&)> on_event = [](const ModelEvent&) {};
  std::function<void()> after_burst = [] {};
  std::function<void()> on_restart = [] {};

  /// Whether an answer of the engine as it is could be taken for one of another engine that was there before:
  /// they have the same version.
  [[nodiscard]] bool is_mistakable() const;

  [[nodiscard]] const std::string& engine_id() const { return engine_id_; }
  [[nodiscard]] const ImageStore& store() const { return store_; }
  [[nodiscard]] const Rules& rules() const { return store_.rules(); }
  [[nodiscard]] const std::vector<engine::Container>& containers() const { return containers_; }
  [[nodiscard]] bool away() const { return clock_.now() < away_until_; }
  [[nodiscard]] bool restless() const { return clock_.now() < end_; }
  [[nodiscard]] bool tame() const { return tame_; }
  [[nodiscard]] SteadyTime last_change() const { return last_change_; }

 private:
  Rules another_engine(const Rules* now);
  void plan_changes();
  void plan_replacement();
  void plan_absence();
  /// Returns whether its event leaves out which image, or which names, it was about.
  bool change();
  void change_containers();
  void burst(std::size_t changes);
  void flicker();
  void replace();
  void remember_engine() { ids_by_version_[rules().version].insert(engine_id_); }

  Dice dice_;
  SimulatedClock& clock_;
  const bool tame_;
  const SteadyTime end_;
  SteadyTime last_change_{};
  std::size_t engines_ = 0;
  std::string engine_id_;
  std::map<std::string, std::set<std::string>> ids_by_version_;  // of all that were there
  ImageStore store_;
  std::vector<engine::Container> containers_;
  std::size_t containers_made_ = 0;
  SteadyTime away_until_{SteadyTime::min()};
};

}  // namespace repodigest::model
