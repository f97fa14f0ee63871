// What the dashboards' queries answer in a real Prometheus that scrapes four exporters: one whose engine has
// duplicates, one whose engine has none, another one with duplicates, and one that is not there.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
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

  static void become(std::size_t host, const std::string& name) {
    auto recording = Recording::from_folder(REPODIGEST_SOURCE_DIR "/tests/recorded/" + name);
    ASSERT_TRUE(recording.ok());
    hosts_[host].engine->replace(std::move(recording).value());
    hosts_[host].engine->drop_connections();
  }
  /// The query of a panel, as Grafana sends it.
  static std::string query(const std::string& dashboard, const std::string& panel, std::size_t number = 0) {
    for (const json& one : stack::panels_of(json::parse(stack::dashboard_text(dashboard))))
      if (one.at("title") == panel) return stack::expanded(one.at("targets").at(number).at("expr"));
    ADD_FAILURE() << "no panel " << panel << " on " << dashboard;
    return "";
  }
  static std::set<std::string> hosts(const std::string& query) {
    std::set<std::string> hosts;
    for (const json& one : prometheus_->elements(query)) hosts.insert(one.at("metric").value("instance", ""));
    return hosts;
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

TEST_F(OnDashboards, TheFleetsFirstLineCountsHostsImagesAndWhatIsNotThere) {
  EXPECT_TRUE(shows("Hosts", 4));
  EXPECT_TRUE(shows("Hosts affected", 2));
  EXPECT_TRUE(shows("Images affected", 10));
  EXPECT_TRUE(shows("To upgrade", 2));
  EXPECT_TRUE(shows("Hosts unknown", 1)) << "the exporter that is not there";
  EXPECT_TRUE(shows("What else is wrong", 1)) << "it is down";
}

// A table is joined by the labels that its queries have in common.
TEST_F(OnDashboards, TheHostsToUpgradeFirstAreThoseWithDuplicatesWithVersionStoreAndWhatFixesThem) {
  for (std::size_t number = 0; number < 4; ++number)
    EXPECT_EQ(hosts(query("fleet", "Hosts to upgrade first", number)),
              (std::set<std::string>{hosts_[0].address, hosts_[2].address}))
        << number;
  const std::string info = query("fleet", "Hosts to upgrade first", 2);
  EXPECT_EQ(prometheus_->values(info, "version").count("27.3.1"), 1U);
  EXPECT_EQ(prometheus_->values(info, "image_store").count("containerd"), 1U);
  EXPECT_EQ(prometheus_->values(query("fleet", "Hosts to upgrade first", 3), "fixed_in").count("27.4.0"), 1U);
}

TEST_F(OnDashboards, TheTableOfAHostHasARowForEachImageWithDuplicates) {
  for (std::size_t number = 0; number < 5; ++number) {
    const json found = prometheus_->elements(query("host", "Images with duplicates", number));
    EXPECT_TRUE(std::any_of(found.begin(), found.end(), [](const json& one) {
      const json& labels = one.at("metric");
      return labels.value("instance", "") == hosts_[0].address && labels.contains("image_id") &&
             labels.value("image", "") == "localhost:5000/namespace1/myimage:1.0.0";
    })) << number;
  }
  EXPECT_EQ(prometheus_->elements(query("host", "Images with duplicates")).size(), 10U);
}

TEST_F(OnDashboards, AHostThatIsAwayCountsWithWhatWasKnownLastButIsNeverTakenForClean) {
  for (const std::size_t away : {0U, 1U}) {
    hosts_[away].engine->refuse();
    hosts_[away].engine->drop_connections();
  }
  EXPECT_TRUE(prometheus_->wait_for(query("fleet", "What else is wrong", 1), 2)) << "engines away";
  EXPECT_TRUE(prometheus_->wait_for(query("fleet", "What else is wrong", 2), 2)) << "stale";
  EXPECT_TRUE(shows("Hosts affected", 2));
  EXPECT_TRUE(shows("Images affected", 10));
  EXPECT_TRUE(shows("Hosts unknown", 2)) << "the one that had none, and the one that is not there";
  EXPECT_TRUE(prometheus_->wait_for(query("fleet", "Hosts by state", 2), 0)) << "clean";
  EXPECT_EQ(hosts(query("fleet", "All hosts")).size(), 4U);
  EXPECT_EQ(hosts(query("fleet", "All hosts", 3)),
            (std::set<std::string>{hosts_[0].address, hosts_[2].address}))
      << "no 0 for the one that had none";
  EXPECT_EQ(prometheus_->values(query("fleet", "Engines", 3), "version")["29.7.2"], 1) << "unknown";
  for (const std::size_t away : {0U, 1U}) ASSERT_TRUE(hosts_[away].engine->accept_again().ok());
  EXPECT_TRUE(shows("Hosts unknown", 1));
}

TEST_F(OnDashboards, AnEngineThatIsUpgradedIsNoLongerAffectedWhenItsImagesAreInspected) {
  become(0, "27.4.0-containerd");
  EXPECT_TRUE(shows("Hosts affected", 1));
  EXPECT_TRUE(shows("Images affected", 5));
  EXPECT_TRUE(shows("To upgrade", 1));
  EXPECT_TRUE(prometheus_->wait_for(query("fleet", "Hosts by state", 2), 2)) << "clean";
  become(0, "27.3.1-containerd");
  EXPECT_TRUE(shows("Hosts affected", 2));
}

}  // namespace
}  // namespace repodigest
