#include "repodigest/poll/driver.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <set>
#include <string>

#include "model/simulated_clock.h"
#include "repodigest/cache/cache_file.h"
#include "repodigest/poll/doorbell.h"
#include "support/fake_transport.h"
#include "support/temporary_folder.h"

namespace repodigest::poll {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

std::string id(int digit) {
  return "sha256:" + std::string(64, static_cast<char>('0' + digit));
}

/// A driver, an engine of three images app:0 … app:2, and a stream in the test's hands, in a time that jumps.
struct World {
  World() {
    be("Docker/27.3.1 (linux)", "27.3.1");
    for (int digit = 0; digit < 3; ++digit) has(digit, {"app:" + std::to_string(digit)});
    engine_.set("/v1.47/containers/json?all=1", {.body = "[]"});
  }

  void be(const std::string& server, const std::string& version) {
    engine_.set("/_ping", {.body = "OK", .headers = {{"Api-Version", "1.47"}, {"Server", server}}});
    engine_.set("/version", {.body = R"({"Version":")" + version + R"(","ApiVersion":"1.47"})"});
    set_info();
  }
  void set_info() {
    engine_.set("/v1.47/info",
                {.body = R"({"ID":"engine-1","Driver":"overlayfs","DriverStatus":[["driver-type",)"
                         R"("io.containerd.snapshotter.v1"]],"Images":)" +
                         std::to_string(count_) + "}"});
  }
  /// The engine's image `digit` has these names; every one of them makes an entry in RepoDigests.
  void has(int digit, const std::vector<std::string>& names) {
    std::string tags;
    std::string digests;
    for (const std::string& name : names) {
      tags += (tags.empty() ? "\"" : ",\"") + name + "\"";
      digests += (digests.empty() ? "\"" : ",\"") + name.substr(0, name.find(':')) + "@" + id(digit) + "\"";
    }
    const std::string image = R"({"Id":")" + id(digit) + R"(","RepoTags":[)" + tags + R"(],"RepoDigests":[)";
    rows_[digit] = image + digests.substr(0, digests.find(',')) + "]}";
    const support::FakeEngine::Answer answer{.body = image + digests + "]}"};
    engine_.set("/v1.47/images/" + id(digit) + "/json", answer);
    for (const std::string& name : names) engine_.set("/v1.47/images/" + name + "/json", answer);
    std::string list;
    for (const auto& [number, row] : rows_) list += (list.empty() ? "" : ",") + row;
    engine_.set("/v1.47/images/json", {.body = "[" + list + "]"});
  }
  void list_takes(Duration time) {
    std::string list;
    for (const auto& [number, row] : rows_) list += (list.empty() ? "" : ",") + row;
    engine_.set("/v1.47/images/json",
                {.body = "[" + list + "]", .before = [this, time] { clock_.advance(time); }});
  }

  /// What the listener would do: opens each stream that is wanted after 10 ms.
  void listen() {
    clock_.in(10ms, [this] {
      if (doorbell_.order().order != opened_) doorbell_.opened(opened_ = doorbell_.order().order);
      if (listening_) listen();
    });
  }
  void ring(const inventory::Bell& bell) { doorbell_.ring(bell, clock_.now()); }

  /// Polls for `time` from the start, with what was planned meanwhile.
  void run(Duration time, bool with_events = true, MachineOptions options = {}) {
    if (with_events) listen();
    clock_.in(time, [this] {
      listening_ = false;
      stop_.raise();
    });
    Driver driver({client_, store_, board_, stats_, clock_, with_events ? &doorbell_ : nullptr,
                   cache_ ? &*cache_ : nullptr},
                  options, false);
    driver.run(Cancel(stop_));
  }
  /// `what` happens so long after the start; then the targets that were asked for until then are forgotten.
  void after(Duration time, const std::function<void()>& what) {
    clock_.in(time, [this, what] {
      engine_.take_targets();
      what();
    });
  }
  /// Keeps in `targets` what was asked for until so long after the start (since the last after()).
  void note(Duration time, std::vector<std::string>& targets) {
    clock_.in(time, [this, &targets] { targets = engine_.take_targets(); });
  }
  static std::ptrdiff_t lists(const std::vector<std::string>& targets) {
    return std::count(targets.begin(), targets.end(), "/v1.47/images/json");
  }
  static std::vector<std::string> inspects(const std::vector<std::string>& targets) {
    std::vector<std::string> found;
    for (const std::string& target : targets)
      if (target.starts_with("/v1.47/images/") && target != "/v1.47/images/json") found.push_back(target);
    return found;
  }
  [[nodiscard]] std::set<std::string> names() const {
    std::set<std::string> all;
    for (const auto& image : store_.current()->images)
      all.insert(image->repo_tags.begin(), image->repo_tags.end());
    return all;
  }

  model::SimulatedClock clock_;
  support::FakeEngine engine_;
  std::map<int, std::string> rows_;
  std::size_t count_ = 3;
  Stats stats_;
  engine::Client client_{
      std::make_unique<support::FakeTransport>(engine_), "unix:///x.sock", {}, stats_, clock_};
  inventory::SnapshotStore store_;
  HealthBoard board_;
  Doorbell doorbell_;
  std::uint64_t opened_ = 0;
  bool listening_ = true;
  std::optional<cache::CacheFile> cache_;
  const Wake stop_;
};

class DriverTest : public ::testing::Test, protected World {};

TEST_F(DriverTest, LooksListsInspectsAndThenOnlyLooks) {
  std::vector<std::string> first;
  std::vector<std::string> quiet;
  note(30s, first);
  note(4min + 30s, quiet);
  run(5min, true, {.containers = false});
  EXPECT_THAT(
      first, ElementsAre("/_ping", "/version", "/v1.47/info", "/v1.47/images/json",
                         "/v1.47/images/app:0/json", "/v1.47/images/app:1/json", "/v1.47/images/app:2/json"));
  EXPECT_EQ(std::count(quiet.begin(), quiet.end(), "/_ping"), 4);
  EXPECT_EQ(std::count(quiet.begin(), quiet.end(), "/v1.47/info"), 1) << "a count to compare with";
  EXPECT_EQ(quiet.size(), 5U);
  EXPECT_EQ(store_.current()->totals.inspected, 3U);
}

TEST_F(DriverTest, AQuietLookConfirms) {
  run(30min);
  const Health health = board_.get();
  EXPECT_EQ(health.events, Stream::up);
  EXPECT_EQ(*health.last_confirmed - *health.last_list, 29min - 10ms);
  EXPECT_EQ(*health.confirmed_until, clock_.now() - 1min + 5min);
  EXPECT_EQ(health.list_interval, 1h);
  EXPECT_EQ(health.poll_interval, 1min);
  EXPECT_EQ(health.budget, (Health::Spending{0.1, 8s, 2s}));
}

TEST_F(DriverTest, WithoutEventsEachIntervalLists) {
  std::vector<std::string> targets;
  note(10min - 1s, targets);
  run(10min, false);
  EXPECT_EQ(lists(targets), 10);
  EXPECT_EQ(board_.get().list_interval, 1min);
  EXPECT_EQ(board_.get().events, Stream::off);
}

TEST_F(DriverTest, ABellLeadsToOneInspectAndAPublishedChange) {
  std::vector<std::string> targets;
  after(90s, [this] {
    has(1, {"app:1", "app:new"});
    ring({.id = id(1), .reference = "app:new", .removed = false});
    clock_.in(100ms, [this] { clock_.in(0s, [this] { EXPECT_THAT(names(), Not(Contains("app:new"))); }); });
    clock_.in(101ms, [this] { EXPECT_THAT(names(), Contains("app:new")); });
  });
  note(100s, targets);
  run(110s, true, {.containers = false});
  EXPECT_EQ(targets.size(), 1U);
  EXPECT_EQ(inspects(targets).size(), 1U);
  EXPECT_EQ(store_.current()->totals.images_with_duplicates, 1U);
  EXPECT_TRUE(board_.get().last_confirmed);
}

TEST_F(DriverTest, ABellThatCanNotBePlacedLeadsToAList) {
  std::vector<std::string> targets;
  after(90s, [this] {
    has(3, {"app:3"});
    ring({});
  });
  note(100s, targets);
  run(110s);
  EXPECT_EQ(lists(targets), 1);
  EXPECT_THAT(names(), Contains("app:3"));
}

TEST_F(DriverTest, AGapInTheStreamLeadsToAList) {
  std::vector<std::string> targets;
  after(90s, [this] {
    has(3, {"app:3"});
    doorbell_.ended(opened_);
    clock_.in(1s, [this] { doorbell_.opened(opened_); });
  });
  note(100s, targets);
  run(10min);
  EXPECT_EQ(lists(targets), 1);
  EXPECT_EQ(targets.front(), "/_ping") << "a stream often ends because the engine does";
  EXPECT_EQ(store_.current()->images.size(), 4U);
  EXPECT_EQ(*board_.get().last_confirmed - *board_.get().last_list, 8min) << "looks confirm again";
}

TEST_F(DriverTest, AnotherCountOfImagesLeadsToAListThoughNothingRang) {
  std::vector<std::string> targets;
  after(90s, [this] {
    has(3, {"app:3"});
    count_ = 4;
    set_info();
  });
  note(9min, targets);
  run(10min);
  EXPECT_EQ(lists(targets), 1);
  EXPECT_EQ(store_.current()->images.size(), 4U);
}

TEST_F(DriverTest, AnEngineReplacedInPlaceIsListedAndListenedToAnew) {
  std::vector<std::string> targets;
  after(90s, [this] {
    be("Docker/27.4.0 (linux)", "27.4.0");
    ring({.id = id(7), .reference = "", .removed = false});
  });
  const std::uint64_t order_before = 1;
  note(3min, targets);
  clock_.in(80s, [&] { EXPECT_EQ(doorbell_.order().order, order_before); });
  run(200s);
  EXPECT_EQ(doorbell_.order().order, order_before + 1);
  EXPECT_EQ(lists(targets), 1);
  EXPECT_EQ(store_.current()->engine->version, "27.4.0");
  EXPECT_EQ(stats_.engine_changes[index_of(EngineChange::version)].value(), 1U);
  EXPECT_EQ(board_.get().events, Stream::up);
}

TEST_F(DriverTest, BellsOfTheEngineBeforeAreNotAskedOfTheNext) {
  std::vector<std::string> targets;
  clock_.in(120s - 50ms, [this] {
    be("Docker/27.4.0 (linux)", "27.4.0");
    ring({.id = id(7), .reference = "", .removed = false});
    engine_.take_targets();
  });
  note(3min, targets);
  run(200s);
  EXPECT_THAT(inspects(targets), Not(Contains("/v1.47/images/" + id(7) + "/json")));
}

TEST_F(DriverTest, AfterTheEngineWasAwayAStreamThatIsDownIsWantedAtOnce) {
  after(90s, [this] {
    engine_.set("/_ping", {.error = Error{Reason::connect, "connection refused"}});
    doorbell_.ended(opened_);
  });
  clock_.in(5min, [this] {
    EXPECT_FALSE(board_.get().up);
    be("Docker/27.3.1 (linux)", "27.3.1");
  });
  run(8min);
  EXPECT_EQ(doorbell_.order().order, 2U);
  EXPECT_TRUE(board_.get().up);
  EXPECT_EQ(board_.get().events, Stream::up);
  EXPECT_LT(*board_.get().last_list - std::chrono::time_point_cast<Duration>(clock_.wall()), -30s);
}

TEST_F(DriverTest, TheDebtOfAListDelaysTheNextButNoBell) {
  list_takes(90s);
  std::vector<std::string> targets;
  after(200s, [this] {
    has(1, {"app:1", "app:new"});
    list_takes(90s);
    ring({.id = id(1), .reference = "app:new", .removed = false});
    clock_.in(200ms, [this] {
      EXPECT_THAT(names(), Contains("app:new"));
      EXPECT_LT(board_.get().budget.credit, -60s);
    });
  });
  clock_.in(300s, [this] { ring({}); });
  note(18min, targets);
  run(40min);
  EXPECT_EQ(lists(targets), 0);
  EXPECT_FALSE(board_.get().last_error);
}

TEST_F(DriverTest, WhatWasInspectedIsKeptAndNotAskedForAgain) {
  const support::TemporaryFolder folder;
  cache_.emplace((std::filesystem::path(folder.path()) / "cache").string());
  run(30s);
  EXPECT_EQ(inspects(engine_.take_targets()).size(), 3U);

  World restarted;
  restarted.cache_ = cache_;
  restarted.has(1, {"app:1", "app:new"});
  restarted.run(30s);
  EXPECT_THAT(inspects(restarted.engine_.take_targets()),
              ElementsAre(testing::AnyOf("/v1.47/images/app:1/json", "/v1.47/images/app:new/json")));
  EXPECT_EQ(restarted.store_.current()->totals.inspected, 3U);
}

TEST_F(DriverTest, WhatWasKeptIsNotReplacedByNothingBeforeTheFirstList) {
  const support::TemporaryFolder folder;
  cache_.emplace((std::filesystem::path(folder.path()) / "cache").string());
  run(30s);

  World restarted;
  restarted.cache_ = cache_;
  restarted.engine_.set("/v1.47/images/json", {.status = 500, .body = R"({"message":"boom"})"});
  restarted.run(5min);
  EXPECT_EQ(cache_->load(*store_.current()->engine).size(), 3U);
}

TEST_F(DriverTest, AListOfContainersTellsWhichAreHit) {
  has(1, {"app:1", "app:again"});
  engine_.set("/v1.47/containers/json?all=1",
              {.body = R"([{"Id":"c1","Names":["/web"],"ImageID":")" + id(1) + R"(","State":"running"}])"});
  run(30s);
  EXPECT_TRUE(store_.current()->containers_known);
  EXPECT_EQ(store_.current()->totals.containers_with_duplicates[index_of(inventory::ContainerState::running)],
            1U);
}

TEST_F(DriverTest, ContainersAreForgottenAfterThreeFailuresAndThePollingIsWell) {
  std::vector<bool> known;
  after(90s, [this] {
    engine_.set("/v1.47/containers/json?all=1", {.status = 500, .body = R"({"message":"boom"})"});
  });
  for (const Duration time : {150s, 210s, 270s})
    clock_.in(time, [&] { known.push_back(store_.current()->containers_known); });
  run(5min);
  EXPECT_THAT(known, ElementsAre(true, true, false));
  EXPECT_FALSE(board_.get().last_error);
  EXPECT_EQ(stats_.poll_failures[index_of(Reason::http)].value(), 0U);
}

TEST_F(DriverTest, AProxyThatRefusesContainersMakesThemUnknownAtOnce) {
  after(90s, [this] { engine_.set("/v1.47/containers/json?all=1", {.status = 403, .body = "no"}); });
  run(150s);
  EXPECT_FALSE(store_.current()->containers_known);
}

TEST_F(DriverTest, AProxyThatHangsUpOnContainersIsNoEngineThatIsAway) {
  after(90s, [this] {
    engine_.set("/v1.47/containers/json?all=1", {.error = Error{Reason::connect, "hung up"}});
    engine_.take_targets();
  });
  std::vector<bool> up;
  for (Duration time = 100s; time < 400s; time += 10s)
    clock_.in(time, [&] { up.push_back(board_.get().up && !board_.get().last_error); });
  run(400s);
  EXPECT_THAT(up, testing::Each(true));
  EXPECT_FALSE(store_.current()->containers_known);
  const auto asked = engine_.take_targets();
  EXPECT_THAT(asked, Not(Contains("/v1.47/images/json")));
  EXPECT_LE(std::count(asked.begin(), asked.end(), "/_ping"), 2 * 6);
}

TEST_F(DriverTest, ContainersOfAnotherEngineLeadToALookBeforeAnythingElseIsAsked) {
  clock_.in(90s, [this] {
    engine_.once("/v1.47/containers/json?all=1",
                 {.body = "[]", .headers = {{"Server", "Docker/27.4.0 (linux)"}}, .before = [this] {
                    be("Docker/27.4.0 (linux)", "27.4.0");
                  }});
  });
  clock_.in(125s, [this] { EXPECT_EQ(store_.current()->engine->version, "27.4.0"); });
  run(150s);
  EXPECT_EQ(store_.current()->totals.inspected, 3U);
}

TEST_F(DriverTest, AnExceptionDoesNotGiveTheBudgetBack) {
  engine_.set("/v1.47/images/json", {.before = [this] {
                clock_.advance(20s);
                throw std::bad_alloc();
              }});
  run(10min);
  EXPECT_LT(board_.get().budget.credit, 0s);
  EXPECT_FALSE(store_.current()->listed);
}

}  // namespace
}  // namespace repodigest::poll
