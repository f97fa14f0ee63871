// The Ansible role with Debian's ansible-core, on a throw-away machine whose process 1 is systemd. The tests
// build on one another, from a host without the package to one that is rid of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "deploy/machine.h"
#include "support/feed_command.h"

namespace repodigest::deploy {
namespace {

using nlohmann::ordered_json;
using support::eventually;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

const std::string folder = REPODIGEST_SOURCE_DIR "/deploy/ansible";
const std::string window = "repodigest_exporter-window";
const std::string exporter = "repodigest_exporter";
/// Two passwords with their hashes.
const std::string old_password = "scrape it";
const std::string old_hash = "$2b$04$aBwSFy2VbpsziiHJYeXB/uqKjApXfHeap4W/4VDAVOtN.8Z241BcO";
const std::string new_password = "the next one";
const std::string new_hash = "$2b$04$O0RWfzLCpyvjHYtt/M5unuR2LaIctaIGvNiE3PEqWC8ICa9rVkAI.";

/// What a play did on the only host, as its recap says.
struct Play {
  int exit_code = -1;
  int changed = -1;
  int failed = -1;
  std::string said;
};

class AnsibleRole : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!support::succeeds("ansible-playbook --version") ||
        !support::succeeds("/usr/bin/python3 -c 'import apt'")) {
      missing_ = "THERE IS NO ANSIBLE-CORE WITH PYTHON3-APT HERE: the role was not tested";
      return;
    }
    if (package().empty()) {
      missing_ = "THERE IS NO PACKAGE: the role was not tested";
      return;
    }
    machine_ = std::make_unique<Machine>(Machine::Kind::systemd);
    if (!machine_->missing().empty()) {
      missing_ =
          "THERE IS NO MACHINE WITH SYSTEMD TO BE HAD HERE, the role was not tested: " + machine_->missing();
      return;
    }
    machine_->start_engine();
    machine_->give_socket_to("docker");
    shared_ = machine_->shared();
    std::filesystem::copy(folder, shared_ / "ansible", std::filesystem::copy_options::recursive);
    std::ofstream(shared_ / "hosts") << "[docker]\nhere ansible_connection=local "
                                        "ansible_python_interpreter=/usr/bin/python3\n";
    first_ = offered(package());
    settings_ = {{"repodigest_exporter_package_file", first_},
                 {"repodigest_exporter_update_cache", false},  // there is no network
                 {"repodigest_exporter_config",
                  {{"poll.interval", "1m"},
                   {"web.listen-address", {"127.0.0.1:10474"}},
                   {"docker-api.web.config.file", "/etc/repodigest_exporter/api.yml"}}},
                 {"repodigest_exporter_basic_auth_users", {{"prometheus", old_hash}}},
                 {"repodigest_exporter_files",
                  {{{"name", "server.key"}, {"content", "words of a key\n"}},
                   // The config file names it, and is checked before it is written.
                   {{"name", "api.yml"}, {"content", "# no TLS\n"}}}},
                 {"repodigest_exporter_environment", {{"LOG_LEVEL", "debug"}}},
                 {"repodigest_exporter_instances",
                  {{{"name", "build"},
                    {"docker_host", "unix:///shared/engine/docker.sock"},
                    {"listen_address", "127.0.0.1:10475"},
                    {"environment", {{"POLL_EVENTS", false}}}}}}};
  }
  static void TearDownTestSuite() { machine_.reset(); }
  void SetUp() override {
    if (!missing_.empty()) GTEST_SKIP() << missing_;
  }
  void TearDown() override {
    if (HasFailure() && missing_.empty())
      std::cerr << said(machine_->run(
          {"sh", "-c", "systemctl status 'repodigest*' --no-pager -l; journalctl -n 60 -o cat"}));
  }

  /// A package, on the machine.
  static std::string offered(const std::filesystem::path& package) {
    std::filesystem::copy_file(package, shared_ / package.filename());
    return "/shared/" + package.filename().string();
  }

  /// Plays the example playbook with the settings of now.
  static Play play(const std::vector<std::string>& options = {}) {
    std::ofstream(shared_ / "settings.json") << settings_.dump();
    std::vector<std::string> command = {"env",
                                        "HOME=/root",
                                        "ANSIBLE_PIPELINING=1",
                                        "ANSIBLE_GATHER_SUBSET=!all",
                                        "ANSIBLE_NOCOLOR=1",
                                        "ansible-playbook",
                                        "--inventory=/shared/hosts",
                                        "--extra-vars=@/shared/settings.json",
                                        "/shared/ansible/playbook.yml"};
    command.insert(command.end(), options.begin(), options.end());
    support::Process process(machine_->inside(std::move(command)));
    const auto ended = process.wait(std::chrono::seconds(240));
    if (!ended) return {-1, -1, -1, "it did not end: " + process.errors()};
    Play play{ended->exit_code, -1, -1, said(*ended)};
    const auto number = [&](const std::string& name) {
      const auto at = ended->output.rfind(name + "=");
      return at == std::string::npos ? -1 : std::stoi(ended->output.substr(at + name.size() + 1));
    };
    play.changed = number("changed");
    play.failed = number("failed");
    return play;
  }
  static void expect_played(const Play& play) {
    EXPECT_EQ(play.exit_code, 0) << play.said;
    EXPECT_EQ(play.failed, 0) << play.said;
  }

  static std::string shown(const std::string& unit, const std::string& property) {
    auto value = machine_->shell("systemctl show --value --property=" + property + " '" + unit + "'");
    if (!value.empty()) value.pop_back();
    return value;
  }
  static std::string pid_of(const std::string& unit) { return shown(unit, "MainPID"); }
  static bool there(const std::string& path) { return machine_->run({"test", "-e", path}).exit_code == 0; }
  /// Mode, owner and group.
  static std::string guard_of(const std::string& path) {
    return machine_->shell("stat -c '%a %U:%G' '" + path + "'");
  }
  /// The status of a scrape at a port.
  static std::string scrape(const std::string& password, int port = 10474) {
    return machine_
        ->run({"curl", "--silent", "--output", "/shared/scraped", "--write-out", "%{http_code}", "--user",
               "prometheus:" + password, "http://127.0.0.1:" + std::to_string(port) + "/metrics"})
        .output;
  }
  /// Whether the exporter shows the engine's five images with duplicates.
  static bool shows_the_engine(const std::string& password, int port = 10474) {
    return eventually([&] {
      return scrape(password, port) == "200" &&
             support::value_of(support::read_file(shared_ / "scraped"),
                               "docker_images_with_duplicate_repo_digests") == 5;
    });
  }

  static inline std::string missing_;
  static inline std::unique_ptr<Machine> machine_;
  static inline std::filesystem::path shared_;
  static inline std::string first_;
  static inline ordered_json settings_;
};

TEST_F(AnsibleRole, ChangesNothingOnAFreshHostInADryRun) {
  const auto played = play({"--check", "--diff"});
  expect_played(played);
  EXPECT_GT(played.changed, 0) << "it says what it would do";
  EXPECT_FALSE(there("/usr/bin/repodigest_exporter"));
  EXPECT_FALSE(there("/var/cache/repodigest_exporter"));
  EXPECT_FALSE(there("/etc/repodigest_exporter"));
}

TEST_F(AnsibleRole, RefusesADownloadWithoutAChecksum) {
  const auto before = settings_;
  settings_["repodigest_exporter_package_file"] = "";
  settings_["repodigest_exporter_package_url"] = "http://127.0.0.1/repodigest-exporter.deb";
  const auto played = play();
  settings_ = before;
  EXPECT_EQ(played.exit_code, 2);
  EXPECT_THAT(played.said, HasSubstr("with repodigest_exporter_package_checksum"));
}

// It would be written, and no unit would know it.
TEST_F(AnsibleRole, RefusesAVariableThatIsNone) {
  const auto before = settings_;
  settings_["repodigest_exporter_instances"][0]["environment"] = {{"log.level", "debug"}};
  const auto played = play();
  settings_ = before;
  EXPECT_EQ(played.exit_code, 2);
  EXPECT_THAT(played.said, HasSubstr("LOG_LEVEL for --log.level"));
}

TEST_F(AnsibleRole, InstallsConfiguresAndStartsTheUnits) {
  const auto played = play({"--diff", "-v"});
  expect_played(played);
  EXPECT_TRUE(shows_the_engine(old_password)) << played.said;
  EXPECT_EQ(scrape("guessed"), "401");
  for (const auto& unit : {window, exporter})
    EXPECT_EQ(machine_->shell("systemctl is-enabled " + unit), "enabled\n");

  EXPECT_EQ(guard_of("/etc/repodigest_exporter"), "750 root:repodigest_exporter\n");
  for (const auto* file : {"config.yml", "web.yml", "server.key"})
    EXPECT_EQ(guard_of(std::string("/etc/repodigest_exporter/") + file), "640 root:repodigest_exporter\n")
        << file;
  EXPECT_EQ(machine_->shell("cat /etc/repodigest_exporter/server.key"), "words of a key\n");
  EXPECT_THAT(machine_->shell("cat /etc/default/repodigest_exporter"),
              HasSubstr("REPODIGEST_EXPORTER_LOG_LEVEL=\"debug\"\n"));
  EXPECT_THAT(played.said, Not(HasSubstr(old_hash)));
  EXPECT_THAT(played.said, Not(HasSubstr("words of a key")));
}

// The package would start its units itself, before there is any user or address.
TEST_F(AnsibleRole, LetsNothingListenBeforeItIsConfigured) {
  const auto log = machine_->shell("journalctl -o cat -u repodigest_exporter");
  EXPECT_THAT(log, HasSubstr("msg=listening address=127.0.0.1:10474"));
  EXPECT_THAT(log, Not(HasSubstr("address=:10474"))) << "its default, all addresses";
  EXPECT_FALSE(there("/usr/sbin/policy-rc.d")) << "what kept the package from it is gone";
}

TEST_F(AnsibleRole, StartsAPairOfUnitsForAnotherEngine) {
  EXPECT_TRUE(shows_the_engine(old_password, 10475));
  EXPECT_EQ(shown("repodigest_exporter-window@build", "ActiveState"), "active");
  EXPECT_THAT(machine_->shell("cat /etc/default/repodigest_exporter-build"),
              HasSubstr("REPODIGEST_EXPORTER_POLL_EVENTS=\"false\"\n"));
}

TEST_F(AnsibleRole, ChangesNothingTheSecondTime) {
  const auto pids = pid_of(window) + " " + pid_of(exporter);
  const auto played = play();
  expect_played(played);
  EXPECT_EQ(played.changed, 0) << played.said;
  EXPECT_EQ(pid_of(window) + " " + pid_of(exporter), pids);
}

TEST_F(AnsibleRole, KeepsWhatRunsWhereTheConfigFileIsWrong) {
  const auto before = settings_;
  settings_["repodigest_exporter_config"]["poll.intervall"] = "2m";
  const auto pid = pid_of(exporter);
  const auto played = play();
  settings_ = before;
  EXPECT_EQ(played.exit_code, 2);
  EXPECT_THAT(played.said, HasSubstr("did you mean poll.interval?"));
  EXPECT_THAT(machine_->shell("cat /etc/repodigest_exporter/config.yml"), Not(HasSubstr("intervall")));
  EXPECT_EQ(pid_of(exporter), pid);
}

TEST_F(AnsibleRole, UpgradesByADownloadRestartsAndTakesAnEngineAway) {
  const auto old_window = pid_of(window);
  const auto old_exporter = pid_of(exporter);
  const support::TemporaryFolder made;
  const auto second = offered(next_revision(made.path()));
  machine_->shell(
      "systemd-run --quiet /usr/bin/python3 -m http.server --bind 127.0.0.1 --directory /shared 8000");
  ASSERT_TRUE(eventually([] {
    return machine_->run({"curl", "--silent", "127.0.0.1:8000"}).exit_code == 0;
  }));
  settings_["repodigest_exporter_package_file"] = "";
  settings_["repodigest_exporter_package_url"] =
      "http://127.0.0.1:8000/" + std::filesystem::path(second).filename().string();
  settings_["repodigest_exporter_package_checksum"] =
      "sha256:" + machine_->shell("sha256sum " + second).substr(0, 64);
  settings_["repodigest_exporter_basic_auth_users"]["prometheus"] = new_hash;
  settings_["repodigest_exporter_instances"][0]["state"] = "absent";
  const auto played = play();
  expect_played(played);
  EXPECT_THAT(machine_->shell("dpkg-query -W -f '${Version}' repodigest-exporter"), EndsWith("-1.1"));
  EXPECT_TRUE(shows_the_engine(new_password)) << played.said;
  EXPECT_EQ(scrape(old_password), "401");
  EXPECT_NE(pid_of(window), old_window);
  EXPECT_NE(pid_of(exporter), old_exporter);
  for (const auto& unit : {"repodigest_exporter@build", "repodigest_exporter-window@build"})
    EXPECT_EQ(shown(unit, "ActiveState"), "inactive") << unit;
  EXPECT_FALSE(there("/etc/default/repodigest_exporter-build"));
  EXPECT_FALSE(there("/etc/default/repodigest_exporter-window-build"));
  EXPECT_FALSE(there("/etc/systemd/system/repodigest_exporter-window@build.service.d/10-socket-group.conf"));
}

TEST_F(AnsibleRole, RunsNoWindowForAnEngineByTcp) {
  settings_["repodigest_exporter_window_enabled"] = false;
  settings_["repodigest_exporter_environment"] = {{"DOCKER_HOST", "tcp://127.0.0.1:9"}};
  expect_played(play());
  EXPECT_EQ(shown(window, "ActiveState"), "inactive");
  EXPECT_EQ(machine_->run({"systemctl", "is-enabled", window}).output, "disabled\n");
  EXPECT_EQ(shown(exporter, "ActiveState"), "active");
}

// With --full first without its settings, then with them.
TEST_F(AnsibleRole, RemovesThePackageAndWithPurgeItsSettings) {
  settings_["repodigest_exporter_state"] = "absent";
  if (std::getenv("REPODIGEST_FULL") != nullptr) {
    expect_played(play());
    EXPECT_FALSE(there("/usr/bin/repodigest_exporter"));
    EXPECT_TRUE(there("/etc/repodigest_exporter/web.yml"));
    EXPECT_TRUE(there("/etc/default/repodigest_exporter"));
  }
  settings_["repodigest_exporter_purge"] = true;
  expect_played(play());
  for (const auto* path : {"/usr/bin/repodigest_exporter", "/etc/repodigest_exporter",
                           "/etc/default/repodigest_exporter", "/etc/default/repodigest_exporter-window",
                           "/var/lib/repodigest_exporter", "/var/cache/repodigest_exporter"})
    EXPECT_FALSE(there(path)) << path;
  EXPECT_EQ(machine_->run({"dpkg-query", "-W", "repodigest-exporter"}).exit_code, 1);
  for (const auto& unit : {window, exporter}) EXPECT_EQ(shown(unit, "ActiveState"), "inactive") << unit;
}

TEST_F(AnsibleRole, HasAnExampleInventoryThatNamesThePackage) {
  const auto listed = run({"ansible-inventory", "--inventory", folder + "/inventory.yml", "--list"});
  ASSERT_EQ(listed.exit_code, 0) << said(listed);
  const auto host = ordered_json::parse(listed.output).at("_meta").at("hostvars").at("docker-2.example.org");
  // Where the README's commands pack it, as seen from the playbook.
  EXPECT_EQ(host.at("repodigest_exporter_package_file").get<std::string>(),
            "../../build/package/" + std::filesystem::path(first_).filename().string());
  EXPECT_EQ(host.at("repodigest_exporter_instances").size(), 1U);
}

}  // namespace
}  // namespace repodigest::deploy
