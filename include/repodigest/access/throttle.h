// How often requests are let in.
#pragma once

#include "repodigest/access/web_config.h"
#include "repodigest/base/clock.h"
#include "repodigest/base/mutex.h"

namespace repodigest::access {

/// A bucket of `burst` tokens, full at first, that gets one each `interval` (golang.org/x/time/rate). Any
/// thread.
class Throttle {
 public:
  explicit Throttle(const RateLimit& limit) : limit_(limit) {}
  /// Takes a token, if there is one.
  [[nodiscard]] bool take(SteadyTime now) EXCLUDES(mutex_);

 private:
  const RateLimit limit_;
  Mutex mutex_;
  SteadyTime full_at_ GUARDED_BY(mutex_){};  ///< when all tokens will be back
};

}  // namespace repodigest::access
