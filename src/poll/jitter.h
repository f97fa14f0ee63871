// Pauses that differ from program to program.
#pragma once

#include <chrono>
#include <random>

#include "repodigest/base/clock.h"

namespace repodigest::poll {

/// Up to a fifth shorter: a fleet that lost its engines together must not come back together.
inline Duration jittered(Duration pause, std::minstd_rand& random) {
  std::uniform_real_distribution<double> share(0.8, 1.0);
  return std::chrono::duration_cast<Duration>(pause * share(random));
}

}  // namespace repodigest::poll
