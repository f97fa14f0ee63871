#include "facade/busy.h"

#include <gtest/gtest.h>

#include <optional>

#include "support/fake_clock.h"

namespace repodigest::facade {
namespace {

using std::chrono::seconds;

TEST(BusyTime, CountsTimeOnceHoweverManyCallsAreUnderWay) {
  support::FakeClock clock;
  TimeCounter total;
  BusyTime busy(total, clock);
  std::optional<BusyTime::Call> one;
  std::optional<BusyTime::Call> two;
  one.emplace(busy);
  clock.advance(seconds(1));
  two.emplace(busy);
  clock.advance(seconds(2));
  one.reset();
  EXPECT_EQ(total.seconds(), 3) << "what has passed counts while the other goes on";
  clock.advance(seconds(4));
  two.reset();
  EXPECT_EQ(total.seconds(), 7);
  clock.advance(seconds(100));
  one.emplace(busy);
  clock.advance(seconds(1));
  one.reset();
  EXPECT_EQ(total.seconds(), 8) << "the time between calls does not count";
}

}  // namespace
}  // namespace repodigest::facade
