// The units as systemd runs them: installed from the package into a throw-away machine whose process 1 is
// systemd.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "deploy/machine.h"
#include "support/feed_command.h"

namespace repodigest::deploy {
namespace {

using support::eventually;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string duplicates = "docker_images_with_duplicate_repo_digests";
const std::string window = "repodigest_exporter-window";
const std::string exporter = "repodigest_exporter";
const std::string drop_in = "/etc/systemd/system/repodigest_exporter-window.service.d/10-socket-group.conf";

/// A line of /proc/PID/status, as "Groups:\t1 2 ".
std::string line_of(const std::string& text, const std::string& name) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(name + ":")) return line;
  return "";
}

class UnitsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (package().empty())
      GTEST_SKIP() << "THERE IS NO DPKG-SHLIBDEPS HERE, and so no package: its units did not run";
    machine_ = std::make_unique<Machine>(Machine::Kind::systemd);
    if (!machine_->missing().empty())
      GTEST_SKIP() << "THERE IS NO MACHINE WITH SYSTEMD TO BE HAD HERE, the units did not run: "
                   << machine_->missing();
  }
  void TearDown() override {
    if (HasFailure() && machine_ && machine_->missing().empty())
      std::cerr << said(machine_->run(
          {"sh", "-c", "systemctl status 'repodigest*' --no-pager -l; journalctl -n 60 -o cat"}));
  }
  [[nodiscard]] std::string show(const std::string& unit, const std::string& property) const {
    auto value = machine_->shell("systemctl show --value --property=" + property + " '" + unit + "'");
    if (!value.empty()) value.pop_back();
    return value;
  }
  [[nodiscard]] std::string status_of(const std::string& unit) const {
    return machine_->shell("cat /proc/" + show(unit, "MainPID") + "/status");
  }
  [[nodiscard]] bool wait_until_active(const std::string& unit) const {
    return eventually([&] { return show(unit, "ActiveState") == "active"; });
  }
  /// What a call at a unix socket ends with, made by a user with all of its groups: 0, or 7 if it can't
  /// connect.
  [[nodiscard]] int ask_as(const std::string& user, const std::string& group,
                           const std::string& socket) const {
    return machine_
        ->run({"setpriv", "--reuid=" + user, "--regid=" + group, "--init-groups", "curl", "--silent",
               "--unix-socket", socket, "http://engine/_ping"})
        .exit_code;
  }

  std::unique_ptr<Machine> machine_;
};

TEST_F(UnitsTest, ShowTheEngineWithNothingButTheWindowInReachOfItsSocket) {
  machine_->start_engine();
  machine_->give_socket_to("docker");
  EXPECT_THAT(machine_->install(package()), HasSubstr("is now in the group docker"));
  ASSERT_TRUE(wait_until_active(window) && wait_until_active(exporter));
  EXPECT_TRUE(machine_->wait_for_metric(duplicates, 5));
  EXPECT_FALSE(
      std::isnan(machine_->metric("docker_containers_with_duplicate_repo_digests{state=\"running\"}")));
  EXPECT_GT(machine_->metric("process_start_time_seconds"), 1e9) << "/proc/stat can be read";
  EXPECT_GT(machine_->metric("process_open_fds"), 3);

  const auto id = [&](const std::string& group) {
    auto number = machine_->shell("getent group " + group + " | cut -d : -f 3");
    number.pop_back();
    return number;
  };
  EXPECT_THAT(line_of(status_of(exporter), "Groups"), "Groups:\t" + id(exporter) + " ");
  EXPECT_THAT(line_of(status_of(window), "Groups"), HasSubstr(id("docker")));
  for (const auto& unit : {window, exporter}) {
    const auto status = status_of(unit);
    EXPECT_THAT(line_of(status, "CapBnd"), EndsWith("\t0000000000000000")) << unit;
    EXPECT_THAT(line_of(status, "NoNewPrivs"), EndsWith("\t1")) << unit;
    EXPECT_THAT(line_of(status, "Seccomp"), EndsWith("\t2")) << unit;
  }
  EXPECT_EQ(ask_as(exporter, exporter, "/run/docker.sock"), 7);
  EXPECT_EQ(ask_as(exporter, exporter, "/run/repodigest_exporter-window/docker.sock"), 0);
  EXPECT_EQ(ask_as("nobody", "nogroup", "/run/repodigest_exporter-window/docker.sock"), 7);
  // The window has a network of its own, with nothing in it.
  EXPECT_THAT(machine_->shell("cat /proc/" + show(window, "MainPID") + "/net/tcp /proc/" +
                              show(window, "MainPID") + "/net/route"),
              Not(HasSubstr("0A")));
  EXPECT_NE(machine_->shell("readlink /proc/" + show(window, "MainPID") + "/ns/net"),
            machine_->shell("readlink /proc/1/ns/net"));
}

TEST_F(UnitsTest, SeeTheEngineEndAndComeBack) {
  auto& engine = machine_->start_engine();
  machine_->give_socket_to("docker");
  machine_->install(package());
  ASSERT_TRUE(machine_->wait_for_metric(duplicates, 5));
  machine_->shell(
      "echo REPODIGEST_EXPORTER_POLL_INTERVAL=1s >>/etc/default/repodigest_exporter; systemctl restart " +
      exporter);
  ASSERT_TRUE(machine_->wait_for_metric(duplicates, 5));
  const auto window_pid = show(window, "MainPID");
  engine.refuse();
  engine.drop_connections();
  EXPECT_TRUE(machine_->wait_for_metric("docker_up", 0));
  ASSERT_TRUE(engine.accept_again());
  machine_->give_socket_to("docker");
  EXPECT_TRUE(machine_->wait_for_metric("docker_up", 1));
  EXPECT_EQ(show(window, "MainPID"), window_pid) << "it lived on";
}

TEST_F(UnitsTest, TakeASignalToReloadAndKeepTheCacheOverARestart) {
  machine_->start_engine();
  machine_->give_socket_to("docker");
  machine_->install(package());
  ASSERT_TRUE(machine_->wait_for_metric(duplicates, 5));
  const auto pid = show(exporter, "MainPID");
  machine_->shell("systemctl reload repodigest_exporter repodigest_exporter-window");
  EXPECT_TRUE(eventually([&] {
    return machine_->shell("journalctl -o cat -u repodigest_exporter").find("reload") != std::string::npos;
  }));
  EXPECT_EQ(show(exporter, "MainPID"), pid);
  machine_->shell("systemctl restart repodigest_exporter");
  EXPECT_TRUE(machine_->wait_for_metric(duplicates, 5));
  EXPECT_THAT(machine_->shell("journalctl -o cat -u repodigest_exporter"),
              HasSubstr("taken from the cache file"));
  EXPECT_EQ(
      machine_->shell("stat -c '%a %U' /var/lib/repodigest_exporter /var/lib/repodigest_exporter/cache"),
      "700 repodigest_exporter\n600 repodigest_exporter\n");
}

TEST_F(UnitsTest, LeaveContainersOutWhereTheSettingsSaySo) {
  auto& engine = machine_->start_engine();
  machine_->give_socket_to("docker");
  machine_->install(package());
  ASSERT_TRUE(machine_->wait_for_metric(duplicates, 5));
  machine_->shell(
      "echo REPODIGEST_EXPORTER_DOCKER_API_ALLOW= >>/etc/default/repodigest_exporter-window; rm -f "
      "/var/lib/repodigest_exporter/cache; systemctl restart repodigest_exporter-window repodigest_exporter");
  const auto asked = engine.asked("/containers/json");
  ASSERT_TRUE(machine_->wait_for_metric(duplicates, 5));
  EXPECT_TRUE(
      std::isnan(machine_->metric("docker_containers_with_duplicate_repo_digests{state=\"running\"}")));
  EXPECT_EQ(engine.asked("/containers/json"), asked);
}

TEST_F(UnitsTest, FailForGoodWhereASettingIsWrongAndStartOnceItIsRight) {
  machine_->start_engine();
  machine_->give_socket_to("docker");
  machine_->install(package());
  ASSERT_TRUE(machine_->wait_for_metric(duplicates, 5));
  machine_->shell(
      "echo REPODIGEST_EXPORTER_POLL_INTERVAL=often >>/etc/default/repodigest_exporter; systemctl restart "
      "repodigest_exporter || true");
  EXPECT_TRUE(eventually([&] { return show(exporter, "ActiveState") == "failed"; }));
  EXPECT_EQ(show(exporter, "NRestarts"), "0");
  machine_->shell("sed -i '$d' /etc/default/repodigest_exporter; systemctl restart repodigest_exporter");
  EXPECT_TRUE(machine_->wait_for_metric(duplicates, 5));
}

TEST_F(UnitsTest, RunInPairsForFurtherEngines) {
  machine_->start_engine();
  machine_->give_socket_to("build-engine");
  machine_->shell("mv /run/docker.sock /run/build.sock");
  machine_->install(package());
  machine_->shell(
      "echo REPODIGEST_EXPORTER_DOCKER_HOST=unix:///run/build.sock "
      ">/etc/default/repodigest_exporter-window-build;"
      "echo REPODIGEST_EXPORTER_WEB_LISTEN_ADDRESS=:10475 >/etc/default/repodigest_exporter-build");
  EXPECT_THAT(machine_->shell("/usr/lib/repodigest_exporter/socket-group build"),
              HasSubstr("repodigest_exporter-window@build.service: is now in the group build-engine"));
  EXPECT_THAT(
      machine_->shell("systemctl enable --now repodigest_exporter@build repodigest_exporter-window@build"),
      HasSubstr("Created symlink"));
  EXPECT_TRUE(machine_->wait_for_metric(duplicates, 5, 10475));
  EXPECT_TRUE(machine_->wait_for_metric("docker_up", 0)) << "the engine that is not there is another one";
  EXPECT_EQ(show("repodigest_exporter@build", "StateDirectory"), "repodigest_exporter/build");
}

TEST_F(UnitsTest, StartNoWindowThatIsDisabled) {
  machine_->install(package());
  ASSERT_TRUE(wait_until_active(window) && wait_until_active(exporter));
  machine_->shell(
      "systemctl disable --now repodigest_exporter-window;"
      "echo REPODIGEST_EXPORTER_DOCKER_HOST=tcp://127.0.0.1:9 >>/etc/default/repodigest_exporter;"
      "systemctl restart repodigest_exporter");
  EXPECT_EQ(show(exporter, "ActiveState"), "active");
  EXPECT_EQ(show(window, "ActiveState"), "inactive");
}

TEST_F(UnitsTest, AreNotTriedAgainWithoutTheSettingsOfAFurtherEngine) {
  machine_->install(package());
  for (const std::string unit : {"repodigest_exporter@build", "repodigest_exporter-window@build"}) {
    const auto started = machine_->run({"systemctl", "start", unit});
    EXPECT_NE(started.exit_code, 0) << unit;
    EXPECT_EQ(show(unit, "ActiveState"), "inactive") << "no restart is planned";
  }
}

TEST_F(UnitsTest, ServeACorrectedApiToAGroupThatMayNothingElse) {
  machine_->start_engine();
  machine_->give_socket_to("docker");
  machine_->install(package());
  machine_->shell(
      "groupadd --system docker-readers; useradd --groups docker-readers reader;"
      "mkdir -p /etc/systemd/system/repodigest_exporter.service.d;"
      "printf '[Service]\nSupplementaryGroups=docker-readers\n' "
      ">/etc/systemd/system/repodigest_exporter.service.d/readers.conf;"
      "printf '%s\n' "
      "REPODIGEST_EXPORTER_DOCKER_API_LISTEN_ADDRESS=unix:///run/repodigest_exporter/docker.sock "
      "REPODIGEST_EXPORTER_DOCKER_API_SOCKET_GROUP=docker-readers >>/etc/default/repodigest_exporter;"
      "systemctl daemon-reload; systemctl restart repodigest_exporter");
  EXPECT_EQ(ask_as("reader", "reader", "/run/repodigest_exporter/docker.sock"), 0);
  EXPECT_EQ(ask_as("nobody", "nogroup", "/run/repodigest_exporter/docker.sock"), 7);
  EXPECT_EQ(ask_as("reader", "reader", "/run/repodigest_exporter-window/docker.sock"), 7);
  EXPECT_NE(machine_
                ->run({"setpriv", "--reuid=reader", "--regid=reader", "--init-groups", "ls",
                       "/etc/repodigest_exporter"})
                .exit_code,
            0);
}

TEST_F(UnitsTest, RunForARootlessEngineInItsUsersOwnServiceManager) {
  machine_->start_engine();
  machine_->install(package());
  machine_->shell(
      "systemctl stop repodigest_exporter; useradd --create-home tester; mkdir -p /run/user/4711; usermod -u "
      "4711 tester;"
      "ln -s /shared/engine/docker.sock /run/user/4711/docker.sock; chown -R tester /run/user/4711 "
      "/home/tester;"
      "chown tester /shared/engine/docker.sock; chmod 0600 /shared/engine/docker.sock; chmod 0700 "
      "/run/user/4711;"
      "systemd-run --quiet --unit=manager --property=User=tester --property=Delegate=yes "
      "--property=Type=notify "
      "--setenv=XDG_RUNTIME_DIR=/run/user/4711 --setenv=HOME=/home/tester /lib/systemd/systemd --user");
  const std::string as_tester =
      "setpriv --reuid=tester --regid=tester --init-groups env HOME=/home/tester "
      "XDG_RUNTIME_DIR=/run/user/4711 ";
  EXPECT_THAT(machine_->shell(as_tester + "systemd-analyze --user verify repodigest_exporter.service"),
              IsEmpty());
  machine_->shell(as_tester + "systemctl --user start repodigest_exporter");
  EXPECT_TRUE(machine_->wait_for_metric(duplicates, 5));
  EXPECT_GT(machine_->metric("process_start_time_seconds"), 1e9);
  machine_->shell(as_tester +
                  "systemctl --user stop repodigest_exporter; test -s "
                  "/home/tester/.cache/repodigest_exporter/cache");
}

TEST_F(UnitsTest, GiveSystemdNothingToSay) {
  machine_->install(package());
  EXPECT_THAT(
      machine_->shell("cd /usr/lib/systemd/system; systemd-analyze verify repodigest_exporter.service "
                      "repodigest_exporter-window.service repodigest_exporter@.service "
                      "repodigest_exporter-window@.service repodigest_exporter@x.service "
                      "repodigest_exporter-window@x.service"),
      IsEmpty());
}

TEST(UnitFilesTest, AreHardenedToOneAndAHalfAtMost) {
  if (!support::succeeds("systemd-analyze --version"))
    GTEST_SKIP() << "THERE IS NO SYSTEMD-ANALYZE HERE: the hardening of the units was not judged";
  const support::TemporaryFolder runtime;
  int units = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(REPODIGEST_SOURCE_DIR "/deploy/systemd")) {
    if (entry.path().extension() != ".service") continue;
    ++units;
    const bool users = entry.path().parent_path().filename() == "user";
    const auto judged = run({"env", "XDG_RUNTIME_DIR=" + runtime.path().string(), "systemd-analyze",
                             users ? "--user" : "--system", "security", "--offline=true", "--threshold=15",
                             "--no-pager", entry.path().string()});
    EXPECT_EQ(judged.exit_code, 0) << entry.path() << '\n' << said(judged);
  }
  EXPECT_EQ(units, 5);
}

}  // namespace
}  // namespace repodigest::deploy
