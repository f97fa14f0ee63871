#include "repodigest/poll/watcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "support/fake_clock.h"
#include "support/fake_transport.h"
#include "support/replay_engine.h"
#include "support/temporary_folder.h"

namespace repodigest::poll {
namespace {

using namespace std::chrono_literals;
using inventory::Bell;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string id = "sha256:" + std::string(64, 'a');

std::string line(const std::string& action, const std::string& actor_id, const std::string& name) {
  return R"({"Type":"image","Action":")" + action + R"(","Actor":{"ID":")" + actor_id +
         R"(","Attributes":{"name":")" + name + "\"}}}";
}

/// So long that only a broken test reaches it.
bool wait_for(const Wake& wake) {
  return !Cancel().within(60s).wait(wake.fd(), POLLIN);
}

/// Waits until the state of the doorbell is so.
bool wait_until(const Doorbell& doorbell, const std::function<bool(const StreamState&)>& is_so) {
  while (true) {
    doorbell.rung().clear();
    if (is_so(doorbell.state())) return true;
    if (!wait_for(doorbell.rung())) return false;
  }
}

bool wait_until(const Doorbell& doorbell, Stream stream, std::uint64_t openings) {
  return wait_until(doorbell, [&](const StreamState& state) {
    return state.stream == stream && state.openings == openings;
  });
}

// --- On an engine with sockets.

class WatcherTest : public ::testing::Test {
 protected:
  void watch(const Clock& clock = system_clock()) {
    transport::Endpoint endpoint;
    endpoint.path = socket_;
    watcher_.emplace(engine::EventStream(transport::make_transport(endpoint), engine_->host(), 60s),
                     doorbell_, stats_, clock, 1);
  }
  void ring(const std::string& json) {
    ASSERT_TRUE(engine_->wait_until_listened_to(1));
    engine_->ring(json);
  }
  /// What rang, once it did.
  std::vector<Bell> bells() {
    EXPECT_TRUE(wait_until(doorbell_, [](const StreamState& state) { return state.rang_at.has_value(); }));
    return doorbell_.take();
  }
  [[nodiscard]] std::uint64_t counted(EventAction action) const {
    return stats_.events[index_of(action)].value();
  }

  support::TemporaryFolder folder_;
  std::string socket_ = (folder_.path() / "docker.sock").string();
  std::unique_ptr<support::ReplayEngine> engine_ =
      support::ReplayEngine::on_unix_socket(support::Recording::embedded(), socket_).value();
  support::FakeClock fake_clock_;  // of the watcher's thread, while there is one
  Stats stats_;
  Doorbell doorbell_;
  std::optional<Watcher> watcher_;
};

TEST_F(WatcherTest, OpensAStreamWhenItIsOrderedAndNotBefore) {
  watch();
  EXPECT_EQ(engine_->connections(), 0U);
  doorbell_.listen("1.47");
  ASSERT_TRUE(wait_until(doorbell_, Stream::up, 1));
  EXPECT_TRUE(stats_.events_connected);
  EXPECT_EQ(engine_->asked("/events"), 1U);
}

TEST_F(WatcherTest, RingsAndCountsForEveryEvent) {
  doorbell_.listen("1.47");
  watch();
  ring(line("tag", id, "a:1"));
  EXPECT_THAT(bells(), ElementsAre(Bell{id, "a:1", false}));
  ring(R"({"Type":"container","Action":"create","Actor":{"ID":"x"}})");
  ring(line("untag", id, "a:1"));
  EXPECT_THAT(bells(), ElementsAre(Bell{id, "a:1", true}));
  ring(line("mount", id, "a:1"));
  EXPECT_THAT(bells(), ElementsAre(Bell{id, "", false}));
  EXPECT_EQ(counted(EventAction::tag), 1U);
  EXPECT_EQ(counted(EventAction::untag), 1U);
  EXPECT_EQ(counted(EventAction::other), 1U);
  EXPECT_EQ(counted(EventAction::create), 0U);
  EXPECT_EQ(doorbell_.state().openings, 1U);
}

TEST_F(WatcherTest, OpensAStreamThatEndedAnewSoThatTheGapIsSeen) {
  doorbell_.listen("1.47");
  watch(fake_clock_);
  ASSERT_TRUE(wait_until(doorbell_, Stream::up, 1));
  engine_->end_events();
  ASSERT_TRUE(wait_until(doorbell_, Stream::up, 2));
  ASSERT_TRUE(engine_->wait_until_listened_to(1));
  engine_->drop_connections();
  ASSERT_TRUE(wait_until(doorbell_, Stream::up, 3));
  engine_->ring("nonsense");
  ASSERT_TRUE(wait_until(doorbell_, Stream::up, 4));
  ring(line("pull", "a:1", "a"));
  EXPECT_THAT(bells(), ElementsAre(Bell{"", "a:1", false}));
}

TEST_F(WatcherTest, IsDownWhileNobodyAnswersAndWhenItIsRefused) {
  engine_->refuse();
  doorbell_.listen("1.47");
  watch();
  ASSERT_TRUE(wait_until(doorbell_, Stream::down, 0));
  EXPECT_FALSE(stats_.events_connected);
  ASSERT_TRUE(engine_->accept_again().ok());
  engine_->fail("/events", support::Fault::answering(403, "no"));
  doorbell_.listen("1.47");
  ASSERT_TRUE(wait_until(doorbell_, Stream::down, 0));
  EXPECT_FALSE(stats_.events_connected);
}

TEST_F(WatcherTest, ObeysANewOrderInTheLongestPause) {
  engine_->fail("/events", support::Fault::answering(403, "no"), 1);
  doorbell_.listen("1.47");
  watch();  // on a clock that really waits ten minutes
  ASSERT_TRUE(wait_until(doorbell_, Stream::down, 0));
  doorbell_.listen("1.47");
  EXPECT_TRUE(wait_until(doorbell_, Stream::up, 1));
}

TEST_F(WatcherTest, ObeysANewOrderInTheMiddleOfAStreamWithoutAPause) {
  doorbell_.listen("1.47");
  watch();
  ASSERT_TRUE(wait_until(doorbell_, Stream::up, 1));
  doorbell_.listen("1.46");
  EXPECT_EQ(doorbell_.state().stream, Stream::connecting);
  ASSERT_TRUE(wait_until(doorbell_, Stream::up, 2));
  EXPECT_TRUE(stats_.events_connected);
  EXPECT_TRUE(engine_->wait_until_listened_to(1));
}

TEST_F(WatcherTest, EndsWhateverItIsDoing) {
  for (const auto& prepare : std::vector<std::function<void()>>{
           [] {},  // nothing ordered
           [&] {   // open and quiet
             doorbell_.listen("1.47");
             ASSERT_TRUE(wait_until(doorbell_, Stream::up, 1));
           },
           [&] {  // waiting for a head
             engine_->fail("/events", support::Fault::hanging_before_head());
             doorbell_.listen("1.47");
             ASSERT_TRUE(engine_->wait_until_hanging(1));
           },
           [&] {  // in a pause
             engine_->heal();
             engine_->fail("/events", support::Fault::answering(403, "no"));
             doorbell_.listen("1.47");
             ASSERT_TRUE(wait_until(doorbell_,
                                    [](const StreamState& state) { return state.stream == Stream::down; }));
           }}) {
    watch();
    prepare();
    watcher_.reset();
    EXPECT_TRUE(engine_->wait_until_listened_to(0));
    EXPECT_FALSE(stats_.events_connected);
  }
}

// --- On an engine without, and a clock that jumps: when it is tried again.

class WatcherPauses : public ::testing::Test {
 protected:
  static constexpr const char* target = "/v1.47/events?filters=%7B%22type%22:%5B%22image%22%5D%7D";
  using Answer = support::FakeEngine::Answer;

  /// The next call is answered so; when it comes is noted.
  void next(Answer answer) {
    answer.before = [this, before = answer.before] {
      asked_at_.push_back(clock_.now());
      if (before) before();
    };
    engine_.once(target, std::move(answer));
  }
  /// Runs a watcher through all that was prepared and returns what it logged.
  std::string run() {
    const Wake done;
    next({.before = [&] { done.raise(); }, .endless = true});
    ::testing::internal::CaptureStderr();
    doorbell_.listen("1.47");
    {
      const Watcher watcher(
          engine::EventStream(std::make_unique<support::FakeTransport>(engine_), "unix:///x.sock", 60s),
          doorbell_, stats_, clock_, 1);
      EXPECT_TRUE(wait_for(done));
    }
    return ::testing::internal::GetCapturedStderr();
  }
  /// Whether the pause before the call of this number was `pause`, or up to a fifth shorter.
  void expect_pause(std::size_t call, Duration pause) {
    ASSERT_LT(call, asked_at_.size());
    const auto was = asked_at_[call] - asked_at_[call - 1];
    EXPECT_LE(was, pause) << "before call " << call;
    EXPECT_GE(was, pause / 10 * 8) << "before call " << call;
  }
  static Answer failing() { return {.error = Error{Reason::connect, "nobody there"}}; }

  support::FakeEngine engine_;  // these are of the watcher's thread, while there is one
  support::FakeClock clock_;
  std::vector<SteadyTime> asked_at_;
  Stats stats_;
  Doorbell doorbell_;
};

TEST_F(WatcherPauses, DoubleFromASecondToAMinute) {
  for (int i = 0; i < 9; ++i) next(failing());
  run();
  std::size_t call = 0;
  for (const auto pause : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) expect_pause(++call, pause);
}

TEST_F(WatcherPauses, StartAnewOnlyAfterAStreamThatLivedAMinute) {
  next(failing());
  next(failing());
  next({.after_pieces = [&] { clock_.advance(59s); }});
  next({.after_pieces = [&] { clock_.advance(60s); }});
  next(failing());
  run();
  expect_pause(2, 2s);
  expect_pause(3, 59s + 4s);
  expect_pause(4, 60s + 1s);
  expect_pause(5, 2s);
}

TEST_F(WatcherPauses, AreTenMinutesAfterARefusal) {
  next({.status = 403, .body = "no"});
  next({.status = 404, .body = "no"});
  next({.status = 503, .body = "the engine behind me starts"});
  run();
  EXPECT_EQ(asked_at_[1] - asked_at_[0], 10min);
  EXPECT_EQ(asked_at_[2] - asked_at_[1], 10min);
  EXPECT_LE(asked_at_[3] - asked_at_[2], 1min);
}

TEST_F(WatcherPauses, FollowAnExceptionToo) {
  next({.before = [] { throw std::bad_alloc(); }});
  next({.after_pieces = [&] {
    EXPECT_TRUE(stats_.events_connected);
    throw std::bad_alloc();
  }});
  Answer third = failing();
  third.before = [&] {
    EXPECT_FALSE(stats_.events_connected);
    EXPECT_EQ(doorbell_.state().openings, 1U);
  };
  next(third);
  EXPECT_THAT(run(), HasSubstr("broke off"));
  expect_pause(1, 1s);
  expect_pause(2, 1s);
}

TEST_F(WatcherPauses, AreSaidOnceAndSoIsTheReturn) {
  for (int i = 0; i < 5; ++i) next(failing());
  const std::string text = run();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
  EXPECT_THAT(text, HasSubstr("the engine's events are not heard"));
  EXPECT_THAT(text, HasSubstr("nobody there"));
  EXPECT_THAT(text, HasSubstr("the engine's events are heard again"));
}

TEST_F(WatcherPauses, OfAStreamThatComesAndGoesAreSaidEveryTenMinutes) {
  for (int i = 0; i < 25; ++i) next({.after_pieces = [&] { clock_.advance(61s); }});  // and 1 s of pause
  const std::string text = run();
  const auto lines = std::count(text.begin(), text.end(), '\n');
  EXPECT_EQ(lines, 2 * 3) << text;  // its going and its coming, at once and after ten and twenty minutes
}

TEST_F(WatcherPauses, AreNotSaidWhenTheFirstStreamOpens) {
  EXPECT_THAT(run(), Not(HasSubstr("event")));
}

}  // namespace
}  // namespace repodigest::poll
