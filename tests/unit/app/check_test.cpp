// check and healthcheck as their users run them: the built program against a recorded engine.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/basic.h"
#include "support/program.h"
#include "support/recording.h"
#include "support/replay_engine.h"

namespace repodigest {
namespace {

using support::Outcome;
using support::Recording;
using support::ReplayEngine;

class CheckTest : public ::testing::Test {
 protected:
  void serve(const std::string& name) {
    auto recording =
        Recording::from_folder(std::filesystem::path(REPODIGEST_SOURCE_DIR "/tests/recorded") / name);
    ASSERT_TRUE(recording.ok()) << recording.error().text;
    auto engine = ReplayEngine::on_unix_socket(*recording, folder_.path() / "docker.sock");
    ASSERT_TRUE(engine.ok()) << engine.error().text;
    engine_ = std::move(engine).value();
  }
  [[nodiscard]] Outcome check(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(),
                     {"check", "--docker.host=unix://" + (folder_.path() / "docker.sock").string()});
    return support::run_program(std::move(arguments));
  }

  support::TemporaryFolder folder_;
  std::unique_ptr<ReplayEngine> engine_;
};

TEST_F(CheckTest, EndsWith1AndATableWhenThereAreDuplicates) {
  serve("27.3.1-containerd");
  const Outcome outcome = check({});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.errors;
  EXPECT_NE(outcome.output.find("18 images, 155 RepoDigests, 22 unique; 5 images have duplicates"),
            std::string::npos)
      << outcome.output;
  EXPECT_NE(outcome.output.find("localhost:5000/namespace1/myimage:1.0.0"), std::string::npos)
      << outcome.output;
}

TEST_F(CheckTest, EndsWith0WhenThereAreNone) {
  serve("27.4.0-containerd");
  const Outcome outcome = check({});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output << outcome.errors;
}

TEST_F(CheckTest, LooksAtNamedImagesOnly) {
  serve("27.3.1-containerd");
  EXPECT_EQ(check({"single:1.0"}).exit_code, 0);
  const Outcome outcome = check({"--format=json", "localhost:5000/namespace2/myimage:latest"});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.errors;
  const auto document = nlohmann::json::parse(outcome.output);
  ASSERT_EQ(document.at("images").size(), 1U);
  EXPECT_EQ(document.at("images")[0].at("raw_count"), 4);
  EXPECT_EQ(document.at("images")[0].at("unique_count"), 2);
  EXPECT_EQ(engine_->asked("/images/json"), 0U) << "a named image needs no list";
}

TEST_F(CheckTest, AnUnknownImageIsNoAnswer) {
  serve("27.3.1-containerd");
  const Outcome outcome = check({"no-such-image:1"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_NE(outcome.errors.find("no-such-image:1"), std::string::npos) << outcome.errors;
  EXPECT_EQ(outcome.output, "");
}

TEST_F(CheckTest, EndsWith3AndTheReasonWhenTheEngineIsAway) {
  const Outcome outcome = check({});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_NE(outcome.errors.find("docker.sock: it does not exist"), std::string::npos) << outcome.errors;
}

TEST_F(CheckTest, NagiosGetsItsLineItsCodesAndItsThresholds) {
  serve("27.3.1-containerd");
  const Outcome warning = check({"--format=nagios"});
  EXPECT_EQ(warning.exit_code, 1);
  EXPECT_EQ(
      warning.output,
      "REPODIGESTS WARNING - 5 of 18 images with duplicate RepoDigests | dup=5;1;10 raw=155 unique=22\n");
  EXPECT_EQ(check({"--format=nagios", "--critical=5"}).exit_code, 2);
  EXPECT_EQ(check({"--format=nagios", "--warning=6"}).exit_code, 0);
  engine_->stop();
  const Outcome unknown = check({"--format=nagios"});
  EXPECT_EQ(unknown.exit_code, 3);
  EXPECT_EQ(unknown.output.substr(0, 19), "REPODIGESTS UNKNOWN") << unknown.output;
  EXPECT_EQ(check({"--format=nagios", "--no-such-flag"}).exit_code, 3);
}

TEST_F(CheckTest, TheWarningThresholdCountsForTheOtherFormatsToo) {
  serve("27.3.1-containerd");
  EXPECT_EQ(check({"--warning=6"}).exit_code, 0);
  EXPECT_EQ(check({"--warning=5"}).exit_code, 1);
}

TEST_F(CheckTest, PrometheusFormatHasNoSeriesOfTheProgramItself) {
  serve("27.3.1-containerd");
  const auto file = folder_.path() / "docker.prom";
  const Outcome outcome = check({"--format=prometheus", "--output=" + file.string()});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.errors;
  EXPECT_EQ(outcome.output, "");
  const std::string metrics = support::read_file(file);
  EXPECT_EQ(support::value_of(metrics, "docker_up"), 1);
  EXPECT_EQ(support::value_of(metrics, "docker_repo_digests"), 155);
  EXPECT_EQ(metrics.find("process_"), std::string::npos);
  EXPECT_EQ(metrics.find("repodigest_exporter_"), std::string::npos);
}

TEST_F(CheckTest, PrometheusFormatIsWrittenWithDockerUp0WhenTheEngineIsAway) {
  const auto file = folder_.path() / "docker.prom";
  EXPECT_EQ(check({"--format=prometheus", "--output=" + file.string()}).exit_code, 3);
  const std::string metrics = support::read_file(file);
  EXPECT_EQ(support::value_of(metrics, "docker_up"), 0);
  EXPECT_EQ(metrics.find("docker_image"), std::string::npos) << metrics;
}

TEST_F(CheckTest, PrometheusFormatSaysDockerUp1WhenTheEngineAnswersButTheReportFails) {
  serve("27.3.1-containerd");
  const Outcome unknown = check({"--format=prometheus", "no-such-image:1"});
  EXPECT_EQ(unknown.exit_code, 3);
  EXPECT_EQ(support::value_of(unknown.output, "docker_up"), 1);
  engine_->fail("/images/json*", support::Fault::answering(500, "{\"message\":\"broken\"}"));
  const Outcome failed = check({"--format=prometheus"});
  EXPECT_EQ(failed.exit_code, 3);
  EXPECT_EQ(support::value_of(failed.output, "docker_up"), 1);
  EXPECT_EQ(support::value_of(failed.output, "docker_poll_failures_total{reason=\"http\"}"), 1);
}

TEST_F(CheckTest, WithoutAnAnswerTheOldReportStays) {
  const auto file = folder_.path() / "report.json";
  std::ofstream(file) << "old";
  EXPECT_EQ(check({"--format=json", "--output=" + file.string()}).exit_code, 3);
  EXPECT_EQ(support::read_file(file), "old");
}

TEST_F(CheckTest, AReportThatCannotBeDeliveredEndsWith3) {
  serve("27.3.1-containerd");
  const Outcome outcome = check({"--output=/no/such/folder/report"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_NE(outcome.errors.find("/no/such/folder/report"), std::string::npos) << outcome.errors;
  std::vector<std::string> shells = {"exec > /dev/full; exec "};
#ifndef __SANITIZE_THREAD__  // which writes a file of its own before main()
  shells.emplace_back("ulimit -f 0; exec ");
#endif
  for (const std::string& shell : shells) {
    support::Process full({"/bin/sh", "-c", shell + support::program_path() + " check --demo"});
    const auto ended = full.wait();
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->exit_code, 3) << shell << ended->errors;
  }
}

TEST_F(CheckTest, AnImageThatCanNeverBeInspectedDoesNotSpoilTheReport) {
  auto recording = Recording::from_folder(REPODIGEST_SOURCE_DIR "/tests/recorded/27.4.0-containerd");
  ASSERT_TRUE(recording.ok());
  recording->set_inspect(recording->ids().front(), "");
  auto engine = ReplayEngine::on_unix_socket(*recording, folder_.path() / "docker.sock");
  ASSERT_TRUE(engine.ok());
  const Outcome outcome = check({});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
  EXPECT_NE(outcome.output.find("not_inspectable"), std::string::npos) << outcome.output;
}

TEST_F(CheckTest, AnImageWhoseInspectFailsLeavesTheAnswerOpen) {
  serve("27.4.0-containerd");
  engine_->fail("/images/single*/json", support::Fault::answering(500, "{\"message\":\"broken\"}"));
  const Outcome outcome = check({});
  EXPECT_EQ(outcome.exit_code, 3) << outcome.output;
  EXPECT_NE(outcome.errors.find("1 of 18 images"), std::string::npos) << outcome.errors;
  EXPECT_NE(outcome.output.find("1 image has not been inspected"), std::string::npos) << outcome.output;
  const Outcome metrics = check({"--format=prometheus"});
  EXPECT_EQ(metrics.exit_code, 3);
  EXPECT_EQ(support::value_of(metrics.output, "docker_up"), 1);
  EXPECT_EQ(support::value_of(metrics.output, "docker_images_inspection_failed{reason=\"http\"}"), 1);
}

TEST_F(CheckTest, CountsContainersInOneCallUnlessToldNotTo) {
  serve("27.3.1-containerd");
  const std::string running = "docker_containers_with_duplicate_repo_digests{state=\"running\"}";
  EXPECT_EQ(support::value_of(check({"--format=prometheus"}).output, running), 0);
  EXPECT_EQ(engine_->asked("/containers/json"), 1U);
  EXPECT_EQ(support::value_of(check({"--format=prometheus", "--no-poll.containers"}).output, running),
            std::nullopt);
  EXPECT_EQ(check({"single:1.0"}).exit_code, 0) << "named images are about these alone";
  EXPECT_EQ(engine_->asked("/containers/json"), 1U);
}

TEST_F(CheckTest, ContainersThatCannotBeListedAreAWarning) {
  serve("27.3.1-containerd");
  engine_->fail("/containers/json", support::Fault::answering(403, "Forbidden"));
  const Outcome outcome = check({"--format=prometheus"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.errors.find("warning: the engine's containers could not be listed (http)"),
            std::string::npos)
      << outcome.errors;
  EXPECT_EQ(support::value_of(outcome.output, "docker_repo_digests"), 155);
  EXPECT_EQ(outcome.output.find("docker_containers_with_duplicate_repo_digests"), std::string::npos);
}

class CheckOfADaemonTest : public CheckTest {
 protected:
  void SetUp() override {
    serve("27.3.1-containerd");
    daemon_ = std::make_unique<support::Daemon>(std::vector<std::string>{"--docker.host=" + engine_->host()});
    ASSERT_TRUE(daemon_->wait_until_inspected()) << daemon_->log();
  }
  [[nodiscard]] Outcome ask(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"check", "--url=" + daemon_->url()});
    return support::run_program(std::move(arguments));
  }
  std::unique_ptr<support::Daemon> daemon_;
};

TEST_F(CheckOfADaemonTest, GivesTheSameReportWithoutAskingTheEngine) {
  const std::string own = check({}).output;
  const auto before = engine_->asked("/images/*");
  const Outcome outcome = ask({});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.errors;
  EXPECT_EQ(outcome.output, own);
  EXPECT_EQ(engine_->asked("/images/*"), before);
}

TEST_F(CheckOfADaemonTest, LooksAtNamedImagesOnly) {
  EXPECT_EQ(ask({"single:1.0"}).exit_code, 0);
  EXPECT_EQ(ask({"localhost:5000/namespace1/myimage:latest"}).exit_code, 1);
  const Outcome missing = ask({"no-such-image:1"});
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_NE(missing.errors.find("no-such-image"), std::string::npos) << missing.errors;
}

TEST_F(CheckOfADaemonTest, SaysHowToAskWhereUsersAreWanted) {
  const std::string file = (folder_.path() / "web.yml").string();
  std::ofstream(file) << "basic_auth_users: {one: " << support::hash_of_secret << "}\n";
  support::Daemon daemon({"--demo", "--web.listen-address=127.0.0.1:0", "--web.config.file=" + file});
  const auto port = support::logged_port(daemon.process(), "address=127.0.0.1:");
  const Outcome refused = support::run_program({"check", "--url=http://127.0.0.1:" + std::to_string(port)});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_NE(refused.errors.find("--web.listen-address=unix:///path"), std::string::npos) << refused.errors;
  ASSERT_TRUE(daemon.wait_until_inspected());
  EXPECT_EQ(support::run_program({"check", "--url=" + daemon.url()}).exit_code, 1) << "as it says";
}

TEST_F(CheckOfADaemonTest, PrometheusFormatLeavesOutTheDaemonsOwnSeries) {
  const Outcome outcome = ask({"--format=prometheus"});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.errors;
  EXPECT_EQ(support::value_of(outcome.output, "docker_repo_digests"), 155);
  EXPECT_EQ(outcome.output.find("process_"), std::string::npos);
  EXPECT_EQ(outcome.output.find("repodigest_exporter_"), std::string::npos);
  EXPECT_EQ(ask({"--format=prometheus", "single:1.0"}).exit_code, 2) << "they are about all images";
}

TEST_F(CheckOfADaemonTest, ADaemonThatIsNotThereIsNoAnswerAndNotTakenForAnEngine) {
  daemon_.reset();
  const Outcome outcome = support::run_program({"check", "--url=unix:///no/such/socket"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_NE(outcome.errors.find("no exporter answers at unix:///no/such/socket"), std::string::npos)
      << outcome.errors;
  EXPECT_EQ(outcome.errors.find("docker"), std::string::npos) << outcome.errors;
}

TEST_F(CheckOfADaemonTest, HealthcheckTellsALivingDaemonFromADeadOne) {
  EXPECT_EQ(support::run_program({"healthcheck", "--url=" + daemon_->url()}).exit_code, 0);
  EXPECT_EQ(support::run_program({"healthcheck", "--web.listen-address=" + daemon_->url()}).exit_code, 0)
      << "the daemon's own flag names the place too";
  EXPECT_EQ(
      support::run_program({"healthcheck"}, {{"REPODIGEST_EXPORTER_WEB_LISTEN_ADDRESS", daemon_->url()}})
          .exit_code,
      0);
  const std::string url = daemon_->url();
  daemon_.reset();
  const Outcome dead = support::run_program({"healthcheck", "--url=" + url});
  EXPECT_EQ(dead.exit_code, 1);
  EXPECT_NE(dead.errors, "");
}

}  // namespace
}  // namespace repodigest
