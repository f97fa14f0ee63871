// Time as the rest of the house sees it: one interface, so that tests can hold it still.
#pragma once

#include <chrono>

namespace repodigest {

class Cancel;

using SteadyTime = std::chrono::steady_clock::time_point;  ///< for waiting and ages; never jumps
using WallTime = std::chrono::system_clock::time_point;    ///< for timestamps that people and Prometheus read
using Duration = std::chrono::nanoseconds;

/// Seconds as a double, as Prometheus wants every duration.
constexpr double to_seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

/// One of the house's three interfaces (DESIGN: transport, clock, file system). Any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual SteadyTime now() const = 0;
  [[nodiscard]] virtual WallTime wall() const = 0;
  /// Returns at `until`, or earlier when `cancel` ends.
  virtual void wait(SteadyTime until, const Cancel& cancel) const = 0;
};

/// The machine's clocks; lives for the whole program.
const Clock& system_clock();

}  // namespace repodigest
