// What stands at the paths that the program is given, where somebody else may write to their folders.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "repodigest/base/fd.h"
#include "support/held.h"
#include "support/program.h"

namespace repodigest {
namespace {

namespace fs = std::filesystem;
using support::eventually;
using support::Outcome;
using support::Process;
using testing::HasSubstr;

constexpr uid_t stranger = 65534;

bool socket_stands_at(const fs::path& path) {
  std::error_code ignored;
  return fs::is_socket(fs::symlink_status(path, ignored));
}

unsigned mode_of(const fs::path& path) {
  struct stat found {};
  EXPECT_EQ(::stat(path.c_str(), &found), 0);
  return found.st_mode & 07777U;
}

// --- Sockets, at the moments that decide

class SocketPlaceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!support::can_hold())
      GTEST_SKIP() << "NOTHING CAN BE HELD BY strace HERE: what others do to a socket's place in the moment "
                      "that it is made was not tested";
  }
  [[nodiscard]] std::vector<std::string> daemon() const {
    return {support::program_path(), "--docker.host=unix://" + (folder_.path() / "no-engine").string(),
            "--web.listen-address=unix://" + socket_.string()};
  }
  [[nodiscard]] std::vector<std::string> daemon_held_after(const std::string& call) const {
    auto command = support::held_after(call, calls_);
    for (const auto& word : daemon()) command.push_back(word);
    return command;
  }
  [[nodiscard]] static bool listens(const Process& process) {
    return process.errors().find("msg=listening") != std::string::npos;
  }

  const support::TemporaryFolder folder_;
  const fs::path socket_ = folder_.path() / "web.sock";
  const fs::path calls_ = folder_.path() / "calls";
};

TEST_F(SocketPlaceTest, ALinkThatTakesTheNewSocketsPlaceOpensNobodysFile) {
  const fs::path victim = folder_.path() / "victim";
  std::ofstream(victim) << "secret";
  ASSERT_EQ(::chmod(victim.c_str(), 0600), 0);
  Process daemon(daemon_held_after("bind"));
  ASSERT_TRUE(eventually([this] { return socket_stands_at(socket_); })) << daemon.errors();
  fs::rename(socket_, folder_.path() / "away");
  fs::create_symlink(victim, socket_);
  support::let_go(daemon);
  const auto ended = daemon.wait();
  EXPECT_EQ(mode_of(victim), 0600U);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->exit_code, 1);
  EXPECT_THAT(ended->errors, HasSubstr("unix://" + socket_.string() + ": the new socket was taken away"));
  EXPECT_TRUE(fs::is_symlink(socket_)) << "what is not its own is not its to remove";
}

TEST_F(SocketPlaceTest, OfTwoInstancesThatStartAtOnceOneServesAndTheOtherSaysSo) {
  {
    const Fd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    socket_.string().copy(name.sun_path, sizeof name.sun_path - 1);
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  }
  Process first(daemon_held_after("connect"));
  ASSERT_TRUE(eventually([this] {
    return support::read_file(calls_).find("ECONNREFUSED") != std::string::npos;
  })) << "it asks whether the socket is dead: "
      << support::read_file(calls_);
  Process second(daemon());
  const std::string descriptors = "/proc/" + std::to_string(second.pid()) + "/fd";
  ASSERT_TRUE(eventually([&] {
    std::error_code ignored;
    for (const auto& each : fs::directory_iterator(descriptors, ignored))
      if (fs::read_symlink(each, ignored) == folder_.path()) return true;
    return listens(second);
  })) << second.errors();
  support::let_go(first);
  ASSERT_TRUE(eventually([&] { return listens(first); })) << first.errors();
  const auto ended = second.wait();
  ASSERT_TRUE(ended) << "both serve: " << second.errors();
  EXPECT_EQ(ended->exit_code, 1);
  EXPECT_THAT(ended->errors, HasSubstr("address already in use"));
  EXPECT_EQ(support::run_program({"healthcheck", "--url=unix://" + socket_.string()}).exit_code, 0);
}

TEST(SocketLockTest, AFolderThatAStrangerHasLockedKeepsNobodyFromStarting) {
  const support::TemporaryFolder folder;
  Process locker({"flock", folder.path().string(), "sleep", "1000"});
  ASSERT_TRUE(
      eventually([&] { return !support::succeeds("flock --nonblock " + folder.path().string() + " true"); }));
  const std::string url = "unix://" + (folder.path() / "web.sock").string();
  Process daemon({support::program_path(), "--demo", "--web.listen-address=" + url});
  EXPECT_TRUE(eventually([&] {
    return support::run_program({"healthcheck", "--url=" + url}).exit_code == 0;
  })) << daemon.errors();
  EXPECT_TRUE(locker.running());
}

// --- Files: a folder like /tmp, but without the sticky bit, whose entries Linux may guard by itself

class StrangersFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0)
      GTEST_SKIP()
          << "ONLY ROOT CAN PLAY A STRANGER: what others leave at the path of --output was not tested";
    ASSERT_EQ(::chmod(folder_.path().c_str(), 0777), 0);
    ASSERT_EQ(::mkfifo(pipe_.c_str(), 0600), 0);
    reader_ = Fd(::open(pipe_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    ASSERT_TRUE(reader_.valid());
  }
  static void give_away(const fs::path& path) {
    ASSERT_EQ(::lchown(path.c_str(), stranger, static_cast<gid_t>(-1)), 0);
  }
  [[nodiscard]] static Outcome report_to(const fs::path& path) {
    return support::run_program({"check", "--demo", "--output=" + path.string()});
  }
  [[nodiscard]] std::string heard() const {
    std::string text(64, ' ');
    const ssize_t got = ::read(reader_.get(), text.data(), text.size());
    return got <= 0 ? "" : text.substr(0, static_cast<std::size_t>(got));
  }
  static void expect_refused(const Outcome& outcome, const fs::path& path) {
    EXPECT_EQ(outcome.exit_code, 3);
    EXPECT_THAT(outcome.errors, HasSubstr("cannot write " + path.string() + ": it is not a regular file"));
    EXPECT_THAT(outcome.errors, HasSubstr("somebody else put it"));
  }

  const support::TemporaryFolder folder_;
  const support::TemporaryFolder elsewhere_;
  const fs::path pipe_ = elsewhere_.path() / "pipe";
  const fs::path output_ = folder_.path() / "report";
  Fd reader_;
};

TEST_F(StrangersFolderTest, NoReportGoesWhereAStrangersLinkLeads) {
  fs::create_symlink(pipe_, output_);
  give_away(output_);
  expect_refused(report_to(output_), output_);
  EXPECT_EQ(heard(), "");
  EXPECT_TRUE(fs::is_symlink(output_));
}

TEST_F(StrangersFolderTest, NoReportGoesIntoAStrangersPipe) {
  fs::rename(pipe_, output_);
  give_away(output_);
  expect_refused(report_to(output_), output_);
  EXPECT_EQ(heard(), "");
}

TEST_F(StrangersFolderTest, AReportGoesWhereOurOwnLinkLeads) {
  fs::create_symlink(pipe_, output_);
  const Outcome outcome = report_to(output_);
  EXPECT_EQ(outcome.exit_code, 1) << outcome.errors;
  EXPECT_NE(heard(), "");
}

TEST_F(StrangersFolderTest, AStrangersLinkToAFileIsReplacedAndTheFileStays) {
  const fs::path victim = elsewhere_.path() / "victim";
  std::ofstream(victim) << "precious";
  fs::create_symlink(victim, output_);
  give_away(output_);
  EXPECT_EQ(report_to(output_).exit_code, 1);
  EXPECT_FALSE(fs::is_symlink(output_));
  EXPECT_EQ(support::read_file(victim), "precious");
}

TEST_F(StrangersFolderTest, AHardLinkIsReplacedAndTheFileStays) {
  const fs::path victim = folder_.path() / "victim";
  std::ofstream(victim) << "precious";
  fs::create_hard_link(victim, output_);
  EXPECT_EQ(report_to(output_).exit_code, 1);
  EXPECT_EQ(support::read_file(victim), "precious");
  EXPECT_EQ(fs::hard_link_count(victim), 1U);
}

}  // namespace
}  // namespace repodigest
