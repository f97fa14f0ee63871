#include "repodigest/poll/machine.h"

#include <gtest/gtest.h>

#include <vector>

namespace repodigest::poll {
namespace {

using namespace std::chrono_literals;
using Action = Step::Action;

const Error refused{Reason::connect, "connection refused"};
const Error timed_out{Reason::timeout, "no answer in time"};
const Error missing{Reason::not_found, "no such image"};

/// A machine with its time in the test's hands.
class MachineTest : public ::testing::Test {
 protected:
  Action next(std::size_t due = 0, std::optional<SteadyTime> retry = std::nullopt) {
    return machine_.next(now_, {due, retry}).action;
  }
  SteadyTime waits_until(std::size_t due = 0, std::optional<SteadyTime> retry = std::nullopt) {
    const Step step = machine_.next(now_, {due, retry});
    EXPECT_EQ(step.action, Action::wait);
    return step.until;
  }
  void good_look() {
    ASSERT_EQ(next(), Action::look);
    machine_.looked(now_, {});
  }
  void good_list(Duration took = 0s) {
    ASSERT_EQ(next(), Action::list);
    now_ += took;
    machine_.listed(now_, {}, took);
  }
  void failed_look() {
    ASSERT_EQ(next(), Action::look);
    machine_.looked(now_, refused);
  }

  SteadyTime now_ = SteadyTime(1000h);
  const SteadyTime start_ = now_;
  Machine machine_{{.interval = 60s, .stale_after = 300s, .seed = 7}};
};

TEST_F(MachineTest, BeginsWithALookThenListsThenInspectsWhatIsDueThenWaits) {
  good_look();
  good_list();
  EXPECT_EQ(next(2), Action::inspect);
  EXPECT_FALSE(machine_.inspected(now_, {}));
  EXPECT_EQ(next(1), Action::inspect);
  EXPECT_FALSE(machine_.inspected(now_, {}));
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

TEST_F(MachineTest, APollThatIsDueComesBeforeTheRestOfALongInspection) {
  good_look();
  good_list();
  EXPECT_EQ(next(1000), Action::inspect);
  now_ = start_ + 60s;
  EXPECT_EQ(next(900), Action::look);
}

TEST_F(MachineTest, ARetryThatComesDueBetweenTwoPollsWaitsForNoLook) {
  good_look();
  good_list();
  EXPECT_EQ(waits_until(0, start_ + 5s), start_ + 5s);
  now_ = start_ + 5s;
  EXPECT_EQ(next(1), Action::inspect);
}

TEST_F(MachineTest, PausesDoubleFromASecondToTheIntervalWhileTheEngineIsAway) {
  std::vector<double> pauses;
  for (int i = 0; i < 9; ++i) {
    failed_look();
    const SteadyTime until = waits_until(5);
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
  Machine quick({.interval = 200ms, .stale_after = 300s, .seed = 1});
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(quick.next(now_, {}).action, Action::look);
    quick.looked(now_, refused);
    const SteadyTime until = quick.next(now_, {}).until;
    EXPECT_LE(until - now_, 200ms);
    EXPECT_GT(until, now_);
    now_ = until;
  }
}

TEST_F(MachineTest, MachinesWithDifferentSeedsDoNotKnockInStep) {
  Machine one({.interval = 60s, .stale_after = 300s, .seed = 1});
  Machine other({.interval = 60s, .stale_after = 300s, .seed = 99999});
  const auto pause = [&](Machine& machine) {
    EXPECT_EQ(machine.next(now_, {}).action, Action::look);
    machine.looked(now_, refused);
    return machine.next(now_, {}).until - now_;
  };
  EXPECT_NE(pause(one), pause(other));
}

TEST_F(MachineTest, ListsAtOnceWhenTheEngineComesBack) {
  good_look();
  good_list(30s);  // rests 270 s
  now_ += 60s;
  failed_look();
  now_ = waits_until();
  good_look();
  EXPECT_EQ(next(), Action::list);
}

TEST_F(MachineTest, ListsAtOnceWhenAnotherEngineAnswers) {
  good_look();
  good_list(30s);  // rests 270 s
  now_ += 60s;
  ASSERT_EQ(next(), Action::look);
  machine_.looked(now_, {}, true);
  EXPECT_EQ(next(), Action::list);
}

TEST_F(MachineTest, AListRestsNineTimesAsLongAsItTook) {
  good_look();
  good_list(20s);
  EXPECT_EQ(machine_.list_interval(), 200s);
  EXPECT_EQ(machine_.effective_interval(), 60s);
  std::size_t looks = 0;
  while (true) {
    const Step step = machine_.next(now_, {});
    if (step.action == Action::wait) now_ = step.until;
    if (step.action == Action::look) {
      ++looks;
      machine_.looked(now_, {});
    }
    if (step.action == Action::list) break;
  }
  EXPECT_GE(now_ - start_, 200s);
  EXPECT_LE(now_ - start_, 260s);
  EXPECT_EQ(looks, 4U) << "the looks go on while the list rests";
}

TEST_F(MachineTest, AListThatTimesOutDoesNotMakeTheEngineCountAsAway) {
  good_look();
  ASSERT_EQ(next(), Action::list);
  now_ += 300s;
  machine_.listed(now_, timed_out, 300s);
  EXPECT_TRUE(machine_.up());
  ASSERT_TRUE(machine_.trouble());
  EXPECT_EQ(machine_.trouble()->reason, Reason::timeout);
  good_look();
  EXPECT_EQ(next(3), Action::inspect) << "the list rests, single images may still be asked for";
  EXPECT_TRUE(machine_.trouble()) << "a look does not mend the list";
}

TEST_F(MachineTest, AListThatFailsQuicklyIsTriedAgainAfterAGrowingPause) {
  const Error broken{Reason::parse, "not JSON"};
  Duration last{};
  for (int i = 0; i < 4; ++i) {
    good_look();
    ASSERT_EQ(next(), Action::list);
    machine_.listed(now_, broken, 1ms);
    const SteadyTime until = waits_until();
    EXPECT_GT(until - now_, last);
    last = until - now_;
    now_ = until;
  }
  good_look();
  good_list();
  EXPECT_FALSE(machine_.trouble());
}

TEST_F(MachineTest, AFailedInspectOfOneImageDoesNotEndThePoll) {
  good_look();
  good_list();
  EXPECT_EQ(next(2), Action::inspect);
  EXPECT_FALSE(machine_.inspected(now_, missing));
  EXPECT_EQ(next(1), Action::inspect);
  EXPECT_TRUE(machine_.up());
}

TEST_F(MachineTest, AnInspectThatFindsNoEngineEndsThePoll) {
  good_look();
  good_list();
  EXPECT_EQ(next(2), Action::inspect);
  EXPECT_TRUE(machine_.inspected(now_, refused));
  EXPECT_FALSE(machine_.up());
  EXPECT_LE(waits_until(2), now_ + 1s);
}

TEST_F(MachineTest, ThreeTimeoutsInARowAreTheEnginesTrouble) {
  good_look();
  good_list();
  EXPECT_FALSE(machine_.inspected(now_, timed_out));
  EXPECT_FALSE(machine_.inspected(now_, {}));
  EXPECT_FALSE(machine_.inspected(now_, timed_out));
  EXPECT_FALSE(machine_.inspected(now_, timed_out));
  EXPECT_TRUE(machine_.inspected(now_, timed_out));
  EXPECT_FALSE(machine_.up());
}

TEST_F(MachineTest, LooksSlowerThanTheIntervalLeaveTimeForListsAndInspects) {
  Machine busy({.interval = 1ms, .stale_after = 300s, .seed = 1});
  std::size_t lists = 0;
  std::size_t inspects = 0;
  for (int i = 0; i < 100; ++i) {
    const Step step = busy.next(now_, {.due_inspections = 5, .next_retry = std::nullopt});
    now_ += 5ms;
    if (step.action == Action::look) busy.looked(now_, {});
    if (step.action == Action::list) {
      ++lists;
      busy.listed(now_, {}, 5ms);
    }
    if (step.action == Action::inspect) {
      ++inspects;
      EXPECT_FALSE(busy.inspected(now_, {}));
    }
  }
  EXPECT_GE(lists, 5U);
  EXPECT_GE(inspects, 20U);
}

TEST_F(MachineTest, AnEngineThatDiesOfEveryListIsListedLessAndLess) {
  std::size_t lists = 0;
  bool alive = true;
  while (now_ < start_ + 600s) {
    const Step step = machine_.next(now_, {});
    if (step.action == Action::wait) now_ = step.until;
    if (step.action == Action::look) {
      machine_.looked(now_, alive ? Status() : Status(refused));
      alive = true;  // it is started again after each death
    }
    if (step.action == Action::list) {
      ++lists;
      alive = false;
      machine_.listed(now_, Error{Reason::interrupted, "the answer ended in the middle"}, 1s);
    }
  }
  EXPECT_LE(lists, 20U);
  EXPECT_GE(lists, 8U);
}

TEST_F(MachineTest, AnEngineThatFailsEveryInspectIsAskedInGrowingIntervals) {
  const Error broken{Reason::http, "boom", 500};
  std::size_t asked = 0;
  std::size_t asked_in_the_first_minute = 0;
  while (now_ < start_ + 600s) {
    const Step step = machine_.next(now_, {.due_inspections = 10'000, .next_retry = std::nullopt});
    if (step.action == Action::wait) now_ = step.until;
    if (step.action == Action::look) machine_.looked(now_, {});
    if (step.action == Action::list) machine_.listed(now_, {}, 0s);
    if (step.action != Action::inspect) continue;
    EXPECT_FALSE(machine_.inspected(now_, broken));
    ++asked;
    if (now_ < start_ + 60s) ++asked_in_the_first_minute;
  }
  EXPECT_TRUE(machine_.up()) << "light calls are answered all the time";
  EXPECT_LE(asked_in_the_first_minute, 300U);
  EXPECT_LE(asked, 1000U);
  EXPECT_GE(asked, 300U) << "those behind them get their turn";
}

TEST_F(MachineTest, AGoodInspectEndsThePauseOfTheOthers) {
  const Error broken{Reason::http, "boom", 500};
  good_look();
  good_list();
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(next(9), Action::inspect);
    EXPECT_FALSE(machine_.inspected(now_, broken));
  }
  const SteadyTime until = waits_until(9);
  EXPECT_GT(until, now_);
  EXPECT_LE(until, now_ + 1s);
  now_ = until;
  ASSERT_EQ(next(9), Action::inspect);
  EXPECT_FALSE(machine_.inspected(now_, {}));
  EXPECT_EQ(next(8), Action::inspect);
}

TEST_F(MachineTest, AnEngineThatHangsUpAtEveryInspectIsNeitherListedNorAskedMoreOften) {
  const Error hung_up{Reason::interrupted, "the answer ended in the middle"};
  std::size_t lists = 0;
  std::size_t asked = 0;
  while (now_ < start_ + 600s) {
    const Step step = machine_.next(now_, {.due_inspections = 100, .next_retry = std::nullopt});
    if (step.action == Action::wait) now_ = step.until;
    if (step.action == Action::look) machine_.looked(now_, {});
    if (step.action == Action::list) {
      ++lists;
      now_ += 20s;
      machine_.listed(now_, {}, 20s);
    }
    if (step.action != Action::inspect) continue;
    ++asked;
    EXPECT_TRUE(machine_.inspected(now_, hung_up));
  }
  EXPECT_LE(lists, 3U) << "each rests 180 s";
  EXPECT_LE(asked, 40U);
}

TEST_F(MachineTest, ALookThatFailsOnTheWayIsTheEnginesTroubleWhateverItsReason) {
  good_look();
  good_list();
  EXPECT_TRUE(machine_.inspected(now_, Error{Reason::http, "no server is available", 503}, true));
  EXPECT_FALSE(machine_.up());
}

TEST_F(MachineTest, TimesTooLongToAddMeanFiftyYears) {
  Machine patient({.interval = Duration::max(), .stale_after = Duration::max(), .seed = 1});
  ASSERT_EQ(patient.next(now_, {}).action, Action::look);
  patient.looked(now_, {});
  ASSERT_EQ(patient.next(now_, {}).action, Action::list);
  patient.listed(now_, {}, 1s);
  EXPECT_GT(patient.next(now_, {}).until, now_ + 24h * 365 * 49);
  EXPECT_GT(patient.fresh_until(now_), now_ + 24h * 365 * 49);
}

TEST_F(MachineTest, AnInventoryIsFreshForTheLongerOfStaleAfterAndTwoIntervals) {
  good_look();
  good_list(1s);
  EXPECT_EQ(machine_.fresh_until(now_), now_ + 300s);
  now_ = start_ + 60s;
  good_look();
  good_list(20s);
  EXPECT_EQ(machine_.fresh_until(now_), now_ + 400s);
}

}  // namespace
}  // namespace repodigest::poll
