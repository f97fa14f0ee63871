// The engine's events on a real engine: what happens to its images shows at once, and without a list.
#include <gtest/gtest.h>

#include <chrono>
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

class Events : public support::OnAnyDockerd, public testing::WithParamInterface<Dockerd::Store> {
 protected:
  void SetUp() override { start_engine(GetParam()); }

  [[nodiscard]] static bool containerd_store() { return GetParam() == Dockerd::Store::containerd; }

  void start_daemon(std::vector<std::string> flags) {
    flags.push_back("--docker.host=" + engine_->host());
    daemon_ = std::make_unique<Daemon>(std::move(flags));
    ASSERT_TRUE(daemon_->wait_until_inspected()) << daemon_->log();
  }
  /// Starts the daemon and waits until it follows the events; with so long an interval only they can make it
  /// ask from then on.
  void follow(const std::vector<std::string>& flags = {"--poll.interval=1h"}) {
    start_daemon(flags);
    ASSERT_TRUE(daemon_->wait_for_metric("docker_events_connected", 1)) << daemon_->log();
    lists_before_ = lists();
  }
  [[nodiscard]] double lists() const {
    return daemon_->metric("docker_api_request_duration_seconds_count{operation=\"image_list\"}").value_or(0);
  }
  void expect_no_list() {
    EXPECT_EQ(lists(), lists_before_) << daemon_->body("/api/v1/engine") << daemon_->log();
  }
  void expect(const std::string& series, double value) {
    EXPECT_TRUE(daemon_->wait_for_metric(series, value))
        << series << " is not " << value << "\n"
        << daemon_->body("/metrics") << daemon_->body("/api/v1/images") << daemon_->log();
  }
  void expect_images(int tagged, int dangling) {
    expect("docker_images{state=\"tagged\"}", tagged);
    expect("docker_images{state=\"dangling\"}", dangling);
    expect("docker_images_pending_inspection{suspect=\"false\"}", 0);
    expect("docker_images_pending_inspection{suspect=\"true\"}", 0);
  }
  /// Of all images together; a graphdriver store gives none to an image that was never pushed.
  void expect_digests(int raw, int unique) {
    expect("docker_repo_digests", containerd_store() ? raw : 0);
    expect("docker_repo_digests_unique", containerd_store() ? unique : 0);
    expect("docker_images_with_duplicate_repo_digests", containerd_store() && raw > unique ? 1 : 0);
  }
  void tag(const std::string& image, const std::string& repository, const std::string& tag) {
    ASSERT_EQ(engine_->call("POST", "/images/" + image + "/tag?repo=" + repository + "&tag=" + tag).status,
              201);
  }
  void remove(const std::string& name) { ASSERT_EQ(engine_->call("DELETE", "/images/" + name).status, 200); }
  void build(const std::string& label, const std::vector<std::string>& names) {
    const auto built = engine_->build(label, names);
    ASSERT_TRUE(built.ok()) << built.error().text;
  }
  void load(const std::vector<support::ArchivedImage>& images) {
    const auto loaded = engine_->load(images);
    ASSERT_TRUE(loaded.ok()) << loaded.error().text;
  }

  std::unique_ptr<Daemon> daemon_;
  double lists_before_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Of26_1_5, Events,
                         testing::Values(Dockerd::Store::containerd, Dockerd::Store::graphdriver),
                         [](const auto& parameter) {
                           return parameter.param == Dockerd::Store::containerd ? "containerd"
                                                                                : "graphdriver";
                         });

TEST_P(Events, ShowATagAndItsEndWithoutAList) {
  build("foo=bar", {"a/x:1"});
  follow();
  expect_digests(1, 1);
  tag("a/x:1", "a/x", "2");
  expect("docker_events_total{action=\"tag\"}", 1);
  expect_digests(2, 1);
  tag("a/x:1", "a/y", "1");
  expect_digests(3, 2);
  remove("a/x:2");
  expect("docker_events_total{action=\"untag\"}", 1);
  expect_digests(2, 2);
  expect_images(1, 0);
  EXPECT_TRUE(support::eventually([&] {
    return json::parse(daemon_->body("/api/v1/images")).at("images").at(0).at("repo_tags") ==
           json({"a/x:1", "a/y:1"});
  })) << daemon_->body("/api/v1/images");
  expect_no_list();
}

TEST_P(Events, ShowATagThatMovesAndTheImageItLeaves) {
  build("is=old", {"a/x:1"});
  build("is=new", {"a/y:1"});
  follow();
  expect_images(2, 0);
  tag("a/y:1", "a/x", "1");
  expect_images(1, 1);
  expect_digests(2, 2);
  expect_no_list();
}

TEST_P(Events, ShowADeletedImage) {
  build("foo=bar", {"a/x:1", "a/x:2", "a/y:1"});
  build("foo=baz", {"a/z:1"});
  follow();
  expect_digests(4, 3);
  const std::string id = json::parse(engine_->call("GET", "/images/a/x:1/json").body).at("Id");
  remove(id + "?force=1");
  expect_images(1, 0);
  expect_digests(1, 1);
  EXPECT_GE(daemon_->metric("docker_events_total{action=\"delete\"}"), 1);
  expect_no_list();
}

TEST_P(Events, ShowAllImagesOfALoad) {
  follow();
  expect_images(0, 0);
  load({{{"base", "x"}, {"a/x:1", "a/x:2", "a/y:1"}}, {{"base", "z"}, {"a/z:1"}}});
  expect_images(2, 0);
  expect_digests(4, 3);
  EXPECT_GE(daemon_->metric("docker_events_total{action=\"load\"}"), 2);
  expect_no_list();
}

TEST_P(Events, ShowALoadThatTakesANameFromAnImage) {
  load({{{"old"}, {"a/x:1"}}});
  follow();
  expect_images(1, 0);
  load({{{"new"}, {"a/x:1"}}});
  // The containerd store of 26.1.5 lets go of the old image without a word.
  expect_images(1, containerd_store() ? 0 : 1);
  expect_no_list();
}

// 26.1.5 says nothing of an image that is built without a name, and its containerd store nothing of a prune.
TEST_P(Events, MissWhatTheEngineDoesNotSayButAFullListFindsIt) {
  build("foo=bar", {"a/x:1"});
  follow({"--poll.interval=300ms", "--poll.full-interval=1s"});
  expect_images(1, 0);
  build("foo=baz", {});
  expect_images(1, 1);
  const auto pruned = engine_->call("POST", "/images/prune");
  ASSERT_EQ(pruned.status, 200) << pruned.body;
  expect_images(1, 0);
}

TEST_P(Events, ComeAgainAfterTheEngineWasStopped) {
  build("foo=bar", {"a/x:1"});
  follow({"--poll.interval=1s"});
  ASSERT_TRUE(engine_->stop().ok());
  expect("docker_events_connected", 0);
  const auto started = engine_->start_again();
  ASSERT_TRUE(started.ok()) << started.error().text;
  tag("a/x:1", "a/x", "2");  // perhaps before anybody listens again
  expect("docker_events_connected", 1);
  expect_digests(2, 1);
  EXPECT_TRUE(support::eventually([&] { return lists() > lists_before_; }))
      << "what happened meanwhile cannot be known without a list: " << daemon_->log();
  tag("a/x:1", "a/x", "3");
  expect_digests(3, 1);
  expect_images(1, 0);
}

TEST_P(Events, CanBeDoneWithoutByLists) {
  build("foo=bar", {"a/x:1"});
  start_daemon({"--no-poll.events", "--poll.interval=300ms"});
  expect_digests(1, 1);
  tag("a/x:1", "a/x", "2");
  expect_digests(2, 1);
  build("foo=baz", {"a/y:1"});
  tag("a/y:1", "a/x", "1");
  expect_images(2, 0);
  tag("a/y:1", "a/x", "2");
  expect_images(1, 1);
  expect("docker_events_connected", 0);
  EXPECT_GT(lists(), 1);
}

TEST_P(Events, OfContainersAreNotNeededToSeeThem) {
  build("foo=bar", {"a/x:1", "a/x:2"});
  follow({"--poll.interval=300ms"});
  expect_digests(2, 1);
  const auto created =
      engine_->call("POST", "/containers/create?name=web",
                    R"({"Image":"a/x:1","Cmd":["/none"],"HostConfig":{"NetworkMode":"none"}})");
  ASSERT_EQ(created.status, 201) << created.body;
  const std::string container = json::parse(created.body).at("Id");
  EXPECT_TRUE(support::eventually([&] {
    return json::parse(daemon_->body("/api/v1/images")).at("images").at(0).at("containers") ==
           json({{{"id", container}, {"name", "web"}, {"state", "created"}}});
  })) << daemon_->body("/api/v1/images");
  expect("docker_containers_with_duplicate_repo_digests{state=\"other\"}", containerd_store() ? 1 : 0);
  expect("docker_containers_with_duplicate_repo_digests{state=\"running\"}", 0);
  expect_no_list();
  ASSERT_EQ(engine_->call("DELETE", "/containers/" + container).status, 204);
  expect("docker_containers_with_duplicate_repo_digests{state=\"other\"}", 0);
}

}  // namespace
}  // namespace repodigest
