#include <gmock/gmock.h>

#include <algorithm>
#include <string>

#include "repodigest/poll/driver.h"
#include "support/fake_clock.h"
#include "support/fake_transport.h"

namespace repodigest::poll {
namespace {

/// An engine of ten images without names.
class LookOnce : public ::testing::Test {
 protected:
  LookOnce() {
    engine_.set("/_ping", {.body = "OK", .headers = {{"Api-Version", "1.47"}}});
    engine_.set("/version", {.body = R"({"Version":"27.3.1","ApiVersion":"1.47"})"});
    engine_.set("/v1.47/info", {.body = R"({"ID":"engine-1","Driver":"overlay2"})"});
    std::string rows;
    for (int digit = 0; digit < 10; ++digit) rows += R"({"Id":")" + id(digit) + R"("},)";
    rows.pop_back();
    engine_.set("/v1.47/images/json", {.body = "[" + rows + "]"});
    for (int digit = 0; digit < 10; ++digit)
      engine_.set(inspect_of(digit), {.body = R"({"Id":")" + id(digit) + R"(","RepoDigests":["a@)" +
                                              id(digit) + R"(","a@)" + id(digit) + R"("]})"});
  }

  static std::string id(int digit) { return "sha256:" + std::string(64, static_cast<char>('0' + digit)); }
  static std::string inspect_of(int digit) { return "/v1.47/images/" + id(digit) + "/json"; }
  Result<std::shared_ptr<const inventory::Snapshot>> look() {
    return look_once(client_, false, true, clock_, Cancel());
  }
  std::size_t inspects() {
    const auto targets = engine_.take_targets();
    return static_cast<std::size_t>(
        std::count_if(targets.begin(), targets.end(),
                      [](const std::string& target) { return target.starts_with("/v1.47/images/sha256:"); }));
  }

  support::FakeEngine engine_;
  support::FakeClock clock_;
  Stats stats_;
  engine::Client client_{
      std::make_unique<support::FakeTransport>(engine_), "unix:///x.sock", {}, stats_, clock_};
};

TEST_F(LookOnce, InspectsEveryImage) {
  const auto snapshot = look();
  ASSERT_TRUE(snapshot.ok()) << snapshot.error().text;
  EXPECT_EQ((*snapshot)->totals.inspected, 10U);
  EXPECT_EQ((*snapshot)->totals.repo_digests, 20U);
  EXPECT_EQ((*snapshot)->totals.images_with_duplicates, 10U);
}

TEST_F(LookOnce, GoesOnAfterOneImageThatHangs) {
  engine_.set(inspect_of(0), {.error = Error{Reason::timeout, "no answer"}});
  const auto snapshot = look();
  ASSERT_TRUE(snapshot.ok()) << snapshot.error().text;
  EXPECT_EQ((*snapshot)->totals.inspected, 9U);
  EXPECT_EQ((*snapshot)->totals.inspections_failed[index_of(Reason::timeout)], 1U);
}

TEST_F(LookOnce, GivesUpAnEngineThatHangsAtOneImageAfterTheOther) {
  for (int digit = 0; digit < 10; ++digit)
    engine_.set(inspect_of(digit), {.error = Error{Reason::timeout, "no answer"}});
  const auto snapshot = look();
  ASSERT_FALSE(snapshot.ok());
  EXPECT_EQ(snapshot.error().reason, Reason::timeout);
  EXPECT_EQ(inspects(), 3U);
}

TEST_F(LookOnce, GivesUpAnEngineThatIsGoneBehindItsProxy) {
  engine_.set(inspect_of(0), {.body = R"({"Id":")" + id(0) + R"("})", .before = [this] {
                                engine_.set("/_ping", {.status = 503, .body = "no server is available"});
                                engine_.drop_connection();
                              }});
  const auto snapshot = look();
  ASSERT_FALSE(snapshot.ok());
  EXPECT_EQ(snapshot.error().reason, Reason::http);
  EXPECT_EQ(inspects(), 1U);
}

TEST_F(LookOnce, TellsAnImageThatCannotBeInspectedByASecondList) {
  engine_.set(inspect_of(3), {.status = 404, .body = R"({"message":"No such image"})"});
  const auto snapshot = look();
  ASSERT_TRUE(snapshot.ok()) << snapshot.error().text;
  EXPECT_EQ((*snapshot)->totals.by_anomaly[index_of(digest::Anomaly::not_inspectable)], 1U);
  EXPECT_EQ((*snapshot)->totals.inspected, 9U);
}

TEST_F(LookOnce, AsksForContainersAtLast) {
  engine_.set("/v1.47/containers/json?all=1",
              {.body = R"([{"Id":"c1","Names":["/web"],"ImageID":")" + id(3) + R"(","State":"running"}])"});
  const auto snapshot = look();
  ASSERT_TRUE(snapshot.ok()) << snapshot.error().text;
  EXPECT_TRUE((*snapshot)->containers_known);
  EXPECT_EQ((*snapshot)->totals.containers_with_duplicates[index_of(inventory::ContainerState::running)], 1U);
}

TEST_F(LookOnce, DoesWithoutContainersThatAreRefused) {
  engine_.set("/v1.47/containers/json?all=1", {.status = 403, .body = "forbidden"});
  const auto snapshot = look();
  ASSERT_TRUE(snapshot.ok()) << snapshot.error().text;
  EXPECT_FALSE((*snapshot)->containers_known);
}

}  // namespace
}  // namespace repodigest::poll
