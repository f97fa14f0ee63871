// The whole way, real HTTP at both ends: a recorded engine, the program, what it answers. The expected counts
// are computed here from the recorded bodies, by other code than the program's.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "support/golden.h"
#include "support/program.h"
#include "support/recorded_engines.h"
#include "support/recording.h"
#include "support/replay_engine.h"

namespace repodigest {
namespace {

using nlohmann::json;
using support::Daemon;
using support::Recording;
using support::ReplayEngine;

struct Expected {
  std::size_t raw = 0;
  std::vector<std::string> unique;
};

/// Per image Id, from the inspect bodies alone.
std::map<std::string, Expected> expected_of(const Recording& recording) {
  std::map<std::string, Expected> all;
  for (const auto& id : recording.ids()) {
    Expected& image = all[id];
    const auto digests = json::parse(recording.inspect_body(id)).at("RepoDigests");
    if (digests.is_null()) continue;
    std::set<std::string> seen;
    for (const auto& one : digests) {
      ++image.raw;
      if (seen.insert(one.get<std::string>()).second) image.unique.push_back(one.get<std::string>());
    }
  }
  return all;
}

class RecordedEngine : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto recording = Recording::from_folder(support::recorded_folder / GetParam());
    ASSERT_TRUE(recording.ok()) << recording.error().text;
    expected_ = expected_of(*recording);
    auto engine = ReplayEngine::on_unix_socket(*recording, folder_.path() / "docker.sock");
    ASSERT_TRUE(engine.ok()) << engine.error().text;
    engine_ = std::move(engine).value();
    daemon_ = std::make_unique<Daemon>(std::vector<std::string>{"--docker.host=" + engine_->host()});
    ASSERT_TRUE(daemon_->wait_until_inspected()) << daemon_->log();
    // On a busy machine the event stream may come after the first list; then another one follows.
    ASSERT_TRUE(daemon_->wait_for_metric("docker_list_interval_seconds", 3600)) << daemon_->log();
  }

  support::TemporaryFolder folder_;
  std::map<std::string, Expected> expected_;
  std::unique_ptr<ReplayEngine> engine_;
  std::unique_ptr<Daemon> daemon_;
};

TEST_P(RecordedEngine, EachImageHasTheCountsAndTheCorrectedListOfItsInspectBody) {
  const json document = json::parse(daemon_->body("/api/v1/images"));
  EXPECT_EQ(document.at("images").size(), expected_.size());
  for (const auto& image : document.at("images")) {
    const auto found = expected_.find(image.at("id"));
    ASSERT_NE(found, expected_.end()) << image.dump();
    EXPECT_EQ(image.at("raw_count"), found->second.raw) << image.dump();
    EXPECT_EQ(image.at("unique_count"), found->second.unique.size()) << image.dump();
    EXPECT_EQ(image.at("repo_digests"), json(found->second.unique)) << image.dump();
  }
}

TEST_P(RecordedEngine, MetricsSayTheSameAsTheInspectBodies) {
  const std::string metrics = daemon_->body("/metrics");
  std::size_t raw = 0;
  std::size_t unique = 0;
  std::size_t with_duplicates = 0;
  for (const auto& [id, image] : expected_) {
    raw += image.raw;
    unique += image.unique.size();
    with_duplicates += image.raw > image.unique.size() ? 1U : 0U;
    const std::regex series("docker_image_repo_digests\\{image_id=\"" + id +
                            "\",image=\"[^\"]*\"\\} (\\d+)\n");
    std::smatch match;
    ASSERT_TRUE(std::regex_search(metrics, match, series)) << id;
    EXPECT_EQ(match[1], std::to_string(image.raw)) << id;
  }
  EXPECT_EQ(support::value_of(metrics, "docker_repo_digests"), raw);
  EXPECT_EQ(support::value_of(metrics, "docker_repo_digests_unique"), unique);
  EXPECT_EQ(support::value_of(metrics, "docker_images_with_duplicate_repo_digests"), with_duplicates);
}

/// What differs from run to run is masked: times, and counters that depend on how often was asked.
std::string masked_metrics(const std::string& text) {
  static const std::regex varying(
      "\n((?:process_|repodigest_exporter_http_|repodigest_exporter_build_info|docker_engine_busy_seconds_"
      "total"
      "|docker_api_request_duration_seconds|docker_list_duration_seconds|docker_list_last_success_timestamp_"
      "seconds"
      "|docker_poll_last_success_timestamp_seconds|docker_polls_total"
      "|repodigest_exporter_config_last_reload_success_timestamp_seconds)[^ \n]*) [^\n]*");
  const std::string named =
      std::regex_replace("\n" + text, std::regex("build_info\\{[^}]*\\}"), "build_info{*}");
  return std::regex_replace(named, varying, "\n$1 *").substr(1);
}

std::string masked_json(const std::string& text) {
  return std::regex_replace(text, std::regex("\"changed_at\":\"[^\"]*\""), "\"changed_at\":\"*\"") + "\n";
}

TEST_P(RecordedEngine, MetricsAreThoseOfTheGoldenFile) {
  EXPECT_TRUE(support::matches_golden("recorded/golden/" + GetParam() + ".metrics",
                                      masked_metrics(daemon_->body("/metrics"))));
}

TEST_P(RecordedEngine, JsonIsThatOfTheGoldenFile) {
  EXPECT_TRUE(support::matches_golden("recorded/golden/" + GetParam() + ".json",
                                      masked_json(daemon_->body("/api/v1/images"))));
}

INSTANTIATE_TEST_SUITE_P(All, RecordedEngine, ::testing::ValuesIn(support::recorded_engines()),
                         [](const auto& parameter) { return support::test_name_of(parameter.param); });

TEST(IssueImage, HasTwoDifferentRepoDigestsOnEveryStoreAndFourEntriesOnAnAffectedEngine) {
  for (const auto& [name, raw] : {std::pair("27.3.1-containerd", 4),
                                  {"26.1.5-containerd", 4},
                                  {"27.4.0-containerd", 2},
                                  {"27.3.1-graphdriver", 2},
                                  {"26.1.5-graphdriver", 2},
                                  {"29.7.2-containerd", 2}}) {
    const auto recording = Recording::from_folder(support::recorded_folder / name);
    ASSERT_TRUE(recording.ok());
    const auto engine = ReplayEngine::on_loopback(*recording);
    ASSERT_TRUE(engine.ok());
    const auto outcome = support::run_program({"check", "--format=json", "--docker.host=" + (*engine)->host(),
                                               "localhost:5000/namespace1/myimage:latest"});
    EXPECT_EQ(outcome.exit_code, raw > 2 ? 1 : 0) << name << outcome.errors;
    const json image = json::parse(outcome.output).at("images").at(0);
    EXPECT_EQ(image.at("raw_count"), raw) << name;
    EXPECT_EQ(image.at("unique_count"), 2) << name;
  }
}

/// The sums that the recordings are known to have: images, raw, unique, images with duplicates.
struct Sums {
  std::string recording;
  double images, raw, unique, with_duplicates;
};

class KnownSums : public ::testing::TestWithParam<Sums> {};

TEST_P(KnownSums, AreWhatTheProgramReports) {
  const Sums& sums = GetParam();
  const auto recording = Recording::from_folder(support::recorded_folder / sums.recording);
  ASSERT_TRUE(recording.ok());
  const auto engine = ReplayEngine::on_loopback(*recording);
  ASSERT_TRUE(engine.ok());
  const auto outcome =
      support::run_program({"check", "--format=prometheus", "--docker.host=" + (*engine)->host()});
  EXPECT_EQ(outcome.exit_code, sums.with_duplicates > 0 ? 1 : 0) << outcome.errors;
  const auto value = [&](const std::string& series) { return support::value_of(outcome.output, series); };
  EXPECT_EQ(value("docker_images{state=\"tagged\"}").value_or(-1) +
                value("docker_images{state=\"digest_only\"}").value_or(-1) +
                value("docker_images{state=\"dangling\"}").value_or(-1),
            sums.images);
  EXPECT_EQ(value("docker_repo_digests"), sums.raw);
  EXPECT_EQ(value("docker_repo_digests_unique"), sums.unique);
  EXPECT_EQ(value("docker_images_with_duplicate_repo_digests"), sums.with_duplicates);
}

INSTANTIATE_TEST_SUITE_P(
    All, KnownSums,
    ::testing::Values(Sums{"27.3.1-containerd", 18, 155, 22, 5}, Sums{"26.1.5-containerd", 18, 155, 22, 5},
                      Sums{"27.3.1-graphdriver", 18, 11, 11, 0}, Sums{"26.1.5-graphdriver", 18, 11, 11, 0},
                      Sums{"29.7.2-containerd", 19, 23, 23, 0}),
    [](const auto& parameter) { return support::test_name_of(parameter.param.recording); });

}  // namespace
}  // namespace repodigest
