#include "repodigest/poll/budget.h"

#include <algorithm>
#include <cmath>

namespace repodigest::poll {
namespace {

constexpr double reserved = 0.2;
// Debt that takes longer to pay than this program will run; more would overflow where it is added to a time.
constexpr double longest_wait = 50.0 * 365 * 24 * 3600;

/// A duration of so many seconds, rounded up.
Duration rounded_up(double seconds) {
  return Duration(static_cast<Duration::rep>(std::ceil(std::min(seconds, longest_wait) * 1e9)));
}

}  // namespace

Budget::Budget(double share)
    : main_{full - full / 5, (1 - reserved) * share, full - full / 5},
      reserve_{full / 5, reserved * share, full / 5} {}

Duration Budget::Bucket::credit(SteadyTime now) const {
  if (!started || now <= then) return credit_then;
  const double missing = to_seconds(capacity - credit_then);
  const double filled = to_seconds(now - then) * rate;
  // Rounded down, so that many small steps never fill it faster than the rate.
  return filled >= missing ? capacity
                           : credit_then + Duration(static_cast<Duration::rep>(std::floor(filled * 1e9)));
}

SteadyTime Budget::Bucket::earliest(SteadyTime now) const {
  const Duration left = credit(now);
  if (left > Duration::zero()) return now;
  // A nanosecond above nothing, and one more for what rounding takes.
  return now + rounded_up((to_seconds(-left) + 2e-9) / rate) + Duration(1);
}

void Budget::Bucket::spend(SteadyTime now, Duration took) {
  credit_then = credit(now) - took;
  then = started ? std::max(then, now) : now;
  started = true;
}

void Budget::spend(SteadyTime now, Duration took) {
  main_.spend(now, took);
}

void Budget::spend_for_look(SteadyTime now, Duration took) {
  main_.spend(now, std::clamp(main_.credit(now), Duration::zero(), took));
}

void Budget::spend_for_event(SteadyTime now, Duration took) {
  (main_.credit(now) > Duration::zero() ? main_ : reserve_).spend(now, took);
}

SteadyTime Budget::earliest(SteadyTime now) const {
  return main_.earliest(now);
}

SteadyTime Budget::earliest_for_event(SteadyTime now) const {
  return std::min(main_.earliest(now), reserve_.earliest(now));
}

Duration Budget::credit(SteadyTime now) const {
  return main_.credit(now);
}

Duration Budget::reserve(SteadyTime now) const {
  return reserve_.credit(now);
}

Duration Budget::period_of(Duration took) const {
  return rounded_up(to_seconds(took) / main_.rate);
}

}  // namespace repodigest::poll
