// The engine is away, slow, or says what it should not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "cases.h"
#include "serving.h"

namespace repodigest::facade {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string message(const Answer& answer) {
  const json body = json::parse(answer.body, nullptr, false);
  return body.is_object() ? body.value("message", "") : "";
}

class TroubleTest : public FacadeTest {};

TEST_F(TroubleTest, AnEngineThatIsAwayIsABadGatewayUntilItIsBack) {
  start();
  EXPECT_EQ(ask("/version").status(), 200);
  engine_->refuse();
  engine_->drop_connections();
  const auto answer = ask("/version");
  EXPECT_EQ(answer.status(), 502);
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
  EXPECT_THAT(message(answer), StartsWith("cannot reach the engine: "));
  EXPECT_EQ(counted(ApiCall::version, 502), 1U);
  ASSERT_TRUE(engine_->accept_again());
  EXPECT_EQ(ask("/version").status(), 200);
  EXPECT_EQ(counted(ApiCall::version, 200), 2U);
}

TEST_F(TroubleTest, AnEngineThatIsAwayIsOneLineInTheLogWithoutNames) {
  testing::internal::CaptureStderr();
  start();
  engine_->refuse();
  (void)ask(issue_inspect);
  (void)ask(issue_inspect);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(
      log, AllOf(HasSubstr("operation=image_inspect reason=connect count=1\n"), Not(HasSubstr("myimage"))));
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
}

TEST_F(TroubleTest, WhatIsNotHttpIsABadGateway) {
  start();
  engine_->fail("/version", Fault::raw_bytes("hello\r\n\r\n"), 1);
  EXPECT_THAT(message(ask("/version")), HasSubstr("not HTTP"));
  EXPECT_EQ(counted(ApiCall::version, 502), 1U);
}

TEST_F(TroubleTest, AnEngineThatHangsIsAGatewayTimeoutAndIsLeft) {
  Options options = allowing(only(Group::export_images));
  options.timeout = std::chrono::milliseconds(20);
  options.list_timeout = std::chrono::milliseconds(20);
  start(options);
  engine_->fail("*", Fault::hanging_before_head());
  for (const std::string target : {"/version", "/images/json", "/images/get?names=a", "/events"}) {
    const auto answer = ask(target);
    EXPECT_EQ(answer.status(), 504) << target;
    EXPECT_THAT(message(answer), StartsWith("the engine did not answer in time: ")) << target;
  }
  EXPECT_TRUE(engine_->wait_until_hanging(0));
}

TEST_F(TroubleTest, TheDeadlineOfALightCallIsNotThatOfAList) {
  Options options;
  options.timeout = std::chrono::milliseconds(20);
  start(options);
  engine_->fail("*", Fault::hanging_before_head());
  const RawClient list = asking("/images/json");
  ASSERT_TRUE(engine_->wait_until_hanging(1));
  EXPECT_EQ(ask("/version").status(), 504);
  EXPECT_TRUE(engine_->wait_until_hanging(1)) << "the list still waits";
}

TEST_F(TroubleTest, AnAnswerThatEndsInTheMiddleIsSeenToEndThere) {
  start();
  for (const std::string& target : {std::string("/images/json"), issue_inspect}) {
    const auto before = counted(ApiCall::image_list, 200) + counted(ApiCall::image_inspect, 200);
    engine_->fail("*", {.then = Fault::Then::close, .bytes = 1000, .of_the_body = true}, 1);
    const auto answer = ask(target);
    EXPECT_EQ(answer.status(), 200) << target;
    EXPECT_FALSE(answer.whole) << target;
    EXPECT_EQ(counted(ApiCall::image_list, 200) + counted(ApiCall::image_inspect, 200), before + 1);
  }
  Options as_it_comes;
  as_it_comes.correct = false;
  facade_.reset();
  start(as_it_comes);
  engine_->fail("*", Fault::content_length_too_long(10), 1);
  const auto answer = ask("/version");
  EXPECT_EQ(answer.status(), 200);
  EXPECT_FALSE(answer.whole);
}

TEST_F(TroubleTest, AnAnswerThatIsTooLargeIsRefusedWithTheFlagThatAllowsMore) {
  Options options;
  options.max_list_bytes = 1000;
  start(options);
  engine_->fail("/images/json", Fault::promising(1001), 1);
  const auto answer = ask("/images/json");
  EXPECT_EQ(answer.status(), 502);
  EXPECT_THAT(message(answer),
              AllOf(HasSubstr("larger than 1000 bytes"), HasSubstr("--docker.max-response-bytes")));
  EXPECT_EQ(counted(ApiCall::image_list, 502), 1U);
  EXPECT_FALSE(ask("/images/json").whole) << "chunks do not say before how large they are";

  engine_->fail("/version", Fault::promising((16U << 20U) + 1), 1);
  EXPECT_THAT(message(ask("/version")), AllOf(HasSubstr("16777216"), Not(HasSubstr("--docker."))));
}

TEST_F(TroubleTest, AnExportMayBeOfAnySize) {
  Options options = allowing(only(Group::export_images));
  options.max_list_bytes = 1000;
  start(options);
  auto fault = Fault::answering(200, "tar");
  fault.header = {"Content-Type", "application/x-tar"};
  fault.content_length = 17U << 20U;
  engine_->fail("*", fault, 1);
  const auto answer = ask("/images/nginx/get");
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(answer.body.size(), 17U << 20U);
  EXPECT_EQ(answer.header("Content-Length"), std::to_string(17U << 20U));
}

TEST_F(TroubleTest, ACompressedAnswerCannotBeCorrectedAndIsNotPassedForOneThatIs) {
  start();
  engine_->fail("*", Fault::with_header("Content-Encoding", "gzip"));
  const auto answer = ask(issue_inspect);
  EXPECT_EQ(answer.status(), 502);
  EXPECT_THAT(message(answer), AllOf(HasSubstr("compressed"), HasSubstr("--no-docker-api.correct")));
  EXPECT_EQ(counted(ApiCall::image_inspect, 502), 1U);
  engine_->heal();
  engine_->fail("*", Fault::with_header("Content-Encoding", "Identity"));
  EXPECT_EQ(ask(issue_inspect).status(), 200);
}

TEST_F(TroubleTest, ACompressedAnswerPassesWhereNothingIsCorrected) {
  Options options;
  options.correct = false;
  start(options);
  engine_->fail("*", Fault::with_header("Content-Encoding", "gzip"));
  const auto answer = ask(issue_inspect, "Accept-Encoding: gzip\r\nRange: bytes=0-\r\n");
  EXPECT_EQ(answer.header("Content-Encoding"), "gzip");
  EXPECT_THAT(engine_->last_request("*"),
              AllOf(HasSubstr("Accept-Encoding: gzip\r\n"), HasSubstr("Range: bytes=0-\r\n")));
}

TEST_F(TroubleTest, ABodyThatIsNoJsonPassesAsItIs) {
  start();
  const std::string odd_list = R"([{"RepoDigests":["a","a"]},{"RepoDigests":["b","b"],)";
  for (const std::string body : {"not JSON {\"RepoDigests\":[\"a\",\"a\"]}", "", "{", "\xff\xfe{}"}) {
    engine_->fail("*", Fault::with_body(body), 1);
    const auto answer = ask(issue_inspect);
    EXPECT_EQ(answer.body, body);
    EXPECT_TRUE(answer.whole);
  }
  // Far longer than what is read at once: what comes after is no JSON either.
  std::string long_body = "not JSON";
  while (long_body.size() < (1U << 20U)) long_body += R"({"RepoDigests":["a","a"]})";
  engine_->fail("*", Fault::with_body(long_body), 1);
  EXPECT_TRUE(ask(issue_inspect).body == long_body);
  EXPECT_EQ(stats_.api_entries_removed.value(), 0U);
  engine_->fail("*", Fault::with_body(odd_list), 1);
  EXPECT_EQ(ask(issue_inspect).body, R"([{"RepoDigests":["a"]},{"RepoDigests":["b"],)")
      << "the lists before are JSON";
  EXPECT_EQ(stats_.api_entries_removed.value(), 2U);
}

TEST_F(TroubleTest, OnlyJsonOfStatus200IsCorrected) {
  start();
  const std::string doubled = R"({"RepoDigests":["a","a"]})";
  auto fault = Fault::with_body(doubled);
  fault.header = {"Content-Type", "text/plain"};
  engine_->fail("*", fault, 1);
  auto answer = ask(issue_inspect);
  EXPECT_EQ(answer.body, doubled);
  EXPECT_EQ(answer.header("Content-Length"), std::to_string(doubled.size()))
      << "untouched, so of the same length";
  engine_->fail("*", Fault::answering(500, doubled), 1);
  answer = ask(issue_inspect);
  EXPECT_EQ(answer.status(), 500);
  EXPECT_EQ(answer.body, doubled);
  fault.header = {"Content-Type", "Application/JSON; charset=utf-8"};
  engine_->fail("*", fault, 1);
  answer = ask(issue_inspect);
  EXPECT_EQ(answer.body, R"({"RepoDigests":["a"]})");
  EXPECT_EQ(answer.header("Content-Length"), "");
}

TEST_F(TroubleTest, AConnectionIsKeptForTheNextCallAndReplacedWhereItDied) {
  start();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask("/version").status(), 200);
  EXPECT_EQ(engine_->connections(), 1U);
  engine_->drop_connections();
  EXPECT_EQ(ask("/version").status(), 200);
  EXPECT_EQ(engine_->connections(), 2U);
}

/// The process's largest resident size since it was last reset, in bytes.
std::size_t peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6)) << 10U;
  return 0;
}

TEST_F(TroubleTest, ALargeBodyTakesNoMoreMemoryThanASmallOne) {
  start();
  constexpr std::uint64_t size = 50U << 20U;
  engine_->fail("/images/json", Fault::promising(size), 1);
  (void)ask("/version");
  std::ofstream("/proc/self/clear_refs") << "5";  // resets the peak
  const std::size_t before = peak_memory();
  ASSERT_GT(before, 0U);
  const RawClient slow = asking("/images/json");
  std::uint64_t received = 0;
  std::array<char, 1U << 16U> buffer{};
  while (!Cancel().within(RawClient::patience).wait(slow.fd(), POLLIN)) {
    const auto count = ::recv(slow.fd(), buffer.data(), buffer.size(), 0);
    if (count <= 0) break;
    received += static_cast<std::uint64_t>(count);
  }
  EXPECT_GE(received, size);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(peak_memory(), before + (8U << 20U));
#endif
}

}  // namespace
}  // namespace repodigest::facade
