// What the service manager hears, of the class and of the running program.
#include "supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <string>

#include "support/program.h"
#include "support/service_manager.h"
#include "support/temporary_folder.h"

namespace repodigest::app {
namespace {

using std::chrono::milliseconds;
using support::ServiceManager;
using testing::HasSubstr;
using testing::StartsWith;

class SupervisorTest : public ::testing::Test {
 protected:
  support::TemporaryFolder folder_;
  ServiceManager manager_{(folder_.path() / "notify").string()};
};

TEST_F(SupervisorTest, TellsAStateAndALineForPeople) {
  Supervisor(manager_.name(), "", "").tell("READY=1", "listening at :10474\nSTOPPING=1");
  EXPECT_EQ(manager_.next(), "READY=1\nSTATUS=listening at :10474 STOPPING=1");
}

TEST_F(SupervisorTest, FindsAnAbstractSocket) {
  ServiceManager manager("@repodigest-notify-" + std::to_string(::getpid()));
  Supervisor(manager.name(), "", "").ping();
  EXPECT_EQ(manager.next(), "WATCHDOG=1");
}

TEST_F(SupervisorTest, SaysNothingWhereNobodyListens) {
  for (const char* name : {"", "notify", "@", "vsock:2:1234"}) {
    const Supervisor supervisor(name, "1000000", "");
    supervisor.tell("READY=1", "");
    EXPECT_FALSE(supervisor.ping_interval()) << name;
  }
  Supervisor((folder_.path() / "none").string(), "", "").tell("READY=1", "");
  Supervisor("/" + std::string(300, 'x'), "", "").tell("READY=1", "");
  EXPECT_TRUE(manager_.silent());
}

TEST_F(SupervisorTest, PingsAtHalfOfTheTimeIfTheWatchdogIsItsOwn) {
  const auto interval = [this](const std::string& usec, const std::string& pid) {
    return Supervisor(manager_.name(), usec, pid).ping_interval();
  };
  EXPECT_EQ(interval("3000000", std::to_string(::getpid())), milliseconds(1500));
  EXPECT_EQ(interval("3000000", ""), milliseconds(1500));
  EXPECT_EQ(interval("1", ""), milliseconds(1)) << "no spinning, whatever is asked for";
  EXPECT_EQ(interval("3000000", std::to_string(::getpid() + 1)), std::nullopt);
  for (const char* usec : {"", "0", "-1", "3s", " 3", "99999999999999999999", "9223372036854775807"})
    EXPECT_EQ(interval(usec, ""), std::nullopt) << usec;
}

TEST_F(SupervisorTest, NeverWaitsForAManagerThatDoesNotHearItsPings) {
  const Supervisor supervisor(manager_.name(), "", "");
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 10000; ++i) supervisor.ping();  // more than a socket holds
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20))
      << "10,000 waits of 2 s are hours";
  EXPECT_EQ(manager_.next(), "WATCHDOG=1");
}

TEST_F(SupervisorTest, HearsThatTheDaemonIsReadyOnceItServesAndThatItStops) {
  support::Daemon daemon({"--demo"}, {{"NOTIFY_SOCKET", manager_.name()}});
  const std::string ready = manager_.next();
  EXPECT_THAT(ready, StartsWith("READY=1\nSTATUS=listening at " + daemon.url() + ", asking "));
  EXPECT_EQ(daemon.get("/-/healthy")->status, 200) << "at once: that is what READY=1 promises";
  EXPECT_TRUE(manager_.silent()) << "no pings where no watchdog waits for them";
  daemon.process().signal(SIGTERM);
  EXPECT_EQ(manager_.next(), "STOPPING=1\nSTATUS=stopping");
  EXPECT_EQ(daemon.process().wait(std::chrono::seconds(5)).value().exit_code, 0);
}

TEST_F(SupervisorTest, HearsThePingsOfTheDaemon) {
  support::Daemon daemon({"--demo"}, {{"NOTIFY_SOCKET", manager_.name()}, {"WATCHDOG_USEC", "20000"}});
  EXPECT_THAT(manager_.next_but_pings(), HasSubstr("READY=1"));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(manager_.next(), "WATCHDOG=1");
  daemon.process().signal(SIGTERM);
  EXPECT_THAT(manager_.next_but_pings(), HasSubstr("STOPPING=1"));
}

TEST_F(SupervisorTest, IsNotNeededByTheDaemon) {
  support::Daemon daemon({"--demo"}, {{"NOTIFY_SOCKET", (folder_.path() / "gone").string()}});
  ASSERT_TRUE(support::eventually([&] { return daemon.get("/-/healthy").ok(); })) << daemon.log();
  ASSERT_TRUE(support::eventually([&] { return daemon.log().find("service manager") != std::string::npos; }));
}

}  // namespace
}  // namespace repodigest::app
