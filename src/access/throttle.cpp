#include "repodigest/access/throttle.h"

#include <algorithm>

namespace repodigest::access {

bool Throttle::take(SteadyTime now) {
  const MutexLock lock(mutex_);
  const SteadyTime full_at = std::max(full_at_, now);
  // Each token that is out takes an interval to come back. A quotient: a product could be too large.
  const auto out = (full_at - now + limit_.interval - Duration(1)) / limit_.interval;
  if (static_cast<std::size_t>(out) >= limit_.burst) return false;
  full_at_ = full_at + limit_.interval;
  return true;
}

}  // namespace repodigest::access
