// The running program below a prefix, and the commands that ask it there; the limits of its connections.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/program.h"
#include "support/raw_client.h"

namespace repodigest {
namespace {

using nlohmann::json;
using support::Daemon;
using support::run_program;
using testing::HasSubstr;
using testing::Not;

class RoutePrefixTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    daemon_ = std::make_unique<Daemon>(
        std::vector<std::string>{"--demo", "--web.external-url=https://proxy.example/team/exporter/"});
    ASSERT_TRUE(support::eventually([] {
      return support::value_of(daemon_->body("/team/exporter/metrics"), "docker_repo_digests") == 155;
    })) << daemon_->log();
  }
  static void TearDownTestSuite() { daemon_.reset(); }

  static std::unique_ptr<Daemon> daemon_;
};

std::unique_ptr<Daemon> RoutePrefixTest::daemon_;

TEST_F(RoutePrefixTest, HoldsEveryPath) {
  for (const char* path : {"/", "/metrics", "/api/v1/images", "/api/v1/images/single:1.0", "/api/v1/summary",
                           "/api/v1/engine", "/-/healthy", "/-/ready"}) {
    EXPECT_EQ(daemon_->get("/team/exporter" + std::string(path))->status, 200) << path;
    EXPECT_EQ(daemon_->get(path)->status, std::string(path) == "/" ? 302 : 404) << path;
  }
  const auto digest = daemon_->body("/team/exporter/api/v1/images/single:1.0/digest");
  EXPECT_THAT(digest, HasSubstr("single@sha256:"));
  EXPECT_EQ(daemon_->get("/team/exporter/api/v1/images/no-such")->status, 404);
}

TEST_F(RoutePrefixTest, IsWhereTheRootLeads) {
  for (const char* path : {"/", "/team/exporter"})
    for (const std::string query : {"", "?q=a%20b&dup=1&?=%3f"}) {
      const auto answer = daemon_->get(path + query);
      ASSERT_TRUE(answer.ok());
      EXPECT_EQ(answer->status, 302) << path;
      EXPECT_EQ(answer->header("Location"), "/team/exporter/" + query) << path;
    }
  EXPECT_EQ(daemon_->get("/team")->status, 404);
  EXPECT_THAT(daemon_->body("/team/exporter/metrics"),
              HasSubstr("repodigest_exporter_http_requests_total{handler=\"other\",code=\"302\"} "));
}

TEST_F(RoutePrefixTest, IsInNoLinkOfThePage) {
  const std::string page = daemon_->body("/team/exporter/");
  EXPECT_THAT(page, HasSubstr("href=\"metrics\""));
  EXPECT_THAT(page, Not(HasSubstr("href=\"/")));
}

TEST_F(RoutePrefixTest, IsKnownToTheCommandsThatAskTheDaemon) {
  const std::string address = "--web.listen-address=" + daemon_->url();
  EXPECT_EQ(run_program({"healthcheck", address}).exit_code, 1) << "nothing is there without the prefix";
  EXPECT_EQ(run_program({"healthcheck", address, "--web.route-prefix=/team/exporter"}).exit_code, 0);
  EXPECT_EQ(
      run_program({"healthcheck", address}, {{"REPODIGEST_EXPORTER_WEB_EXTERNAL_URL", "/team/exporter/"}})
          .exit_code,
      0);
  const auto checked = run_program({"check", "--url=" + daemon_->url(), "--web.route-prefix=/team/exporter",
                                    "--format=json", "single:1.0"});
  EXPECT_EQ(checked.exit_code, 0) << checked.errors;
  EXPECT_EQ(json::parse(checked.output).at("images").size(), 1U);
}

TEST(RoutePrefixOfAUrlTest, IsItsOwnPathIfItHasOne) {
  Daemon daemon({"--demo", "--web.listen-address=127.0.0.1:0", "--web.route-prefix=/x"});
  const std::string where = "http://127.0.0.1:";
  const auto port = support::logged_port(daemon.process(), "address=127.0.0.1:");
  ASSERT_NE(port, 0);
  const std::string url = "--url=" + where + std::to_string(port);
  EXPECT_EQ(run_program({"healthcheck", url + "/x/", "--web.route-prefix=/proxys"}).exit_code, 0);
  EXPECT_EQ(run_program({"healthcheck", url, "--web.route-prefix=/x"}).exit_code, 0);
  EXPECT_EQ(run_program({"healthcheck", url}).exit_code, 1);
}

TEST(ConnectionsTest, AreAtMostAsManyAsTheFlagSays) {
  Daemon daemon({"--demo", "--web.max-connections=2"});
  ASSERT_TRUE(support::eventually([&] { return daemon.get("/-/healthy").ok(); })) << daemon.log();
  std::vector<support::RawClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(support::RawClient::unix_socket(daemon.socket().string()));
    ASSERT_TRUE(clients.back().send("GET /-/healthy HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT_EQ(clients.back().read_reply().status, 200) << i;
  }
  EXPECT_TRUE(clients[0].is_closed()) << "the oldest idle one makes room";
}

}  // namespace
}  // namespace repodigest
