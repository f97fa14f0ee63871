#include "repodigest/poll/machine.h"

#include <algorithm>
#include <utility>

#include "jitter.h"

namespace repodigest::poll {
namespace {

constexpr Duration first_pause = std::chrono::seconds(1);
// One image that hangs is that image's trouble; three in a row are the engine's.
constexpr std::size_t timeouts_of_a_hanging_engine = 3;
// An engine that answers 500 to every inspect is not to be asked for ten thousand images in one go, three
// times each; a few dozen that are broken must not delay the others much.
constexpr std::size_t failures_before_a_pause = 30;
// A stream's answer takes a round trip. One that was lost is opened again after a second.
constexpr Duration opening_time = std::chrono::seconds(1);
constexpr Duration reopening_time = std::chrono::seconds(3);
// A count is 22 ms of an engine's time at 1,200 names and 353 ms at 40,000 (facts/engine.md 6 and 7): so it
// is a thousandth of it at most.
constexpr Duration shortest_count_pause = std::chrono::minutes(5);
constexpr int count_rest_factor = 1000;
// How far a storm of bells may get ahead of what else is due.
constexpr Duration longest_lead = std::chrono::seconds(1);
// What an inspect counts for at least when lists and inspects take turns, so that a turn always ends.
constexpr Duration shortest_inspect = std::chrono::microseconds(100);
constexpr Duration shortest_interval = std::chrono::milliseconds(1);
// Longer intervals would overflow where they are doubled and added to a time.
constexpr Duration longest_interval = std::chrono::hours(24 * 365 * 50);

}  // namespace

bool concerns_one_image(const Error& error) {
  switch (error.reason) {
    case Reason::not_found:
    case Reason::http:
    case Reason::parse:
    case Reason::too_large:
    case Reason::timeout:
      return true;
    default:
      return false;
  }
}

Machine::Machine(MachineOptions options) : Machine(options, Budget(options.max_engine_share)) {}

Machine::Machine(MachineOptions options, const Budget& left)
    : options_(options),
      budget_(left),
      random_(static_cast<std::minstd_rand::result_type>(options.seed)),
      count_pause_(shortest_count_pause) {
  options_.interval = std::clamp(options.interval, shortest_interval, longest_interval);
  options_.full_interval = std::clamp(options.full_interval, options_.interval, longest_interval);
  options_.stale_after = std::min(options.stale_after, longest_interval);
}

Step Machine::next(SteadyTime now, const Facts& facts) {
  observe(now, facts.events);
  if (row_open_ && facts.rung == 0) {
    row_open_ = false;
    containers_due_ = options_.containers;
  }
  const bool look_due = !next_look_ || now >= *next_look_;
  if (!up_) return look_due ? start_look(now, facts) : Step{.until = *next_look_};
  // Looks that are slower than the interval must not keep everything else from coming.
  if (look_due && !just_looked_) return start_look(now, facts);
  const Step step = next_but_looks(now, facts);
  if (step.action == Step::Action::wait && look_due) return start_look(now, facts);
  just_looked_ = false;
  if (step.action != Step::Action::list) return step;
  if (look_before_list_) return start_look(now, facts);
  asked_opening_.reset();
  if (facts.events.stream == Stream::up) asked_opening_ = facts.events.openings;
  return step;
}

Step Machine::start_look(SteadyTime now, const Facts& facts) {
  look_started_ = now;
  counting_ = wants_count(now, facts);
  return {.action = Step::Action::look, .count = counting_};
}

Step Machine::next_but_looks(SteadyTime now, const Facts& facts) {
  using enum Step::Action;
  const SteadyTime credit = budget_.earliest(now);
  const SteadyTime inspect_at = std::max(credit, next_inspect_.value_or(now));
  const bool may_inspect = facts.due_inspections > 0 && inspect_at <= now;
  const bool ask_for_containers = containers_due_ && listed_;
  const SteadyTime list_at = std::max({list_due(facts), hold_lists_until_, credit});
  // Each gets its turn, however often another of them is due.
  const bool containers_yield = may_inspect && inspects_since_containers_ < containers_took_;
  const bool list_yields = listed_ && ((may_inspect && inspects_since_list_ < list_took_) ||
                                       (ask_for_containers && !containers_since_list_));

  const bool others_wait = facts.due_inspections > 0 || ask_for_containers || list_due(facts) <= now;
  if (!others_wait) bells_lead_ = Duration::zero();
  const bool others_can = may_inspect || (ask_for_containers && credit <= now) || list_at <= now;
  const bool bells_yield = others_can && bells_lead_ > longest_lead;

  SteadyTime until = next_look_.value_or(now);
  // Whether it can be done now; else the wait ends when it can.
  const auto now_or_later = [&](SteadyTime at) {
    if (at > now) until = std::min(until, at);
    return at <= now;
  };
  if (facts.events.rang_at && now_or_later(*facts.events.rang_at + debounce)) return {.action = take_bells};
  if (facts.rung > 0 && listed_ && now_or_later(budget_.earliest_for_event(now)) && !bells_yield)
    return {.action = ask_rung};
  if (!list_yields && now_or_later(list_at)) return {.action = list};
  if (ask_for_containers && !containers_yield && now_or_later(credit)) return {.action = containers};
  if (facts.due_inspections > 0 && now_or_later(inspect_at)) return {.action = inspect};
  // A retry that comes due between two looks waits for none.
  if (facts.next_retry && *facts.next_retry > now)
    until = std::min(until, std::max(*facts.next_retry, inspect_at));
  return {.action = wait, .until = until};
}

bool Machine::vouches(const StreamState& events) const {
  return announces_ && listed_ && events.stream == Stream::up && list_opening_ == events.openings;
}

SteadyTime Machine::list_due(const Facts& facts) const {
  if (!listed_) return list_not_before_;
  const bool rests = vouches(facts.events) && !list_wanted_;
  return std::max(list_not_before_, list_began_ + (rests ? options_.full_interval : options_.interval));
}

bool Machine::wants_count(SteadyTime now, const Facts& facts) const {
  // Elsewhere each interval lists anyway.
  if (!announces_ || facts.events.stream != Stream::up) return false;
  const bool list_follows =
      std::max({list_due(facts), hold_lists_until_, budget_.earliest(now)}) <= now + first_pause;
  return list_follows || (vouches(facts.events) && (!next_count_ || now >= *next_count_));
}

void Machine::observe(SteadyTime now, const StreamState& events) {
  const bool same = events.stream == events_.stream && events.openings == events_.openings;
  const bool was_up = events_.stream == Stream::up;
  events_ = events;
  if (same) return;
  counted_.reset();                      // what changes in a gap makes it another
  if (was_up) look_before_list_ = true;  // the engine may be gone too
  switch (events.stream) {
    case Stream::connecting:
      hold_lists_until_ = now + opening_time;
      break;
    case Stream::down:
      if (was_up) hold_lists_until_ = now + reopening_time;
      break;
    case Stream::off:
    case Stream::up:
      hold_lists_until_ = SteadyTime::min();
      break;
  }
}

bool Machine::looked(SteadyTime now, const Result<Seen>& outcome, Duration took, const Facts& facts) {
  budget_.spend_for_look(now, took);
  if (!outcome.ok()) {
    look_failed(now, outcome.error());
    return false;
  }
  observe(now, facts.events);
  const bool was_away = std::exchange(look_failed_, false);
  up_ = just_looked_ = true;
  away_.reset();
  look_before_list_ = false;
  next_look_ = std::max(look_started_ + options_.interval, now + took);
  containers_due_ = options_.containers && (!std::exchange(in_doubt_, false) || outcome->another);
  announces_ = outcome->announces_every_change;
  if (outcome->another) {
    listed_ = false;
    list_opening_.reset();
    list_not_before_ = SteadyTime::min();
    list_pause_ = Duration::zero();
    counted_.reset();
    count_pause_ = shortest_count_pause;
  } else if (was_away) {
    // Nothing is known of what happened meanwhile. But if it was a list that the engine did not survive,
    // another one at once could keep it from ever coming up: the pause after that list still holds.
    list_wanted_ = true;
    counted_.reset();
  }
  if (counting_) compare_count(now, outcome->images, took, facts);
  if (!vouches(facts.events)) return false;
  if (facts.rung > 0 || facts.events.rang_at) {
    // Where it never stops ringing, only a list can confirm.
    const bool is_late = now - confirmed_ >= freshness(options_.interval) / 2;
    list_wanted_ = list_wanted_ || is_late;
    return false;
  }
  if (list_wanted_ || is_no_longer_listed(now, facts)) return false;
  confirmed_ = now;
  pause_ = Duration::zero();
  return true;
}

bool Machine::is_no_longer_listed(SteadyTime now, const Facts& facts) const {
  return list_trouble_ && now - list_began_ > 2 * list_interval(facts, good_list_took_);
}

void Machine::compare_count(SteadyTime now, std::optional<std::size_t> images, Duration took,
                            const Facts& facts) {
  next_count_ = now + std::max(count_pause_, std::min(count_rest_factor * took, longest_interval));
  if (facts.rung > 0 || facts.events.rang_at) {
    counted_.reset();
    return;
  }
  if (images && counted_ && *images != *counted_) list_wanted_ = wanted_by_count_ = true;
  counted_ = images;
}

void Machine::took_bells(bool anything) {
  counted_.reset();
  list_wanted_ = list_wanted_ || anything;
}

bool Machine::asked_rung(SteadyTime now, const Status& outcome, Duration took, bool given_up,
                         bool look_failed) {
  if (budget_.credit(now) > Duration::zero()) bells_lead_ += took;
  budget_.spend_for_event(now, took);
  counted_.reset();
  row_open_ = true;
  list_wanted_ = list_wanted_ || given_up;
  // That an image is gone is an answer like others.
  const bool is_gone = !outcome.ok() && outcome.error().reason == Reason::not_found && !look_failed;
  return judge(now, is_gone ? Status() : outcome, look_failed);
}

void Machine::listed(SteadyTime now, const Status& outcome, Duration took, bool changed) {
  pay(now, took);
  list_took_ = took;
  inspects_since_list_ = Duration::zero();
  containers_since_list_ = false;
  timeouts_in_a_row_ = 0;
  if (!outcome.ok()) {
    list_trouble_ = outcome.error();
    list_pause_ = longer(list_pause_);
    list_not_before_ = now + jittered(list_pause_, random_);
    next_look_ = now;  // it tells whether the engine is still there
    return;
  }
  if (std::exchange(wanted_by_count_, false))
    count_pause_ = changed ? shortest_count_pause
                           : std::clamp(2 * count_pause_, shortest_count_pause,
                                        std::max(shortest_count_pause, options_.full_interval));
  listed_ = true;
  good_list_took_ = took;
  list_wanted_ = false;
  list_began_ = now - took;
  confirmed_ = now;
  list_opening_ = asked_opening_;
  list_not_before_ = SteadyTime::min();
  list_pause_ = pause_ = Duration::zero();
  list_trouble_.reset();
}

void Machine::listed_containers(SteadyTime now, Duration took) {
  pay(now, took);
  containers_due_ = false;
  containers_since_list_ = true;
  containers_took_ = took;
  inspects_since_containers_ = Duration::zero();
}

void Machine::doubt_engine(SteadyTime now) {
  next_look_ = now;
  in_doubt_ = true;
}

bool Machine::inspected(SteadyTime now, const Status& outcome, Duration took, bool look_failed) {
  pay(now, took);
  inspects_since_list_ += std::max(took, shortest_inspect);
  inspects_since_containers_ += std::max(took, shortest_inspect);
  return judge(now, outcome, look_failed);
}

bool Machine::judge(SteadyTime now, const Status& outcome, bool look_failed) {
  if (outcome.ok()) {
    timeouts_in_a_row_ = failures_in_a_row_ = 0;
    inspect_pause_ = pause_ = Duration::zero();
    next_inspect_.reset();
    return false;
  }
  const Error& error = outcome.error();
  timeouts_in_a_row_ = error.reason == Reason::timeout ? timeouts_in_a_row_ + 1 : 0;
  look_failed_ = look_failed_ || look_failed;
  if (look_failed || !concerns_one_image(error) || timeouts_in_a_row_ >= timeouts_of_a_hanging_engine) {
    went_away(now, error);
    return true;
  }
  if (++failures_in_a_row_ >= failures_before_a_pause) {
    failures_in_a_row_ = 0;
    inspect_pause_ = longer(inspect_pause_);
    next_inspect_ = now + jittered(inspect_pause_, random_);
  }
  return false;
}

void Machine::pay(SteadyTime now, Duration took) {
  budget_.spend(now, took);
  bells_lead_ = std::max(bells_lead_ - took, Duration::zero());
}

void Machine::look_failed(SteadyTime now, const Error& error) {
  look_failed_ = true;
  went_away(now, error);
}

void Machine::went_away(SteadyTime now, const Error& error) {
  timeouts_in_a_row_ = 0;
  up_ = in_doubt_ = false;
  away_ = error;
  pause_ = longer(pause_);
  next_look_ = now + jittered(pause_, random_);
}

Duration Machine::longer(Duration pause) const {
  return std::clamp(2 * pause, std::min(first_pause, options_.interval), options_.interval);
}

Duration Machine::list_interval(const Facts& facts) const {
  return list_interval(facts, list_took_);
}

Duration Machine::list_interval(const Facts& facts, Duration took) const {
  return paid_interval(vouches(facts.events) ? options_.full_interval : options_.interval, facts, took);
}

Duration Machine::paid_interval(Duration wanted, const Facts& facts, Duration took) const {
  const Duration turn = facts.due_inspections > 0 ? 2 * took : took;
  return std::clamp(budget_.period_of(turn), wanted, longest_interval);
}

Duration Machine::freshness(Duration interval) const {
  return std::max(options_.stale_after, 2 * interval);
}

SteadyTime Machine::fresh_until(SteadyTime confirmed, const Facts& facts) const {
  const bool looks_confirm = vouches(facts.events) && !list_wanted_;
  return confirmed + freshness(looks_confirm ? options_.interval
                                             : paid_interval(options_.interval, facts, good_list_took_));
}

}  // namespace repodigest::poll
