// Engines of which there is no recording, with hand-made bodies of their shapes, and images in odd states.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
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
using support::Daemon;
using support::Fault;
using support::Recording;
using support::ReplayEngine;

using Strings = std::vector<std::string>;

std::string id(char digit) {
  return "sha256:" + std::string(64, digit);
}

Recording recorded(const std::string& name, Recording::Images images = Recording::Images::usual) {
  auto recording =
      Recording::from_folder(std::filesystem::path(REPODIGEST_SOURCE_DIR "/tests/recorded") / name, images);
  EXPECT_TRUE(recording.ok()) << recording.error().text;
  return std::move(recording).value();
}

json row(const std::string& image, const json& tags, const json& digests) {
  return {{"Id", image},           {"ParentId", ""}, {"RepoTags", tags},  {"RepoDigests", digests},
          {"Created", 1729764000}, {"Size", 11548},  {"Labels", nullptr}, {"Containers", 0}};
}

json inspect(const std::string& image, const json& tags, const json& digests) {
  return {{"Id", image},
          {"RepoTags", tags},
          {"RepoDigests", digests},
          {"Created", "2024-10-24T10:00:00.123456789Z"},
          {"Size", 11548}};
}

/// An engine that says this of itself, without images.
Recording engine_of(const json& version, const json& info) {
  Recording recording = recorded("27.3.1-containerd");
  for (const std::string& image : recording.ids()) recording.remove_image(image);
  recording.set_body("/version", version.dump());
  recording.set_body("/info", info.dump());
  return recording;
}

/// The totals of an engine's images, and what the program says of each of them.
class OtherEngine : public ::testing::Test {
 protected:
  void serve(Recording recording) {
    auto engine = ReplayEngine::on_unix_socket(std::move(recording), folder_.path() / "docker.sock");
    ASSERT_TRUE(engine.ok()) << engine.error().text;
    engine_ = std::move(engine).value();
  }
  void poll() {
    daemon_ = std::make_unique<Daemon>(
        Strings{"--docker.host=" + engine_->host(), "--poll.interval=200ms", "--poll.full-interval=200ms"});
    ASSERT_TRUE(daemon_->wait_until_inspected()) << daemon_->log();
  }
  [[nodiscard]] json image(const std::string& id) const {
    return json::parse(daemon_->body("/api/v1/images/" + id), nullptr, false);
  }
  void expect_counts(const std::string& id, int raw, const Strings& unique) {
    const json one = image(id);
    ASSERT_TRUE(one.is_object()) << id;
    EXPECT_EQ(one.at("raw_count"), raw) << one;
    EXPECT_EQ(one.at("repo_digests"), json(unique)) << one;
    EXPECT_EQ(one.at("unique_count"), unique.size()) << one;
  }
  void expect_totals(double raw, double unique, double with_duplicates) {
    EXPECT_EQ(daemon_->metric("docker_repo_digests"), raw);
    EXPECT_EQ(daemon_->metric("docker_repo_digests_unique"), unique);
    EXPECT_EQ(daemon_->metric("docker_images_with_duplicate_repo_digests"), with_duplicates);
  }
  /// Those that are named have that many images, all others none.
  void expect_anomalies(const std::map<std::string, double>& expected) {
    for (const std::string name : {"duplicate", "several_digests", "tagged_digest", "bare_digest",
                                   "placeholder", "malformed", "list_mismatch", "not_inspectable"}) {
      const auto found = expected.find(name);
      const std::string series = "docker_images_with_anomaly{anomaly=\"" + name + "\"}";
      EXPECT_TRUE(daemon_->wait_for_metric(series, found == expected.end() ? 0 : found->second))
          << series << "\n"
          << daemon_->body("/metrics");
    }
  }

  support::TemporaryFolder folder_;
  std::unique_ptr<ReplayEngine> engine_;
  std::unique_ptr<Daemon> daemon_;
};

/// 24.0.0 with the containerd store: a row for each name, names not shortened, nulls in inspect, and the
/// entry of an image pulled by digest twice (moby 46007).
TEST_F(OtherEngine, Of24_0_0HasARowForEachName) {
  Recording recording = engine_of(
      {{"Version", "24.0.0"},
       {"ApiVersion", "1.43"},
       {"MinAPIVersion", "1.12"},
       {"Os", "linux"},
       {"Arch", "amd64"}},
      {{"ID", "e7a7c9ba"},
       {"Name", "docker-host"},
       {"Driver", "overlayfs"},
       {"DriverStatus", json::array({json::array({"driver-type", "io.containerd.snapshotter.v1"})})}});
  const std::string issue = id('1');
  const std::string shortened = id('2');
  const std::string by_digest = id('3');
  const std::string dangling = id('4');
  const std::string one1 = "localhost:5000/one/myimage@" + issue;
  const std::string two1 = "localhost:5000/two/myimage@" + issue;
  const std::string by3 = "localhost:5000/team/bydigest@" + by_digest;
  const Strings tags = {"localhost:5000/one/myimage:1", "localhost:5000/one/myimage:latest",
                        "localhost:5000/two/myimage:1", "localhost:5000/two/myimage:latest"};
  recording.add_image(row(issue, tags, {one1}).dump(), inspect(issue, tags, {one1, one1, two1, two1}).dump());
  recording.add_image(row(shortened, {"a"}, nullptr).dump(),
                      inspect(shortened, {"bulk/many:t000", "bulk/many:t001", "nginx:latest"},
                              {"bulk/many@" + shortened, "bulk/many@" + shortened, "nginx@" + shortened})
                          .dump());
  recording.add_image(row(by_digest, nullptr, {by3}).dump(), inspect(by_digest, nullptr, {by3, by3}).dump());
  recording.add_image(row(dangling, nullptr, nullptr).dump(), inspect(dangling, nullptr, nullptr).dump());
  json rows = json::array();
  for (const std::string& tag : tags)
    rows.push_back(row(issue, {tag}, {tag.find("/one/") != std::string::npos ? one1 : two1}));
  for (const std::string name :
       {"docker.io/bulk/many:t000", "docker.io/bulk/many:t001", "docker.io/library/nginx:latest"})
    rows.push_back(row(shortened, {name}, {name.substr(0, name.rfind(':')) + "@" + shortened}));
  rows.push_back(row(by_digest, json::array(), {by3}));
  rows.push_back(row(dangling, json::array(), json::array()));
  recording.set_body("/images/json", rows.dump());
  serve(std::move(recording));
  poll();

  expect_counts(issue, 4, {one1, two1});
  EXPECT_EQ(image(issue).at("repo_tags"), json(tags));
  expect_counts(shortened, 3, {"bulk/many@" + shortened, "nginx@" + shortened});
  expect_counts("nginx", 3, {"bulk/many@" + shortened, "nginx@" + shortened});
  expect_counts(by_digest, 2, {by3});
  expect_counts(dangling, 0, {});
  expect_totals(9, 5, 3);
  expect_anomalies({{"duplicate", 3}});
  EXPECT_EQ(daemon_->metric("docker_images{state=\"tagged\"}"), 2);
  EXPECT_EQ(daemon_->metric("docker_images{state=\"digest_only\"}"), 1);
  EXPECT_EQ(daemon_->metric("docker_images{state=\"dangling\"}"), 1);
  for (const std::string advisory : {"moby-48747\",fixed_in=\"27.4.0", "moby-46007\",fixed_in=\"24.0.5"})
    EXPECT_EQ(daemon_->metric("docker_engine_advisory{advisory=\"" + advisory + "\"}"), 1) << advisory;
  // An image with more entries than its row has names is asked for once more after the next list, in case a
  // name came and went between the two. Then all are known.
  ASSERT_TRUE(engine_->wait_until_asked("/images/json", engine_->asked("/images/json") + 2));
  ASSERT_TRUE(engine_->wait_until_asked("/images/*/json", 5));
  const std::uint64_t asked = engine_->asked("/images/*/json");
  ASSERT_TRUE(engine_->wait_until_asked("/images/json", engine_->asked("/images/json") + 3));
  EXPECT_EQ(engine_->asked("/images/*/json"), asked);
}

/// API below 1.43: placeholders, and no tags where there are only digests.
TEST_F(OtherEngine, OfAnOldApiHasPlaceholders) {
  Recording recording =
      engine_of({{"Version", "20.10.24+dfsg1"},
                 {"ApiVersion", "1.41"},
                 {"MinAPIVersion", "1.12"},
                 {"Os", "linux"},
                 {"Arch", "amd64"}},
                {{"ID", "ABCD:EFGH"},
                 {"Name", "docker-host"},
                 {"Driver", "overlay2"},
                 {"DriverStatus", json::array({json::array({"Backing Filesystem", "extfs"})})}});
  const std::string digest_only = "localhost:5000/team/app@" + id('9');
  recording.add_image(row(id('1'), {"<none>:<none>"}, {"<none>@<none>"}).dump(),
                      inspect(id('1'), json::array(), json::array()).dump());
  recording.add_image(row(id('2'), nullptr, {digest_only}).dump(),
                      inspect(id('2'), json::array(), {digest_only}).dump());
  recording.add_image(row(id('3'), {"single:1.0"}, nullptr).dump(),
                      inspect(id('3'), {"single:1.0"}, json::array()).dump());
  serve(std::move(recording));
  poll();

  expect_counts(id('1'), 0, {});
  expect_counts(id('2'), 1, {digest_only});
  expect_counts("single:1.0", 0, {});
  EXPECT_EQ(image(id('1')).at("repo_tags"), json::array());
  EXPECT_EQ(daemon_->metric("docker_images{state=\"tagged\"}"), 1);
  EXPECT_EQ(daemon_->metric("docker_images{state=\"digest_only\"}"), 1);
  EXPECT_EQ(daemon_->metric("docker_images{state=\"dangling\"}"), 1);
  expect_anomalies({{"placeholder", 1}});
}

class Podman : public OtherEngine {
 protected:
  void SetUp() override {
    Recording recording = engine_of({{"Version", "4.3.1"},
                                     {"ApiVersion", "1.41"},
                                     {"MinAPIVersion", "1.24"},
                                     {"Os", "linux"},
                                     {"Arch", "amd64"},
                                     {"Components", {{{"Name", "Podman Engine"}, {"Version", "4.3.1"}}}}},
                                    info("a278c179-985c-418a-bdf0-262cadbf75b3"));
    recording.add_image(row(index_, {"localhost:5000/team/multi:1"}, {index1_, index2_}).dump(),
                        inspect(index_, {"localhost:5000/team/multi:1"}, {index1_, index2_}).dump());
    recording.add_image(row(both_, {"localhost/both:v1", both1_}, {both1_}).dump(),
                        inspect(both_, {"localhost/both:v1"}, {both1_}).dump());
    recording.add_image(row(dangling_, nullptr, json::array()).dump(),
                        inspect(dangling_, json::array(), json::array()).dump());
    serve(std::move(recording));
    engine_->fail("/_ping", Fault::with_header("Libpod-Api-Version", "4.3.1"));
    poll();
  }
  static json info(const std::string& engine_id) {
    return {{"ID", engine_id}, {"Name", "docker-host"}, {"Driver", "vfs"}, {"DriverStatus", json::array()}};
  }

  const std::string index_ = id('1');
  const std::string both_ = id('2');
  const std::string dangling_ = id('3');
  const std::string index1_ = "localhost:5000/team/multi@" + id('8');
  const std::string index2_ = "localhost:5000/team/multi@" + id('9');
  const std::string both1_ = "localhost/both@" + id('7');
};

TEST_F(Podman, HasTwoDigestsForAnIndexAndNoDuplicates) {
  expect_counts(index_, 2, {index1_, index2_});
  expect_counts("localhost/both:v1", 1, {both1_});
  expect_counts(dangling_, 0, {});
  expect_totals(3, 3, 0);
  expect_anomalies({{"several_digests", 1}});
  EXPECT_EQ(daemon_->metric("docker_engine_advisory{advisory=\"moby-48747\",fixed_in=\"27.4.0\"}"), 0);
}

TEST_F(Podman, IsTheSameEngineAfterAReconnectThoughItMakesUpAnotherId) {
  const std::uint64_t asked = engine_->asked("/images/*/json");
  engine_->change([](Recording& recording) {
    recording.set_body("/info", info("81b43d17-8b3a-4741-8a84-5c2d4f948989").dump());
  });
  const std::uint64_t infos = engine_->asked("/info");
  engine_->drop_connections();
  ASSERT_TRUE(engine_->wait_until_asked("/info", infos + 1));
  ASSERT_TRUE(engine_->wait_until_asked("/images/json", engine_->asked("/images/json") + 2));
  EXPECT_EQ(daemon_->metric("docker_engine_changes_total{what=\"engine_id\"}"), 0);
  EXPECT_EQ(engine_->asked("/images/*/json"), asked) << "nothing changed, nothing is inspected again";
  expect_totals(3, 3, 0);
}

TEST_F(Podman, SaysInItsOwnWordsThatAnImageIsGone) {
  engine_->fail(
      "/images/*/json",
      Fault::answering(404, R"({"cause":"no such image","message":"no such image","response":404})"));
  engine_->change([&](Recording& recording) {
    recording.add_image(row(id('5'), {"new:1"}, json::array()).dump(),
                        inspect(id('5'), {"new:1"}, json::array()).dump());
  });
  EXPECT_TRUE(daemon_->wait_for_metric("docker_images_with_anomaly{anomaly=\"not_inspectable\"}", 1))
      << daemon_->log();
  EXPECT_EQ(daemon_->metric("docker_up"), 1);
  expect_totals(3, 3, 0);
}

/// A tag that moved between list and inspect: the answer is of another image and counts for neither.
TEST_F(OtherEngine, ThatAnswersATagWithAnotherImageIsAskedById) {
  Recording recording = recorded("27.3.1-containerd");
  for (const std::string& image : recording.ids()) recording.remove_image(image);
  const std::string first = "moved@" + id('1');
  const std::string second = "moved@" + id('2');
  recording.add_image(row(id('1'), {"moved:1"}, {first}).dump(),
                      inspect(id('1'), {"moved:1"}, {first}).dump());
  recording.add_image(row(id('2'), {"moved:2"}, {second}).dump(),
                      inspect(id('2'), {"moved:2", "moved:3", "moved:1"}, {second, second, second}).dump());
  serve(std::move(recording));  // both images are called moved:1 now: the later one has it
  poll();
  expect_counts(id('1'), 1, {first});
  expect_counts(id('2'), 3, {second});
}

/// Images made beside the engine (tests/recorded/ORIGIN.md): a configuration removed, names that are not
/// canonical, a dangling name beside tags.
TEST_F(OtherEngine, Of27_3_1WithOddImagesListsOneThatCannotBeInspected) {
  Recording recording = recorded("27.3.1-containerd", Recording::Images::odd);
  serve(recording);
  poll();
  const json document = json::parse(daemon_->body("/api/v1/images"));
  EXPECT_EQ(document.at("images").size(), recording.ids().size());
  // What is not inspectable is the one with the bare digest.
  expect_anomalies({{"duplicate", 5}, {"list_mismatch", 1}, {"bare_digest", 1}, {"not_inspectable", 1}});
  const json without_config = image("odd/nocfg:1");
  EXPECT_EQ(without_config.at("raw_count"), nullptr);
  EXPECT_EQ(without_config.at("repo_digests"), nullptr);
  EXPECT_EQ(daemon_->metric("docker_images_inspection_failed{reason=\"not_found\"}"), 1);

  const json short_names = image("odd/short:1");
  EXPECT_EQ(short_names.at("repo_tags"), json({"odd/short:1", "oddshort:2"}));
  EXPECT_EQ(short_names.at("raw_count"), 1);
  EXPECT_EQ(image("odd/name:1").at("raw_count"), 1);
  EXPECT_EQ(image("odd/dang:1").at("unique_count"), 2);
  expect_totals(155 + 4, 22 + 4, 5);
}

TEST_F(OtherEngine, Of29_7_2WithOddImagesInspectsAllOfThem) {
  serve(recorded("29.7.2-containerd", Recording::Images::odd));
  poll();
  expect_anomalies({{"list_mismatch", 1}, {"tagged_digest", 1}});
  EXPECT_EQ(image("odd/nocfg:2").at("raw_count"), 1);
  EXPECT_EQ(image("odd/short:1").at("raw_count"), 1);
  EXPECT_EQ(image("odd/dang:1").at("raw_count"), 2);
  expect_totals(23 + 5, 23 + 5, 0);
}

TEST_F(OtherEngine, WithAnImageThatCannotBeInspectedIsCheckedAllTheSame) {
  serve(recorded("27.3.1-containerd", Recording::Images::odd));
  const auto outcome = support::run_program({"check", "--format=json", "--docker.host=" + engine_->host()});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.errors;
  for (const json& one : json::parse(outcome.output).at("images"))
    EXPECT_EQ(one.at("raw_count").is_null(), one.at("anomalies") == json({"bare_digest", "not_inspectable"}))
        << one;
}

}  // namespace
}  // namespace repodigest
