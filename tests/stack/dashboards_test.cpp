// What the dashboards' queries answer in a real Prometheus that scrapes four exporters: one whose engine has
// duplicates, one whose engine has none, one whose engine goes away, and one that is not there.
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "dashboard.h"
#include "prometheus.h"
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

class OnDashboards : public ::testing::Test {
 protected:
  struct Host {
    std::unique_ptr<ReplayEngine> engine;
    std::unique_ptr<Daemon> daemon;
    std::string address;
  };

  static void SetUpTestSuite() {
    if (!Prometheus::is_here()) return;
    std::string targets;
    for (const std::string name : {"27.3.1-containerd", "29.7.2-containerd", "26.1.5-containerd"}) {
      auto recording = Recording::from_folder(REPODIGEST_SOURCE_DIR "/tests/recorded/" + name);
      if (!recording.ok()) return;
      auto engine = ReplayEngine::on_loopback(std::move(recording).value());
      if (!engine.ok()) return;
      Host host{.engine = std::move(engine).value(), .daemon = nullptr, .address = "127.0.0.1:"};
      host.daemon = std::make_unique<Daemon>(
          std::vector<std::string>{"--docker.host=" + host.engine->host(), "--poll.interval=500ms",
                                   "--poll.stale-after=1s", "--web.listen-address=127.0.0.1:0"});
      host.address += std::to_string(support::logged_port(host.daemon->process(), "msg=listening"));
      targets += "'" + host.address + "', ";
      hosts_.push_back(std::move(host));
    }
    prometheus_ = std::make_unique<Prometheus>("  - job_name: docker\n    static_configs: [{targets: [" +
                                               targets + "'127.0.0.1:1']}]\n");
  }
  static void TearDownTestSuite() {
    prometheus_.reset();
    hosts_.clear();
  }
  void SetUp() override {
    if (!Prometheus::is_here())
      GTEST_SKIP() << "THERE IS NO PROMETHEUS HERE: nothing of what the dashboards ask was tested";
    ASSERT_TRUE(prometheus_);
    ASSERT_TRUE(prometheus_->wait_for("count(up == 1)", 3)) << prometheus_->log();
    ASSERT_TRUE(prometheus_->wait_for("count(docker_up == 1 and docker_events_connected == 1)", 3));
    ASSERT_TRUE(prometheus_->wait_for("sum(docker_images_pending_inspection)", 0));
    ASSERT_TRUE(prometheus_->wait_for("count(docker_images_with_duplicate_repo_digests)", 3));
  }

  /// The query of a panel, as Grafana sends it.
  static std::string query(const std::string& dashboard, const std::string& panel, std::size_t number = 0) {
    for (const json& one : stack::panels_of(json::parse(stack::dashboard_text(dashboard))))
      if (one.at("title") == panel) return stack::expanded(one.at("targets").at(number).at("expr"));
    ADD_FAILURE() << "no panel " << panel << " on " << dashboard;
    return "";
  }
  static bool shows(const std::string& panel, double value) {
    return prometheus_->wait_for(query("fleet", panel), value);
  }

  static inline std::vector<Host> hosts_;
  static inline std::unique_ptr<Prometheus> prometheus_;
};

// None may be empty: what can have nothing to tell answers 0.
TEST_F(OnDashboards, EveryQueryAnswers) {
  for (const std::string name : {"fleet", "host"})
    for (const json& panel : stack::panels_of(json::parse(stack::dashboard_text(name))))
      for (const json& target : panel.at("targets")) {
        const std::string query = stack::expanded(target.at("expr"));
        EXPECT_TRUE(
            eventually([&] { return !prometheus_->elements(query).empty(); }, std::chrono::seconds(10)))
            << name << ", " << panel.at("title") << ": " << query;
      }
}

TEST_F(OnDashboards, TheFleetsFirstLineCountsHostsThatAreAwayAndMissing) {
  const double duplicates = 10;
  EXPECT_TRUE(shows("Hosts", 4));
  EXPECT_TRUE(shows("Hosts with duplicates", 2));
  EXPECT_TRUE(shows("Images with duplicates", duplicates))
      << prometheus_->elements("docker_images_with_duplicate_repo_digests");
  EXPECT_TRUE(shows("Engines with a known defect", 2));
  EXPECT_TRUE(shows("Hosts not known", 1)) << "the exporter that is not there";
}

}  // namespace
}  // namespace repodigest
