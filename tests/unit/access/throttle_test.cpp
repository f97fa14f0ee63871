#include "repodigest/access/throttle.h"

#include <gtest/gtest.h>

namespace repodigest::access {
namespace {

using std::chrono::milliseconds;

TEST(Throttle, LetsABurstInAndThenOneEachInterval) {
  Throttle throttle({milliseconds(100), 3});
  const SteadyTime start{std::chrono::hours(1)};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(throttle.take(start));
  EXPECT_FALSE(throttle.take(start));
  EXPECT_FALSE(throttle.take(start + milliseconds(99)));
  EXPECT_TRUE(throttle.take(start + milliseconds(100)));
  EXPECT_FALSE(throttle.take(start + milliseconds(199)));
  EXPECT_TRUE(throttle.take(start + milliseconds(200)));
}

TEST(Throttle, IsFullAgainAfterALongRestAndNotFuller) {
  Throttle throttle({milliseconds(100), 2});
  const SteadyTime start{std::chrono::hours(1)};
  EXPECT_TRUE(throttle.take(start));
  EXPECT_TRUE(throttle.take(start));
  const SteadyTime later = start + std::chrono::hours(24);
  EXPECT_TRUE(throttle.take(later));
  EXPECT_TRUE(throttle.take(later));
  EXPECT_FALSE(throttle.take(later));
}

}  // namespace
}  // namespace repodigest::access
