// What the facade refuses never reaches the engine; what it lets pass reaches it as it came.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cases.h"
#include "serving.h"

namespace repodigest::facade {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string not_supported(const std::string& call) {
  return "{\"message\":\"" + call + " is not supported by this read-only Docker API\"}\n";
}

class RefusalsTest : public FacadeTest {};

TEST_F(RefusalsTest, AreSaidInDockersWayAndTheEngineHearsNothingOfThem) {
  start(allowing(all_groups()));
  std::uint64_t refused = 0;
  for (const Case& one : cases()) {
    if (one.permit) continue;
    ++refused;
    const auto answer = ask(one.target, "", one.method);
    EXPECT_EQ(answer.status(), 403) << one;
    EXPECT_EQ(answer.body, not_supported(one.told)) << one;
    EXPECT_EQ(answer.header("Content-Type"), "application/json") << one;
    EXPECT_TRUE(answer.whole) << one;
  }
  EXPECT_GE(refused, 80U);
  EXPECT_EQ(counted(ApiCall::other, 403), refused);
  EXPECT_EQ(engine_->asked("*"), 0U);
  EXPECT_EQ(engine_->connections(), 0U);
}

TEST_F(RefusalsTest, DoNotMeetWhatMayPassWhichReachesTheEngineAsItCame) {
  start(allowing(all_groups()));
  std::uint64_t passed = 0;
  for (const Case& one : cases()) {
    if (!one.permit || one.permit->manner == Manner::stream) continue;
    ++passed;
    const auto answer = ask(one.target, "", one.method);
    EXPECT_TRUE(answer.whole) << one;
    EXPECT_THAT(engine_->last_request("*"), StartsWith(one.method + " " + one.target + " HTTP/1.1\r\n"));
  }
  EXPECT_EQ(engine_->asked("*"), passed);
  EXPECT_EQ(counted(), passed);
  EXPECT_EQ(counted(ApiCall::other, 403), 0U);
}

TEST_F(RefusalsTest, MeetWhatNeedsAGroupThatIsNotOpen) {
  start();
  EXPECT_EQ(ask("/system/df").body, not_supported("GET /system/df"));
  EXPECT_EQ(ask("/containers/json").body, not_supported("GET /containers/json"));
  EXPECT_EQ(ask("/v1.47/containers/web/json").body, not_supported("GET /containers/{name}/json"));
  EXPECT_EQ(ask("/images/nginx/get").body, not_supported("GET /images/{name}/get"));
  EXPECT_EQ(ask("/images/get?names=nginx").body, not_supported("GET /images/get"));
  EXPECT_EQ(ask("/events?filters={\"type\":[\"container\"]}").body,
            not_supported("GET /events of other types than image"));
  EXPECT_EQ(counted(ApiCall::other, 403), 6U);
  EXPECT_EQ(engine_->asked("*"), 0U);
}

TEST_F(RefusalsTest, OfAHeadHaveNoBody) {
  start();
  const auto answer = ask("/containers/json", "", "HEAD");
  EXPECT_EQ(answer.status(), 403);
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
}

TEST_F(RefusalsTest, ComeBeforeAnyOfABody) {
  start();
  for (const std::string body : {"Content-Length: 1000000\r\n", "Transfer-Encoding: chunked\r\n",
                                 "Content-Length: 1000000\r\nExpect: 100-continue\r\n"}) {
    EXPECT_EQ(ask("/v1.47/containers/create", body, "POST").body, not_supported("POST /containers/create"));
    EXPECT_EQ(ask("/containers/web/json", body).status(), 403);
    const auto answer = ask("/images/json", body);
    EXPECT_EQ(answer.status(), 400);
    EXPECT_EQ(answer.body, "{\"message\":\"a GET with a body is not served\"}\n");
  }
  EXPECT_EQ(counted(ApiCall::other, 400), 3U);
  EXPECT_EQ(engine_->asked("*"), 0U);
}

TEST_F(RefusalsTest, OfTheServerItselfAreCountedToo) {
  start();
  RawClient broken = client();
  ASSERT_TRUE(broken.send("GET /images/json HTTP/1.1\r\n\r\n"));
  const auto answer = parsed(broken.read_to_end());
  EXPECT_EQ(answer.status(), 400);
  EXPECT_TRUE(nlohmann::json::parse(answer.body).at("message").is_string());
  EXPECT_EQ(counted(ApiCall::other, 400), 1U);
  EXPECT_EQ(counted(), 1U);
}

TEST_F(RefusalsTest, LeaveALineEachInTheLogWithNothingForeignInIt) {
  testing::internal::CaptureStderr();
  start();
  (void)ask("/containers/hidden/json?hidden=1", "X-Hidden: hidden\r\n");
  (void)ask("/images/json", "X-Hidden: hidden\r\nContent-Length: 6\r\n");
  (void)ask("/events?filters=hidden");
  (void)ask(issue_inspect + "?hidden=1");
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, AllOf(HasSubstr("method=GET path=/containers/{name}/json status=403\n"),
                         HasSubstr("method=GET path=/images/json status=400\n"),
                         HasSubstr("method=GET path=/events status=400\n"),
                         HasSubstr("peer=\"uid=" + std::to_string(::getuid()) + " pid="),
                         Not(HasSubstr("hidden")), Not(HasSubstr("myimage"))));
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 3) << log;
}

TEST_F(RefusalsTest, DoNotMeetCredentialsButTheEngineNeverSeesThem) {
  for (const bool correct : {true, false}) {
    Options options;
    options.correct = correct;
    start(options);
    const auto answer =
        ask(issue_inspect,
            "X-Registry-Auth: hidden\r\nx-registry-config: hidden\r\nAuthorization: Basic hidden\r\n"
            "Cookie: hidden\r\nProxy-Authorization: hidden\r\nX-Mine: 1\r\n");
    EXPECT_EQ(answer.status(), 200);
    EXPECT_THAT(engine_->last_request("*"), AllOf(HasSubstr("X-Mine: 1\r\n"), Not(HasSubstr("hidden"))));
    facade_.reset();
  }
}

}  // namespace
}  // namespace repodigest::facade
