// A machine with its time and its facts in the test's hands.
#pragma once

#include <gtest/gtest.h>

#include <optional>

#include "repodigest/poll/machine.h"

namespace repodigest::poll {

using namespace std::chrono_literals;
using Action = Step::Action;

inline const Error refused{Reason::connect, "connection refused"};
inline const Error timed_out{Reason::timeout, "no answer in time"};
inline const Error missing{Reason::not_found, "no such image"};
inline const Error broken{Reason::http, "boom", 500};

class MachineTest : public ::testing::Test {
 protected:
  Action next() { return machine_.next(now_, facts_).action; }
  SteadyTime waits_until() {
    const Step step = machine_.next(now_, facts_);
    EXPECT_EQ(step.action, Action::wait);
    EXPECT_GT(step.until, now_);
    return step.until;
  }
  bool good_look(Seen seen = {}, Duration took = 0s) {
    EXPECT_EQ(next(), Action::look);
    now_ += took;
    return machine_.looked(now_, seen, took, facts_);
  }
  void failed_look() {
    ASSERT_EQ(next(), Action::look);
    EXPECT_FALSE(machine_.looked(now_, refused, 0s, facts_));
  }
  void good_list(Duration took = 0s, bool changed = true) {
    ASSERT_EQ(next(), Action::list);
    now_ += took;
    machine_.listed(now_, {}, took, changed);
  }
  void stream(Stream stream) {
    facts_.events.stream = stream;
    if (stream == Stream::up) ++facts_.events.openings;
  }
  /// Time goes on, every look is good and nothing else is asked for, until the machine wants something else
  /// or `limit` is over.
  std::optional<Action> wants_before(SteadyTime limit, Seen seen = {}) {
    while (now_ < limit) {
      const Step step = machine_.next(now_, facts_);
      if (step.action == Action::wait) {
        now_ = std::min(step.until, limit);
      } else if (step.action == Action::look) {
        if (!step.count) seen.images.reset();
        confirmed_ = machine_.looked(now_, seen, 0s, facts_);
      } else {
        return step.action;
      }
    }
    return std::nullopt;
  }

  SteadyTime now_ = SteadyTime(1000h);
  const SteadyTime start_ = now_;
  Facts facts_;
  bool confirmed_ = false;
  Machine machine_{{.containers = false, .seed = 7}};
};

}  // namespace repodigest::poll
