// The corrected Docker API of the running program, before a recorded engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/program.h"
#include "support/raw_client.h"
#include "support/recording.h"
#include "support/replay_engine.h"

namespace repodigest {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using support::Daemon;
using support::eventually;
using support::Fault;
using support::Recording;
using support::ReplayEngine;
using testing::HasSubstr;

const std::string issue_path = "/images/localhost:5000/namespace1/myimage:1.0.0/json";

class DockerApiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto engine = ReplayEngine::on_unix_socket(Recording::embedded(), folder_.path() / "engine.sock");
    ASSERT_TRUE(engine.ok()) << engine.error().text;
    engine_ = std::move(engine).value();
  }
  [[nodiscard]] std::string socket() const { return (folder_.path() / "docker.sock").string(); }
  [[nodiscard]] std::string at_socket() const { return "--docker-api.listen-address=unix://" + socket(); }
  /// A daemon that asks the recorded engine.
  [[nodiscard]] std::unique_ptr<Daemon> start(std::vector<std::string> flags) const {
    flags.push_back("--docker.host=" + engine_->host());
    return std::make_unique<Daemon>(std::move(flags));
  }
  /// One that is there.
  [[nodiscard]] std::unique_ptr<Daemon> serve(std::vector<std::string> flags) const {
    auto daemon = start(std::move(flags));
    EXPECT_TRUE(eventually([&] { return get("/_ping").ok(); })) << daemon->log();
    return daemon;
  }
  /// GET of the corrected Docker API.
  [[nodiscard]] Result<transport::Response> get(const std::string& target) const {
    transport::Endpoint endpoint;
    endpoint.path = socket();
    transport::Request request;
    request.target = target;
    request.max_body_bytes = std::size_t{1} << 24U;
    return transport::make_transport(endpoint)->call(request, Cancel().within(seconds(30)));
  }
  [[nodiscard]] json repo_digests() const {
    const auto answer = get(issue_path);
    if (!answer.ok()) return answer.error().text;
    return json::parse(answer->body).at("RepoDigests");
  }
  static void stop(Daemon& daemon) {
    daemon.process().signal(SIGTERM);
    const auto ended = daemon.process().wait(seconds(5));
    ASSERT_TRUE(ended) << "it must stop within 5 seconds: " << daemon.log();
    EXPECT_EQ(ended->exit_code, 0) << ended->errors;
  }
  /// What a daemon that can't run says.
  [[nodiscard]] support::Outcome outcome_of(std::vector<std::string> flags) const {
    return start(std::move(flags))->process().wait().value_or(support::Outcome{});
  }

  support::TemporaryFolder folder_;
  std::unique_ptr<ReplayEngine> engine_;
};

TEST_F(DockerApiTest, AnswersWithUniqueListsWhileThePollingCountsTheRawOnes) {
  const auto daemon = serve({at_socket()});
  ASSERT_TRUE(daemon->wait_until_inspected()) << daemon->log();
  EXPECT_EQ(repo_digests().size(), 2U);
  EXPECT_EQ(daemon->metric("docker_repo_digests"), 155);
  const std::string requests = "repodigest_exporter_docker_api_requests_total{operation=";
  EXPECT_TRUE(daemon->wait_for_metric(requests + "\"image_inspect\",code=\"200\"}", 1)) << daemon->log();
  EXPECT_TRUE(daemon->wait_for_metric("repodigest_exporter_docker_api_entries_removed_total", 2));
  EXPECT_TRUE(eventually(
      [&] { return daemon->metric("docker_engine_busy_seconds_total{caller=\"facade\"}").value_or(0) > 0; }));
  EXPECT_THAT(daemon->log(), HasSubstr("what=\"docker api\""));
  const auto refused = get("/containers/json");
  ASSERT_TRUE(refused.ok());
  EXPECT_EQ(refused->status, 403);
  EXPECT_EQ(daemon->metric(requests + "\"other\",code=\"403\"}"), 1);
}

TEST_F(DockerApiTest, IsOffWithoutAnAddress) {
  const auto daemon = start({});
  ASSERT_TRUE(daemon->wait_until_inspected()) << daemon->log();
  EXPECT_EQ(daemon->body("/metrics").find("repodigest_exporter_docker_api_"), std::string::npos);
}

TEST_F(DockerApiTest, FollowsItsFlags) {
  const auto daemon = serve({at_socket(), "--no-docker-api.correct", "--docker-api.allow=containers,df"});
  EXPECT_EQ(repo_digests().size(), 4U);
  EXPECT_EQ(get("/containers/json?all=1")->status, 200);
  EXPECT_EQ(get("/images/get")->status, 403);
}

TEST_F(DockerApiTest, StandsBeforeTheEmbeddedEngineToo) {
  const Daemon daemon({"--demo", at_socket()});
  ASSERT_TRUE(eventually([&] { return get("/_ping").ok(); })) << daemon.log();
  EXPECT_EQ(repo_digests().size(), 2U);
}

TEST_F(DockerApiTest, AloneAsksTheEngineNothingOfItsOwn) {
  const auto daemon = serve({at_socket(), "--no-poll"});
  EXPECT_EQ(daemon->get("/-/ready")->status, 200);
  EXPECT_EQ(daemon->get("/-/healthy")->status, 200);
  EXPECT_THAT(daemon->body("/"), HasSubstr("corrected Docker API"));
  for (const char* path : {"/api/v1/images", "/api/v1/summary", "/api/v1/engine", "/api/v1/images/nginx"})
    EXPECT_EQ(daemon->get(path)->status, 404) << path;
  const std::string metrics = daemon->body("/metrics");
  EXPECT_EQ(metrics.find("\ndocker_up"), std::string::npos);
  EXPECT_EQ(metrics.find("docker_images"), std::string::npos);
  EXPECT_TRUE(support::value_of(metrics, "docker_engine_busy_seconds_total{caller=\"look\"}"));
  EXPECT_EQ(repo_digests().size(), 2U);
  EXPECT_EQ(engine_->asked("*"), engine_->asked("/_ping") + 1) << "what was asked here, and nothing else";
  stop(*daemon);
}

TEST_F(DockerApiTest, AsANarrowWindowShowsAnotherInstanceAllOfIt) {
  const auto window =
      serve({at_socket(), "--no-poll", "--no-docker-api.correct", "--docker-api.allow=containers"});
  const Daemon behind({"--docker.host=unix://" + socket()});
  const auto beside = start({});
  ASSERT_TRUE(behind.wait_until_inspected()) << behind.log();
  ASSERT_TRUE(beside->wait_until_inspected()) << beside->log();
  auto seen = json::parse(behind.body("/api/v1/images"));
  auto expected = json::parse(beside->body("/api/v1/images"));
  EXPECT_EQ(expected.at("totals").at("repo_digests"), 155);
  seen.erase("changed_at");
  expected.erase("changed_at");
  EXPECT_EQ(seen, expected);

  ASSERT_TRUE(behind.wait_for_metric("docker_events_connected", 1)) << behind.log();
  ASSERT_TRUE(engine_->wait_until_listened_to(2));
  engine_->ring(R"({"Type":"image","Action":"tag","Actor":{"ID":"x","Attributes":{"name":"x:1"}}})");
  EXPECT_TRUE(behind.wait_for_metric("docker_events_total{action=\"tag\"}", 1)) << behind.log();
}

TEST_F(DockerApiTest, ItsSocketIsOnlyForItsGroupAndGoneWhenItEnds) {
  const auto daemon = serve({at_socket()});
  struct stat found {};
  ASSERT_EQ(::stat(socket().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0660U);
  EXPECT_EQ(found.st_gid, ::getegid());
  stop(*daemon);
  EXPECT_FALSE(std::filesystem::exists(socket()));
}

TEST_F(DockerApiTest, ItsSocketHasTheModeAndGroupThatAreAskedFor) {
  const auto group = std::to_string(::getegid());
  const auto daemon =
      serve({at_socket(), "--docker-api.socket-mode=600", "--docker-api.socket-group=" + group});
  struct stat found {};
  ASSERT_EQ(::stat(socket().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
  EXPECT_EQ(found.st_gid, ::getegid());
  if (::geteuid() != 0) return;  // only root may name any group
  stop(*daemon);
  const auto named = serve({at_socket(), "--docker-api.socket-group=daemon"});
  ASSERT_EQ(::stat(socket().c_str(), &found), 0);
  EXPECT_NE(found.st_gid, ::getegid());
}

TEST_F(DockerApiTest, AGroupThatIsNotThereIsAUsageError) {
  const auto outcome = outcome_of({at_socket(), "--docker-api.socket-group=no-such-group"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.errors, HasSubstr("--docker-api.socket-group"));
  EXPECT_THAT(outcome.errors, HasSubstr("no such group"));
  EXPECT_FALSE(std::filesystem::exists(socket()));
  EXPECT_EQ(outcome_of({at_socket(), "--docker-api.socket-group=4294967295"}).exit_code, 2)
      << "chown(2) would leave the group as it is";
}

TEST_F(DockerApiTest, IsNeverItsOwnEngine) {
  for (const std::string& engine : {"unix://" + socket(), std::string("tcp://127.0.0.1:1")}) {
    const auto outcome =
        support::run_program({"--docker.host=" + engine, at_socket(), "--docker-api.insecure",
                              "--docker-api.listen-address=127.0.0.1:1", "--web.listen-address=127.0.0.1:0"});
    EXPECT_EQ(outcome.exit_code, 2) << outcome.errors;
    EXPECT_THAT(outcome.errors, HasSubstr("the program would ask itself"));
  }
}

TEST_F(DockerApiTest, ReplacesADeadSocketAndNeverALivingOne) {
  {
    const auto daemon = serve({at_socket()});
    const auto second = outcome_of({at_socket()});
    EXPECT_EQ(second.exit_code, 1);
    EXPECT_THAT(second.errors, HasSubstr("--docker-api.listen-address"));
    EXPECT_EQ(repo_digests().size(), 2U) << "the first one serves on";
    daemon->process().signal(SIGKILL);
    ASSERT_TRUE(daemon->process().wait());
  }
  EXPECT_TRUE(std::filesystem::exists(socket()));
  const auto daemon = serve({at_socket()});
  EXPECT_EQ(repo_digests().size(), 2U);
}

TEST_F(DockerApiTest, CannotHaveTheAddressOfTheWeb) {
  const auto outcome = outcome_of({"--web.listen-address=unix://" + socket(), at_socket()});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.errors, HasSubstr("--docker-api.listen-address"));
  EXPECT_FALSE(std::filesystem::exists(socket())) << outcome.errors;
}

TEST_F(DockerApiTest, OnTcpIsRefusedUnlessItIsMeant) {
  const std::string flag = "--docker-api.listen-address=127.0.0.1:0";
  const auto outcome = outcome_of({flag});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.errors, HasSubstr("--docker-api.insecure"));
  EXPECT_EQ(outcome_of({"--no-poll"}).exit_code, 2);

  const auto daemon = start({flag, "--docker-api.insecure"});
  const auto port = support::logged_port(daemon->process(), "address=127.0.0.1:");
  ASSERT_NE(port, 0);
  auto client = support::RawClient::tcp(port);
  ASSERT_TRUE(client.send("GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n"));
  EXPECT_EQ(client.read_reply().status, 200);
  EXPECT_EQ(daemon->metric("repodigest_exporter_insecure_listener"), 0) << "only this machine reaches it";
}

TEST_F(DockerApiTest, StopsWhileACallHangsAndAStreamOfEventsIsOpen) {
  engine_->fail("/images/single:1.0/json", Fault::hanging_before_head());
  const auto daemon = serve({at_socket(), "--no-poll"});
  auto events = support::RawClient::unix_socket(socket());
  ASSERT_TRUE(events.send("GET /events HTTP/1.1\r\nHost: docker\r\n\r\n"));
  ASSERT_TRUE(engine_->wait_until_listened_to(1));
  auto call = support::RawClient::unix_socket(socket());
  ASSERT_TRUE(call.send("GET /images/single:1.0/json HTTP/1.1\r\nHost: docker\r\n\r\n"));
  ASSERT_TRUE(engine_->wait_until_hanging(1));
  stop(*daemon);
  EXPECT_TRUE(engine_->wait_until_listened_to(0));
  EXPECT_TRUE(engine_->wait_until_hanging(0));
  EXPECT_FALSE(std::filesystem::exists(socket()));
}

}  // namespace
}  // namespace repodigest
