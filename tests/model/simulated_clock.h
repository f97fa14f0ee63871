// Time that jumps: a wait is over at once, and what was to happen meanwhile has happened, at its times.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <utility>

#include "repodigest/base/cancel.h"
#include "repodigest/base/clock.h"

namespace repodigest::model {

/// Thrown, and caught by nobody but the test, when the time is asked for again and again and nobody waits.
struct TimeStandsStill {};

/// Begins in the far past of the machine's own clock: whoever waits on that one by mistake finds its deadline
/// passed. Thread rule: one thread.
class SimulatedClock final : public Clock {
 public:
  /// Called before time goes on, when whatever was done until now can be seen.
  std::function<void()> before_time_goes_on = [] {};

  [[nodiscard]] SteadyTime now() const override {
    if (++looks_ > most_looks) throw TimeStandsStill();
    return now_;
  }
  [[nodiscard]] WallTime wall() const override {
    return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::hours(24 * 365 * 57) +
                                                                   now_.time_since_epoch()));
  }
  void wait(SteadyTime until, const Cancel& cancel) const override {
    if (++looks_ > most_looks) throw TimeStandsStill();
    before_time_goes_on();
    if (!cancel.ended()) go_on(until, &cancel);
  }

  /// Time in which nothing can be cancelled: what a call takes.
  void advance(Duration duration) const {
    before_time_goes_on();
    go_on(now_ + duration, nullptr);
  }
  /// Lets `what` happen at that time; what is past happens next. It may plan more, and must not let time
  /// pass.
  void at(SteadyTime time, std::function<void()> what) { plans_.emplace(time, std::move(what)); }
  void in(Duration pause, std::function<void()> what) { at(now_ + pause, std::move(what)); }

  /// A line of what happens, with its time, on stdout if SIMULATION_TRACE is set.
  template <typename... Texts>
  void trace(const Texts&... texts) const {
    static const bool wanted = std::getenv("SIMULATION_TRACE") != nullptr;
    if (!wanted) return;
    std::cout << to_seconds(now_ - start) << ' ';
    ((std::cout << texts), ...) << '\n';
  }

 private:
  static constexpr std::size_t most_looks = 200'000;

  void go_on(SteadyTime until, const Cancel* cancel) const {
    while (!plans_.empty() && plans_.begin()->first <= until) {
      const auto plan = plans_.extract(plans_.begin());
      move_to(plan.key());
      plan.mapped()();
      if (cancel != nullptr && cancel->ended()) return;
    }
    move_to(until);
  }
  void move_to(SteadyTime time) const {
    if (time <= now_) return;
    now_ = time;
    looks_ = 0;
  }

  static constexpr SteadyTime start{std::chrono::hours(-24 * 365)};
  mutable SteadyTime now_ = start;
  mutable std::size_t looks_ = 0;
  mutable std::multimap<SteadyTime, std::function<void()>> plans_;
};

}  // namespace repodigest::model
