// promtool judges the metrics of the running program in each of its states, in both formats; beside it
// prometheus_client's strict parser of OpenMetrics.
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "support/feed_command.h"
#include "support/openmetrics.h"
#include "support/program.h"
#include "support/recording.h"
#include "support/replay_engine.h"

namespace repodigest {
namespace {

using support::Daemon;
using support::eventually;
using support::Recording;
using support::ReplayEngine;

/// The series that stand more than once: promtool 2.42 takes them without a word.
std::set<std::string> repeated_series(const std::string& metrics) {
  std::set<std::string> seen;
  std::set<std::string> repeated;
  std::istringstream lines(metrics);
  for (std::string line; std::getline(lines, line);) {
    const std::string series = line.substr(0, line.rfind(' '));
    if (!line.starts_with('#') && !seen.insert(series).second) repeated.insert(series);
  }
  return repeated;
}

class Promtool : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!support::succeeds("promtool --version"))
      GTEST_SKIP() << "THERE IS NO PROMTOOL HERE: what it says about the metrics was not tested";
  }
  void serve(Recording recording) {
    auto engine = ReplayEngine::on_loopback(std::move(recording));
    ASSERT_TRUE(engine.ok()) << engine.error().text;
    engine_ = std::move(engine).value();
  }
  void start(std::vector<std::string> flags) { daemon_ = std::make_unique<Daemon>(std::move(flags)); }
  static void expect_clean(const std::string& metrics) {
    EXPECT_EQ(support::feed_command("promtool check metrics", metrics), 0) << metrics;
    EXPECT_EQ(repeated_series(metrics), std::set<std::string>());
  }
  /// The OpenMetrics of now.
  void expect_clean_openmetrics() const {
    const auto answer = daemon_->get("/metrics", {{"Accept", "application/openmetrics-text;version=1.0.0"}});
    ASSERT_TRUE(answer.ok()) << answer.error().text;
    EXPECT_TRUE(answer->header("Content-Type").starts_with("application/openmetrics-text;"));
    EXPECT_TRUE(support::promtool_takes(answer->body)) << answer->body;
    EXPECT_EQ(repeated_series(answer->body), std::set<std::string>());
    if (support::have_openmetrics_parser())
      EXPECT_TRUE(support::python_takes(answer->body)) << answer->body;
    else
      GTEST_SKIP() << support::no_openmetrics_parser;
  }

  std::unique_ptr<ReplayEngine> engine_;
  std::unique_ptr<Daemon> daemon_;
};

TEST_F(Promtool, FindsNothingInTheDemo) {
  start({"--demo"});
  ASSERT_TRUE(daemon_->wait_until_inspected()) << daemon_->log();
  expect_clean(daemon_->body("/metrics"));
  expect_clean_openmetrics();
}

TEST_F(Promtool, FindsNothingInWhatAnEngineWithoutTheDefectGives) {
  const auto recording = Recording::from_folder(REPODIGEST_SOURCE_DIR "/tests/recorded/29.7.2-containerd");
  ASSERT_TRUE(recording.ok()) << recording.error().text;
  serve(*recording);
  start({"--docker.host=" + engine_->host()});
  ASSERT_TRUE(daemon_->wait_until_inspected()) << daemon_->log();
  expect_clean(daemon_->body("/metrics"));
  expect_clean_openmetrics();
}

TEST_F(Promtool, FindsNothingWhenThereWasNeverAnEngine) {
  start({"--docker.host=unix:///nonexistent/docker.sock"});
  ASSERT_TRUE(eventually([&] {
    return daemon_->metric("docker_poll_failures_total{reason=\"connect\"}").value_or(0) > 0;
  })) << daemon_->log();
  const std::string metrics = daemon_->body("/metrics");
  EXPECT_EQ(support::value_of(metrics, "docker_up"), 0);
  expect_clean(metrics);
  expect_clean_openmetrics();
}

TEST_F(Promtool, FindsNothingWhileTheEngineIsAway) {
  serve(Recording::embedded());
  start({"--docker.host=" + engine_->host(), "--poll.interval=300ms"});
  ASSERT_TRUE(daemon_->wait_until_inspected()) << daemon_->log();
  engine_->refuse();
  engine_->drop_connections();
  ASSERT_TRUE(daemon_->wait_for_metric("docker_up", 0)) << daemon_->log();
  const std::string metrics = daemon_->body("/metrics");
  EXPECT_EQ(support::value_of(metrics, "docker_repo_digests"), 155) << "not stale yet";
  expect_clean(metrics);
  expect_clean_openmetrics();
}

TEST_F(Promtool, FindsNothingWhenTheSeriesOfTheImagesHaveEnded) {
  serve(Recording::embedded());
  start({"--docker.host=" + engine_->host(), "--poll.interval=300ms", "--poll.stale-after=1s"});
  ASSERT_TRUE(daemon_->wait_until_inspected()) << daemon_->log();
  engine_->refuse();
  engine_->drop_connections();
  std::string metrics;
  ASSERT_TRUE(eventually([&] {
    metrics = daemon_->body("/metrics");
    return support::value_of(metrics, "docker_up") == 0 &&
           !support::value_of(metrics, "docker_repo_digests").has_value();
  })) << metrics;
  expect_clean(metrics);
  expect_clean_openmetrics();
}

TEST_F(Promtool, FindsNothingInTheCorrectedDockerApiWithOrWithoutPolling) {
  const support::TemporaryFolder folder;
  const std::string address = "--docker-api.listen-address=unix://" + (folder.path() / "d.sock").string();
  for (const char* polling : {"--poll", "--no-poll"}) {
    start({"--demo", address, polling});
    std::string metrics;
    ASSERT_TRUE(eventually([&] { return !(metrics = daemon_->body("/metrics")).empty(); })) << polling;
    EXPECT_TRUE(support::value_of(metrics, "repodigest_exporter_docker_api_entries_removed_total"));
    expect_clean(metrics);
    expect_clean_openmetrics();
    daemon_.reset();
  }
}

}  // namespace
}  // namespace repodigest
