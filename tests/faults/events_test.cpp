// The stream of events under every trouble: it is heard again when it is over, and whatever it said, nothing
// is shown but what the engine's own answers say. No counter has its reasons; the log names each.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "json_texts.h"
#include "poll_cases.h"
#include "report.h"
#include "rig.h"

namespace repodigest::faults {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using support::Fault;

const std::vector<std::string> flags = {"--poll.interval=10ms", "--poll.full-interval=10ms",
                                        "--poll.max-engine-share=1"};

/// A trouble with the way to GET /events, its answer, or a line of the stream.
struct StreamCase {
  std::string name;
  std::optional<Fault> answer = std::nullopt;
  std::string line = {};
  std::optional<Reason> reason = std::nullopt;  ///< nothing: it goes on
  Trouble trouble = Trouble::answer;
  bool over_tcp = false;
};
void PrintTo(const StreamCase& one, std::ostream* out) {
  *out << one.name;
}

/// An event of an image that is not there.
json lying_event() {
  const std::string id = "sha256:" + std::string(64, '6');
  return {{"Type", "image"},
          {"Action", "tag"},
          {"status", "tag"},
          {"Actor", {{"ID", id}, {"Attributes", {{"name", "fault/lie:1"}}}}}};
}

/// What any other call's answer can have, and a few more.
std::vector<StreamCase> answer_cases() {
  using enum Reason;
  std::vector<StreamCase> cases;
  const auto add = [&](const std::string& name, Fault fault, std::optional<Reason> reason) {
    cases.push_back({"Answer_" + name, std::move(fault), "", reason});
  };
  const std::string line = lying_event().dump() + "\n";
  for (const Case& one : transport_cases()) {
    if (one.call != Call::version) continue;
    const std::string name = one.name.substr(one.name.find('_') + 1);
    StreamCase stream{"Way_" + name, std::nullopt, "", one.reason, one.trouble, one.over_tcp};
    if (one.trouble == Trouble::answer) {
      stream.name = "Answer_" + name;
      stream.answer = one.fault(line);
      // It has no end: what is good to others is one that broke off, and so is a part of a line.
      if (!one.reason || one.reason == parse) stream.reason = interrupted;
      // Any refusal is one, whatever it says.
      if (stream.answer->status) stream.reason = *stream.answer->status < 300 ? interrupted : http;
      // And it is as it should be when it says nothing.
      if (stream.answer->then == Fault::Then::hang && stream.answer->of_the_body)
        stream.reason = std::nullopt;
    }
    cases.push_back(std::move(stream));
  }
  add("EndsWithinALine", Fault::with_body(line.substr(0, line.size() / 2)), interrupted);
  add("EndlessLine", Fault{.body = "{\"Type\":", .endless = true}, too_large);
  for (const int status : {403, 405, 501})
    add("Says" + std::to_string(status), Fault::answering(status, line), http);
  add("HtmlOf200", Fault::with_body("<html>\n<body>It works!</body>\n</html>\n"), parse);
  add("EndlessRefusal", Fault{.status = 500, .body = "no", .endless = true}, http);
  return cases;
}

std::vector<StreamCase> line_cases() {
  using enum Reason;
  std::vector<StreamCase> cases;
  const auto add = [&](const std::string& name, const std::string& line, std::optional<Reason> reason) {
    cases.push_back({"Line_" + name, std::nullopt, line, reason});
  };
  const std::string event = lying_event().dump();
  // A line's end ends an event, wherever it stands.
  for (const auto& texts : {json_texts(), grammatical_texts()})
    for (const JsonText& one : texts)
      add(one.name, with_odd_value(event, one.text),
          one.good && one.text.find('\n') == std::string::npos ? std::nullopt : std::optional(parse));
  for (const JsonDocument& one : json_documents()) {
    const std::string line = one.of(event);
    const bool blank = line.find_first_not_of(" \t\r\n") == std::string::npos;
    add("Event" + one.name, line, blank ? std::nullopt : std::optional(parse));
  }
  for (const auto& [name, value] :
       {std::pair("ANumber", json(7)), std::pair("AnArray", json({"tag"})), std::pair("AWord", json(true))}) {
    for (const char* path :
         {"/Type", "/Action", "/Actor", "/Actor/ID", "/Actor/Attributes", "/Actor/Attributes/name"}) {
      json changed = lying_event();
      changed[json::json_pointer(path)] = value;
      std::string where(path);
      std::erase(where, '/');
      add(where + "Is" + name, changed.dump(), parse);
    }
  }
  json without = lying_event();
  without.erase("Action");
  without.erase("status");
  add("HasNoAction", without.dump(), parse);
  json other = lying_event();
  other["Type"] = "container";
  other["Actor"] = 7;
  add("OfAnotherType", other.dump(), std::nullopt);
  json unknown = lying_event();
  unknown["Action"] = "frobnicate";
  add("UnknownAction", unknown.dump(), std::nullopt);
  add("TooLong", with_odd_value(event, "\"" + std::string(std::size_t{1} << 20U, 'x') + "\""), too_large);
  add("AsLongAsMayBe", with_odd_value(event, "\"" + std::string(std::size_t{1000} << 10U, 'x') + "\""),
      std::nullopt);
  return cases;
}

std::vector<StreamCase> stream_cases() {
  auto all = answer_cases();
  for (StreamCase& one : line_cases()) all.push_back(std::move(one));
  return all;
}

class EventFaults : public ::testing::TestWithParam<StreamCase> {
 protected:
  static void SetUpTestSuite() { truth_ = std::make_unique<Truth>(); }
  static void TearDownTestSuite() {
    for (std::size_t i = 0; i < rigs_.size(); ++i) leave(i);
  }
  void SetUp() override {
    const StreamCase& one = GetParam();
    const std::size_t way = one.over_tcp ? 1 : 0;
    rig_ = rigs_[way].get();
    // What was said once is not said again for ten minutes.
    if (rig_ != nullptr && one.line.empty() && one.reason && is_logged(*one.reason)) leave(way);
    if (!rigs_[way])
      rigs_[way] =
          std::make_unique<Rig>(*truth_, one.over_tcp ? Rig::Way::tcp : Rig::Way::unix_socket, flags);
    rig_ = rigs_[way].get();
  }
  void TearDown() override {
    EXPECT_TRUE(rig_->process().running()) << rig_->process().errors();
    if (HasFailure()) rigs_[GetParam().over_tcp ? 1 : 0].reset();
  }
  static void leave(std::size_t way) {
    if (rigs_[way])
      Report::instance().ended("event stream of " + rigs_[way]->engine().host(), rigs_[way]->first_memory(),
                               rigs_[way]->memory());
    rigs_[way].reset();
  }

  static bool connected() { return rig_->value("docker_events_connected") == 1; }
  static double events() {
    double sum = 0;
    for (const char* action : {"tag", "other"})
      sum += rig_->value("docker_events_total{action=\"" + std::string(action) + "\"}");
    return sum;
  }
  /// A look that fails, so that the next one that is answered has the stream opened at once.
  static void open_anew() { rig_->engine().fail("/_ping", Fault::answering(500, ""), 1); }
  /// Opens it until it is open. (A list waits for a stream that was lost this moment.)
  static bool is_heard_again() {
    for (int attempt = 0; attempt < 30; ++attempt) {
      if (rig_->look_until([] { return connected(); }, attempt == 0 ? 0s : 1s))
        return rig_->wait_until_settled();
      open_anew();
    }
    return false;
  }
  static bool is_logged(Reason reason) {
    return rig_->process().errors().find("msg=\"the engine's events are not heard\" reason=" +
                                         std::string(name_of(reason))) != std::string::npos;
  }

  static inline std::unique_ptr<Truth> truth_;
  static inline std::array<std::unique_ptr<Rig>, 2> rigs_;  ///< on a unix socket, over TCP
  static inline Rig* rig_ = nullptr;
};

TEST_P(EventFaults, EndTheStreamAloneUntilTheyAreOver) {
  const StreamCase& one = GetParam();
  Report::instance().count();
  support::ReplayEngine& engine = rig_->engine();
  ASSERT_TRUE(is_heard_again() && rig_->wait_until_settled()) << rig_->look() << rig_->process().errors();
  ASSERT_TRUE(engine.wait_until_listened_to(1));
  rig_->may_show({{rig_->moment(), Shown::whole}});
  const double before = events();
  const auto asked = engine.asked("/events");

  if (one.trouble != Trouble::answer) {
    // A connection that is kept ends at this call, which then wants a new one.
    engine.fail("/events", Fault::closed_before_answer());
    rig_->begin(one.trouble);
    engine.end_events();
    const auto is_over = [&] { return !one.reason || is_logged(*one.reason); };
    for (int attempt = 0; attempt < 10 && !rig_->look_until(is_over, 1s); ++attempt) open_anew();
    rig_->end(one.trouble);
    engine.heal();
    EXPECT_TRUE(one.reason || rig_->engine().wait_until_listened_to(1)) << rig_->process().errors();
  } else if (one.answer) {
    engine.fail("/events", *one.answer);
    engine.end_events();
    const auto is_asked = [&] { return engine.asked("/events") > asked; };
    for (int attempt = 0; attempt < 10 && !is_asked(); ++attempt) {
      open_anew();
      rig_->look_until(is_asked, 1s);
    }
    ASSERT_TRUE(is_asked());
    EXPECT_TRUE(rig_->look_until([&] { return connected() == !one.reason; }, 10s));
    if (one.reason == Reason::timeout && one.answer->then == Fault::Then::hang) {
      EXPECT_TRUE(engine.wait_until_hanging(0)) << "it must not wait for ever";
    }
  } else {
    engine.ring(one.line);
    const bool blank = one.line.find_first_not_of(" \t\r\n") == std::string::npos;
    const bool told = !blank && one.name != "Line_OfAnotherType";
    EXPECT_TRUE(rig_->look_until(
        [&] { return one.reason ? !connected() : events() == before + (told ? 1 : 0); }, 10s))
        << rig_->process().errors();
    EXPECT_EQ(connected(), !one.reason);
  }
  if (one.reason) {
    EXPECT_TRUE(rig_->look_until([&] { return is_logged(*one.reason); }, 10s)) << rig_->process().errors();
    // No event that could not be read was one.
    EXPECT_TRUE(one.line.empty() || events() == before);
  }

  rig_->may_show({{rig_->moment(), Shown::whole},
                  {rig_->next_moment(), Shown::uninspected},
                  {rig_->next_moment(), Shown::whole}});
  rig_->move_on();
  rig_->engine().heal();
  rig_->engine().release();
  EXPECT_TRUE(is_heard_again() && rig_->wait_until_settled()) << rig_->look() << rig_->process().errors();
}

INSTANTIATE_TEST_SUITE_P(Stream, EventFaults, ::testing::ValuesIn(stream_cases()),
                         [](const auto& parameter) { return parameter.param.name; });

}  // namespace
}  // namespace repodigest::faults
