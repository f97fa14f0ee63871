#include "repodigest/poll/machine.h"

#include <gtest/gtest.h>

#include <vector>

#include "machine_fixture.h"

namespace repodigest::poll {
namespace {

TEST_F(MachineTest, BeginsWithALookThenListsThenInspectsWhatIsDueThenWaits) {
  good_look();
  good_list();
  facts_.due_inspections = 2;
  EXPECT_EQ(next(), Action::inspect);
  EXPECT_FALSE(machine_.inspected(now_, {}, 0s));
  facts_.due_inspections = 1;
  EXPECT_EQ(next(), Action::inspect);
  EXPECT_FALSE(machine_.inspected(now_, {}, 0s));
  facts_.due_inspections = 0;
  EXPECT_EQ(waits_until(), start_ + 60s);
  EXPECT_FALSE(machine_.trouble());
  EXPECT_TRUE(machine_.up());
}

TEST_F(MachineTest, PollsAgainAnIntervalAfterTheStartOfTheLastPoll) {
  good_look();
  good_list(2s);
  now_ = start_ + 60s;
  good_look();
  EXPECT_EQ(next(), Action::list);
}

TEST_F(MachineTest, IsNotUpBeforeTheFirstAnswer) {
  EXPECT_FALSE(machine_.up());
}

TEST_F(MachineTest, ALookThatIsDueComesBeforeTheRestOfALongInspection) {
  good_look();
  good_list();
  facts_.due_inspections = 1000;
  EXPECT_EQ(next(), Action::inspect);
  now_ = start_ + 60s;
  EXPECT_EQ(next(), Action::look);
}

TEST_F(MachineTest, ARetryThatComesDueBetweenTwoPollsWaitsForNoLook) {
  good_look();
  good_list();
  facts_.next_retry = start_ + 5s;
  EXPECT_EQ(waits_until(), start_ + 5s);
  now_ = start_ + 5s;
  facts_ = {.due_inspections = 1};
  EXPECT_EQ(next(), Action::inspect);
}

TEST_F(MachineTest, ARetryWhoseTimeHasComeButThatIsNotDueMakesNoBusyLoop) {
  good_look();
  good_list();
  facts_.next_retry = now_;
  EXPECT_EQ(waits_until(), start_ + 60s);
}

TEST_F(MachineTest, PausesDoubleFromASecondToTheIntervalWhileTheEngineIsAway) {
  std::vector<double> pauses;
  facts_.due_inspections = 5;
  for (int i = 0; i < 9; ++i) {
    failed_look();
    const SteadyTime until = waits_until();
    pauses.push_back(to_seconds(until - now_));
    now_ = until;
  }
  double expected = 1;
  for (const double pause : pauses) {
    EXPECT_LE(pause, expected);
    EXPECT_GE(pause, 0.8 * expected);
    expected = std::min(expected * 2, 60.0);
  }
  EXPECT_FALSE(machine_.up());
  ASSERT_TRUE(machine_.trouble());
  EXPECT_EQ(machine_.trouble()->reason, Reason::connect);
  EXPECT_EQ(machine_.effective_interval(), 60s);
}

TEST_F(MachineTest, PausesNeverExceedAnIntervalShorterThanASecond) {
  machine_ = Machine({.interval = 200ms});
  for (int i = 0; i < 5; ++i) {
    failed_look();
    const SteadyTime until = waits_until();
    EXPECT_LE(until - now_, 200ms);
    now_ = until;
  }
}

TEST_F(MachineTest, MachinesWithDifferentSeedsDoNotKnockInStep) {
  const auto pause = [&](std::uint64_t seed) {
    machine_ = Machine({.seed = seed});
    failed_look();
    return waits_until() - now_;
  };
  EXPECT_NE(pause(1), pause(99999));
}

TEST_F(MachineTest, ListsAtOnceWhenAnotherEngineAnswers) {
  good_look();
  good_list();
  now_ += 30s;
  EXPECT_EQ(waits_until(), start_ + 60s);
  now_ = start_ + 60s;
  good_look();
  good_list();
  now_ = start_ + 120s;
  good_look({.another = true});
  good_list();
  now_ = start_ + 180s;
  EXPECT_EQ(next(), Action::look);
}

TEST_F(MachineTest, AListThatTimesOutDoesNotMakeTheEngineCountAsAway) {
  good_look();
  ASSERT_EQ(next(), Action::list);
  now_ += 300s;
  machine_.listed(now_, timed_out, 300s, false);
  EXPECT_TRUE(machine_.up());
  ASSERT_TRUE(machine_.trouble());
  EXPECT_EQ(machine_.trouble()->reason, Reason::timeout);
  good_look();
  EXPECT_TRUE(machine_.trouble()) << "a look does not mend the list";
  EXPECT_EQ(machine_.budget().credit(now_), -292s) << "it cost the engine as much as one that came";
  EXPECT_EQ(wants_before(now_ + 3649s), std::nullopt);
  EXPECT_EQ(wants_before(now_ + 2s), Action::list);
}

TEST_F(MachineTest, AListThatFailsQuicklyIsTriedAgainAfterAGrowingPause) {
  const Error garbage{Reason::parse, "not JSON"};
  Duration last{};
  good_look();
  for (int i = 0; i < 4; ++i) {
    ASSERT_EQ(next(), Action::list);
    machine_.listed(now_, garbage, 1ms, false);
    good_look();
    const SteadyTime until = waits_until();
    EXPECT_GT(until - now_, last);
    last = until - now_;
    now_ = until;
  }
  good_list();
  EXPECT_FALSE(machine_.trouble());
}

TEST_F(MachineTest, LooksAtOnceAfterAListThatFailed) {
  good_look();
  ASSERT_EQ(next(), Action::list);
  machine_.listed(now_, Error{Reason::interrupted, "the answer ended in the middle"}, 1s, false);
  failed_look();
  EXPECT_FALSE(machine_.up());
}

TEST_F(MachineTest, AFailedInspectOfOneImageDoesNotEndThePoll) {
  good_look();
  good_list();
  facts_.due_inspections = 2;
  EXPECT_EQ(next(), Action::inspect);
  EXPECT_FALSE(machine_.inspected(now_, missing, 0s));
  EXPECT_EQ(next(), Action::inspect);
  EXPECT_TRUE(machine_.up());
}

TEST_F(MachineTest, AnInspectThatFindsNoEngineEndsThePoll) {
  good_look();
  good_list();
  facts_.due_inspections = 2;
  EXPECT_EQ(next(), Action::inspect);
  EXPECT_TRUE(machine_.inspected(now_, refused, 0s));
  EXPECT_FALSE(machine_.up());
  EXPECT_LE(waits_until(), now_ + 1s);
}

TEST_F(MachineTest, ThreeTimeoutsInARowAreTheEnginesTrouble) {
  good_look();
  good_list();
  EXPECT_FALSE(machine_.inspected(now_, timed_out, 0s));
  EXPECT_FALSE(machine_.inspected(now_, {}, 0s));
  EXPECT_FALSE(machine_.inspected(now_, timed_out, 0s));
  EXPECT_FALSE(machine_.asked_rung(now_, timed_out, 0s, false));
  EXPECT_TRUE(machine_.inspected(now_, timed_out, 0s));
  EXPECT_FALSE(machine_.up());
}

TEST_F(MachineTest, LooksSlowerThanTheIntervalLeaveTimeForListsAndInspects) {
  machine_ = Machine({.interval = 1ms, .max_engine_share = 1, .containers = false});
  facts_.due_inspections = 5;
  std::size_t lists = 0;
  std::size_t inspects = 0;
  for (int i = 0; i < 100; ++i) {
    const Step step = machine_.next(now_, facts_);
    now_ += 5ms;
    if (step.action == Action::look) machine_.looked(now_, Seen(), 5ms, facts_);
    if (step.action == Action::list) {
      ++lists;
      machine_.listed(now_, {}, 5ms, true);
    }
    if (step.action == Action::inspect) {
      ++inspects;
      EXPECT_FALSE(machine_.inspected(now_, {}, 5ms));
    }
  }
  EXPECT_GE(lists, 5U);
  EXPECT_GE(inspects, 20U);
}

TEST_F(MachineTest, LooksThatHangDoNotUseUpWhatListsNeed) {
  good_look();
  good_list();
  while (now_ < start_ + 24h) {
    const Step step = machine_.next(now_, facts_);
    if (step.action == Action::wait) now_ = step.until;
    if (step.action != Action::look) continue;
    now_ += 30s;
    machine_.looked(now_, timed_out, 30s, facts_);
  }
  EXPECT_EQ(wants_before(now_ + 2min), Action::list);
}

TEST_F(MachineTest, AnEngineThatDiesOfEveryListIsListedLessAndLess) {
  std::size_t lists = 0;
  bool alive = true;
  while (now_ < start_ + 600s) {
    const Step step = machine_.next(now_, {});
    if (step.action == Action::wait) now_ = step.until;
    if (step.action == Action::look) {
      machine_.looked(now_, alive ? Result<Seen>(Seen()) : Result<Seen>(refused), 0s, facts_);
      alive = true;  // it is started again after each death
    }
    if (step.action == Action::list) {
      ++lists;
      alive = false;
      machine_.listed(now_, Error{Reason::interrupted, "the answer ended in the middle"}, 1s, false);
    }
  }
  EXPECT_LE(lists, 20U);
  EXPECT_GE(lists, 8U);
}

TEST_F(MachineTest, AnEngineThatFailsEveryInspectIsAskedInGrowingIntervals) {
  std::size_t asked = 0;
  std::size_t asked_in_the_first_minute = 0;
  facts_.due_inspections = 10'000;
  while (now_ < start_ + 600s) {
    const Step step = machine_.next(now_, facts_);
    if (step.action == Action::wait) now_ = step.until;
    if (step.action == Action::look) machine_.looked(now_, Seen(), 0s, facts_);
    if (step.action == Action::list) machine_.listed(now_, {}, 0s, true);
    if (step.action != Action::inspect) continue;
    EXPECT_FALSE(machine_.inspected(now_, broken, 0s));
    ++asked;
    if (now_ < start_ + 60s) ++asked_in_the_first_minute;
  }
  EXPECT_TRUE(machine_.up()) << "light calls are answered all the time";
  EXPECT_LE(asked_in_the_first_minute, 300U);
  EXPECT_LE(asked, 1000U);
  EXPECT_GE(asked, 300U) << "those behind them get their turn";
}

TEST_F(MachineTest, AGoodInspectEndsThePauseOfTheOthers) {
  good_look();
  good_list();
  facts_.due_inspections = 9;
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(next(), Action::inspect);
    EXPECT_FALSE(machine_.inspected(now_, broken, 0s));
  }
  const SteadyTime until = waits_until();
  EXPECT_LE(until, now_ + 1s);
  now_ = until;
  ASSERT_EQ(next(), Action::inspect);
  EXPECT_FALSE(machine_.inspected(now_, {}, 0s));
  EXPECT_EQ(next(), Action::inspect);
}

TEST_F(MachineTest, AnEngineThatHangsUpAtEveryInspectIsNeitherListedNorAskedMoreOften) {
  const Error hung_up{Reason::interrupted, "the answer ended in the middle"};
  std::size_t lists = 0;
  std::size_t asked = 0;
  facts_.due_inspections = 100;
  while (now_ < start_ + 600s) {
    const Step step = machine_.next(now_, facts_);
    if (step.action == Action::wait) now_ = step.until;
    if (step.action == Action::look) machine_.looked(now_, Seen(), 0s, facts_);
    if (step.action == Action::list) {
      ++lists;
      now_ += 20s;
      machine_.listed(now_, {}, 20s, true);
    }
    if (step.action != Action::inspect) continue;
    ++asked;
    EXPECT_TRUE(machine_.inspected(now_, hung_up, 0s));
  }
  EXPECT_LE(lists, 3U) << "they must lie 250 s apart";
  EXPECT_LE(asked, 40U);
}

TEST_F(MachineTest, ALookThatFailsOnTheWayIsTheEnginesTroubleWhateverItsReason) {
  const Error no_server{Reason::http, "no server is available", 503};
  good_look();
  good_list();
  EXPECT_TRUE(machine_.inspected(now_, no_server, 0s, true));
  EXPECT_FALSE(machine_.up());
  now_ = waits_until();
  good_look();
  machine_.look_failed(now_, no_server);
  EXPECT_FALSE(machine_.up());
}

TEST_F(MachineTest, TimesTooLongToAddMeanFiftyYears) {
  machine_ = Machine({.interval = Duration::max(),
                      .full_interval = Duration::max(),
                      .stale_after = Duration::max(),
                      .containers = false});
  good_look();
  good_list(1s);
  EXPECT_GT(waits_until(), now_ + 24h * 365 * 49);
  EXPECT_GT(machine_.fresh_until(now_, facts_), now_ + 24h * 365 * 49);
}

TEST_F(MachineTest, NoIntervalIsSoShortThatNothingIsEverWaitedFor) {
  machine_ = Machine({.interval = 0s, .containers = false});
  good_look();
  good_list();
  EXPECT_GT(waits_until(), now_);
}

// --- What the budget does.

TEST_F(MachineTest, SlowListsLieAsFarApartAsTheBudgetPaysForWhileLooksGoOn) {
  good_look();
  good_list(20s);
  EXPECT_NEAR(to_seconds(machine_.list_interval(facts_)), 250, 1e-6);
  EXPECT_EQ(machine_.effective_interval(), 60s);
  ASSERT_EQ(wants_before(start_ + 1h), Action::list);
  EXPECT_NEAR(to_seconds(now_ - start_), 20 + 12 / 0.08, 1) << "8 s of its 20 were there at the start";
  const SteadyTime second = now_;
  good_list(20s);
  ASSERT_EQ(wants_before(start_ + 1h), Action::list);
  EXPECT_NEAR(to_seconds(now_ - second), 250, 1);
}

TEST_F(MachineTest, ADebtDoesNotDelayLooks) {
  good_look();
  good_list(90s);
  EXPECT_EQ(next(), Action::look);
  machine_.looked(now_, Seen(), 0s, facts_);
  EXPECT_EQ(waits_until(), now_ + 60s);
}

TEST_F(MachineTest, InspectsWaitForTheBudgetToo) {
  good_look();
  good_list(20s);
  facts_.due_inspections = 1;
  ASSERT_EQ(wants_before(start_ + 1h), Action::inspect);
  EXPECT_NEAR(to_seconds(now_ - start_), 20 + 12 / 0.08, 1);
}

TEST_F(MachineTest, ListsAndInspectsTakeTurnsHalfOfTheTimeEach) {
  facts_.due_inspections = 1'000'000;
  Duration lists{};
  Duration inspects{};
  while (now_ < start_ + 24h) {
    const Step step = machine_.next(now_, facts_);
    if (step.action == Action::wait) now_ = step.until;
    if (step.action == Action::look) machine_.looked(now_, Seen(), 0s, facts_);
    if (step.action == Action::list) {
      lists += 20s;
      now_ += 20s;
      machine_.listed(now_, {}, 20s, true);
    }
    if (step.action == Action::inspect) {
      inspects += 500ms;
      now_ += 500ms;
      EXPECT_FALSE(machine_.inspected(now_, {}, 500ms));
    }
  }
  EXPECT_NEAR(to_seconds(lists), 24 * 3600 * 0.08 / 2, 50);
  EXPECT_NEAR(to_seconds(inspects), 24 * 3600 * 0.08 / 2, 50);
  EXPECT_NEAR(to_seconds(machine_.list_interval(facts_)), 500, 1) << "with regard to the turns";
}

TEST_F(MachineTest, AnInventoryIsFreshForTheLongerOfStaleAfterAndTwoIntervals) {
  good_look();
  good_list(1s);
  EXPECT_EQ(machine_.fresh_until(now_, facts_), now_ + 300s);
  now_ = start_ + 60s;
  good_look();
  good_list(20s);
  EXPECT_NEAR(to_seconds(machine_.fresh_until(now_, facts_) - now_), 500, 1e-6);
}

TEST_F(MachineTest, AListThatFailsDoesNotMakeAnInventoryFresherThanItWas) {
  good_look();
  good_list(1s);
  ASSERT_EQ(wants_before(now_ + 1h), Action::list);
  now_ += 300s;
  machine_.listed(now_, timed_out, 300s, false);
  EXPECT_GT(machine_.list_interval(facts_), 1h);
  EXPECT_EQ(machine_.fresh_until(start_, facts_), start_ + 300s);
}

}  // namespace
}  // namespace repodigest::poll
