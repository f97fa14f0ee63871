// A real Prometheus scrapes the program, and is asked what users ask it.
#include "prometheus.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "support/program.h"
#include "support/recording.h"
#include "support/replay_engine.h"

namespace repodigest {
namespace {

using nlohmann::json;
using stack::Prometheus;
using support::Daemon;
using support::eventually;
using support::Recording;
using support::ReplayEngine;

const std::string issue_image = "localhost:5000/namespace1/myimage:1.0.0";

/// One engine, one daemon and one Prometheus for the suite: it takes Prometheus some five seconds to begin to
/// scrape.
class ScrapedByPrometheus : public ::testing::Test {
 protected:
  /// Run with REPODIGEST_PROMETHEUS=3 it is a Prometheus 3.
  static std::string program() {
    static const std::string program =
        std::getenv("REPODIGEST_PROMETHEUS") != nullptr ? stack::prometheus_3() : "prometheus";
    return program;
  }
  static void SetUpTestSuite() {
    if (!Prometheus::is_here(program())) return;
    auto engine = ReplayEngine::on_loopback(Recording::embedded());
    if (!engine.ok()) return;
    engine_ = std::move(engine).value();
    daemon_ = std::make_unique<Daemon>(std::vector<std::string>{
        "--docker.host=" + engine_->host(), "--poll.interval=500ms", "--web.listen-address=127.0.0.1:0"});
    prometheus_ = std::make_unique<Prometheus>(
        "  - job_name: docker\n"
        "    static_configs: [{targets: ['127.0.0.1:" +
            std::to_string(support::logged_port(daemon_->process(), "msg=listening")) + "']}]\n",
        program());
  }
  static void TearDownTestSuite() {
    prometheus_.reset();
    daemon_.reset();
    engine_.reset();
  }
  void SetUp() override {
    if (!Prometheus::is_here(program()))
      GTEST_SKIP() << "THERE IS NO PROMETHEUS (" << program()
                   << ") HERE: nothing of what it says about the program was tested";
    ASSERT_TRUE(prometheus_);
    ASSERT_TRUE(prometheus_->wait_for("up{job='docker'}", 1)) << prometheus_->log() << daemon_->log();
    ASSERT_TRUE(prometheus_->wait_for("sum(docker_images_pending_inspection)", 0)) << daemon_->log();
  }

  static inline std::unique_ptr<ReplayEngine> engine_;
  static inline std::unique_ptr<Daemon> daemon_;
  static inline std::unique_ptr<Prometheus> prometheus_;
};

TEST_F(ScrapedByPrometheus, TheQueryForDuplicatesAnswersTheIssuesImageAmongTheFiveThatHaveSome) {
  const auto found =
      prometheus_->values("docker_image_repo_digests > docker_image_repo_digests_unique", "image");
  EXPECT_EQ(found.size(), 5U) << daemon_->body("/metrics");
  ASSERT_TRUE(found.contains(issue_image)) << json(found).dump();
  EXPECT_EQ(found.at(issue_image), 4);
  EXPECT_TRUE(prometheus_->wait_for("docker_image_repo_digests_unique{image='" + issue_image + "'}", 2));
}

TEST_F(ScrapedByPrometheus, TheSeriesOfTheImagesSumUpToTheTotals) {
  EXPECT_TRUE(prometheus_->wait_for("sum(docker_image_repo_digests) - scalar(docker_repo_digests)", 0));
  EXPECT_TRUE(
      prometheus_->wait_for("sum(docker_image_repo_digests_unique) - scalar(docker_repo_digests_unique)", 0));
  EXPECT_TRUE(
      prometheus_->wait_for("count(docker_image_repo_digests > docker_image_repo_digests_unique)"
                            " - scalar(docker_images_with_duplicate_repo_digests)",
                            0));
}

TEST_F(ScrapedByPrometheus, AnAdvisoryJoinsTheVersionAndTheStoreOfItsEngine) {
  const json found = prometheus_->elements(
      "(docker_engine_advisory == 1)"
      " * on (instance) group_left (version, image_store, source) docker_engine_info");
  const auto duplicates = std::find_if(found.begin(), found.end(), [](const json& one) {
    return one.at("metric").at("advisory") == "moby-48747";
  });
  ASSERT_NE(duplicates, found.end()) << found.dump();
  const json& labels = duplicates->at("metric");
  EXPECT_EQ(labels.at("version"), "27.3.1");
  EXPECT_EQ(labels.at("image_store"), "containerd");
  EXPECT_EQ(labels.at("fixed_in"), "27.4.0");
  EXPECT_EQ(labels.at("source"), "engine");
}

TEST_F(ScrapedByPrometheus, AnEngineThatGoesAwayAndComesBackShowsInDockerUp) {
  engine_->refuse();
  engine_->drop_connections();
  EXPECT_TRUE(prometheus_->wait_for("docker_up", 0)) << daemon_->log();
  EXPECT_TRUE(prometheus_->wait_for("up{job='docker'}", 1)) << "the exporter itself is there";
  EXPECT_TRUE(prometheus_->wait_for("docker_poll_failures_total{reason='connect'} > bool 0", 1));
  ASSERT_TRUE(engine_->accept_again().ok());
  EXPECT_TRUE(prometheus_->wait_for("docker_up", 1)) << daemon_->log();
}

// It asks for OpenMetrics first. Only that knows infos and units, and families of counters without _total.
TEST_F(ScrapedByPrometheus, WhatItScrapesIsOpenMetrics) {
  const std::vector<std::pair<std::string, std::string>> type_and_unit = {
      {"docker_engine", "info "},
      {"repodigest_exporter_build", "info "},
      {"docker_polls", "counter "},
      {"docker_engine_busy_seconds", "counter seconds"},
      {"process_resident_memory_bytes", "gauge bytes"},
      {"docker_api_request_duration_seconds", "histogram seconds"}};
  for (const auto& [family, wanted] : type_and_unit) {
    const auto found = json::parse(prometheus_->body("/api/v1/targets/metadata?metric=" + family)).at("data");
    ASSERT_EQ(found.size(), 1U) << family;
    EXPECT_EQ(found.at(0).value("type", "") + " " + found.at(0).value("unit", ""), wanted) << family;
    EXPECT_NE(found.at(0).value("help", ""), "") << family;
  }
  EXPECT_TRUE(prometheus_->wait_for(
      "count(docker_api_request_duration_seconds_bucket{operation='image_list',le='1.0'})", 1));
}

// `up` stays 1 when Prometheus throws away a sample; only its log and its own counters tell.
TEST_F(ScrapedByPrometheus, NoSampleIsThrownAway) {
  EXPECT_TRUE(eventually([] {
    const auto answer = daemon_->get("/metrics", {{"Accept", "application/openmetrics-text;version=1.0.0"}});
    if (!answer.ok()) return false;
    double samples = 0;
    std::istringstream lines(answer->body);
    for (std::string line; std::getline(lines, line);) samples += line.starts_with('#') ? 0 : 1;
    return prometheus_->value("scrape_samples_scraped") == samples &&
           prometheus_->value("count({job='docker', __name__!~'up|scrape_.*'})") == samples;
  })) << prometheus_->elements("scrape_samples_scraped").dump();
  const std::string own = prometheus_->body("/metrics");
  for (const std::string why : {"duplicate_timestamp", "out_of_order", "out_of_bounds"})
    EXPECT_EQ(support::value_of(own, "prometheus_target_scrapes_sample_" + why + "_total"), 0) << why;
  EXPECT_EQ(prometheus_->log().find("Error on ingesting"), std::string::npos) << prometheus_->log();
}

}  // namespace
}  // namespace repodigest
