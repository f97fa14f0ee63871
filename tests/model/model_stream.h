// The event stream of the world's engine as the watcher would hear it: opened when the doorbell orders it,
// late, twice, cut, refused and half-open at random.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "dice.h"
#include "repodigest/engine/events.h"
#include "repodigest/poll/doorbell.h"
#include "simulated_clock.h"
#include "world.h"

namespace repodigest::model {

/// Stands for poll::Watcher, whose pauses it keeps, without its thread. Thread rule: one thread.
class ModelStream {
 public:
  /// `cut` now and then in any world; one that is not tame has worse in store.
  ModelStream(std::uint64_t seed, bool cut, World& world, poll::Doorbell& doorbell, SimulatedClock& clock);

  /// Whether the doorbell has ordered something new; to be called before time goes on.
  void look_at_the_doorbell();
  void send(const ModelEvent& event);
  /// The engine's process ended: so does the stream, unless something between holds it open.
  void restarted();

  /// How many events were of actions that only a list may be able to place: they name nothing, or an image
  /// that may have no name.
  [[nodiscard]] std::size_t unplaceable() const { return unplaceable_; }
  /// How often it was opened, and since when it is open now.
  [[nodiscard]] std::size_t openings() const { return openings_; }
  [[nodiscard]] std::optional<SteadyTime> open_since() const { return open_since_; }

 private:
  enum class Attempt { answered, refused, failed };
  void connect();
  void arrive(std::uint64_t attempt, Attempt how);
  void deliver(const std::string& line);
  void end(Duration pause);
  void plan_trouble();
  void plan_cut();

  Dice dice_;
  World& world_;
  poll::Doorbell& doorbell_;
  SimulatedClock& clock_;
  const bool refused_;  // always: a proxy lets none through
  std::uint64_t order_ = 0;
  std::uint64_t attempt_ = 0;  // what was planned for an earlier one is void
  std::optional<SteadyTime> open_since_;
  std::size_t openings_ = 0;
  bool silent_ = false;
  Duration pause_{};
  SteadyTime last_arrival_{SteadyTime::min()};
  std::optional<engine::EventDecoder> decoder_;
  std::size_t unplaceable_ = 0;
};

}  // namespace repodigest::model
