// Engine trouble, each with a clear text, a counted reason and no exit; when it is over, everything is right
// again.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "support/program.h"
#include "support/recording.h"
#include "support/replay_engine.h"

namespace repodigest {
namespace {

using namespace std::chrono_literals;
using support::Daemon;
using support::Fault;
using support::Recording;
using support::ReplayEngine;

Recording recording_of(const std::string& name) {
  auto recording =
      Recording::from_folder(std::filesystem::path(REPODIGEST_SOURCE_DIR "/tests/recorded") / name);
  EXPECT_TRUE(recording.ok()) << recording.error().text;
  return std::move(recording).value();
}

class TroubleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto engine = ReplayEngine::on_unix_socket(recording_of("27.3.1-containerd"), socket());
    ASSERT_TRUE(engine.ok()) << engine.error().text;
    engine_ = std::move(engine).value();
  }
  void start(const std::string& full_interval = "1h") {
    daemon_ = std::make_unique<Daemon>(std::vector<std::string>{
        "--docker.host=" + engine_->host(), "--poll.interval=300ms", "--poll.full-interval=" + full_interval,
        "--docker.timeout=2s", "--docker.list-timeout=700ms"});
  }
  [[nodiscard]] std::filesystem::path socket() const { return folder_.path() / "docker.sock"; }

  void expect_reason(const std::string& reason) {
    const std::string series = "docker_poll_failures_total{reason=\"" + reason + "\"}";
    EXPECT_TRUE(support::eventually([&] { return daemon_->metric(series).value_or(0) > 0; }))
        << series << "\n"
        << daemon_->log();
    EXPECT_TRUE(daemon_->process().running());
  }
  void expect_logged(const std::string& fragment) {
    EXPECT_TRUE(support::eventually([&] { return daemon_->log().find(fragment) != std::string::npos; }, 5s))
        << fragment << " is not in\n"
        << daemon_->log();
  }
  void expect_recovery() {
    EXPECT_TRUE(daemon_->wait_for_metric("docker_images_with_duplicate_repo_digests", 5)) << daemon_->log();
    EXPECT_TRUE(daemon_->wait_for_metric("docker_repo_digests", 155));
    EXPECT_EQ(daemon_->metric("docker_up"), 1);
  }

  support::TemporaryFolder folder_;
  std::unique_ptr<ReplayEngine> engine_;
  std::unique_ptr<Daemon> daemon_;
};

struct Trouble {
  std::string name;
  std::string path;
  Fault fault;
  std::string reason;
  std::string logged;
  bool up;  ///< docker_up while it lasts
};

void PrintTo(const Trouble& trouble, std::ostream* out) {
  *out << trouble.name;
}

class EveryTrouble : public TroubleTest, public ::testing::WithParamInterface<Trouble> {};

TEST_P(EveryTrouble, IsCountedAndSaidAndOverWhenItIsOver) {
  const Trouble& trouble = GetParam();
  engine_->fail(trouble.path, trouble.fault);
  start();
  expect_reason(trouble.reason);
  expect_logged(trouble.logged);
  const std::string metrics = daemon_->body("/metrics");
  EXPECT_EQ(support::value_of(metrics, "docker_up"), trouble.up ? 1 : 0);
  EXPECT_EQ(metrics.find("\ndocker_image"), std::string::npos) << "a number that the engine did not give:\n"
                                                               << metrics;
  const auto ready = daemon_->get("/-/ready");
  ASSERT_TRUE(ready.ok());
  EXPECT_EQ(ready->status, 503);
  const auto images = daemon_->get("/api/v1/images");
  ASSERT_TRUE(images.ok());
  EXPECT_EQ(images->status, 503);
  EXPECT_FALSE(images->header("Retry-After").empty());
  engine_->heal();
  engine_->release();
  expect_recovery();
}

const std::string deep = std::string(100'000, '[');

INSTANTIATE_TEST_SUITE_P(
    All, EveryTrouble,
    ::testing::Values(
        Trouble{"PingIsHtml", "/_ping", Fault::answering(200, "<html><body>It works!</body></html>"), "http",
                "Docker", false},
        Trouble{"PingIsGarbage", "/_ping", Fault::raw_bytes("\x16\x03\x01 not http at all\r\n\r\n"), "http",
                "HTTP", false},
        Trouble{"PingHangs", "/_ping", Fault::hanging_before_head(), "timeout", "docker.sock", false},
        Trouble{"PingClosesAtOnce", "/_ping", Fault::closed_before_answer(), "connect", "docker.sock", false},
        Trouble{"PingIs500", "/_ping", Fault::answering(500, "{\"message\":\"broken\"}"), "http", "500",
                false},
        Trouble{"VersionIsNotJson", "/version", Fault::with_body("not json"), "parse", "version", false},
        Trouble{"InfoHasWrongTypes", "/info", Fault::with_body("{\"ID\":7,\"Driver\":[]}"), "parse", "info",
                false},
        Trouble{"EngineIsTooOld", "/version",
                Fault::with_body("{\"Version\":\"1.11.0\",\"ApiVersion\":\"1.23\",\"MinAPIVersion\":\"1.12\","
                                 "\"Os\":\"linux\",\"Arch\":\"amd64\"}"),
                "api_version", "1.23", false},
        Trouble{"ListIsCutOff", "/images/json", Fault::closed_after(2000), "interrupted", "images/json",
                true},
        Trouble{"ListComesByteByByte", "/images/json", Fault::slow(100ms), "timeout", "images/json", true},
        Trouble{"ListHangsInBody", "/images/json", Fault::hanging_in_body_after(1000), "timeout",
                "images/json", true},
        Trouble{"ListAlwaysTimesOutWhilePingWorks", "/images/json", Fault::hanging_before_head(), "timeout",
                "images/json", true},
        Trouble{"ListPromisesTenGigabytes", "/images/json", Fault::promising(10'000'000'000), "too_large",
                "docker.max-response-bytes", true},
        Trouble{"ListIsNestedDeeply", "/images/json", Fault::with_body(deep), "parse", "images/json", true},
        Trouble{"ListIsAnObject", "/images/json", Fault::with_body("{}"), "parse", "images/json", true},
        Trouble{"ListIsCutOffJson", "/images/json", Fault::with_body("[{\"Id\":\"sha256:"), "parse",
                "images/json", true},
        Trouble{"ListHasATagThatIsANumber", "/images/json",
                Fault::with_body("[{\"Id\":\"sha256:" + std::string(64, 'a') +
                                 "\",\"RepoTags\":[7],\"RepoDigests\":[],\"Created\":1,\"Size\":1}]"),
                "parse", "RepoTags", true},
        Trouble{"ListHasDuplicateKeys", "/images/json",
                Fault::with_body("[{\"Id\":\"sha256:" + std::string(64, 'a') +
                                 "\",\"Id\":\"sha256:" + std::string(64, 'b') +
                                 "\",\"RepoTags\":[],\"RepoDigests\":[],\"Created\":1,\"Size\":1}]"),
                "parse", "Id", true},
        Trouble{"ListHasATagThatIsNotUtf8", "/images/json",
                Fault::with_body(
                    "[{\"Id\":\"sha256:" + std::string(64, 'a') +
                    "\",\"RepoTags\":[\"\xC3\x28:1\"],\"RepoDigests\":[],\"Created\":1,\"Size\":1}]"),
                "parse", "UTF-8", true},
        Trouble{"ListIs500", "/images/json",
                Fault::answering(500, "{\"message\":\"content store is broken\"}"), "http",
                "content store is broken", true},
        Trouble{"ListIsRedirected", "/images/json", Fault::answering(301, ""), "http", "301", true}),
    [](const auto& parameter) { return parameter.param.name; });

TEST_F(TroubleTest, AMissingSocketIsSaidWithItsPathAndWhatToDo) {
  engine_->stop();
  start();
  expect_reason("connect");
  expect_logged(socket().string());
  expect_logged("does not exist");
  EXPECT_EQ(daemon_->metric("docker_up"), 0);
}

TEST_F(TroubleTest, ARefusedConnectionIsCountedAndOverWhenTheEngineListensAgain) {
  engine_->refuse();
  start();
  expect_reason("connect");
  expect_logged("nobody listens");
  ASSERT_TRUE(engine_->accept_again().ok());
  expect_recovery();
}

TEST_F(TroubleTest, APermissionTroubleNamesTheGroups) {
  // A user without the right: as root by giving it up, else by taking the right away from everybody.
  namespace fs = std::filesystem;
  fs::permissions(folder_.path(), fs::perms(0755));
  const bool root = ::geteuid() == 0;
  ASSERT_EQ(::chmod(socket().c_str(), root ? 0660 : 0), 0);
  const fs::path program = folder_.path() / "exporter";
  fs::copy_file(support::program_path(), program);
  std::vector<std::string> command = {program.string(), "--docker.host=" + engine_->host(),
                                      "--web.listen-address=127.0.0.1:0"};
  if (root)
    command.insert(command.begin(), {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"});
  support::Process process(command);
  EXPECT_TRUE(support::eventually([&] {
    return process.errors().find("reason=permission") != std::string::npos;
  })) << process.errors();
  EXPECT_NE(process.errors().find("permission denied"), std::string::npos) << process.errors();
  if (root) {
    EXPECT_NE(process.errors().find("group"), std::string::npos) << process.errors();
    EXPECT_NE(process.errors().find("65534"), std::string::npos) << process.errors();
  }
  EXPECT_TRUE(process.running());
}

TEST_F(TroubleTest, ANullListIsAnEngineWithoutImages) {
  engine_->fail("/images/json", Fault::with_body("null"));
  start();
  EXPECT_TRUE(daemon_->wait_for_metric("docker_images{state=\"tagged\"}", 0)) << daemon_->log();
  EXPECT_EQ(daemon_->metric("docker_up"), 1);
  EXPECT_EQ(daemon_->metric("docker_repo_digests"), 0);
}

TEST_F(TroubleTest, AnImageThatVanishesBetweenListAndInspectIsNoFailureOfThePoll) {
  const std::string id = recording_of("27.3.1-containerd").ids().back();
  engine_->change([&](Recording& recording) { recording.set_inspect(id, ""); });
  start("300ms");
  EXPECT_TRUE(daemon_->wait_for_metric("docker_images_inspection_failed{reason=\"not_found\"}", 1))
      << daemon_->log();
  EXPECT_EQ(daemon_->metric("docker_poll_failures_total{reason=\"not_found\"}"), std::nullopt);
  // Newer lists go on having it, so it is one that can't be inspected: until it is gone from them too.
  EXPECT_TRUE(daemon_->wait_for_metric("docker_images_with_anomaly{anomaly=\"not_inspectable\"}", 1))
      << daemon_->log();
  engine_->change([&](Recording& recording) { recording.remove_image(id); });
  EXPECT_TRUE(daemon_->wait_for_metric("docker_images_inspection_failed{reason=\"not_found\"}", 0))
      << daemon_->log();
  EXPECT_EQ(daemon_->metric("docker_images_with_anomaly{anomaly=\"not_inspectable\"}"), 0);
  const auto document = nlohmann::json::parse(daemon_->body("/api/v1/images"));
  EXPECT_EQ(document.at("images").size(), 17U);
}

TEST_F(TroubleTest, AnImageWhoseInspectFailsNowAndThenIsAskedAgain) {
  engine_->fail("/images/*/json",
                Fault::answering(500, "{\"message\":\"failed to read config of the manifest\"}"), 2);
  start();
  expect_recovery();
  EXPECT_EQ(daemon_->metric("docker_images_inspection_failed{reason=\"http\"}"), 0);
  EXPECT_EQ(daemon_->metric("docker_api_request_failures_total{operation=\"image_inspect\",reason=\"http\"}"),
            2);
}

TEST_F(TroubleTest, AnEngineReplacedByAnotherVersionIsInspectedAnew) {
  start();
  expect_recovery();
  engine_->replace(recording_of("27.4.0-containerd"));
  engine_->drop_connections();
  EXPECT_TRUE(daemon_->wait_for_metric("docker_engine_changes_total{what=\"version\"}", 1)) << daemon_->log();
  EXPECT_TRUE(daemon_->wait_for_metric("docker_images_with_duplicate_repo_digests", 0));
  EXPECT_TRUE(
      daemon_->wait_for_metric("docker_engine_advisory{advisory=\"moby-48747\",fixed_in=\"27.4.0\"}", 0));
  expect_logged("engine changed");
}

TEST_F(TroubleTest, AnEngineThatGoesAwayAndComesBackShowsInDockerUp) {
  start();
  expect_recovery();
  engine_->refuse();
  engine_->drop_connections();
  EXPECT_TRUE(daemon_->wait_for_metric("docker_up", 0)) << daemon_->log();
  EXPECT_EQ(daemon_->metric("docker_repo_digests"), 155) << "not stale yet";
  ASSERT_TRUE(engine_->accept_again().ok());
  EXPECT_TRUE(daemon_->wait_for_metric("docker_up", 1)) << daemon_->log();
}

TEST_F(TroubleTest, WhenStaleTheImageSeriesEndAndTheJsonKeepsTheLastData) {
  daemon_ = std::make_unique<Daemon>(std::vector<std::string>{
      "--docker.host=" + engine_->host(), "--poll.interval=300ms", "--poll.stale-after=1s"});
  expect_recovery();
  engine_->refuse();
  engine_->drop_connections();
  EXPECT_TRUE(support::eventually([&] {
    const std::string metrics = daemon_->body("/metrics");
    return !metrics.empty() && metrics.find("\ndocker_image") == std::string::npos;
  })) << daemon_->body("/metrics");
  EXPECT_EQ(daemon_->metric("docker_repo_digests"), std::nullopt);
  EXPECT_EQ(daemon_->metric("docker_up"), 0);
  const auto document = nlohmann::json::parse(daemon_->body("/api/v1/images"));
  EXPECT_TRUE(document.at("stale").get<bool>());
  EXPECT_EQ(document.at("images").size(), 18U);
  EXPECT_EQ(daemon_->get("/-/ready")->status, 200);
}

TEST_F(TroubleTest, SigtermEndsItAtOnceWhateverTheEngineHangsIn) {
  engine_->fail("/images/json", Fault::hanging_in_body_after(500));
  daemon_ = std::make_unique<Daemon>(std::vector<std::string>{"--docker.host=" + engine_->host()});
  ASSERT_TRUE(engine_->wait_until_hanging(1));
  daemon_->process().signal(SIGTERM);
  const auto outcome = daemon_->process().wait(5s);
  ASSERT_TRUE(outcome) << "it did not end within 5 s";
  EXPECT_EQ(outcome->exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(daemon_->socket())) << "its socket is left behind";
}

TEST_F(TroubleTest, SighupDoesNotEndIt) {
  start();
  expect_recovery();
  daemon_->process().signal(SIGHUP);
  expect_logged("msg=reloaded");
  EXPECT_EQ(daemon_->body("/-/healthy"), "Healthy\n");
}

}  // namespace
}  // namespace repodigest
