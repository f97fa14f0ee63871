#include "repodigest/engine/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "support/fake_transport.h"

namespace repodigest::engine {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string id = "sha256:" + std::string(64, 'a');

std::string line(const std::string& action, const std::string& actor_id, const std::string& name) {
  return R"({"Type":"image","Action":")" + action + R"(","Actor":{"ID":")" + actor_id +
         R"(","Attributes":{"foo":"bar","name":")" + name + "\"}},\"scope\":\"local\",\"time\":1}\n";
}

/// The events in `bytes`, which are fed in pieces of `size`.
Result<std::vector<Event>> decoded(const std::string& bytes, std::size_t size = std::string::npos) {
  std::vector<Event> events;
  EventDecoder decoder;
  for (std::size_t at = 0; at < bytes.size(); at += std::min(size, bytes.size())) {
    const auto fed = decoder.feed(std::string_view(bytes).substr(at, size),
                                  [&](const Event& event) { events.push_back(event); });
    if (!fed) return fed.error();
  }
  return events;
}

void expect_error(const std::string& bytes, Reason reason, const std::string& part) {
  const auto result = decoded(bytes);
  ASSERT_FALSE(result.ok()) << bytes;
  EXPECT_EQ(name_of(result.error().reason), name_of(reason)) << result.error().text;
  EXPECT_THAT(result.error().text, HasSubstr(part));
}

TEST(EventDecoding, GivesActionIdAndName) {
  const auto events = decoded(line("untag", id, "a:1"));
  ASSERT_TRUE(events.ok()) << events.error().text;
  EXPECT_THAT(*events, ElementsAre(Event{EventAction::untag, id, "a:1"}));
}

TEST(EventDecoding, GivesTheSameEventsHoweverTheBytesCome) {
  const std::string bytes = line("tag", id, "a:1") + "\r\n\n" + line("pull", "b:1", "b") + " \n";
  for (std::size_t size = 1; size <= bytes.size(); ++size) {
    const auto events = decoded(bytes, size);
    ASSERT_TRUE(events.ok()) << events.error().text;
    EXPECT_THAT(*events,
                ElementsAre(Event{EventAction::tag, id, "a:1"}, Event{EventAction::pull, "b:1", "b"}));
  }
}

TEST(EventDecoding, GivesAnEventAsSoonAsItsLineEnds) {
  EventDecoder decoder;
  int events = 0;
  const auto count = [&](const Event&) { ++events; };
  const std::string bytes = line("tag", id, "a:1");
  ASSERT_TRUE(decoder.feed(bytes.substr(0, bytes.size() - 1), count).ok());
  EXPECT_EQ(events, 0);
  ASSERT_TRUE(decoder.feed("\n", count).ok());
  EXPECT_EQ(events, 1);
}

TEST(EventDecoding, LeavesOutWhatIsNotOfAnImage) {
  const auto events = decoded(R"({"Type":"container","Action":"exec_create: sh","Actor":{"ID":"x"}})"
                              "\n"
                              R"({"Type":"builder","Action":7})"
                              "\n");
  ASSERT_TRUE(events.ok()) << events.error().text;
  EXPECT_TRUE(events->empty());
}

TEST(EventDecoding, KnowsEveryActionByItsName) {
  const std::map<std::string, EventAction> actions = {
      {"pull", EventAction::pull},
      {"push", EventAction::push},
      {"tag", EventAction::tag},
      {"untag", EventAction::untag},
      {"delete", EventAction::remove},
      {"remove", EventAction::remove},
      {"load", EventAction::load},
      {"save", EventAction::save},
      {"loadfromarchive", EventAction::load},
      {"import", EventAction::import},
      {"create", EventAction::create},
      {"build", EventAction::build},
      {"prune", EventAction::prune},
      {"mount", EventAction::other},
      {"Pull", EventAction::other},
      {"tag: detail", EventAction::tag},
  };
  for (const auto& [name, action] : actions) {
    const auto events = decoded(line(name, id, ""));
    ASSERT_TRUE(events.ok()) << events.error().text;
    EXPECT_EQ(events->front().action, action) << name;
  }
}

TEST(EventDecoding, TakesWhatIsMissingOrNullAsNothing) {
  for (const std::string& rest :
       {std::string(), std::string(R"(,"Actor":null)"), std::string(R"(,"Actor":{})"),
        std::string(R"(,"Actor":{"ID":null,"Attributes":null})"),
        std::string(R"(,"Actor":{"ID":"","Attributes":{"reclaimed":"7"}})")}) {
    const auto events = decoded(R"({"Type":"image","Action":"prune")" + rest + "}\n");
    ASSERT_TRUE(events.ok()) << events.error().text;
    EXPECT_THAT(*events, ElementsAre(Event{EventAction::prune, "", ""}));
  }
}

TEST(EventDecoding, TakesTheStatusOfAnEventBeforeThereWereActions) {
  const auto events = decoded(R"({"status":"pull","id":"busybox:latest","time":1})"
                              "\n");
  ASSERT_TRUE(events.ok()) << events.error().text;
  EXPECT_THAT(*events, ElementsAre(Event{EventAction::pull, "", ""}));
}

TEST(EventDecoding, RefusesWhatIsNoEvent) {
  expect_error("nonsense\n", Reason::parse, "an event is not JSON");
  expect_error("{\"Type\":\"image\"\n", Reason::parse, "an event is not JSON");
  expect_error("{} {}\n", Reason::parse, "an event is not JSON");
  expect_error("\"\xff\"\n", Reason::parse, "UTF-8");
  expect_error(std::string(100, '[') + std::string(100, ']') + "\n", Reason::parse, "nested deeper");
  expect_error("[]\n", Reason::parse, "an event is not an object");
  expect_error("null\n", Reason::parse, "an event is not an object");
  expect_error("{}\n", Reason::parse, "an event has no Action");
  expect_error(R"({"message":"broken"})"
               "\n",
               Reason::parse, "has no Action");
  expect_error("{\"Type\":7}\n", Reason::parse, "something else than a string at Type");
  expect_error(R"({"Action":"tag","Actor":[]})"
               "\n",
               Reason::parse, "something else than an object at Actor");
  expect_error(R"({"Action":"tag","Actor":{"Attributes":{"name":[]}}})"
               "\n",
               Reason::parse, "something else than a string at name");
}

TEST(EventDecoding, RefusesALineLongerThanAnyEvent) {
  const std::string start = R"({"Action":"tag","x":")";
  const std::string end = "\"}";
  const std::string longest =
      start + std::string(EventDecoder::max_line_bytes - start.size() - end.size(), 'x') + end;
  EXPECT_TRUE(decoded(longest + "\n").ok());
  EXPECT_TRUE(decoded(longest + "\n" + longest + "\n", 1000).ok());
  expect_error(longest + " \n", Reason::too_large, "larger than 1048576 bytes");
  expect_error(std::string(EventDecoder::max_line_bytes + 1, ' '), Reason::too_large, "larger than");
}

TEST(EventDecoding, ReadsEveryRecordedStream) {
  const std::filesystem::path recorded = REPODIGEST_SOURCE_DIR "/tests/recorded";
  std::size_t streams = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(recorded)) {
    if (entry.path().extension() != ".jsonl") continue;
    SCOPED_TRACE(entry.path());
    ++streams;
    std::ifstream file(entry.path());
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    const auto events = decoded(bytes);
    ASSERT_TRUE(events.ok()) << events.error().text;
    EXPECT_FALSE(events->empty());
    for (const auto& event : *events) EXPECT_NE(event.action, EventAction::other);
    const auto in_pieces = decoded(bytes, 7);
    ASSERT_TRUE(in_pieces.ok());
    EXPECT_EQ(*in_pieces, *events);
  }
  EXPECT_GE(streams, 11U);
}

/// One call of follow() on a fake engine.
class Following : public ::testing::Test {
 protected:
  static constexpr const char* target = "/v1.47/events?filters=%7B%22type%22:%5B%22image%22%5D%7D";

  Error follow(const Cancel& cancel = Cancel()) {
    EventStream stream(std::make_unique<support::FakeTransport>(engine_), "unix:///x.sock",
                       std::chrono::seconds(7));
    return stream.follow(
        "1.47", [this] { ++opened_; }, [this](const Event& event) { events_.push_back(event); }, cancel);
  }

  support::FakeEngine engine_;
  int opened_ = 0;
  std::vector<Event> events_;
};

TEST_F(Following, AsksForEventsOfImagesWithoutACapOrAnEnd) {
  engine_.set(target, {});
  const auto why = follow();
  EXPECT_THAT(engine_.take_targets(), ElementsAre(target));
  EXPECT_EQ(engine_.last_request().max_body_bytes, std::numeric_limits<std::size_t>::max());
  EXPECT_EQ(engine_.last_request().head_timeout, std::chrono::seconds(7));
  EXPECT_EQ(engine_.last_timeout(), std::nullopt);
  EXPECT_EQ(opened_, 1);
  EXPECT_EQ(why.reason, Reason::interrupted);
  EXPECT_EQ(why.text, "GET " + std::string(target) + " on unix:///x.sock: the engine ended the stream");
}

TEST_F(Following, SaysThatItIsOpenBeforeTheFirstEventAndGivesEachAsItComes) {
  const std::string first = line("tag", id, "a:1");
  const Wake give_up;
  engine_.set(target, {.pieces = {first.substr(0, 20), first.substr(20) + line("pull", "b:1", "b")},
                       .after_pieces =
                           [&] {
                             EXPECT_EQ(opened_, 1);
                             EXPECT_THAT(events_, ElementsAre(Event{EventAction::tag, id, "a:1"},
                                                              Event{EventAction::pull, "b:1", "b"}));
                             give_up.raise();
                           },
                       .endless = true});
  EXPECT_EQ(follow(Cancel(give_up)).reason, Reason::interrupted);
}

TEST_F(Following, SaysWhyItWasRefused) {
  engine_.set(target, {.status = 403, .body = R"({"message":"events are not allowed"})"});
  const auto why = follow();
  EXPECT_EQ(why.reason, Reason::http);
  EXPECT_EQ(why.status, 403);
  EXPECT_EQ(why.text,
            "GET " + std::string(target) + " on unix:///x.sock: status 403: events are not allowed");
  EXPECT_EQ(opened_, 0);
}

TEST_F(Following, ReadsNoMoreOfARefusalThanAMessageNeeds) {
  for (const int status : {302, 404, 500}) {
    engine_.set(target, {.status = status,
                         .body = "<html>\n",
                         .pieces = {std::string(100'000, 'x')},
                         .after_pieces = [] { ADD_FAILURE() << "it was read to its end"; }});
    const auto why = follow();
    EXPECT_EQ(why.reason, Reason::http);
    EXPECT_EQ(why.status, status);
    EXPECT_THAT(why.text, HasSubstr("status " + std::to_string(status) + ": <html>"));
  }
}

TEST_F(Following, EndsAtALineThatIsNoEventAndSaysWhere) {
  engine_.set(target, {.pieces = {line("tag", id, "a:1") + "nonsense\n"}});
  const auto why = follow();
  EXPECT_EQ(why.reason, Reason::parse);
  EXPECT_THAT(why.text,
              AllOf(StartsWith("GET /v1.47/events?"), HasSubstr(" on unix:///x.sock: an event is not")));
  EXPECT_EQ(events_.size(), 1U);
}

TEST_F(Following, PassesOnWhatTheTransportSays) {
  engine_.set(target, {.error = Error{Reason::connect, "nobody there"}});
  const auto why = follow();
  EXPECT_EQ(why.reason, Reason::connect);
  EXPECT_EQ(why.text, "nobody there");
  EXPECT_EQ(opened_, 0);
}

}  // namespace
}  // namespace repodigest::engine
