#include "repodigest/poll/machine.h"

#include <algorithm>

namespace repodigest::poll {
namespace {

constexpr Duration first_pause = std::chrono::seconds(1);
// A list that takes a minute may come every ten minutes: a tenth of the time is what polling may cost an
// engine (DESIGN 2).
constexpr int list_rest_factor = 10;
// One image that hangs is that image's trouble; three in a row are the engine's.
constexpr std::size_t timeouts_of_a_hanging_engine = 3;
// An engine that answers 500 to every inspect is not to be asked for ten thousand images in one go, three
// times each; a few dozen that are broken must not delay the others much.
constexpr std::size_t failures_before_a_pause = 30;
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

Machine::Machine(MachineOptions options)
    : options_(options), random_(static_cast<std::minstd_rand::result_type>(options.seed)) {
  options_.interval = std::min(options.interval, longest_interval);
  options_.stale_after = std::min(options.stale_after, longest_interval);
}

Step Machine::next(SteadyTime now, const Facts& facts) {
  // Before the time is looked at: looks that are slower than the interval must not keep the list from coming.
  if (phase_ == Phase::listing) return {Step::Action::list, now};
  if (!next_poll_ || now >= *next_poll_) {
    phase_ = Phase::waiting;
    poll_started_ = now;
    return {Step::Action::look, now};
  }
  // A retry that comes due between two polls waits for no look, unless a trouble ended the poll.
  SteadyTime until = *next_poll_;
  if (phase_ == Phase::inspecting) {
    const SteadyTime earliest = next_inspect_.value_or(now);
    if (facts.due_inspections > 0 && earliest <= now) return {Step::Action::inspect, now};
    if (facts.due_inspections > 0) until = std::min(until, earliest);
    if (facts.next_retry) until = std::min(until, std::max(*facts.next_retry, earliest));
  }
  return {Step::Action::wait, until};
}

void Machine::looked(SteadyTime now, const Status& outcome, bool another) {
  if (!outcome.ok()) {
    look_failed_ = true;
    return went_away(now, outcome.error());
  }
  if (another) {
    next_list_.reset();
  } else if (look_failed_ && next_list_) {
    // Nothing is known of what happened meanwhile. But if it was a list that the engine did not survive,
    // another one at once could keep it from ever coming up.
    next_list_ = std::min(*next_list_, now + list_pause_);
  }
  look_failed_ = false;
  up_ = true;
  away_.reset();
  next_poll_ = std::max(poll_started_ + options_.interval, now + (now - poll_started_));
  phase_ = !next_list_ || now >= *next_list_ ? Phase::listing : Phase::inspecting;
}

void Machine::listed(SteadyTime now, const Status& outcome, Duration took) {
  list_took_ = took;
  timeouts_in_a_row_ = 0;
  // Counted from its end, also of one that hung until its deadline: it cost the engine as much as one that
  // came.
  const SteadyTime rested = now + (list_rest_factor - 1) * took;
  if (outcome.ok()) {
    phase_ = Phase::inspecting;
    list_trouble_.reset();
    list_pause_ = pause_ = Duration::zero();
    next_list_ = std::max(poll_started_ + options_.interval, rested);
    return;
  }
  phase_ = Phase::waiting;
  list_trouble_ = outcome.error();
  list_pause_ = longer(list_pause_);
  next_list_ = std::max(now + jittered(list_pause_), rested);
  // The look before it tells whether the engine is still there; it must not come later than usual.
  next_poll_ = std::min(*next_poll_, *next_list_);
}

bool Machine::inspected(SteadyTime now, const Status& outcome, bool look_failed) {
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
    next_inspect_ = now + jittered(inspect_pause_);
  }
  return false;
}

void Machine::went_away(SteadyTime now, const Error& error) {
  phase_ = Phase::waiting;
  timeouts_in_a_row_ = 0;
  up_ = false;
  away_ = error;
  pause_ = longer(pause_);
  next_poll_ = now + jittered(pause_);
}

Duration Machine::longer(Duration pause) const {
  return std::clamp(2 * pause, std::min(first_pause, options_.interval), options_.interval);
}

Duration Machine::jittered(Duration pause) {
  // Up to a fifth shorter: a fleet that lost its engines together must not come back together.
  std::uniform_real_distribution<double> share(0.8, 1.0);
  return std::chrono::duration_cast<Duration>(pause * share(random_));
}

Duration Machine::list_interval() const {
  return std::max(options_.interval, list_rest_factor * list_took_);
}

SteadyTime Machine::fresh_until(SteadyTime now) const {
  return now + std::max(options_.stale_after, 2 * list_interval());
}

}  // namespace repodigest::poll
