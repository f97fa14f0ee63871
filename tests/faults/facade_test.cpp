// The corrected Docker API under every trouble of the engine behind it: a client is told, or cut off, and
// never given a part for the whole; and the next call is as good as any.
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "poll_cases.h"
#include "report.h"
#include "rig.h"
#include "support/raw_client.h"
#include "support/temporary_folder.h"
#include "support/whole_reply.h"

namespace repodigest::faults {
namespace {

using namespace std::chrono_literals;
using support::Fault;
using support::RawClient;
using support::ReplayEngine;
using support::WholeReply;

/// What a client is to see.
enum class Seen {
  bad_gateway,
  gateway_timeout,
  cut_off,  ///< 200, and then the connection ends before the body does
  passed    ///< what the engine said
};

/// By the trouble alone, whatever call it is: a client that has seen a head can only be cut off.
Seen seen(const Case& one) {
  const std::string name = one.name.substr(one.name.find('_') + 1);
  switch (one.trouble) {
    case Trouble::refused:
    case Trouble::no_permission:
    case Trouble::socket_missing:
    case Trouble::socket_is_a_file:
      return Seen::bad_gateway;
    case Trouble::restart:
      return Seen::cut_off;
    case Trouble::replaced:
      return Seen::passed;
    case Trouble::answer:
      break;
  }
  static const std::set<std::string> before_the_head_ends = {"BeforeTheHead", "AfterAByte",
                                                             "WithinTheStatusLine", "WithinAHeader"};
  for (const std::string how : {"Closes", "Resets", "Hangs"}) {
    if (!name.starts_with(how) || name == "ClosesBehindTheAnswer") continue;
    if (!before_the_head_ends.contains(name.substr(how.size()))) return Seen::cut_off;
    return how == "Hangs" ? Seen::gateway_timeout : Seen::bad_gateway;
  }
  static const std::set<std::string> behind_the_head = {
      "LengthTooLong",          "LengthTooLongByOne",        "EndlessChunks",
      "TenGigabytesInAChunk",   "TenGigabytesUntilItCloses", "ChunkLineTooLong",
      "TrailersTooLarge",       "ChunkWithoutSize",          "ChunkOfNegativeSize",
      "ChunkLongerThanItsSize", "ChunkSizeOverflows"};
  static const std::set<std::string> in_the_head = {"TenGigabytesPromisedAndSent",
                                                    "HeadTooLarge",
                                                    "HeadersTooMany",
                                                    "HeadWithoutEnd",
                                                    "InterimAnswersWithoutEnd",
                                                    "Garbage",
                                                    "TlsAlert",
                                                    "TlsHello",
                                                    "SshGreeting",
                                                    "HtmlWithoutHttp",
                                                    "Http2Preface",
                                                    "Http2Status",
                                                    "StatusOfTwoDigits",
                                                    "StatusNoNumber",
                                                    "ChangeOfProtocol",
                                                    "LineFeedsAlone",
                                                    "HeaderWithoutColon",
                                                    "HeaderFolded",
                                                    "HeaderWithNul",
                                                    "HeaderNameWithBlank",
                                                    "LengthNegative",
                                                    "LengthNoNumber",
                                                    "TwoLengths",
                                                    "LengthAndChunks",
                                                    "UnknownTransferEncoding",
                                                    "IsCompressed",
                                                    "SaysCompressedAndIsNot"};
  if (name == "AByteASecond") return Seen::gateway_timeout;
  if (behind_the_head.contains(name)) return Seen::cut_off;
  if (in_the_head.contains(name)) return Seen::bad_gateway;
  return Seen::passed;
}

std::vector<Case> facade_cases() {
  std::vector<Case> cases;
  for (const auto& all : {transport_cases(), json_cases()})
    for (const Case& one : all)
      if (one.call == Call::inspect ||
          (one.trouble == Trouble::answer && (one.call == Call::version || one.call == Call::list) &&
           seen(one) != Seen::passed))
        cases.push_back(one);
  return cases;
}

std::string name_of_case(const ::testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

class FacadeFaults : public ::testing::TestWithParam<Case> {
 protected:
  static void SetUpTestSuite() { truth_ = std::make_unique<Truth>(); }
  static void TearDownTestSuite() {
    for (auto& one : served_) {
      if (one)
        Report::instance().ended("corrected Docker API of " + one->rig->engine().host(), one->first,
                                 one->rig->memory());
      one.reset();
    }
  }

  void SetUp() override {
    auto& served = served_[GetParam().over_tcp ? 1 : 0];
    if (!served)
      served = std::make_unique<Served>(*truth_, GetParam().over_tcp ? Rig::Way::tcp : Rig::Way::unix_socket);
    on_ = served.get();
  }
  void TearDown() override {
    EXPECT_TRUE(on_->rig->process().running()) << on_->rig->process().errors();
    if (HasFailure()) served_[GetParam().over_tcp ? 1 : 0].reset();
  }

  struct Served {
    Served(const Truth& truth, Rig::Way way) {
      std::filesystem::permissions(folder.path(), std::filesystem::perms(0777));
      rig = std::make_unique<Rig>(
          truth, way,
          std::vector<std::string>{"--no-poll", "--docker-api.listen-address=unix://" + socket(),
                                   "--docker-api.socket-mode=0666"});
      EXPECT_TRUE(support::eventually([&] {
        return rig->process().errors().find("what=\"docker api\"") != std::string::npos &&
               rig->get("/-/healthy").ok();
      }));
      first = rig->memory();
    }
    [[nodiscard]] std::string socket() const { return (folder.path() / "docker.sock").string(); }

    support::TemporaryFolder folder;
    std::unique_ptr<Rig> rig;
    Memory first;
  };

  [[nodiscard]] std::string target() const {
    switch (GetParam().call) {
      case Call::version:
        return "/version";
      case Call::list:
        return "/v1.47/images/json";
      default:
        return "/v1.47/images/" + Probe(on_->rig->moment()).tags.front() + "/json";
    }
  }
  /// Asks `once` again while an answer came too late for no trouble of ours, on a machine that is busy.
  template <typename Ask>
  [[nodiscard]] WholeReply in_time(Ask once) const {
    for (int attempt = 1;; ++attempt) {
      const auto began = std::chrono::steady_clock::now();
      WholeReply reply = once();
      const bool late = std::chrono::steady_clock::now() - began >= program_timeout;
      if (!late || attempt == 10) return reply;
      Report::instance().tried_again(GetParam().name);
    }
  }
  [[nodiscard]] WholeReply ask() const {
    RawClient client = RawClient::unix_socket(on_->socket());
    EXPECT_TRUE(client.send("GET " + target() + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
    return support::parsed(client.read_to_end());
  }
  /// The body with the probe's list as it should have been.
  [[nodiscard]] std::string corrected(std::string body) const {
    const auto list = [](const std::vector<std::string>& entries) { return nlohmann::json(entries).dump(); };
    const Probe probe(on_->rig->moment());
    const std::string doubled = list(probe.digests);
    for (auto at = body.find(doubled); at != std::string::npos; at = body.find(doubled))
      body.replace(at, doubled.size(), list(probe.unique));
    return body;
  }
  [[nodiscard]] std::string good_body() const { return truth_->body(GetParam().call, on_->rig->moment()); }
  [[nodiscard]] double counted(int status) const {
    on_->rig->look();
    // A status that has no number of its own counts as the first of its hundred.
    const int code = status == 204 ? 200 : status == 307 ? 301 : status == 999 ? 502 : status;
    return on_->rig->value("repodigest_exporter_docker_api_requests_total{operation=\"" +
                           operation_of(GetParam().call) + "\",code=\"" + std::to_string(code) + "\"}");
  }
  void expect_a_good_answer() const {
    const WholeReply reply = in_time([this] { return ask(); });
    EXPECT_EQ(reply.status(), 200) << reply.body;
    EXPECT_TRUE(reply.whole);
    EXPECT_EQ(reply.body, corrected(good_body()));
  }
  /// The client's answer while the trouble is there.
  [[nodiscard]] WholeReply ask_in_trouble() const;
  void expect_what_is_to_be_seen(const WholeReply& reply) const;

  Served* on_ = nullptr;
  static inline std::unique_ptr<Truth> truth_;
  static inline std::array<std::unique_ptr<Served>, 2> served_;
};

WholeReply FacadeFaults::ask_in_trouble() const {
  const Case& one = GetParam();
  Rig& rig = *on_->rig;
  const std::string pattern = pattern_of(one.call);
  switch (one.trouble) {
    case Trouble::answer:
      // One that died before it began is asked for once more.
      rig.engine().fail(pattern, one.fault(good_body()),
                        one.reason == Reason::connect ? ReplayEngine::always : 1);
      break;
    case Trouble::restart:
      rig.engine().fail(pattern, Fault::hanging_in_body_after(1), 1);
      break;
    case Trouble::replaced:
      rig.engine().fail(pattern, Fault::hanging_before_head(), 1);
      break;
    default:
      rig.engine().fail(pattern, Fault::closed_before_answer());
  }
  WholeReply reply;
  if (one.trouble == Trouble::restart || one.trouble == Trouble::replaced) {
    std::thread client([&] { reply = ask(); });
    EXPECT_TRUE(rig.engine().wait_until_hanging(1));
    rig.begin(one.trouble);
    client.join();
  } else {
    rig.begin(one.trouble);
    reply = ask();
  }
  rig.end(one.trouble);
  rig.engine().heal();
  rig.engine().release();
  return reply;
}

void FacadeFaults::expect_what_is_to_be_seen(const WholeReply& reply) const {
  const Case& one = GetParam();
  const bool told = seen(one) == Seen::bad_gateway || seen(one) == Seen::gateway_timeout;
  if (told) {
    EXPECT_EQ(reply.status(), seen(one) == Seen::bad_gateway ? 502 : 504);
    EXPECT_TRUE(reply.whole);
    const auto message = nlohmann::json::parse(reply.body, nullptr, false);
    EXPECT_TRUE(message.is_object() && message.contains("message")) << reply.body;
    return;
  }
  if (seen(one) == Seen::cut_off) {
    EXPECT_EQ(reply.status(), 200);
    EXPECT_FALSE(reply.whole) << "a part was given for the whole: " << reply.body.substr(0, 200);
    return;
  }
  const bool without_body = one.name.ends_with("NoContent");
  EXPECT_TRUE(reply.whole || (without_body && reply.header("Transfer-Encoding").empty()));
  const Fault fault = one.trouble == Trouble::answer ? one.fault(good_body()) : Fault();
  std::string said = fault.body.value_or(good_body());
  if (without_body) said = "";
  if (one.name.ends_with("StatusNineHundred")) said = "OK";
  if (fault.content_length) said = said.substr(0, *fault.content_length);
  if (fault.content_length_error < 0)
    said.resize(said.size() - static_cast<std::size_t>(-fault.content_length_error));
  int status = fault.status.value_or(200);
  if (without_body) status = 204;
  if (one.name.ends_with("StatusNineHundred")) status = 999;
  EXPECT_EQ(reply.status(), status);
  if (status == 304) said = "";
  // What is good is corrected, and no error is; of what turns out to be no JSON the lists before are.
  if (status != 200) {
    EXPECT_EQ(reply.body, said);
  } else if (!one.reason || one.name.find("Beyond64Bits") != std::string::npos) {
    EXPECT_EQ(reply.body, corrected(said));
  } else {
    EXPECT_TRUE(reply.body == said || reply.body == corrected(said)) << reply.body.substr(0, 2000);
  }
}

TEST_P(FacadeFaults, AreToldToTheClientOrCutItOff) {
  const Case& one = GetParam();
  Report::instance().count();
  expect_a_good_answer();
  ASSERT_FALSE(HasFailure()) << on_->rig->process().errors();
  const int status = seen(one) == Seen::bad_gateway ? 502 : seen(one) == Seen::gateway_timeout ? 504 : 0;
  const double before = status == 0 ? 0 : counted(status);
  // Where it waits for the engine's end, it is late.
  const bool waits = one.reason == Reason::timeout;
  const WholeReply reply = waits ? ask_in_trouble() : in_time([this] { return ask_in_trouble(); });
  expect_what_is_to_be_seen(reply);
  if (status != 0) {
    EXPECT_GE(counted(status), before + 1);
  }
  expect_a_good_answer();
}

INSTANTIATE_TEST_SUITE_P(Client, FacadeFaults, ::testing::ValuesIn(facade_cases()), name_of_case);

}  // namespace
}  // namespace repodigest::faults
