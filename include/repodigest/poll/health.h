// How the polling goes, as of now: what exposition shows beside the snapshot.
#pragma once

#include <optional>
#include <string>

#include "repodigest/base/clock.h"
#include "repodigest/base/mutex.h"
#include "repodigest/base/result.h"
#include "repodigest/poll/doorbell.h"

namespace repodigest::poll {

/// A copy of the state at one moment.
struct Health {
  bool up = false;                  ///< the last light call was answered
  bool ready = false;               ///< a first complete list was seen
  std::optional<Error> last_error;  ///< of the latest failed poll; nothing after a good one
  std::optional<WallTime> last_error_at;
  Duration poll_interval{};  ///< the effective one
  Duration list_interval{};
  std::optional<Duration> list_duration;   ///< of the latest complete list
  std::optional<WallTime> last_confirmed;  ///< when the inventory was last confirmed
  std::optional<WallTime> last_list;       ///< when the latest complete list ended
  Stream events = Stream::off;
  /// What the engine may be asked for, in seconds with a request under way (DESIGN: the budget).
  struct Spending {
    double max_share = 0;  ///< --poll.max-engine-share
    Duration credit{};     ///< of the main part; negative is debt
    Duration reserve{};    ///< for what events ask
    friend bool operator==(const Spending&, const Spending&) = default;
  } budget;
  std::optional<SteadyTime>
      confirmed_until;  ///< stale after this moment; nothing before the first confirmation

  /// Stale: something was confirmed once, but too long ago (CONTRACT, "Away and stale").
  [[nodiscard]] bool stale(SteadyTime now) const { return confirmed_until && now > *confirmed_until; }
};

/// Written by the poll driver, read by the web's workers. Any thread.
class HealthBoard {
 public:
  void set(Health health) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    health_ = std::move(health);
  }
  [[nodiscard]] Health get() const EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return health_;
  }

 private:
  mutable Mutex mutex_;
  Health health_ GUARDED_BY(mutex_);
};

}  // namespace repodigest::poll
