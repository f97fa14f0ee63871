#include <gtest/gtest.h>

#include "machine_fixture.h"
#include "repodigest/poll/machine.h"

namespace repodigest::poll {
namespace {

/// A machine with an open stream, that has looked and listed.
class MachineWithEvents : public MachineTest {
 protected:
  void SetUp() override {
    stream(Stream::up);
    good_look({.images = 100});
    good_list();
  }
  void ring() { facts_.events.rang_at = now_; }
  void take(std::size_t questions, bool anything = false) {
    ASSERT_EQ(next(), Action::take_bells);
    facts_.events.rang_at.reset();
    facts_.rung = questions;
    machine_.took_bells(anything);
  }
  void ask(Duration took = 0s, bool given_up = false) {
    ASSERT_EQ(next(), Action::ask_rung);
    now_ += took;
    ASSERT_GT(facts_.rung, 0U);
    --facts_.rung;
    EXPECT_FALSE(machine_.asked_rung(now_, {}, took, given_up));
  }
  std::size_t counts_within(Duration time, std::optional<std::size_t> images) {
    std::size_t counts = 0;
    const SteadyTime end = now_ + time;
    while (now_ < end) {
      const Step step = machine_.next(now_, facts_);
      if (step.action == Action::wait) now_ = std::min(step.until, end);
      if (step.action != Action::wait && step.action != Action::look) return counts;
      if (step.action != Action::look) continue;
      if (step.count) ++counts;
      confirmed_ = machine_.looked(now_, Seen{.images = step.count ? images : std::nullopt}, 0s, facts_);
    }
    return counts;
  }
};

TEST_F(MachineWithEvents, AQuietLookConfirmsAndListsRestForTheFullInterval) {
  now_ = start_ + 60s;
  EXPECT_TRUE(good_look());
  EXPECT_EQ(machine_.list_interval(facts_), 1h);
  ASSERT_EQ(wants_before(start_ + 2h), Action::list);
  EXPECT_EQ(now_, start_ + 1h);
  EXPECT_TRUE(confirmed_) << "that a list is due by its time is no doubt";
}

TEST_F(MachineWithEvents, IsFreshForTwoIntervalsOfLooksBecauseLooksConfirm) {
  EXPECT_EQ(machine_.fresh_until(now_, facts_), now_ + 300s);
  stream(Stream::down);
  EXPECT_EQ(machine_.fresh_until(now_, facts_), now_ + 300s) << "a list took no time";
}

TEST_F(MachineWithEvents, WhereAQuietStreamProvesNothingEachIntervalLists) {
  ASSERT_EQ(wants_before(start_ + 1h, {.announces_every_change = false}), Action::list);
  EXPECT_EQ(now_, start_ + 60s);
  EXPECT_FALSE(confirmed_);
}

TEST_F(MachineWithEvents, WithoutAStreamEachIntervalLists) {
  stream(Stream::off);
  ASSERT_EQ(wants_before(start_ + 1h), Action::list);
  EXPECT_EQ(now_, start_ + 60s);
  EXPECT_FALSE(confirmed_);
}

TEST_F(MachineWithEvents, AfterAGapItLooksAndListsAndUntilThenNothingIsConfirmed) {
  ASSERT_EQ(wants_before(start_ + 10min), std::nullopt);
  stream(Stream::up);  // reopened before anyone saw that it was closed
  EXPECT_FALSE(good_look());
  good_list();
  now_ += 60s;
  EXPECT_TRUE(good_look());
}

TEST_F(MachineWithEvents, AListThatBeganBeforeTheStreamWasOpenedVouchesForNothing) {
  ASSERT_EQ(wants_before(start_ + 2h), Action::list);
  stream(Stream::up);  // while it is under way
  now_ += 2s;
  machine_.listed(now_, {}, 2s, true);
  EXPECT_EQ(wants_before(now_ + 1h), Action::list);
  EXPECT_FALSE(confirmed_);
}

TEST_F(MachineWithEvents, AStreamThatIsLostIsGivenTheTimeToComeBackBeforeTheList) {
  ASSERT_EQ(wants_before(start_ + 10min + 30s), std::nullopt);
  stream(Stream::down);
  EXPECT_EQ(waits_until(), now_ + 3s);
  now_ += 1s;
  stream(Stream::connecting);
  EXPECT_EQ(waits_until(), now_ + 1s);
  now_ += 10ms;
  stream(Stream::up);
  good_look();
  good_list();
  EXPECT_EQ(wants_before(now_ + 59min), std::nullopt) << "that list left no gap";
}

TEST_F(MachineWithEvents, AStreamThatDoesNotComeIsNotWaitedForLongerThanASecond) {
  machine_ = Machine({.containers = false});
  facts_ = {};
  good_look();
  stream(Stream::connecting);
  EXPECT_EQ(waits_until(), now_ + 1s);
  now_ += 500ms;
  EXPECT_EQ(waits_until(), now_ + 500ms) << "from when it was first seen";
  now_ += 500ms;
  good_list();
}

TEST_F(MachineWithEvents, AStreamThatBreaksAgainAndAgainMakesOneListAnIntervalAtMost) {
  std::size_t lists = 0;
  while (now_ < start_ + 1h) {
    stream(Stream::up);
    if (wants_before(now_ + 1s) != Action::list) continue;
    ++lists;
    good_list();
  }
  EXPECT_LE(lists, 60U);
  EXPECT_GE(lists, 50U);
}

TEST_F(MachineWithEvents, BellsWaitForOthersForATenthOfASecondThenAreAskedAbout) {
  now_ += 10s;
  ring();
  EXPECT_EQ(waits_until(), now_ + 100ms);
  now_ += 100ms;
  take(2);
  ask();
  ask();
  EXPECT_EQ(waits_until(), start_ + 60s);
}

TEST_F(MachineWithEvents, ALookWhileSomethingRangConfirmsNothing) {
  now_ = start_ + 60s;
  ring();
  EXPECT_FALSE(good_look());
  now_ += 100ms;
  take(1);
  now_ = start_ + 120s;
  EXPECT_FALSE(good_look());
  ask();
  now_ = start_ + 180s;
  EXPECT_TRUE(good_look());
}

TEST_F(MachineWithEvents, BellsThatNeverRestLeadToAListBeforeWhatIsKnownIsStale) {
  const SteadyTime stale_at = machine_.fresh_until(start_, facts_);
  for (int minute = 1; minute <= 2; ++minute) {
    now_ = start_ + minute * 60s;
    ring();
    EXPECT_FALSE(good_look());
    EXPECT_EQ(next(), Action::wait) << "a list for each look that hears a bell would be many";
  }
  now_ = start_ + 180s;
  ring();
  EXPECT_FALSE(good_look());
  EXPECT_EQ(next(), Action::list);
  EXPECT_LT(now_, stale_at);
}

TEST_F(MachineWithEvents, WhatOnlyAListCanConfirmIsFreshForTwoOfItsIntervals) {
  ASSERT_EQ(wants_before(start_ + 2h), Action::list);
  good_list(90s);
  const SteadyTime listed = now_;
  ring();
  ASSERT_EQ(wants_before(now_ + 60s), Action::take_bells);
  take(0, true);
  EXPECT_GE(machine_.fresh_until(listed, facts_), listed + 2 * 1125s)
      << "as without events: the budget pays for no list before";
}

TEST_F(MachineWithEvents, QuietLooksStopConfirmingAnEngineThatIsNoLongerListed) {
  ASSERT_EQ(wants_before(start_ + 2h), Action::list);
  while (now_ < start_ + 4h) {
    const Step step = machine_.next(now_, facts_);
    if (step.action == Action::wait) now_ = step.until;
    if (step.action == Action::look) confirmed_ = machine_.looked(now_, Seen(), 0s, facts_);
    if (step.action == Action::list) machine_.listed(now_, broken, 0s, false);
    if (now_ < start_ + 119min && step.action == Action::look) {
      EXPECT_TRUE(confirmed_);
    }
  }
  EXPECT_FALSE(confirmed_);
}

TEST_F(MachineWithEvents, ABellThatSaysAnythingLeadsToAListAnIntervalAfterTheLast) {
  now_ += 10s;
  ring();
  now_ += 100ms;
  take(0, true);
  ASSERT_EQ(wants_before(start_ + 1h), Action::list);
  EXPECT_EQ(now_, start_ + 60s);
  EXPECT_FALSE(confirmed_);
}

TEST_F(MachineWithEvents, AQuestionGivenUpLeadsToAList) {
  now_ += 10min;
  ring();
  now_ += 100ms;
  good_look();
  take(1);
  ask(0s, true);
  EXPECT_EQ(next(), Action::list);
}

TEST_F(MachineWithEvents, AfterTheEngineWasAwayItIsListed) {
  ASSERT_EQ(wants_before(start_ + 10min), std::nullopt);
  failed_look();
  now_ = waits_until();
  EXPECT_FALSE(good_look());
  EXPECT_EQ(next(), Action::list);
}

TEST_F(MachineWithEvents, TheDebtOfAListDoesNotDelayBells) {
  ASSERT_EQ(wants_before(start_ + 2h), Action::list);
  good_list(90s);
  good_look();
  ring();
  now_ += 100ms;
  take(1);
  ask(30ms);
  EXPECT_LT(machine_.budget().reserve(now_), 2s);
}

TEST_F(MachineWithEvents, ARowOfMissingImagesIsNoTroubleOfTheEngine) {
  ring();
  now_ += 100ms;
  take(100);
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(next(), Action::ask_rung);
    EXPECT_FALSE(machine_.asked_rung(now_, missing, 0s, false));
  }
  facts_ = {.due_inspections = 1, .events = facts_.events};
  EXPECT_EQ(next(), Action::inspect);
}

TEST_F(MachineWithEvents, AStormOfBellsTakesTurnsWithListsAndInspects) {
  machine_ = Machine({.interval = 60s, .full_interval = 60s, .containers = false});
  facts_.rung = 1'000'000;
  facts_.due_inspections = 1'000'000;
  Duration bells{};
  Duration lists{};
  Duration inspects{};
  while (now_ < start_ + 6h) {
    const Step step = machine_.next(now_, facts_);
    if (step.action == Action::wait) now_ = step.until;
    if (step.action == Action::look) machine_.looked(now_, Seen(), 0s, facts_);
    if (step.action == Action::list) {
      lists += 2s;
      now_ += 2s;
      machine_.listed(now_, {}, 2s, true);
    }
    if (step.action == Action::inspect) {
      inspects += 50ms;
      now_ += 50ms;
      EXPECT_FALSE(machine_.inspected(now_, {}, 50ms));
    }
    if (step.action == Action::ask_rung) {
      bells += 50ms;
      now_ += 50ms;
      EXPECT_FALSE(machine_.asked_rung(now_, {}, 50ms, false));
    }
  }
  const double main = 6 * 3600 * 0.08;
  EXPECT_GE(to_seconds(lists + inspects), 0.4 * main);
  EXPECT_GE(to_seconds(lists), 0.15 * main);
  EXPECT_GE(to_seconds(inspects), 0.15 * main);
  EXPECT_GE(to_seconds(bells), 0.4 * main);
}

// --- Counts of images.

TEST_F(MachineWithEvents, TheLookBeforeAListCountsAndThenOneEveryFiveMinutes) {
  machine_ = Machine({.containers = false});
  good_look();
  good_list();  // the first look did not know yet what this engine announces
  EXPECT_EQ(counts_within(1h - 1s, 100), 12U);
  EXPECT_TRUE(confirmed_);
  now_ = start_ + 1h;
  EXPECT_TRUE(machine_.next(now_, facts_).count) << "a list follows";
}

TEST_F(MachineWithEvents, ACountMayTakeAThousandthOfTheTime) {
  now_ += 5min;
  const Step step = machine_.next(now_, facts_);
  ASSERT_TRUE(step.count);
  now_ += 1s;
  machine_.looked(now_, Seen{.images = 100}, 1s, facts_);
  EXPECT_EQ(counts_within(990s, 100), 0U);
  EXPECT_EQ(counts_within(2min, 100), 1U);
}

TEST_F(MachineWithEvents, AnotherCountThoughNothingRangLeadsToAList) {
  EXPECT_EQ(counts_within(20min, 100), 4U);
  EXPECT_TRUE(confirmed_);
  EXPECT_EQ(counts_within(20min, 101), 1U);
  EXPECT_FALSE(confirmed_);
  good_list();
  EXPECT_EQ(counts_within(9min, 101), 1U);
  EXPECT_TRUE(confirmed_);
}

TEST_F(MachineWithEvents, AfterBellsACountOnlyBecomesTheNextToCompareWith) {
  EXPECT_EQ(counts_within(6min + 30s, 100), 2U);
  ring();
  now_ += 100ms;
  take(1);
  ask();
  EXPECT_EQ(counts_within(6min, 101), 1U);
  EXPECT_TRUE(confirmed_);
  EXPECT_EQ(counts_within(6min, 102), 1U);
  EXPECT_FALSE(confirmed_);
  EXPECT_EQ(next(), Action::list);
}

TEST_F(MachineWithEvents, CountsThatChangeForNothingAreMadeLessAndLess) {
  std::size_t images = 100;
  std::size_t lists = 0;
  while (now_ < start_ + 24h) {
    if (wants_before(start_ + 24h, {.images = ++images}) != Action::list) continue;
    ++lists;
    good_list(0s, false);
  }
  EXPECT_LE(lists, 30U);
  EXPECT_GE(lists, 20U);
}

TEST_F(MachineWithEvents, AProxyThatGivesNoCountIsNoReasonToList) {
  EXPECT_EQ(counts_within(30min, std::nullopt), 6U);
  EXPECT_TRUE(confirmed_);
}

TEST_F(MachineWithEvents, NothingIsCountedWhereEachIntervalListsAnyway) {
  stream(Stream::off);
  for (int i = 1; i < 10; ++i) {
    now_ = start_ + i * 60s;
    const Step step = machine_.next(now_, facts_);
    ASSERT_EQ(step.action, Action::look);
    EXPECT_FALSE(step.count);
    machine_.looked(now_, Seen(), 0s, facts_);
    good_list();
  }
}

// --- Containers.

class MachineWithContainers : public MachineWithEvents {
 protected:
  void SetUp() override {
    machine_ = Machine({.seed = 7});
    MachineWithEvents::SetUp();
  }
  void containers(Duration took = 0s) {
    ASSERT_EQ(next(), Action::containers);
    now_ += took;
    machine_.listed_containers(now_, took);
  }
};

TEST_F(MachineWithContainers, AreAskedForOnceAfterEachLook) {
  containers();
  EXPECT_EQ(waits_until(), start_ + 60s);
  now_ = start_ + 60s;
  good_look();
  containers();
  EXPECT_EQ(waits_until(), start_ + 120s);
}

TEST_F(MachineWithContainers, AreAskedForAfterTheLastOfARowOfBells) {
  containers();
  ring();
  now_ += 100ms;
  take(2);
  ask();
  ask();
  containers();
  EXPECT_EQ(waits_until(), start_ + 60s);
}

TEST_F(MachineWithContainers, WaitForTheBudget) {
  ASSERT_EQ(next(), Action::containers);
  machine_.listed_containers(now_, 8s);
  now_ = start_ + 60s;
  good_look();
  containers();
  EXPECT_EQ(wants_before(start_ + 119s), std::nullopt);
}

TEST_F(MachineWithContainers, AreNotAskedForWhileTheEngineIsAway) {
  containers();
  now_ = start_ + 60s;
  failed_look();
  const Step step = machine_.next(now_, facts_);
  EXPECT_EQ(step.action, Action::wait);
}

TEST_F(MachineWithContainers, GetTheirTurnBetweenListsThatUseUpTheBudget) {
  stream(Stream::off);
  containers();
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(wants_before(now_ + 1h), Action::list);
    good_list(20s);
    ASSERT_EQ(wants_before(now_ + 1h), Action::containers);
    containers();
  }
}

TEST_F(MachineWithContainers, TakeTurnsWithInspectsHoweverOftenBellsAskForThem) {
  facts_.due_inspections = 1'000'000;
  std::size_t inspects = 0;
  while (now_ < start_ + 1h) {
    const Step step = machine_.next(now_, facts_);
    if (step.action == Action::wait) now_ = step.until;
    if (step.action == Action::look) machine_.looked(now_, Seen(), 0s, facts_);
    if (step.action == Action::list) machine_.listed(now_, {}, 0s, true);
    if (step.action == Action::inspect) {
      ++inspects;
      now_ += 50ms;
      EXPECT_FALSE(machine_.inspected(now_, {}, 50ms));
    }
    if (step.action == Action::containers) {
      now_ += 500ms;
      machine_.listed_containers(now_, 500ms);
      facts_.rung = 1;
    }
    if (step.action == Action::ask_rung) {
      facts_.rung = 0;
      EXPECT_FALSE(machine_.asked_rung(now_, {}, 1ms, false));
    }
  }
  EXPECT_GE(inspects, 3600 * 0.08 / 2 / 0.05 * 0.8);
}

}  // namespace
}  // namespace repodigest::poll
