// The program where what it was given is missing or full: descriptors, pipes, disks.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "repodigest/base/fd.h"
#include "support/program.h"
#include "support/raw_client.h"

namespace repodigest {
namespace {

using support::Outcome;
using support::Process;
using support::program_path;

Outcome shell(const std::string& command) {
  Process process({"/bin/sh", "-c", command});
  return process.wait().value_or(Outcome{});
}

std::size_t count(const std::string& text, const std::string& words) {
  std::size_t found = 0;
  for (auto at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) ++found;
  return found;
}

TEST(SurroundingsTest, AReportForAClosedStdoutIsNotWrittenIntoASocket) {
  const Outcome outcome = shell(program_path() + " check --demo >&-");
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_NE(outcome.errors.find("could not be delivered"), std::string::npos) << outcome.errors;
}

TEST(SurroundingsTest, AHelpTextThatCannotBeWrittenIsAFailure) {
  EXPECT_EQ(shell(program_path() + " --help >/dev/full").exit_code, 1);
}

TEST(SurroundingsTest, ServesWithoutAnyStandardDescriptor) {
  const support::TemporaryFolder folder;
  const std::string url = "unix://" + (folder.path() / "web.sock").string();
  Process daemon(
      {"/bin/sh", "-c", "exec " + program_path() + " --demo --web.listen-address=" + url + " <&- >&- 2>&-"});
  EXPECT_TRUE(support::eventually([&] {
    return support::run_program({"healthcheck", "--url=" + url}).exit_code == 0;
  }));
  for (const std::string descriptor : {"0", "1", "2"})
    EXPECT_EQ(std::filesystem::read_symlink("/proc/" + std::to_string(daemon.pid()) + "/fd/" + descriptor),
              "/dev/null");
  daemon.signal(SIGTERM);
  const auto ended = daemon.wait();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->exit_code, 0);
}

TEST(SurroundingsTest, ALogThatNobodyReadsHoldsUpNeitherServingNorStopping) {
  const support::TemporaryFolder folder;
  const auto pipe = folder.path() / "log";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const Fd reader(::open(pipe.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));  // never reads
  ASSERT_TRUE(reader.valid());
  const std::string rubbish(4096, 'x');
  while (::write(reader.get(), rubbish.data(), rubbish.size()) > 0) {
  }
  const std::string url = "unix://" + (folder.path() / "web.sock").string();
  Process daemon({"/bin/sh", "-c",
                  "exec " + program_path() + " --demo --web.listen-address=" + url + " 2>" + pipe.string()});
  EXPECT_TRUE(support::eventually([&] {
    return support::run_program({"check", "--url=" + url}).exit_code == 1;
  }));
  daemon.signal(SIGHUP);
  daemon.signal(SIGTERM);
  const auto ended = daemon.wait();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->exit_code, 0);
}

TEST(SurroundingsTest, AScrapeIsAnsweredThoughIdleConnectionsHoldAllDescriptorsAndTheLogSaysSoOnce) {
  // No --demo: its engine takes descriptors as it pleases, and could have all that there are.
  Process daemon({"/bin/sh", "-c",
                  "ulimit -n 32; exec " + program_path() +
                      " --docker.host=unix:///nonexistent --web.listen-address=127.0.0.1:0"});
  const auto port = support::logged_port(daemon, "address=127.0.0.1:");
  ASSERT_NE(port, 0);
  std::vector<support::RawClient> idle;
  for (int i = 0; i < 60; ++i) idle.push_back(support::RawClient::tcp(port));
  support::RawClient client = support::RawClient::tcp(port);
  ASSERT_TRUE(client.send("GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  EXPECT_EQ(client.read_reply().status, 200);
  EXPECT_EQ(count(daemon.errors(), "cannot accept connections"), 1U) << daemon.errors();
}

}  // namespace
}  // namespace repodigest
