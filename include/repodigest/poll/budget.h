// What polling may cost the engine: a token bucket with debt, in seconds with a request under way. Without a
// clock of its own.
#pragma once

#include "repodigest/base/clock.h"

namespace repodigest::poll {

/// Starts with ten seconds of credit and fills by `share` seconds each second up to that again. A fifth of
/// both is a reserve for what events ask: the debt of a long list never blocks it. A request may be made
/// while there is credit, however small, and is paid for afterwards, whatever it took. Thread rule: one
/// thread.
class Budget {
 public:
  static constexpr Duration full = std::chrono::seconds(10);

  /// `share` of the time, above 0 and at most 1.
  explicit Budget(double share);

  /// Paid from the main part.
  void spend(SteadyTime now, Duration took);
  /// A look, which waits for no credit: paid as far as there is some, because looks of an engine that hangs
  /// would else make a debt that keeps lists away for days.
  void spend_for_look(SteadyTime now, Duration took);
  /// What an event asked: paid from the main part while that has credit, else from the reserve.
  void spend_for_event(SteadyTime now, Duration took);

  /// The earliest time, `now` or later, from which there is credit for a request, or for one of an event.
  [[nodiscard]] SteadyTime earliest(SteadyTime now) const;
  [[nodiscard]] SteadyTime earliest_for_event(SteadyTime now) const;

  /// Credit of the main part and of the reserve; negative is debt.
  [[nodiscard]] Duration credit(SteadyTime now) const;
  [[nodiscard]] Duration reserve(SteadyTime now) const;
  /// How long requests that take `took` must lie apart so that the main part pays for them in the long run.
  [[nodiscard]] Duration period_of(Duration took) const;

 private:
  struct Bucket {
    Duration capacity;
    double rate;  // seconds a second
    Duration credit_then;
    SteadyTime then{};
    bool started = false;

    [[nodiscard]] Duration credit(SteadyTime now) const;
    [[nodiscard]] SteadyTime earliest(SteadyTime now) const;
    void spend(SteadyTime now, Duration took);
  };
  Bucket main_;
  Bucket reserve_;
};

}  // namespace repodigest::poll
