// What check writes for the textfile collector is read by a real node_exporter.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "support/feed_command.h"
#include "support/program.h"
#include "support/recording.h"
#include "support/replay_engine.h"

namespace repodigest {
namespace {

using support::Recording;
using support::ReplayEngine;

class TextfileCollector : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!support::succeeds("prometheus-node-exporter --version"))
      GTEST_SKIP() << "THERE IS NO NODE_EXPORTER HERE: what it makes of check's file was not tested";
    auto engine = ReplayEngine::on_unix_socket(Recording::embedded(), folder_.path() / "docker.sock");
    ASSERT_TRUE(engine.ok()) << engine.error().text;
    engine_ = std::move(engine).value();
    collector_ = std::make_unique<support::Process>(std::vector<std::string>{
        "prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile",
        "--collector.textfile.directory=" + textfiles_.path().string(), "--web.listen-address=127.0.0.1:0"});
    endpoint_.kind = transport::Endpoint::Kind::tcp;
    endpoint_.host = "127.0.0.1";
    endpoint_.port = support::logged_port(*collector_, "msg=\"Listening on\"");
  }

  void write() const {
    const auto outcome =
        support::run_program({"check", "--docker.host=" + engine_->host(), "--format=prometheus",
                              "--output=" + (textfiles_.path() / "docker.prom").string()});
    EXPECT_EQ(outcome.output, "") << outcome.errors;
  }
  [[nodiscard]] std::string scrape() const {
    transport::Request request;
    request.target = "/metrics";
    const auto answer =
        transport::make_transport(endpoint_)->call(request, Cancel().within(std::chrono::seconds(30)));
    return answer.ok() && answer->status == 200 ? answer->body : "";
  }

  support::TemporaryFolder folder_;
  support::TemporaryFolder textfiles_;
  std::unique_ptr<ReplayEngine> engine_;
  std::unique_ptr<support::Process> collector_;
  transport::Endpoint endpoint_;
};

TEST_F(TextfileCollector, TakesEverythingThatCheckWrites) {
  write();
  const std::string metrics = scrape();
  EXPECT_EQ(support::value_of(metrics, "node_textfile_scrape_error"), 0) << collector_->errors();
  EXPECT_EQ(support::value_of(metrics, "docker_up"), 1) << metrics;
  EXPECT_EQ(support::value_of(metrics, "docker_images_with_duplicate_repo_digests"), 5);
  EXPECT_EQ(support::value_of(metrics, "docker_repo_digests"), 155);
  EXPECT_EQ(support::value_of(metrics, "docker_repo_digests_unique"), 22);
}

TEST_F(TextfileCollector, SaysThatTheEngineIsAway) {
  engine_->refuse();
  engine_->drop_connections();
  write();
  const std::string metrics = scrape();
  EXPECT_EQ(support::value_of(metrics, "node_textfile_scrape_error"), 0) << collector_->errors();
  EXPECT_EQ(support::value_of(metrics, "docker_up"), 0) << metrics;
  EXPECT_FALSE(support::value_of(metrics, "docker_repo_digests").has_value());
}

}  // namespace
}  // namespace repodigest
