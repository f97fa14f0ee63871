// A clock that stands still until the test moves it.
#pragma once

#include "repodigest/base/cancel.h"
#include "repodigest/base/clock.h"

namespace repodigest::support {

/// Thread rule: one thread.
class FakeClock final : public Clock {
 public:
  [[nodiscard]] SteadyTime now() const override { return SteadyTime(since_start_); }
  [[nodiscard]] WallTime wall() const override {
    return WallTime(
        std::chrono::duration_cast<WallTime::duration>(std::chrono::hours(24 * 365 * 50) + since_start_));
  }
  void wait(SteadyTime until, const Cancel& cancel) const override {
    if (!cancel.ended() && until > now()) since_start_ = until.time_since_epoch();
  }
  void advance(Duration duration) { since_start_ += duration; }

 private:
  mutable Duration since_start_ = std::chrono::hours(1);
};

}  // namespace repodigest::support
