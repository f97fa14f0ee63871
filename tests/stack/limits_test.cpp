// The program without descriptors, memory or room on the disk: it lives, says so, and goes on once there is
// some.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "repodigest/base/fd.h"
#include "support/feed_command.h"
#include "support/program.h"
#include "support/raw_client.h"
#include "support/recording.h"
#include "support/replay_engine.h"

namespace repodigest {
namespace {

namespace fs = std::filesystem;
using support::Daemon;
using support::eventually;
using support::Fault;
using support::Outcome;
using support::Process;
using support::RawClient;
using support::Recording;
using support::ReplayEngine;
using testing::HasSubstr;

class LimitsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto engine = ReplayEngine::on_unix_socket(Recording::embedded(), folder_.path() / "engine.sock");
    ASSERT_TRUE(engine.ok()) << engine.error().text;
    engine_ = std::move(engine).value();
  }
  /// A daemon that asks often, started by a shell after `before`.
  void start(const std::string& before, std::vector<std::string> flags = {}) {
    flags.insert(flags.end(),
                 {"--docker.host=" + engine_->host(), "--poll.interval=1s", "--poll.max-engine-share=1"});
    daemon_ = std::make_unique<Daemon>(std::move(flags), Process::Environment{},
                                       std::vector<std::string>{"sh", "-c", before + "; exec \"$@\"", "sh"});
  }
  [[nodiscard]] RawClient connect() const { return RawClient::unix_socket(daemon_->socket().string()); }
  [[nodiscard]] bool logs(const std::string& words) const {
    return eventually([&] { return daemon_->log().find(words) != std::string::npos; });
  }

  const support::TemporaryFolder folder_;
  std::unique_ptr<ReplayEngine> engine_;
  std::unique_ptr<Daemon> daemon_;
};

// --- Descriptors

TEST_F(LimitsTest, IdleConnectionsThatHoldAllDescriptorsGiveWayToTheAskingOfTheEngine) {
  start("ulimit -n 32", {"--no-poll.events"});
  ASSERT_TRUE(daemon_->wait_until_inspected()) << daemon_->log();
  std::vector<RawClient> idle;
  for (int i = 0; i < 60; ++i) idle.push_back(connect());
  engine_->drop_connections();
  const auto asked = engine_->asked("/_ping");
  ASSERT_TRUE(engine_->wait_until_asked("/_ping", asked + 2)) << daemon_->log();
  EXPECT_EQ(daemon_->metric("docker_up"), 1);
  EXPECT_EQ(daemon_->log().find("does not answer"), std::string::npos) << daemon_->log();
  EXPECT_THAT(daemon_->log(), HasSubstr("cannot accept connections for now\" error=\"too many open files\""));
}

TEST_F(LimitsTest, WithoutADescriptorForTheEngineItSaysSoAndGoesOnWhenThereIsOne) {
  start("true", {"--no-poll.events"});
  ASSERT_TRUE(daemon_->wait_until_inspected()) << daemon_->log();
  rlimit before{};
  ASSERT_EQ(::prlimit(daemon_->process().pid(), RLIMIT_NOFILE, nullptr, &before), 0);
  const rlimit none{3, before.rlim_max};
  ASSERT_EQ(::prlimit(daemon_->process().pid(), RLIMIT_NOFILE, &none, nullptr), 0);
  engine_->fail("/_ping",
                Fault::with_header("Connection", "close"));  // the next one needs another connection
  EXPECT_TRUE(logs("msg=\"the engine does not answer\" reason=connect")) << daemon_->log();
  EXPECT_THAT(daemon_->log(), HasSubstr("too many open files"));
  ASSERT_EQ(::prlimit(daemon_->process().pid(), RLIMIT_NOFILE, &before, nullptr), 0);
  EXPECT_TRUE(daemon_->wait_for_metric("docker_up", 1)) << daemon_->log();
  EXPECT_TRUE(logs("polling works again")) << daemon_->log();
  EXPECT_EQ(daemon_->metric("docker_repo_digests"), 155);
}

// --- Memory

TEST_F(LimitsTest, AListThatDoesNotFitIntoMemoryIsSaidAndTheNextThatFitsIsTaken) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "WITH A SANITIZER NO PROGRAM CAN DO WITH LITTLE MEMORY: that was not tested";
#endif
  start("true", {"--no-poll.events"});
  ASSERT_TRUE(daemon_->wait_until_inspected()) << daemon_->log();
  const double taken = daemon_->metric("process_virtual_memory_bytes").value_or(0);
  ASSERT_GT(taken, 0);
  rlimit before{};
  const rlimit small{static_cast<rlim_t>(taken) + (rlim_t{32} << 20U), RLIM_INFINITY};
  ASSERT_EQ(::prlimit(daemon_->process().pid(), RLIMIT_AS, &small, &before), 0);
  engine_->fail("/images/json", Fault::promising(200'000'000));
  EXPECT_TRUE(logs("bad_alloc")) << daemon_->log();
  for (const char* const page : {"/metrics", "/", "/-/healthy", "/api/v1/summary"}) {
    const auto answer = daemon_->get(page);
    EXPECT_TRUE(answer.ok() && answer->status == 200) << page;
  }
  engine_->heal();
  EXPECT_TRUE(daemon_->wait_until_inspected()) << "within the same limit: " << daemon_->log();
  EXPECT_EQ(daemon_->metric("docker_repo_digests"), 155);
  EXPECT_TRUE(logs("polling works again")) << daemon_->log();
  EXPECT_TRUE(daemon_->process().running());
}

// --- A disk that is full

class FullDiskTest : public LimitsTest {
 protected:
  void SetUp() override {
    if (!support::succeeds("unshare --user --map-root-user --mount mount -t tmpfs -o size=64k tmpfs /mnt"))
      GTEST_SKIP()
          << "NO SMALL DISK CAN BE HAD HERE (unshare, mount): that a full one keeps the old files was "
             "not tested";
    LimitsTest::SetUp();
    fs::create_directory(disk_);
  }
  /// How to start something that has a disk of 64 kB at disk_, seen by nobody else.
  [[nodiscard]] std::vector<std::string> with_a_small_disk(const std::string& script) const {
    return {"unshare",
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            "mount -t tmpfs -o size=64k tmpfs '" + disk_.string() + "' && cd '" + disk_.string() + "' && " +
                script,
            "sh"};
  }

  const fs::path disk_ = folder_.path() / "disk";
};

TEST_F(FullDiskTest, KeepsTheOldReportAndSaysWhichFileAndWhy) {
  for (const std::string format : {"table", "json", "prometheus", "nagios"}) {
    Process check(with_a_small_disk("echo old >file; cat /dev/zero >filling 2>/dev/null; " +
                                    support::program_path() + " check --demo --format=" + format +
                                    " --output=file; echo code=$?; ls; cat file"));
    const auto ended = check.wait();
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->output, "code=3\nfile\nfilling\nold\n") << format;
    EXPECT_THAT(ended->errors, HasSubstr("cannot write file: no space left on device")) << format;
  }
}

TEST_F(FullDiskTest, KeepsTheOldCacheFileAndSaysWhichFileAndWhy) {
  const fs::path file = disk_ / "cache";
  daemon_ = std::make_unique<Daemon>(
      std::vector<std::string>{"--docker.host=" + engine_->host(), "--cache.file=" + file.string(),
                               "--no-poll.events", "--poll.interval=1s", "--poll.max-engine-share=1"},
      Process::Environment{}, with_a_small_disk("exec \"$@\""));
  ASSERT_TRUE(daemon_->wait_until_inspected()) << daemon_->log();
  // As the daemon sees it; the descriptor keeps the disk beyond the daemon's end.
  const fs::path seen = "/proc/" + std::to_string(daemon_->process().pid()) + "/root" + disk_.string();
  const Fd disk(::open(seen.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_TRUE(disk.valid());
  const fs::path kept = "/proc/self/fd/" + std::to_string(disk.get());
  ASSERT_TRUE(eventually([&] { return fs::exists(kept / "cache"); })) << daemon_->log();
  const std::string old = support::read_file(kept / "cache");
  const Fd filling(::openat(disk.get(), "filling", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const std::string page(4096, 'x');
  while (::write(filling.get(), page.data(), page.size()) > 0) {
  }
  const double digests = daemon_->metric("docker_repo_digests").value_or(0);
  engine_->change([](Recording& recording) { recording.remove_image(recording.ids().front()); });
  ASSERT_TRUE(eventually([&] { return daemon_->metric("docker_repo_digests") < digests; })) << daemon_->log();
  daemon_->process().signal(SIGTERM);
  const auto ended = daemon_->process().wait();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->exit_code, 0);
  EXPECT_THAT(ended->errors, HasSubstr("cannot write " + file.string() + ": no space left on device"));
  EXPECT_EQ(support::read_file(kept / "cache"), old);
  EXPECT_EQ(std::distance(fs::directory_iterator(kept), fs::directory_iterator()), 2)
      << "a part of it is left";
}

}  // namespace
}  // namespace repodigest
