#include "repodigest/poll/budget.h"

#include <gtest/gtest.h>

#include <random>

namespace repodigest::poll {
namespace {

using namespace std::chrono_literals;

const SteadyTime start(1000h);

TEST(Budget, StartsWithTenSecondsOfWhichAFifthIsForEvents) {
  const Budget budget(0.1);
  EXPECT_EQ(budget.credit(start), 8s);
  EXPECT_EQ(budget.reserve(start), 2s);
  EXPECT_EQ(budget.earliest(start), start);
  EXPECT_EQ(budget.earliest_for_event(start), start);
}

TEST(Budget, FillsAtItsShareUpToWhereItStarted) {
  Budget budget(0.1);
  budget.spend(start, 8s);
  EXPECT_EQ(budget.credit(start), 0s);
  EXPECT_EQ(budget.credit(start + 50s), 4s) << "four fifths of a tenth";
  EXPECT_EQ(budget.credit(start + 1h), 8s);
}

TEST(Budget, ARequestIsPaidAfterwardsWhateverItTook) {
  Budget budget(0.1);
  budget.spend(start, 92s);
  EXPECT_EQ(budget.credit(start), -84s);
  const SteadyTime earliest = budget.earliest(start);
  EXPECT_GE(earliest, start + 1050s);
  EXPECT_LE(earliest, start + 1050s + 1us);
  EXPECT_GT(budget.credit(earliest), 0s) << "whoever waits for it finds credit";
}

TEST(Budget, WithoutACreditOfExactlyNothingThereIsSomethingToWaitFor) {
  Budget budget(1);
  budget.spend(start, 8s);
  EXPECT_GT(budget.earliest(start), start);
  EXPECT_GT(budget.credit(budget.earliest(start)), 0s);
}

TEST(Budget, TheDebtOfALongListDoesNotBlockWhatEventsAsk) {
  Budget budget(0.1);
  budget.spend(start, 300s);
  EXPECT_EQ(budget.earliest_for_event(start), start);
  budget.spend_for_event(start, 500ms);
  EXPECT_EQ(budget.reserve(start), 1500ms);
  EXPECT_EQ(budget.credit(start), -292s);
}

TEST(Budget, EventsPayFromTheMainPartWhileItHasCredit) {
  Budget budget(0.1);
  budget.spend_for_event(start, 3s);
  EXPECT_EQ(budget.credit(start), 5s);
  EXPECT_EQ(budget.reserve(start), 2s);
}

TEST(Budget, EventsWaitForTheEarlierOfBothParts) {
  Budget budget(0.5);
  budget.spend(start, 10s);
  budget.spend_for_event(start, 3s);
  EXPECT_EQ(budget.reserve(start), -1s);
  const SteadyTime earliest = budget.earliest_for_event(start);
  EXPECT_EQ(earliest, budget.earliest(start)) << "2 s at four fifths of the share, not 1 s at one";
  EXPECT_GT(earliest, start);
}

TEST(Budget, LooksArePaidAsFarAsThereIsCreditAndMakeNoDebt) {
  Budget budget(0.1);
  budget.spend_for_look(start, 3s);
  EXPECT_EQ(budget.credit(start), 5s);
  budget.spend_for_look(start, 30s);
  EXPECT_EQ(budget.credit(start), 0s);
  budget.spend(start, 5s);
  budget.spend_for_look(start, 30s);
  EXPECT_EQ(budget.credit(start), -5s) << "a debt stays as it is";
}

TEST(Budget, TellsHowFarRequestsMustLieApart) {
  const Budget budget(0.1);
  EXPECT_NEAR(to_seconds(budget.period_of(2s)), 25, 1e-6);
  EXPECT_EQ(budget.period_of(0s), 0s);
}

TEST(Budget, ATinyShareMakesLongWaitsButNoNonsense) {
  Budget budget(1e-12);
  budget.spend(start, 300s);
  EXPECT_GT(budget.earliest(start), start + 24h * 365 * 49);
  EXPECT_GT(budget.period_of(300s), 24h * 365 * 49);
}

TEST(Budget, ManySmallRequestsNeverSpendMoreThanCreditShareAndOneRequest) {
  std::mt19937_64 random(1);
  for (const double share : {0.01, 0.1, 1.0}) {
    Budget budget(share);
    SteadyTime now = start;
    Duration main{};
    Duration for_events{};
    Duration longest{};
    for (int i = 0; i < 20'000; ++i) {
      const Duration took(random() % 50'000'000);
      longest = std::max(longest, took);
      if (random() % 3 == 0) {
        now = budget.earliest_for_event(now) + took;
        (budget.credit(now) > 0s ? main : for_events) += took;
        budget.spend_for_event(now, took);
      } else {
        now = budget.earliest(now) + took;
        main += took;
        budget.spend(now, took);
      }
      const double passed = to_seconds(now - start) * share;
      ASSERT_LE(to_seconds(main), 8 + 0.8 * passed + to_seconds(longest));
      ASSERT_LE(to_seconds(for_events), 2 + 0.2 * passed + to_seconds(longest));
    }
  }
}

}  // namespace
}  // namespace repodigest::poll
