// The Debian package: what is in it, and that dpkg installs, upgrades, removes and purges it, with systemd
// and without.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "deploy/machine.h"
#include "support/feed_command.h"
#include "support/temporary_folder.h"

namespace repodigest::deploy {
namespace {

using support::eventually;
using support::read_file;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

const std::string duplicates = "docker_images_with_duplicate_repo_digests";
const std::string drop_in = "/etc/systemd/system/repodigest_exporter-window.service.d/10-socket-group.conf";
const std::string socket_group = "/usr/lib/repodigest_exporter/socket-group";

class PackageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (package().empty())
      GTEST_SKIP() << "THERE IS NO DPKG-SHLIBDEPS HERE, and so no package: it was not tested";
  }
  static std::string field(const std::string& name) {
    return said(run({"dpkg-deb", "--field", package().string(), name}));
  }
};

/// Makes a machine to install into, or skips the test.
#define MACHINE_OR_SKIP(name, kind)  \
  Machine name(Machine::Kind::kind); \
  if (!(name).missing().empty())     \
  GTEST_SKIP() << "THERE IS NO MACHINE TO INSTALL INTO, and so that was not tested: " << (name).missing()

TEST_F(PackageTest, GivesLintianNothingToWarnOf) {
  if (!support::succeeds("lintian --version"))
    GTEST_SKIP() << "THERE IS NO LINTIAN HERE: it did not judge the package";
  const auto judged = run({"lintian", "--allow-root", "--fail-on", "error,warning", package().string()});
  EXPECT_EQ(judged.exit_code, 0) << said(judged);
  EXPECT_THAT(said(judged), IsEmpty());
}

TEST_F(PackageTest, HoldsAStrippedProgramWithItsPapers) {
  EXPECT_EQ(field("Package"), "repodigest-exporter\n");
  EXPECT_THAT(field("Version"), MatchesRegex("[0-9.]+-1\n"));
  EXPECT_THAT(field("Depends"), AllOf(HasSubstr("libc6 (>="), HasSubstr("libssl3"), HasSubstr("adduser")));
  const support::TemporaryFolder unpacked;
  ASSERT_EQ(run({"dpkg-deb", "--extract", package().string(), unpacked.path().string()}).exit_code, 0);
  const auto inside = [&](const std::string& path) { return unpacked.path() / path; };
  EXPECT_THAT(said(run({"file", inside("usr/bin/repodigest_exporter").string()})),
              AllOf(HasSubstr("pie executable"), HasSubstr(", stripped")));
  EXPECT_THAT(said(run({"zcat", inside("usr/share/doc/repodigest-exporter/changelog.Debian.gz").string()})),
              StartsWith("repodigest-exporter ("));
  for (const auto* path :
       {"usr/share/man/man1/repodigest_exporter.1.gz", "usr/share/doc/repodigest-exporter/copyright",
        "usr/share/doc/repodigest-exporter/libraries/nlohmann-json3-dev",
        "usr/share/repodigest_exporter/dashboards/fleet.json",
        "usr/share/repodigest_exporter/prometheus/alerts.yml",
        "usr/share/repodigest_exporter/images.schema.json"})
    EXPECT_TRUE(std::filesystem::exists(inside(path))) << path;
  EXPECT_THAT(said(run({"dpkg-deb", "--contents", package().string()})), Not(HasSubstr(" ./usr/local")));
}

TEST_F(PackageTest, KeepsSettingsOverAnUpgradeAndStartsTheUnitsAnew) {
  MACHINE_OR_SKIP(machine, systemd);
  machine.start_engine();
  machine.give_socket_to("docker");
  machine.install(package());
  machine.shell(
      "echo REPODIGEST_EXPORTER_WEB_LISTEN_ADDRESS=:10480 >>/etc/default/repodigest_exporter;"
      "echo REPODIGEST_EXPORTER_WEB_LISTEN_ADDRESS=:10481 >/etc/default/repodigest_exporter-other;"
      "echo >/etc/default/repodigest_exporter-window-other; /usr/lib/repodigest_exporter/socket-group other;"
      "systemctl restart repodigest_exporter; systemctl start "
      "repodigest_exporter-window@other repodigest_exporter@other");
  ASSERT_TRUE(machine.wait_for_metric(duplicates, 5, 10480));
  ASSERT_TRUE(machine.wait_for_metric(duplicates, 5, 10481));
  const std::string pids =
      "systemctl show --value --property=MainPID repodigest_exporter repodigest_exporter-window "
      "repodigest_exporter@other repodigest_exporter-window@other | grep .";
  const auto before = machine.shell(pids);
  const support::TemporaryFolder folder;
  EXPECT_THAT(machine.install(next_revision(folder.path())), HasSubstr("is in the group docker already"));
  EXPECT_THAT(machine.shell("dpkg-query --show repodigest-exporter"), HasSubstr("-1.1\n"));
  EXPECT_TRUE(machine.wait_for_metric(duplicates, 5, 10480));
  EXPECT_TRUE(machine.wait_for_metric(duplicates, 5, 10481));
  std::istringstream old_lines(before), new_lines(machine.shell(pids));
  int units = 0;
  for (std::string a, b; std::getline(old_lines, a) && std::getline(new_lines, b); ++units) {
    EXPECT_NE(a, b);
    EXPECT_NE(b, "0");
  }
  EXPECT_EQ(units, 4);

  machine.shell("systemctl disable --now repodigest_exporter-window");
  machine.install(package());
  EXPECT_EQ(machine.run({"systemctl", "is-enabled", "repodigest_exporter-window"}).output, "disabled\n");
  EXPECT_EQ(machine.run({"systemctl", "is-active", "repodigest_exporter-window"}).output, "inactive\n");
}

TEST_F(PackageTest, LeavesNothingButTheUsersWhenItIsPurged) {
  MACHINE_OR_SKIP(machine, systemd);
  machine.start_engine();
  machine.give_socket_to("docker");
  // Files that are not as they were, folders of ours; but what dpkg, useradd and logs keep.
  const std::string files =
      "find /changed /run '(' -path /changed/changed -o -path /changed/var/lib/dpkg -o -path "
      "/changed/var/log -o -path "
      "/run/systemd ')' -prune -o '(' ! -type d -o -name '*repodigest*' ')' -print | grep -vE "
      "'^/changed/etc/((passwd|group|shadow|gshadow|subuid|subgid)-?|.pwd.lock)$' | sort";
  machine.shell(files + " >/tmp/before");
  const auto said_then = machine.install(package());
  ASSERT_TRUE(machine.wait_for_metric(duplicates, 5)) << said_then;
  machine.shell(
      "echo '# mine' >>/etc/default/repodigest_exporter; touch /etc/default/repodigest_exporter-window-other;"
      "/usr/lib/repodigest_exporter/socket-group other;"
      "systemctl enable repodigest_exporter@other repodigest_exporter-window@other");
  machine.shell("dpkg --remove repodigest-exporter");
  EXPECT_EQ(
      machine.run({"systemctl", "is-active", "repodigest_exporter", "repodigest_exporter-window"}).output,
      "inactive\ninactive\n");
  EXPECT_THAT(machine.shell("cat /etc/default/repodigest_exporter"), HasSubstr("# mine"));
  machine.shell(
      "test -e /var/lib/repodigest_exporter/cache; rm /etc/default/repodigest_exporter-window-other "
      "/shared/repodigest*.deb");
  machine.shell("dpkg --purge repodigest-exporter");
  EXPECT_THAT(machine.shell(files + " | comm -13 /tmp/before -"), IsEmpty());
  EXPECT_THAT(machine.shell("getent passwd repodigest_exporter repodigest_window"),
              HasSubstr("/usr/sbin/nologin"));
}

/// Where Docker's packages have dockerd: docker.io, docker-ce.
class DockerPackageTest : public PackageTest, public ::testing::WithParamInterface<std::string> {};
INSTANTIATE_TEST_SUITE_P(In, DockerPackageTest, ::testing::Values("sbin", "bin"),
                         [](const auto& where) { return where.param; });

TEST_P(DockerPackageTest, IsFoundWhenItIsInstalledLater) {
  MACHINE_OR_SKIP(machine, systemd);
  machine.start_engine();
  machine.shell(
      "rm -f /run/docker.sock; groupdel docker 2>/dev/null || true; mkdir -p /tmp/docker/DEBIAN;"
      "cd /tmp/docker; install -D /dev/null usr/" +
      GetParam() +
      "/dockerd;"
      "printf '%s\\n' 'Package: the-engine' 'Version: 1' 'Architecture: all' 'Maintainer: a test "
      "<t@example.org>' "
      "'Description: what has dockerd' >DEBIAN/control;"
      "printf '%s\\n' '#!/bin/sh -e' 'groupadd --system docker' 'chgrp docker /shared/engine/docker.sock' "
      "'chmod 660 /shared/engine/docker.sock' 'ln -s /shared/engine/docker.sock /run/docker.sock' "
      ">DEBIAN/postinst;"
      "chmod 755 DEBIAN/postinst; dpkg-deb --build . /tmp/docker.deb");
  EXPECT_THAT(machine.install(package()), HasSubstr("no group docker"));
  machine.shell("test ! -e " + drop_in);
  EXPECT_TRUE(machine.wait_for_metric("docker_up", 0));
  EXPECT_EQ(machine.shell("systemctl is-active repodigest_exporter repodigest_exporter-window"),
            "active\nactive\n");
  EXPECT_THAT(machine.shell("dpkg --install --force-overwrite /tmp/docker.deb"),
              HasSubstr("is now in the group docker"));
  EXPECT_TRUE(machine.wait_for_metric(duplicates, 5));
}

TEST_F(PackageTest, LetsTheWindowIntoTheGroupOfTheSocketAndIntoNoGroupThatIsMore) {
  MACHINE_OR_SKIP(machine, bare);
  machine.start_engine();
  machine.give_socket_to("root");
  machine.shell("groupdel docker 2>/dev/null || true");
  EXPECT_THAT(machine.install(package()),
              HasSubstr("the group of /run/docker.sock is root. The window is not let into"));
  const auto settings = [&](const std::string& line) {
    machine.shell("printf '%s\\n' '" + line + "' >/etc/default/repodigest_exporter-window");
  };
  const auto dropped = [&] { return machine.run({"cat", drop_in}).output; };
  const auto refused = [&](const std::string& why, std::vector<std::string> arguments = {},
                           int exit_code = 1) {
    arguments.insert(arguments.begin(), socket_group);
    const auto outcome = machine.run(std::move(arguments));
    EXPECT_EQ(outcome.exit_code, exit_code) << said(outcome);
    EXPECT_THAT(outcome.errors, HasSubstr(why));
    EXPECT_THAT(dropped(), IsEmpty());
  };

  refused("the group of /run/docker.sock is root");
  machine.shell("echo 'also-root:x:0:' >>/etc/group");
  refused("the group of /run/docker.sock is root");
  machine.give_socket_to("docker");
  EXPECT_THAT(machine.shell(socket_group), HasSubstr("is now in the group docker, that of /run/docker.sock"));
  EXPECT_THAT(dropped(), HasSubstr("\n[Service]\nSupplementaryGroups=docker\n"));
  const std::string made = "stat -c '%y %i' " + drop_in;
  const auto first_made = machine.shell(made);
  EXPECT_THAT(machine.shell(socket_group), HasSubstr("is in the group docker already"));
  EXPECT_EQ(machine.shell(made), first_made) << "it does nothing twice";
  // An engine that rests keeps its group.
  machine.shell("mv /run/docker.sock /run/other.sock");
  EXPECT_THAT(machine.shell(socket_group), HasSubstr("stays in the group docker"));
  settings(" REPODIGEST_EXPORTER_DOCKER_HOST=\"unix:///run/other.sock\" ");
  EXPECT_THAT(machine.shell(socket_group), HasSubstr("already, that of /run/other.sock"));
  // What it may not be let into takes it out of what it was in, too.
  machine.give_socket_to("docker", "0600");
  EXPECT_THAT(dropped(), HasSubstr("docker"));
  refused("the group of /run/other.sock may not write there (mode 600)");
  settings("REPODIGEST_EXPORTER_DOCKER_HOST=tcp://engine.example.org:2376");
  refused("is no unix socket");
  settings("REPODIGEST_EXPORTER_DOCKER_HOST=unix:///run/user/1000/docker.sock");
  refused("For a rootless engine there is a unit of that user");
  settings("REPODIGEST_EXPORTER_DOCKER_HOST=unix:///etc/passwd");
  refused("/etc/passwd is no socket");
  settings("REPODIGEST_EXPORTER_DOCKER_HOST=unix:///run/$(touch /run/oops)");
  refused("characters other than");
  machine.shell("test ! -e /run/oops");
  settings("REPODIGEST_EXPORTER_DOCKER_HOST=unix:///run/other.sock");
  machine.shell("chgrp 4711 /run/other.sock; chmod 660 /run/other.sock");
  refused("is number 4711, which has no name");
  machine.shell("echo 'doc%ker:x:4711:' >>/etc/group");
  refused("does not go into a unit safely");
  machine.shell("sed -i 's/^doc%ker/docker/' /etc/group");
  refused("two groups have the name docker");
  refused("the name of an engine has no other characters", {"../../etc"}, 2);
  refused("the name of an engine has no other characters", {"a b"}, 2);
  refused("usage:", {""}, 2);
  // A drop-in of that name that someone else wrote stays.
  machine.shell("sed -i '/:4711:/d' /etc/group; chgrp docker /run/other.sock; mkdir -p $(dirname " + drop_in +
                "); echo '[Service]' >" + drop_in);
  EXPECT_THAT(machine.shell(socket_group), HasSubstr("as it is, for it was not written by this script"));
  EXPECT_EQ(dropped(), "[Service]\n");
}

TEST_F(PackageTest, SaysSoWhereTheGroupCannotBeWrittenAndIsPurgedAllTheSame) {
  MACHINE_OR_SKIP(machine, bare);
  machine.start_engine();
  machine.give_socket_to("docker");
  machine.install(package());
  const auto folder = std::filesystem::path(drop_in).parent_path().string();
  machine.shell("rm -r " + folder + "; touch " + folder);
  for (const auto& arguments :
       {std::vector<std::string>{socket_group}, std::vector<std::string>{socket_group, "--all"}}) {
    const auto outcome = machine.run(arguments);
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.output, Not(HasSubstr("is now in the group")));
  }
  // A folder of drop-ins that is kept elsewhere.
  machine.shell("rm " + folder + "; mkdir /srv/drop-ins; ln -s /srv/drop-ins " + folder + "; " +
                socket_group);
  machine.shell("dpkg --purge repodigest-exporter; test ! -e " + drop_in +
                "; test ! -e /var/lib/repodigest_exporter");
}

/// What a unit's file and its drop-ins say, the lines of a key with a space between.
std::map<std::string, std::string> unit_of(const std::string& text) {
  std::map<std::string, std::string> keys;
  std::istringstream lines(text);
  for (std::string line, more; std::getline(lines, line);) {
    while (line.ends_with('\\') && std::getline(lines, more)) line.replace(line.size() - 1, 1, more);
    const auto equals = line.find('=');
    if (line.starts_with('#') || equals == std::string::npos) continue;
    auto& value = keys[line.substr(0, equals)];
    value += (value.empty() ? "" : " ") + line.substr(equals + 1);
  }
  return keys;
}

TEST_F(PackageTest, RunsAsItsUnitsSayWhereNoSystemdIs) {
  MACHINE_OR_SKIP(machine, bare);
  machine.start_engine();
  machine.give_socket_to("docker");
  EXPECT_THAT(machine.install(package()), HasSubstr("is now in the group docker"));
  EXPECT_EQ(machine.shell("stat -c '%a %U %G' /etc/repodigest_exporter"), "750 root repodigest_exporter\n");
  EXPECT_THAT(machine.shell("getent passwd repodigest_exporter repodigest_window"),
              AllOf(HasSubstr("repodigest_exporter:"), HasSubstr(":/nonexistent:/usr/sbin/nologin")));

  std::vector<std::unique_ptr<support::Process>> programs;
  for (const std::string name : {"repodigest_exporter-window", "repodigest_exporter"}) {
    auto unit =
        unit_of(machine.shell("cat /usr/lib/systemd/system/" + name + ".service $(ls /etc/systemd/system/" +
                              name + ".service.d/*.conf 2>/dev/null) </dev/null"));
    std::string groups = unit["Group"];
    std::istringstream others(unit["SupplementaryGroups"]);
    for (std::string other; others >> other;) groups += "," + other;
    const std::string folder = "install -d -o " + unit["User"] + " -g " + unit["Group"] + " -m ";
    machine.shell(folder + "0755 /run/" + unit["RuntimeDirectory"]);
    if (!unit["StateDirectory"].empty()) machine.shell(folder + "0700 /var/lib/" + unit["StateDirectory"]);
    // The shell reads the command line as systemd does, for there is nothing in it but words.
    programs.push_back(std::make_unique<support::Process>(machine.inside(
        {"sh", "-c",
         "exec setpriv --reuid=" + unit["User"] + " --regid=" + unit["Group"] + " --groups=" + groups +
             " --no-new-privs --bounding-set=-all --inh-caps=-all env -i " + unit["Environment"] + " " +
             unit["ExecStart"]})));
  }
  EXPECT_TRUE(machine.wait_for_metric(duplicates, 5)) << programs[0]->errors() << programs[1]->errors();
  const auto as_exporter = [&](const std::string& socket) {
    return machine
        .run({"setpriv", "--reuid=repodigest_exporter", "--regid=repodigest_exporter", "--init-groups",
              "curl", "--silent", "--unix-socket", socket, "http://engine/_ping"})
        .exit_code;
  };
  EXPECT_EQ(as_exporter("/run/docker.sock"), 7) << "it could not connect";
  EXPECT_EQ(as_exporter("/run/repodigest_exporter-window/docker.sock"), 0);
  machine.shell(
      "dpkg --remove repodigest-exporter; dpkg --purge repodigest-exporter; test ! -e "
      "/var/lib/repodigest_exporter;"
      "test ! -e /etc/default/repodigest_exporter; test ! -e " +
      drop_in);
}

}  // namespace
}  // namespace repodigest::deploy
