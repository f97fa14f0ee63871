// What to ask the engine next, and when: a state machine without threads, sockets or a clock of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>

#include "repodigest/base/clock.h"
#include "repodigest/base/result.h"

namespace repodigest::poll {

struct MachineOptions {
  Duration interval = std::chrono::seconds(60);    ///< from the start of one poll to the start of the next
  Duration stale_after = std::chrono::minutes(5);  ///< at least so long an inventory counts as confirmed
  std::uint64_t seed = 1;                          ///< of the jitter, so that a fleet doesn't knock in step
};

/// What the machine must know about the inventory to decide.
struct Facts {
  std::size_t due_inspections = 0;
  std::optional<SteadyTime> next_retry;  ///< when a failed inspect may be tried again
};

/// What to do now.
struct Step {
  enum class Action { look, list, inspect, wait };
  Action action = Action::wait;
  SteadyTime until{};  ///< of `wait`: when to ask again
};

/// A poll is a look (is the engine there, and is it the same?), then a list if one is due, then the inspects
/// that are due; then a wait. Looks come every interval, and rest at least as long as they took; while the
/// engine is away they come after a pause that starts at a second, doubles and ends at the interval, with
/// jitter. Lists come with the looks, but rest nine times as long as the last one took, so that they fill at
/// most a tenth of the time; a list that failed is tried again after such a pause too. Many failed inspects
/// in a row make the others wait for such a pause. Tell it the outcome of every step it asked for before
/// asking again. Thread rule: one thread.
class Machine {
 public:
  explicit Machine(MachineOptions options);

  [[nodiscard]] Step next(SteadyTime now, const Facts& facts);

  /// `another`: who answered is not who answered before, so that nothing known holds and a list is due at
  /// once.
  void looked(SteadyTime now, const Status& outcome, bool another = false);
  /// `took` is how long the list was under way, also when it failed.
  void listed(SteadyTime now, const Status& outcome, Duration took);
  /// One inspect. An Error that tells of the image alone is the inventory's business; one that tells of the
  /// engine (also: a look on the way failed), or the third timeout in a row, ends the poll: then it returns
  /// true.
  bool inspected(SteadyTime now, const Status& outcome, bool look_failed = false);

  /// Why the engine does not answer, or why it can't be listed; nothing when all is well.
  [[nodiscard]] const std::optional<Error>& trouble() const { return away_ ? away_ : list_trouble_; }
  /// Whether the last light call was answered: docker_up.
  [[nodiscard]] bool up() const { return up_; }
  /// From look to look, as aimed at now: the interval, or the pause while the engine is away.
  [[nodiscard]] Duration effective_interval() const { return away_ ? pause_ : options_.interval; }
  /// From list to list, as aimed at now: the interval, longer when lists are slow.
  [[nodiscard]] Duration list_interval() const;
  /// Until when an inventory confirmed at `now` counts as fresh (CONTRACT, "Away and stale"; only lists
  /// confirm).
  [[nodiscard]] SteadyTime fresh_until(SteadyTime now) const;

 private:
  enum class Phase { waiting, listing, inspecting };

  void went_away(SteadyTime now, const Error& error);
  [[nodiscard]] Duration jittered(Duration pause);
  /// The pause after `pause`: a second, then twice as long, the interval at most.
  [[nodiscard]] Duration longer(Duration pause) const;

  MachineOptions options_;
  std::minstd_rand random_;
  Phase phase_ = Phase::waiting;
  SteadyTime poll_started_{};
  std::optional<SteadyTime> next_poll_;  // nothing: at once
  std::optional<SteadyTime> next_list_;  // nothing: with the next look
  Duration list_took_{};
  Duration pause_{};                        // before the next look while the engine is away; doubles
  Duration list_pause_{};                   // before the next list while lists fail; doubles
  std::optional<SteadyTime> next_inspect_;  // nothing: at once
  Duration inspect_pause_{};                // before it while inspects fail; doubles
  std::size_t failures_in_a_row_ = 0;       // of inspects
  std::size_t timeouts_in_a_row_ = 0;
  bool look_failed_ = false;  // the latest one
  bool up_ = false;
  std::optional<Error> away_;
  std::optional<Error> list_trouble_;
};

/// Whether an Error of an inspect tells of that image alone, so that others may still be asked for.
[[nodiscard]] bool concerns_one_image(const Error& error);

}  // namespace repodigest::poll
