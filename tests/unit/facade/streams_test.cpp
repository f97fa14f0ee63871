// Event streams, clients that hang up, and how many calls may be under way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "cases.h"
#include "facade/percent.h"
#include "serving.h"

namespace repodigest::facade {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::StartsWith;

class StreamsTest : public FacadeTest {
 protected:
  /// The target of the last call to /events, decoded.
  [[nodiscard]] std::string events_asked() const {
    const std::string head = engine_->last_request("/events");
    return percent_decoded(head.substr(0, head.find("\r\n")), Part::query);
  }
};

TEST_F(StreamsTest, PassEventsOnAsTheyCome) {
  start();
  const RawClient watcher = asking("/v1.47/events?since=1");
  ASSERT_TRUE(engine_->wait_until_listened_to(1));
  EXPECT_THAT(read_until(watcher, "\r\n\r\n"), StartsWith("HTTP/1.1 200 OK\r\n"));
  for (const std::string event :
       {R"({"Type":"image","Action":"tag"})", R"({"Type":"image","Action":"untag"})"}) {
    engine_->ring(event);
    EXPECT_THAT(read_until(watcher, "}"), HasSubstr(event));
  }
  engine_->end_events();
  EXPECT_THAT(read_until(watcher, "\r\n0\r\n\r\n"), testing::EndsWith("\r\n0\r\n\r\n"));
  EXPECT_EQ(counted(ApiCall::events, 200), 1U);
  EXPECT_EQ(busy_seconds(), 0) << "an engine is not busy with a stream";
}

TEST_F(StreamsTest, AskTheEngineForEventsOfImagesAlone) {
  start();
  const auto asked_for = [&](const std::string& target) {
    const RawClient watcher = asking(target);
    EXPECT_TRUE(engine_->wait_until_listened_to(1));
    return events_asked();
  };
  const std::string narrowed = R"(filters={"type":{"image":true}} HTTP/1.1)";
  EXPECT_EQ(asked_for("/events"), "GET /events?" + narrowed);
  EXPECT_TRUE(engine_->wait_until_listened_to(0));
  EXPECT_EQ(
      asked_for("/events?since=1&filters=%7B%22type%22%3A%5B%22image%22%2C%22container%22%5D%7D&until="),
      R"(GET /events?since=1&filters={"type":["image"]}&until= HTTP/1.1)");
  EXPECT_TRUE(engine_->wait_until_listened_to(0));
  EXPECT_EQ(asked_for("/v1.47/events?%66ilters=%7B%7D&filters=%7B%22type%22%3A%5B%22container%22%5D%7D"),
            "GET /v1.47/events?" + narrowed);
}

TEST_F(StreamsTest, AskForAllEventsWhereThatIsAllowed) {
  start(allowing(only(Group::all_events)));
  const std::string target = "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D;x&filters=1";
  const RawClient watcher = asking(target);
  ASSERT_TRUE(engine_->wait_until_listened_to(1));
  EXPECT_THAT(engine_->last_request("/events"), StartsWith("GET " + target + " HTTP/1.1\r\n"));
}

TEST_F(StreamsTest, EndAtTheEngineWhenTheClientHangsUp) {
  start();
  {
    const RawClient watcher = asking("/events");
    ASSERT_TRUE(engine_->wait_until_listened_to(1));
    (void)read_until(watcher, "\r\n\r\n");
  }
  EXPECT_TRUE(engine_->wait_until_listened_to(0));
}

TEST_F(StreamsTest, CallsEndAtTheEngineWhenTheClientHangsUpBeforeTheHead) {
  start();
  engine_->fail("*", Fault::hanging_before_head());
  for (const std::string target : {"/images/json", "/events"}) {
    {
      const RawClient impatient = asking(target);
      ASSERT_TRUE(engine_->wait_until_hanging(1)) << target;
    }
    EXPECT_TRUE(engine_->wait_until_hanging(0)) << target;
  }
}

TEST_F(StreamsTest, CallsEndAtTheEngineWhenTheClientHangsUpInTheBody) {
  for (const bool correct : {true, false}) {
    Options options;
    options.correct = correct;
    start(options);
    engine_->fail("/images/json", Fault::hanging_in_body_after(5000), 1);
    {
      const RawClient impatient = asking("/images/json");
      (void)read_until(impatient, "\r\n\r\n");
      ASSERT_TRUE(engine_->wait_until_hanging(1));
    }
    EXPECT_TRUE(engine_->wait_until_hanging(0));
    facade_.reset();
  }
}

TEST_F(StreamsTest, ACallMoreThanMayBeUnderWayWaitsAndEventsDoNotWaitForIt) {
  start();
  engine_->fail("/images/*/json", Fault::hanging_before_head(), Options::max_light_calls);
  std::vector<RawClient> clients;
  for (std::size_t i = 0; i < Options::max_light_calls; ++i) clients.push_back(asking(issue_inspect));
  ASSERT_TRUE(engine_->wait_until_hanging(Options::max_light_calls));
  RawClient another = asking(issue_inspect);
  for (std::size_t i = 0; i < Options::max_event_streams; ++i) clients.push_back(asking("/events"));
  ASSERT_TRUE(engine_->wait_until_listened_to(Options::max_event_streams));
  EXPECT_EQ(engine_->asked("/images/*/json"), Options::max_light_calls);
  clients.erase(clients.begin());  // hangs up
  EXPECT_EQ(parsed(another.read_to_end()).status(), 200);
  EXPECT_EQ(engine_->asked("/images/*/json"), Options::max_light_calls + 1);
  engine_->release();
}

TEST_F(StreamsTest, ListsAndExportsLeaveRoomForLightCalls) {
  Options options;
  options.allow.add(Group::export_images);
  start(options);
  engine_->fail("/images/json", Fault::hanging_before_head());
  engine_->fail("/images/get*", Fault::hanging_before_head());
  std::vector<RawClient> clients;
  for (std::size_t i = 0; i < 2 * Options::max_heavy_calls; ++i)
    clients.push_back(asking(i % 2 == 0 ? "/images/json" : "/images/get?names=x"));
  ASSERT_TRUE(engine_->wait_until_hanging(Options::max_heavy_calls));
  EXPECT_EQ(ask(issue_inspect).status(), 200);
  EXPECT_EQ(ask("/_ping").status(), 200);
  engine_->release();
}

TEST_F(StreamsTest, ACallThatEndedHasKeptTheEngineBusy) {
  start();
  engine_->fail("*", Fault::hanging_before_head(), 1);
  RawClient waiting = asking(issue_inspect);
  ASSERT_TRUE(engine_->wait_until_hanging(1));
  EXPECT_EQ(busy_seconds(), 0) << "counted when it ends";
  engine_->release();
  EXPECT_EQ(parsed(waiting.read_to_end()).status(), 200);
  EXPECT_GT(busy_seconds(), 0);
  EXPECT_EQ(counted(ApiCall::image_inspect, 200), 1U);
  EXPECT_EQ(stats_.api_entries_removed.value(), 2U) << "four entries, two of them different";
}

TEST_F(StreamsTest, EndAtOnceWhenTheFacadeStopsWhileCallsAreFinished) {
  start();
  RawClient watcher = asking("/events");
  ASSERT_TRUE(engine_->wait_until_listened_to(1));
  (void)read_until(watcher, "\r\n\r\n");
  engine_->fail("*", Fault::hanging_before_head(), 1);
  RawClient waiting = asking(issue_inspect);
  ASSERT_TRUE(engine_->wait_until_hanging(1));

  std::thread stopping([&] { facade_->stop(seconds(60)); });
  EXPECT_TRUE(engine_->wait_until_listened_to(0));
  EXPECT_EQ(watcher.read_to_end(), "") << "no last chunk: the stream did not end by itself";
  engine_->release();
  EXPECT_TRUE(parsed(waiting.read_to_end()).whole);
  stopping.join();
}

TEST_F(StreamsTest, AndCallsEndWithTheFacade) {
  start();
  engine_->fail("/images/json", Fault::hanging_before_head());
  const RawClient list = asking("/images/json");
  const RawClient watcher = asking("/events");
  ASSERT_TRUE(engine_->wait_until_hanging(1));
  ASSERT_TRUE(engine_->wait_until_listened_to(1));
  facade_.reset();
  EXPECT_TRUE(engine_->wait_until_hanging(0));
  EXPECT_TRUE(engine_->wait_until_listened_to(0));
  EXPECT_FALSE(std::filesystem::exists(facade_socket()));
}

TEST_F(StreamsTest, AHeadPassesAsOne) {
  start();
  const auto answer = ask("/_ping", "", "HEAD");
  EXPECT_EQ(answer.status(), 200);
  EXPECT_EQ(answer.header("Api-Version"), "1.47");
  EXPECT_EQ(answer.header("Content-Length"), "0");
  EXPECT_EQ(answer.body, "");
  EXPECT_THAT(engine_->last_request("/_ping"), StartsWith("HEAD /_ping HTTP/1.1\r\n"));
  EXPECT_EQ(counted(ApiCall::ping, 200), 1U);
}

}  // namespace
}  // namespace repodigest::facade
