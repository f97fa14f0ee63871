// What to ask the engine next, and when: a state machine without threads, sockets or a clock of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>

#include "repodigest/base/clock.h"
#include "repodigest/base/result.h"
#include "repodigest/poll/budget.h"
#include "repodigest/poll/doorbell.h"

namespace repodigest::poll {

struct MachineOptions {
  Duration interval = std::chrono::seconds(60);    ///< from the start of one poll to the start of the next
  Duration full_interval = std::chrono::hours(1);  ///< from list to list while a quiet stream vouches for it
  Duration stale_after = std::chrono::minutes(5);  ///< at least so long an inventory counts as confirmed
  double max_engine_share = 0.1;                   ///< of the time, with a request of ours under way
  bool containers = true;                          ///< ask for containers too
  std::uint64_t seed = 1;                          ///< of the jitter, so that a fleet doesn't knock in step
};

/// What the machine must know about the inventory and the event stream to decide.
struct Facts {
  std::size_t due_inspections = 0;
  std::optional<SteadyTime> next_retry = std::nullopt;  ///< when a failed inspect may be tried again
  std::size_t rung = 0;                                 ///< questions that bells left open
  StreamState events = {};
};

/// What to do now.
struct Step {
  enum class Action {
    look,        ///< is the engine there, and is it the same? With `count`: and as many images as before?
    take_bells,  ///< from the doorbell into the inventory
    ask_rung,    ///< one inspect that a bell asks for
    list,
    containers,
    inspect,
    wait,
  };
  Action action = Action::wait;
  bool count = false;  ///< of `look`
  SteadyTime until{};  ///< of `wait`: when to ask again; earlier when the doorbell rings
};

/// What a look that was answered found.
struct Seen {
  bool another = false;                ///< nothing known holds any more: another engine, store or version
  bool announces_every_change = true;  ///< a quiet stream of this engine proves something
  std::optional<std::size_t> images = std::nullopt;  ///< if it counted
};

/// While the engine is away there are only looks, after a pause that starts at a second, doubles and ends at
/// the interval, with jitter. Else, in this order, what is due and what the budget has credit for (looks need
/// none):
///
/// - A look each interval, resting at least as long as it took; and at once after a list that failed, or
///   whatever else left the engine in doubt. With a stream that vouches (below) it now and then counts the
///   engine's images, and before each list.
/// - Bells, 100 ms after the first of them rang: first taken, then asked about one by one, on the events'
///   reserve where need be. A storm of them takes turns with what follows.
/// - A list: each interval; or each full interval while the stream vouches: it is up, a list has begun since
///   it was opened, and this engine announces every change. As soon as an interval has passed since the list
///   before: after the engine was away, a gap in the stream, a bell that says "anything", a question given
///   up, another count of images than before though nothing rang, or bells that leave no look quiet until
///   half of the time is over for which what is known is fresh. At once: the first of an engine. One
///   that failed is tried again after such a pause as above. While inspects are due, lists take turns with
///   them: half of the engine's time each. A stream that is just being opened, or was lost this moment, is
///   waited for a little, so that the list after it leaves no gap.
/// - Containers: once after each look but one in doubt, and after the last of a row of bells.
/// - Inspects. Many failed ones in a row make the others wait for such a pause.
///
/// A look that finds nothing open (all of that above, and no bell) confirms the inventory as a list does;
/// but not while lists have failed for longer than two of their intervals.
///
/// Tell it the outcome of every step it asked for, and how long it took, before asking again. Thread rule:
/// one thread.
class Machine {
 public:
  /// How long a bell waits for others.
  static constexpr Duration debounce = std::chrono::milliseconds(100);

  explicit Machine(MachineOptions options);
  /// Starts afresh with what another one left of its budget.
  Machine(MachineOptions options, const Budget& left);

  [[nodiscard]] Step next(SteadyTime now, const Facts& facts);

  /// A look; returns whether it confirmed the inventory. `facts` as of now.
  bool looked(SteadyTime now, const Result<Seen>& outcome, Duration took, const Facts& facts);
  /// Bells were taken; `anything`: one of them says no more than that.
  void took_bells(bool anything);
  /// An inspect for a bell; `given_up`: the inventory can't make out what it means. Returns as inspected().
  bool asked_rung(SteadyTime now, const Status& outcome, Duration took, bool given_up,
                  bool look_failed = false);
  /// A list that was asked for at `now` - `took`; `changed`: it brought something that was not known.
  void listed(SteadyTime now, const Status& outcome, Duration took, bool changed);
  /// Containers were asked for, with whatever outcome.
  void listed_containers(SteadyTime now, Duration took);
  /// That call failed in a way that tells of the engine, or of a proxy that hangs up on it: a look at once
  /// tells which, and does not ask for containers again.
  void doubt_engine(SteadyTime now);
  /// One inspect. An Error that tells of the image alone is the inventory's business; one that tells of the
  /// engine (also: a look on the way failed), or the third timeout in a row, ends the poll: then it returns
  /// true.
  bool inspected(SteadyTime now, const Status& outcome, Duration took, bool look_failed = false);
  /// A look that a list or a call for containers made on its way failed: the engine is away.
  void look_failed(SteadyTime now, const Error& error);

  /// Why the engine does not answer, or why it can't be listed; nothing when all is well.
  [[nodiscard]] const std::optional<Error>& trouble() const { return away_ ? away_ : list_trouble_; }
  /// Whether the last light call was answered: docker_up.
  [[nodiscard]] bool up() const { return up_; }
  /// From look to look, as aimed at now: the interval, or the pause while the engine is away.
  [[nodiscard]] Duration effective_interval() const { return away_ ? pause_ : options_.interval; }
  /// From list to list, as aimed at now: the interval or the full interval, longer when lists are so slow
  /// that the budget pays for fewer of them.
  [[nodiscard]] Duration list_interval(const Facts& facts) const;
  /// Until when an inventory that was last confirmed at `confirmed` counts as fresh, as things stand now
  /// (CONTRACT, "Away and stale"): twice the interval of what confirms it. Lists that fail don't prolong it.
  [[nodiscard]] SteadyTime fresh_until(SteadyTime confirmed, const Facts& facts) const;
  [[nodiscard]] const Budget& budget() const { return budget_; }

 private:
  /// Whether a stream that stays quiet proves that nothing changed since the last list.
  [[nodiscard]] bool vouches(const StreamState& events) const;
  /// When a list is due, without regard to budget and turns.
  [[nodiscard]] SteadyTime list_due(const Facts& facts) const;
  [[nodiscard]] Duration list_interval(const Facts& facts, Duration took) const;
  /// `wanted`, or longer where the budget does not pay for a list that takes `took` so often.
  [[nodiscard]] Duration paid_interval(Duration wanted, const Facts& facts, Duration took) const;
  /// How long what is confirmed each `interval` is fresh.
  [[nodiscard]] Duration freshness(Duration interval) const;
  /// Whether lists fail for so long that a quiet stream is no proof any more: looks see little of an engine.
  [[nodiscard]] bool is_no_longer_listed(SteadyTime now, const Facts& facts) const;
  [[nodiscard]] bool wants_count(SteadyTime now, const Facts& facts) const;
  Step start_look(SteadyTime now, const Facts& facts);
  /// The most urgent of what is due besides looks, or a wait until the first of it is.
  Step next_but_looks(SteadyTime now, const Facts& facts);
  void observe(SteadyTime now, const StreamState& events);
  void compare_count(SteadyTime now, std::optional<std::size_t> images, Duration took, const Facts& facts);
  /// What the outcome of an inspect says of the engine; returns as inspected().
  bool judge(SteadyTime now, const Status& outcome, bool look_failed);
  void pay(SteadyTime now, Duration took);
  void went_away(SteadyTime now, const Error& error);
  /// The pause after `pause`: a second, then twice as long, the interval at most.
  [[nodiscard]] Duration longer(Duration pause) const;

  MachineOptions options_;
  Budget budget_;
  std::minstd_rand random_;

  // Looks.
  SteadyTime look_started_{};
  std::optional<SteadyTime> next_look_;  // nothing: at once
  bool just_looked_ = false;             // so that something else comes before another look
  bool look_failed_ = false;             // the latest one
  bool up_ = false;
  std::optional<Error> away_;
  Duration pause_{};        // before the next look while the engine is away; doubles
  bool announces_ = false;  // this engine announces every change

  // The stream, as last seen.
  StreamState events_;
  SteadyTime hold_lists_until_ = SteadyTime::min();
  bool row_open_ = false;  // bells were asked about, and containers not yet since then
  Duration bells_lead_{};  // what bells took of the main part before others that were due

  // Lists.
  bool listed_ = false;       // this engine
  bool list_wanted_ = false;  // before its time
  bool look_before_list_ = false;
  SteadyTime list_not_before_ = SteadyTime::min();
  SteadyTime list_began_{};                     // the latest good one
  SteadyTime confirmed_{};                      // the inventory, by a list or a look
  std::optional<std::uint64_t> list_opening_;   // the stream's, when it began
  std::optional<std::uint64_t> asked_opening_;  // the same of the one under way
  Duration list_took_{};
  Duration good_list_took_{};
  Duration list_pause_{};  // before the next list while lists fail; doubles
  std::optional<Error> list_trouble_;

  // Counts of images.
  bool counting_ = false;               // the look under way counts
  std::optional<std::size_t> counted_;  // nothing: what a count is compared with is not known
  std::optional<SteadyTime> next_count_;
  Duration count_pause_;
  bool wanted_by_count_ = false;  // the list

  // Containers and inspects.
  bool containers_due_ = false;
  bool in_doubt_ = false;  // by doubt_engine(), until a look
  bool containers_since_list_ = false;
  Duration containers_took_{};
  Duration inspects_since_list_{};  // how long all of them took
  Duration inspects_since_containers_{};
  std::optional<SteadyTime> next_inspect_;  // nothing: at once
  Duration inspect_pause_{};                // before it while inspects fail; doubles
  std::size_t failures_in_a_row_ = 0;       // of inspects
  std::size_t timeouts_in_a_row_ = 0;
};

/// Whether an Error of an inspect tells of that image alone, so that others may still be asked for.
[[nodiscard]] bool concerns_one_image(const Error& error);

}  // namespace repodigest::poll
