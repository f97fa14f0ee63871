// Events, containers and the cache in the running program, on a recorded engine.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/program.h"
#include "support/recording.h"
#include "support/replay_engine.h"

namespace repodigest {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using support::Daemon;
using support::Fault;
using support::Recording;
using support::ReplayEngine;

const std::string issue_name = "localhost:5000/namespace1/myimage:1.0.0";

class DaemonTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto engine = ReplayEngine::on_unix_socket(Recording::embedded(), folder_.path() / "docker.sock");
    ASSERT_TRUE(engine.ok()) << engine.error().text;
    engine_ = std::move(engine).value();
  }
  void start(std::vector<std::string> flags = {}) {
    flags.push_back("--docker.host=" + engine_->host());
    daemon_ = std::make_unique<Daemon>(std::move(flags));
    ASSERT_TRUE(daemon_->wait_until_inspected()) << daemon_->log();
  }
  /// Ends the daemon as an init system does.
  void stop() {
    daemon_->process().signal(SIGTERM);
    const auto ended = daemon_->process().wait(seconds(5));
    ASSERT_TRUE(ended) << "it must stop within 5 seconds";
    EXPECT_EQ(ended->exit_code, 0) << ended->errors;
  }
  /// The engine has these containers of the issue's image.
  void run_containers() {
    const std::string id =
        json::parse(Recording::embedded().answer("GET", "/images/" + issue_name + "/json").body)
            .at("Id")
            .get<std::string>();
    const auto container = [&id](const char* name, const char* state) {
      return json{{"Id", std::string("id-of-") + name},
                  {"Names", {std::string("/") + name}},
                  {"ImageID", id},
                  {"State", state},
                  {"Command", "secret"}};
    };
    const json containers = {container("web", "running"), container("job", "exited")};
    engine_->change([&](Recording& recording) { recording.set_body("/containers/json", containers.dump()); });
  }
  [[nodiscard]] json image() const { return json::parse(daemon_->body("/api/v1/images/" + issue_name)); }

  support::TemporaryFolder folder_;
  std::unique_ptr<ReplayEngine> engine_;
  std::unique_ptr<Daemon> daemon_;
};

TEST_F(DaemonTest, SaysEverywhereThatEventsAreHeard) {
  start();
  ASSERT_TRUE(engine_->wait_until_listened_to(1));
  ASSERT_TRUE(daemon_->wait_for_metric("docker_events_connected", 1)) << daemon_->log();
  EXPECT_EQ(json::parse(daemon_->body("/api/v1/summary")).at("events_connected"), 1);
  const auto engine = json::parse(daemon_->body("/api/v1/engine"));
  EXPECT_EQ(engine.at("events").at("connected"), true);
  EXPECT_EQ(engine.at("budget").at("max_share"), 0.1);
  EXPECT_GT(engine.at("budget").at("busy_seconds").at("inspect"), 0.0);
  EXPECT_NE(daemon_->body("/").find("Event stream connected"), std::string::npos);
}

TEST_F(DaemonTest, AnEventShowsANewImageWithoutAnotherList) {
  start();
  ASSERT_TRUE(daemon_->wait_for_metric("docker_events_connected", 1)) << daemon_->log();
  const auto tagged = daemon_->metric("docker_images{state=\"tagged\"}").value_or(0);
  const auto lists = engine_->asked("/images/json");
  const std::string id = "sha256:" + std::string(64, '7');
  const json image = {{"Id", id}, {"RepoTags", {"rung:1"}}, {"RepoDigests", {"rung@" + id, "rung@" + id}}};
  engine_->change([&image](Recording& recording) { recording.add_image(image.dump(), image.dump()); });
  engine_->ring(json{
      {"Type", "image"}, {"Action", "tag"}, {"Actor", {{"ID", id}, {"Attributes", {{"name", "rung:1"}}}}}}
                    .dump());
  EXPECT_TRUE(daemon_->wait_for_metric("docker_images{state=\"tagged\"}", tagged + 1)) << daemon_->log();
  EXPECT_TRUE(
      daemon_->wait_for_metric("docker_image_repo_digests{image_id=\"" + id + "\",image=\"rung:1\"}", 2));
  EXPECT_EQ(daemon_->metric("docker_events_total{action=\"tag\"}"), 1);
  EXPECT_EQ(engine_->asked("/images/json"), lists);
}

TEST_F(DaemonTest, ListensToNoEventsWhereNoneAreWanted) {
  start({"--no-poll.events"});
  EXPECT_EQ(daemon_->metric("docker_events_connected"), 0);
  EXPECT_EQ(engine_->asked("/events"), 0U);
}

TEST_F(DaemonTest, AnOnlyConnectionIsThePollersAndTheLogSaysSo) {
  start({"--docker.max-connections=1"});
  EXPECT_EQ(daemon_->metric("docker_events_connected"), 0);
  EXPECT_EQ(engine_->asked("/events"), 0U);
  EXPECT_NE(daemon_->log().find("--docker.max-connections"), std::string::npos) << daemon_->log();
}

TEST_F(DaemonTest, CountsTheContainersThatAreHit) {
  run_containers();
  start();
  EXPECT_TRUE(daemon_->wait_for_metric("docker_containers_with_duplicate_repo_digests{state=\"running\"}", 1))
      << daemon_->log();
  EXPECT_EQ(daemon_->metric("docker_containers_with_duplicate_repo_digests{state=\"other\"}"), 1);
  EXPECT_NE(daemon_->body("/metrics").find("image=\"" + issue_name + "\",state=\"running\"} 1\n"),
            std::string::npos);
  EXPECT_EQ(image().at("containers"), json::parse(R"([{"id":"id-of-job","name":"job","state":"exited"},)"
                                                  R"({"id":"id-of-web","name":"web","state":"running"}])"));
  EXPECT_EQ(json::parse(daemon_->body("/api/v1/summary")).at("containers_with_duplicates"), 1);
}

TEST_F(DaemonTest, ContainersThatAreRefusedAreNotKnownAndTheRestIs) {
  engine_->fail("/containers/json", Fault::answering(403, "Forbidden"));
  start();
  EXPECT_EQ(daemon_->metric("docker_repo_digests"), 155);
  EXPECT_EQ(daemon_->metric("docker_up"), 1);
  EXPECT_EQ(daemon_->metric("docker_containers_with_duplicate_repo_digests{state=\"running\"}"),
            std::nullopt);
  EXPECT_TRUE(image().at("containers").is_null());
}

TEST_F(DaemonTest, AsksForNoContainersWhereNoneAreWanted) {
  run_containers();
  start({"--no-poll.containers"});
  EXPECT_EQ(engine_->asked("/containers/json"), 0U);
  const std::string metrics = daemon_->body("/metrics");
  EXPECT_EQ(metrics.find("docker_containers_with_duplicate_repo_digests"), std::string::npos);
  EXPECT_EQ(metrics.find("docker_image_containers"), std::string::npos);
  EXPECT_TRUE(image().at("containers").is_null());
}

TEST_F(DaemonTest, WhatWasInspectedOutlivesARestart) {
  const std::vector<std::string> flags = {"--cache.file=" + (folder_.path() / "cache").string()};
  start(flags);
  stop();
  const auto inspects = engine_->asked("/images/*/json");
  EXPECT_GE(inspects, 18U);
  start(flags);
  EXPECT_EQ(daemon_->metric("docker_repo_digests"), 155);
  EXPECT_EQ(engine_->asked("/images/*/json"), inspects + 1) << "of one, list and inspect do not agree";
}

TEST_F(DaemonTest, StopsWhileTheStreamOfEventsIsOpen) {
  start();
  ASSERT_TRUE(daemon_->wait_for_metric("docker_events_connected", 1)) << daemon_->log();
  stop();
  EXPECT_TRUE(engine_->wait_until_listened_to(0));
}

}  // namespace
}  // namespace repodigest
