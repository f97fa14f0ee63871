// The main job on a real engine: Debian's dockerd 26.1.5 builds the image of moby issue 48747, and the
// exporter sees what happens to it.
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/dockerd_fixture.h"
#include "support/program.h"

namespace repodigest {
namespace {

using nlohmann::json;
using support::Daemon;
using support::Dockerd;

const std::string image = "localhost:5000/namespace1/myimage:1.0.0";  // its name: the first tag in byte order

template <Dockerd::Store store>
class MainJob : public support::OnDockerd<store> {
 protected:
  void SetUp() override {
    support::OnDockerd<store>::SetUp();
    if (this->IsSkipped()) return;
    start();
  }
  void start() {
    daemon_ = std::make_unique<Daemon>(
        std::vector<std::string>{"--docker.host=" + this->engine_->host(), "--poll.interval=500ms"});
    ASSERT_TRUE(daemon_->wait_for_metric("docker_up", 1)) << daemon_->log();
  }
  void build() {
    const auto built = this->engine_->build("foo=bar", support::issue_names);
    ASSERT_TRUE(built.ok()) << built.error().text;
  }
  /// The one image's document, or null while there isn't exactly one with counts.
  [[nodiscard]] json the_image() const {
    const json document = json::parse(daemon_->body("/api/v1/images"), nullptr, false);
    if (document.is_discarded() || document.at("images").size() != 1) return nullptr;
    const json& only = document.at("images").front();
    return only.at("raw_count").is_null() ? json(nullptr) : only;
  }
  /// Waits until the one image has these counts.
  void expect_counts(int raw, int unique) {
    EXPECT_TRUE(support::eventually([&] {
      const json only = the_image();
      return only.is_object() && only.at("raw_count") == raw && only.at("unique_count") == unique;
    })) << daemon_->body("/api/v1/images")
        << daemon_->log();
  }
  [[nodiscard]] std::string series(const std::string& metric) const {
    const json only = the_image();
    const std::string id = only.at("id");
    const std::string name = only.at("repo_tags").front();
    return metric + "{image_id=\"" + id + "\",image=\"" + name + "\"}";
  }

  std::unique_ptr<Daemon> daemon_;
};

using OnTheContainerdStore = MainJob<Dockerd::Store::containerd>;
using OnAGraphdriverStore = MainJob<Dockerd::Store::graphdriver>;

TEST_F(OnTheContainerdStore, TheIssuesImageHasFourRepoDigestsAndTwoDifferentOnes) {
  build();
  expect_counts(4, 2);
  EXPECT_EQ(daemon_->metric(series("docker_image_repo_digests")), 4);
  EXPECT_EQ(daemon_->metric(series("docker_image_repo_digests_unique")), 2);
  EXPECT_EQ(daemon_->metric("docker_images_with_duplicate_repo_digests"), 1);
  EXPECT_EQ(daemon_->metric("docker_engine_advisory{advisory=\"moby-48747\",fixed_in=\"27.4.0\"}"), 1);
  const std::string id = the_image().at("id");
  EXPECT_EQ(the_image().at("repo_digests"),
            json({"localhost:5000/namespace1/myimage@" + id, "localhost:5000/namespace2/myimage@" + id}));
  EXPECT_NE(daemon_->body("/metrics").find("image_store=\"containerd\""), std::string::npos);
}

TEST_F(OnTheContainerdStore, RemovingAddingAndDeletingShowInTheNextPoll) {
  build();
  expect_counts(4, 2);
  ASSERT_EQ(engine_->call("DELETE", "/images/localhost:5000/namespace2/myimage:latest").status, 200);
  expect_counts(3, 2);
  ASSERT_EQ(engine_->call("POST", "/images/" + image + "/tag?repo=other/name&tag=v1").status, 201);
  expect_counts(4, 3);
  const std::string id = the_image().at("id");
  ASSERT_EQ(engine_->call("DELETE", "/images/" + id + "?force=1").status, 200);
  EXPECT_TRUE(daemon_->wait_for_metric("docker_images{state=\"tagged\"}", 0)) << daemon_->log();
  EXPECT_EQ(daemon_->body("/metrics").find("docker_image_repo_digests{"), std::string::npos);
  EXPECT_EQ(daemon_->metric("docker_repo_digests"), 0);
}

TEST_F(OnTheContainerdStore, StoppingAndStartingTheEngineShowsInDockerUp) {
  build();
  expect_counts(4, 2);
  ASSERT_TRUE(engine_->stop().ok());
  EXPECT_TRUE(daemon_->wait_for_metric("docker_up", 0)) << daemon_->log();
  EXPECT_TRUE(daemon_->process().running());
  const auto started = engine_->start_again();
  ASSERT_TRUE(started.ok()) << started.error().text;
  EXPECT_TRUE(daemon_->wait_for_metric("docker_up", 1)) << daemon_->log();
  expect_counts(4, 2);
}

TEST_F(OnTheContainerdStore, CheckFindsTheDuplicates) {
  build();
  const auto outcome = support::run_program({"check", "--docker.host=" + engine_->host()});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.errors;
  EXPECT_NE(outcome.output.find("1 image, 4 RepoDigests, 2 unique; 1 image has duplicates"),
            std::string::npos)
      << outcome.output;
}

TEST_F(OnAGraphdriverStore, AnImageThatWasNeverPushedHasNone) {
  build();
  expect_counts(0, 0);
  EXPECT_NE(daemon_->body("/metrics").find("image_store=\"graphdriver\""), std::string::npos);
  EXPECT_EQ(daemon_->metric("docker_engine_advisory{advisory=\"moby-48747\",fixed_in=\"27.4.0\"}"), 0);
}

}  // namespace
}  // namespace repodigest
