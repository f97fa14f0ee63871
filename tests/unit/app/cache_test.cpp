// What becomes of the cache file when something goes wrong with it or with the program. (That it outlives a
// restart: daemon_test.)
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "support/program.h"
#include "support/recording.h"
#include "support/replay_engine.h"

namespace repodigest {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using support::Daemon;
using support::Recording;
using support::ReplayEngine;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

constexpr const char* inspects = "/images/*/json";
/// Of one image of the recording list and inspect do not agree; what they said is not kept.
constexpr std::uint64_t in_doubt = 1;

class CacheTest : public testing::Test {
 protected:
  void SetUp() override {
    auto engine = ReplayEngine::on_unix_socket(Recording::embedded(), folder_.path() / "docker.sock");
    ASSERT_TRUE(engine.ok()) << engine.error().text;
    engine_ = std::move(engine).value();
  }
  std::unique_ptr<Daemon> start() const {
    return std::make_unique<Daemon>(
        std::vector<std::string>{"--docker.host=" + engine_->host(), "--cache.file=" + file_.string()});
  }
  /// Lets a daemon inspect everything, ends it, and returns its log.
  std::string run() const {
    const auto daemon = start();
    EXPECT_TRUE(daemon->wait_until_inspected()) << daemon->log();
    daemon->process().signal(SIGTERM);
    const auto ended = daemon->process().wait(seconds(5));
    EXPECT_TRUE(ended && ended->exit_code == 0);
    return daemon->log();
  }
  /// Inspects since the last call.
  std::uint64_t newly_inspected() {
    const std::uint64_t all = engine_->asked(inspects);
    return all - std::exchange(inspected_, all);
  }

  const support::TemporaryFolder folder_;
  const fs::path file_ = folder_.path() / "cache";
  std::unique_ptr<ReplayEngine> engine_;
  std::uint64_t inspected_ = 0;
};

TEST_F(CacheTest, ADamagedFileIsNamedAndReplacedAndEveryImageAskedFor) {
  run();
  const std::uint64_t all = newly_inspected();
  ASSERT_GT(all, in_doubt);
  const std::string whole = support::read_file(file_);
  std::string damaged = whole;
  damaged[damaged.size() / 2] ^= 1;
  std::ofstream(file_, std::ios::binary) << damaged;

  const std::string log = run();
  EXPECT_EQ(newly_inspected(), all);
  EXPECT_THAT(log, HasSubstr("the cache file is damaged: every image is inspected anew"));
  EXPECT_THAT(log, HasSubstr("file=" + file_.string()));
  EXPECT_EQ(support::read_file(file_), whole);
  EXPECT_THAT(run(), Not(HasSubstr("damaged")));
  EXPECT_EQ(newly_inspected(), in_doubt);
}

TEST_F(CacheTest, AFileThatIsNoneOfOursStaysAndTheLogSaysSo) {
  std::ofstream(file_) << "precious";
  EXPECT_THAT(run(), HasSubstr("this is no cache file and is left alone"));
  EXPECT_EQ(support::read_file(file_), "precious");
}

TEST_F(CacheTest, AFileThatGrowsBeyondTheLimitOfFilesDoesNotEndTheDaemon) {
  const auto daemon = start();
  ASSERT_TRUE(daemon->wait_until_inspected()) << daemon->log();
  daemon->process().signal(SIGXFSZ);
  EXPECT_EQ(daemon->metric("docker_up"), 1) << daemon->log();
  EXPECT_TRUE(daemon->process().running());
}

TEST_F(CacheTest, AKilledDaemonLeavesAFileThatCanBeReadOrNone) {
  run();
  const std::uint64_t all = newly_inspected();
  // At the first inspect, in between, and at the last one, when the file is about to be written.
  for (const std::uint64_t inspects_before : {std::uint64_t{1}, all / 2, all}) {
    fs::remove(file_);
    const auto daemon = start();
    ASSERT_TRUE(engine_->wait_until_asked(inspects, inspected_ + inspects_before)) << daemon->log();
    daemon->process().signal(SIGKILL);
    ASSERT_TRUE(daemon->process().wait());
    EXPECT_THAT(run(), Not(ContainsRegex("level=warn msg=\"(the cache file|this is no cache file)")));
    newly_inspected();
    run();
    EXPECT_EQ(newly_inspected(), in_doubt);
  }
  fs::remove(file_);
  const auto daemon = start();
  ASSERT_TRUE(support::eventually([this] { return fs::exists(file_); })) << daemon->log();
  daemon->process().signal(SIGKILL);
  ASSERT_TRUE(daemon->process().wait());
  EXPECT_THAT(run(), HasSubstr("what an earlier run inspected is taken from the cache file"));
}

}  // namespace
}  // namespace repodigest
