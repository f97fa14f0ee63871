#include "repodigest/base/clock.h"

#include "repodigest/base/cancel.h"

namespace repodigest {
namespace {

class SystemClock final : public Clock {
 public:
  [[nodiscard]] SteadyTime now() const override { return std::chrono::steady_clock::now(); }
  [[nodiscard]] WallTime wall() const override { return std::chrono::system_clock::now(); }
  void wait(SteadyTime until, const Cancel& cancel) const override {
    // Whether it was the time or the cancel that ended it is the caller's to see.
    static_cast<void>(cancel.until(until).wait(-1, 0));
  }
};

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace repodigest
