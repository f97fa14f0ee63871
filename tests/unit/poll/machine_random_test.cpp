// What must hold whatever the engine does: random outcomes, random times and a stream that comes and goes,
// for days.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "machine_fixture.h"
#include "repodigest/poll/machine.h"

namespace repodigest::poll {
namespace {

/// Drives one machine at random and keeps account of what it does.
class History {
 public:
  explicit History(std::uint64_t seed) : random_(seed) {
    options_ = {.interval = pick({1s, 15s, 60s, 600s}),
                .full_interval = pick({60s, 600s, 3600s}),
                .max_engine_share = std::array{0.01, 0.1, 1.0}[below(3)],
                .containers = below(2) == 0,
                .seed = seed};
    options_.full_interval = std::max(options_.full_interval, options_.interval);
    list_took_ = pick({5ms, 200ms, 2s, 20s, 90s});
    inspect_took_ = pick({200us, 15ms, 50ms, 600ms});
    trouble_ = below(3) == 0 ? 0 : below(60);
    machine_ = Machine(options_);
  }

  void run(Duration time) {
    const SteadyTime end = now_ + time;
    while (now_ < end && !::testing::Test::HasFailure()) step();
  }

  /// From now on all is well, nothing changes and the stream stays as it is. Returns whether everything that
  /// is wanted comes within `time`: inspects, bells, a list, and a look that confirms where the stream is up.
  bool settles_within(Duration time) {
    trouble_ = 0;
    settled_ = true;
    const std::size_t lists_before = lists_;
    const SteadyTime end = now_ + time;
    const auto is_settled = [&] {
      return facts_.due_inspections == 0 && facts_.rung == 0 && !facts_.events.rang_at && machine_.up() &&
             !machine_.trouble() && lists_ > lists_before &&
             (confirmed_ || facts_.events.stream != Stream::up);
    };
    while (!is_settled() && now_ < end && !::testing::Test::HasFailure()) step();
    return is_settled();
  }

 private:
  std::size_t below(std::size_t end) { return random_() % end; }
  Duration pick(std::initializer_list<Duration> choices) { return std::data(choices)[below(choices.size())]; }
  Duration about(Duration duration) { return duration / 2 + duration / 1000 * static_cast<int>(below(1000)); }

  Status outcome() {
    if (trouble_ == 0 || below(1000) >= trouble_) return {};
    switch (below(5)) {
      case 0:
        return refused;
      case 1:
        return timed_out;
      case 2:
        return missing;
      case 3:
        return Error{Reason::interrupted, "the answer ended in the middle"};
      default:
        return broken;
    }
  }

  void change_the_world() {
    if (settled_) return;
    if (below(200) == 0) {
      facts_.events.stream = static_cast<Stream>(below(4));
      if (facts_.events.stream == Stream::up) ++facts_.events.openings;
    }
    if (facts_.events.stream == Stream::up && below(50) == 0 && !facts_.events.rang_at)
      facts_.events.rang_at = now_;
    if (below(100) == 0) images_ += below(3);
    if (below(500) == 0) storm_ = below(2) == 0;
    if (storm_ && facts_.events.stream == Stream::up && !facts_.events.rang_at) facts_.events.rang_at = now_;
  }

  Duration passes(Duration duration, const Status& outcome) {
    const bool hangs = !outcome.ok() && outcome.error().reason == Reason::timeout;
    const Duration took = hangs ? Duration(30s) : about(duration);
    now_ += took;
    longest_ = std::max(longest_, took);
    return took;
  }

  void spend(Duration took, bool event) {
    const bool reserve = event && machine_.budget().credit(now_) <= 0s;
    (reserve ? reserve_spent_ : main_spent_) += took;
    const double passed = to_seconds(now_ - start_) * options_.max_engine_share;
    EXPECT_LE(to_seconds(main_spent_), 8 + 0.8 * passed + to_seconds(longest_) + 1e-6);
    EXPECT_LE(to_seconds(reserve_spent_), 2 + 0.2 * passed + to_seconds(longest_) + 1e-6);
  }

  void step() {
    change_the_world();
    const Step step = machine_.next(now_, facts_);
    using enum Step::Action;
    if (step.action == wait) {
      EXPECT_GT(step.until, now_) << "a wait must wait";
      EXPECT_LE(step.until, now_ + options_.interval) << "a look comes each interval";
      now_ = below(20) == 0 ? now_ + about(step.until - now_) / 2 : step.until;
      idle_steps_ = 0;
      return;
    }
    EXPECT_LE(++idle_steps_, 1'000'000U);
    Status outcome = this->outcome();
    const bool look_failed = !outcome.ok() && below(4) == 0;
    EXPECT_TRUE(step.action == look || machine_.up()) << "only looks while the engine is away";
    switch (step.action) {
      case look: {
        if (machine_.up()) {
          EXPECT_LE(now_ - looked_, options_.interval + 2 * longest_ + 1ms) << "looks come each interval";
        }
        looked_ = now_;
        const Duration took = passes(1ms, outcome);
        const bool another = !settled_ && below(300) == 0;
        if (outcome.ok() && another) {
          first_ = true;
          facts_.due_inspections = facts_.rung = 0;
        }
        const Seen seen{.another = another, .images = step.count ? std::optional(images_) : std::nullopt};
        confirmed_ = machine_.looked(now_, outcome.ok() ? Result<Seen>(seen) : Result<Seen>(outcome.error()),
                                     took, facts_);
        if (confirmed_) {
          EXPECT_EQ(facts_.events.stream, Stream::up);
          EXPECT_EQ(facts_.events.openings, vouched_);
          EXPECT_EQ(facts_.rung, 0U);
          EXPECT_FALSE(facts_.events.rang_at);
        }
        break;
      }
      case take_bells:
        ASSERT_TRUE(facts_.events.rang_at.has_value());
        EXPECT_GE(now_, *facts_.events.rang_at + Machine::debounce);
        facts_.events.rang_at.reset();
        facts_.rung += below(4);
        machine_.took_bells(below(20) == 0);
        break;
      case ask_rung: {
        ASSERT_GT(facts_.rung, 0U);
        const Duration took = passes(inspect_took_, outcome);
        spend(took, true);
        const bool answered = outcome.ok() || outcome.error().reason == Reason::not_found;
        const bool given_up = !answered && below(2) == 0;
        if (answered || given_up) --facts_.rung;
        machine_.asked_rung(now_, outcome, took, given_up, look_failed);
        break;
      }
      case list: {
        const SteadyTime began = now_;
        const auto opening = facts_.events.openings;
        const bool up = facts_.events.stream == Stream::up;
        if (!outcome.ok() && outcome.error().reason == Reason::timeout) now_ += 270s;
        passes(list_took_, outcome);
        longest_ = std::max(longest_, now_ - began);
        spend(now_ - began, false);
        machine_.listed(now_, outcome, now_ - began, below(2) == 0);
        if (outcome.ok()) {
          if (!std::exchange(first_, false)) {
            EXPECT_GE(began - good_list_began_, options_.interval) << "at most one list an interval";
          }
          good_list_began_ = began;
          vouched_ = up ? std::optional(opening) : std::nullopt;
          ++lists_;
          if (!settled_ && facts_.due_inspections < 100) facts_.due_inspections += below(50);
        } else if (look_failed) {
          machine_.look_failed(now_, outcome.error());
        }
        break;
      }
      case containers: {
        EXPECT_TRUE(options_.containers);
        const Duration took = passes(100ms, outcome);
        spend(took, false);
        machine_.listed_containers(now_, took);
        break;
      }
      case inspect: {
        ASSERT_GT(facts_.due_inspections, 0U);
        const Duration took = passes(inspect_took_, outcome);
        spend(took, false);
        if (outcome.ok() || below(2) == 0) --facts_.due_inspections;
        machine_.inspected(now_, outcome, took, look_failed);
        break;
      }
      case wait:
        break;
    }
  }

  std::mt19937_64 random_;
  MachineOptions options_;
  Machine machine_{{}};
  const SteadyTime start_ = SteadyTime(1000h);
  SteadyTime now_ = start_;
  Facts facts_;
  std::size_t images_ = 100;
  bool storm_ = false;
  bool settled_ = false;
  std::size_t trouble_ = 0;  // per mille
  Duration list_took_{};
  Duration inspect_took_{};

  Duration longest_{};
  Duration main_spent_{};
  Duration reserve_spent_{};
  SteadyTime looked_ = start_;
  SteadyTime good_list_began_ = start_;
  std::optional<std::uint64_t> vouched_;
  bool first_ = true;
  bool confirmed_ = false;
  std::size_t lists_ = 0;
  std::size_t idle_steps_ = 0;
};

TEST(MachineAtRandom, KeepsItsBudgetItsTimesAndItsPromises) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    History history(seed);
    history.run(30h);
    // The debt of a list that hung, at a hundredth of the time, is paid in ten hours.
    EXPECT_TRUE(history.settles_within(100h)) << "what is wanted comes at last";
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace repodigest::poll
