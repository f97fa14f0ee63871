// The whole way of an alert: engine, exporter, Prometheus, Alertmanager, and who is to be told.
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "hurried.h"
#include "prometheus.h"
#include "repodigest/base/mutex.h"
#include "support/feed_command.h"
#include "support/program.h"
#include "support/raw_server.h"
#include "support/recording.h"
#include "support/replay_engine.h"

namespace repodigest {
namespace {

using nlohmann::json;
using support::eventually;
using support::read_file;
using support::Recording;
using support::ReplayEngine;

/// Who is told: keeps what Alertmanager posts.
class Webhook {
 public:
  Webhook() : server_(support::RawServer::on_tcp({[this](auto& connection) { take(connection); }})) {}
  [[nodiscard]] std::uint16_t port() const { return server_.port(); }

  /// The alerts of that name and status ("firing", "resolved"), in the order they came.
  [[nodiscard]] std::vector<json> told(const std::string& name, const std::string& status) {
    const MutexLock lock(mutex_);
    std::vector<json> all;
    for (const json& alert : alerts_)
      if (alert.at("labels").at("alertname") == name && alert.at("status") == status) all.push_back(alert);
    return all;
  }

 private:
  void take(support::RawConnection& connection) {
    const std::string head = connection.read_head();
    std::smatch length;
    if (!std::regex_search(head, length, std::regex("Content-Length: ([0-9]+)"))) return;
    const json message = json::parse(connection.read(std::stoul(length[1])), nullptr, false);
    if (message.is_discarded()) return;
    {
      const MutexLock lock(mutex_);
      for (const json& alert : message.at("alerts")) alerts_.push_back(alert);
    }
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  }

  Mutex mutex_;
  std::vector<json> alerts_ GUARDED_BY(mutex_);
  support::RawServer server_;  // last: its end ends the threads that use the above
};

/// A real Alertmanager with our inhibition, that tells a webhook.
class Alertmanager {
 public:
  explicit Alertmanager(std::uint16_t webhook)
      : process_(command(webhook)), port_(support::logged_port(process_, "msg=\"Listening on\"")) {}
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string log() const { return process_.errors(); }
  /// Whether another alert mutes that one now.
  [[nodiscard]] bool mutes(const std::string& name) const {
    const auto answer = support::ask(port_, "/api/v2/alerts?filter=alertname%3D" + name);
    const json alerts = answer.ok() ? json::parse(answer->body, nullptr, false) : json();
    return alerts.is_array() && !alerts.empty() && !alerts.at(0).at("status").at("inhibitedBy").empty();
  }

 private:
  [[nodiscard]] std::vector<std::string> command(std::uint16_t webhook) const {
    const auto config = folder_.path() / "alertmanager.yml";
    std::ofstream(config)
        << read_file(REPODIGEST_SOURCE_DIR "/deploy/prometheus/alertmanager-inhibit.yml")
        << "route: {receiver: webhook, group_by: [alertname, instance], group_wait: 100ms,\n"
           "        group_interval: 500ms}\n"
           "receivers:\n"
           "  - name: webhook\n"
           "    webhook_configs: [{url: 'http://127.0.0.1:"
        << webhook << "/'}]\n";
    return {"prometheus-alertmanager", "--config.file=" + config.string(),
            "--storage.path=" + (folder_.path() / "data").string(), "--web.listen-address=127.0.0.1:0",
            "--cluster.listen-address="};
  }

  support::TemporaryFolder folder_;
  support::Process process_;
  std::uint16_t port_;
};

/// With the Prometheus of Debian 12 ("2") and a newer one ("3").
class AlertPath : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(OfPrometheus, AlertPath, ::testing::Values("2", "3"),
                         [](const auto& version) { return version.param; });

TEST_P(AlertPath, AnAlertArrivesWithItsCountIsMutedWhileTheEngineIsAwayAndResolvesAfterTheUpgrade) {
  const std::string program = GetParam() == "3" ? stack::prometheus_3() : "prometheus";
  if (!stack::Prometheus::is_here(program) || !support::succeeds("prometheus-alertmanager --version"))
    GTEST_SKIP() << "THERE IS NO PROMETHEUS (" << GetParam()
                 << ") OR NO ALERTMANAGER HERE: no alert went its whole way";
  const auto newer = Recording::from_folder(REPODIGEST_SOURCE_DIR "/tests/recorded/29.7.2-containerd");
  ASSERT_TRUE(newer.ok()) << newer.error().text;
  auto engine = ReplayEngine::on_loopback(Recording::embedded());
  ASSERT_TRUE(engine.ok()) << engine.error().text;
  support::Daemon exporter({"--docker.host=" + (*engine)->host(), "--poll.interval=500ms",
                            "--poll.stale-after=1s", "--web.listen-address=127.0.0.1:0"});
  Webhook webhook;
  const Alertmanager alertmanager(webhook.port());
  const support::TemporaryFolder folder;
  std::ofstream(folder.path() / "alerts.yml")
      << stack::hurried(read_file(REPODIGEST_SOURCE_DIR "/deploy/prometheus/alerts.yml"), 500);
  const stack::Prometheus prometheus(
      "  - job_name: repodigest_exporter\n"
      "    static_configs: [{targets: ['127.0.0.1:" +
          std::to_string(support::logged_port(exporter.process(), "msg=listening")) +
          "']}]\n"
          "rule_files: [" +
          (folder.path() / "alerts.yml").string() +
          "]\n"
          "alerting: {alertmanagers: [{static_configs: [{targets: ['127.0.0.1:" +
          std::to_string(alertmanager.port()) + "']}]}]}\n",
      program);
  const std::string duplicates = "DockerImagesWithDuplicateRepoDigests";
  const std::string unreachable = "DockerEngineUnreachable";
  const std::chrono::seconds patience(60);

  ASSERT_TRUE(eventually([&] { return !webhook.told(duplicates, "firing").empty(); }, patience))
      << prometheus.log() << alertmanager.log();
  const json alert = webhook.told(duplicates, "firing").front();
  EXPECT_EQ(alert.at("labels").at("version"), "27.3.1");
  EXPECT_EQ(alert.at("labels").at("image_store"), "containerd");
  EXPECT_EQ(alert.at("labels").at("severity"), "info");
  EXPECT_TRUE(
      alert.at("annotations").at("description").get<std::string>().starts_with("5 images of 127.0.0.1:"))
      << alert.dump();

  (*engine)->refuse();
  (*engine)->drop_connections();
  ASSERT_TRUE(eventually([&] { return !webhook.told(unreachable, "firing").empty(); }, patience))
      << prometheus.log() << alertmanager.log();
  ASSERT_TRUE(eventually([&] { return alertmanager.mutes(duplicates); }, patience)) << alertmanager.log();
  // All that was said of images has ended, for longer than keep_firing_for.
  ASSERT_TRUE(eventually(
      [&] {
        return prometheus.value("max_over_time(docker_images_with_duplicate_repo_digests[12s])") ==
               std::nullopt;
      },
      patience));
  ASSERT_TRUE(prometheus.wait_for(
      "ALERTS{alertname='" + duplicates + "', alertstate='firing', version='27.3.1'}", 1));
  EXPECT_TRUE(webhook.told(duplicates, "resolved").empty());

  (*engine)->replace(*newer);
  ASSERT_TRUE((*engine)->accept_again().ok());
  ASSERT_TRUE(eventually([&] { return !webhook.told(duplicates, "resolved").empty(); }, patience))
      << prometheus.log() << alertmanager.log();
  EXPECT_FALSE(webhook.told(unreachable, "resolved").empty());
  EXPECT_EQ(prometheus.value("docker_images_with_duplicate_repo_digests"), 0);
  EXPECT_EQ(prometheus.value("sum(docker_images_pending_inspection)"), 0);
  EXPECT_TRUE(webhook.told("DockerUnexpectedDuplicateRepoDigests", "firing").empty());
}

}  // namespace
}  // namespace repodigest
