// The container image: its Dockerfile, its root, and the two instances that run in it as compose.yaml says,
// with no way to write but where a volume is. By default the root is laid out on this machine; the image is
// really built with tests/run --full.
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "support/feed_command.h"
#include "support/recording.h"
#include "support/replay_engine.h"
#include "support/temporary_folder.h"
#include "tools.h"

namespace repodigest {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using support::read_file;
using testing::HasSubstr;

constexpr unsigned exporter_id = 65532;
constexpr unsigned window_id = 65533;
constexpr unsigned sockets_group = 4242;  // nobody's

const std::string dockerfile = read_file(deploy::folder / "docker/Dockerfile");

/// What stands behind the last instruction of that name.
std::string last(const std::string& instruction) {
  std::string found;
  const std::regex line("(^|\n)" + instruction + " +((\\\\\n|[^\n])*)");
  for (std::sregex_iterator match(dockerfile.begin(), dockerfile.end(), line), end; match != end; ++match)
    found = (*match)[2];
  return found;
}

std::vector<std::string> words_of_health_check() {
  const std::string text = last("HEALTHCHECK");
  const json words = json::parse(text.substr(text.find("CMD ") + 4), nullptr, false);
  return words.is_array() ? words.get<std::vector<std::string>>() : std::vector<std::string>{};
}

TEST(Dockerfile, EndsInAnImageWithoutAShellThatRunsAsNobodyInParticular) {
  const std::string final_stage = dockerfile.substr(dockerfile.rfind("\nFROM "));
  EXPECT_TRUE(final_stage.starts_with("\nFROM scratch\n"));
  EXPECT_EQ(final_stage.find("\nRUN "), std::string::npos);
  EXPECT_TRUE(std::regex_match(last("USER"), std::regex("[1-9][0-9]*:[1-9][0-9]*")))
      << "a number, so that Kubernetes can see that it is not root";
  EXPECT_EQ(last("ENTRYPOINT"), "[\"/usr/bin/repodigest_exporter\"]");
  EXPECT_EQ(last("EXPOSE"), "10474");
  EXPECT_EQ(last("STOPSIGNAL"), "SIGTERM");
  EXPECT_THAT(dockerfile, HasSubstr("ARG BASE=debian:bookworm-slim\n"));
  EXPECT_EQ(words_of_health_check(),
            (std::vector<std::string>{"/usr/bin/repodigest_exporter", "healthcheck"}));
}

TEST(Dockerfile, AndItsUsersNameTheVersionOfTheProject) {
  std::smatch version;
  const std::string top = read_file(deploy::top / "CMakeLists.txt");
  ASSERT_TRUE(std::regex_search(top, version, std::regex("project\\(repodigest_exporter VERSION ([0-9.]+)")));
  EXPECT_EQ(last("ARG"), "VERSION=" + version[1].str());
  for (const char* file : {"docker/Dockerfile", "compose/compose.yaml", "swarm/stack.yml"}) {
    const std::string text = read_file(deploy::folder / file);
    const std::regex tag("repodigest_exporter:([0-9.]+[0-9])");
    std::size_t named = 0;
    for (std::sregex_iterator match(text.begin(), text.end(), tag), end; match != end; ++match, ++named)
      EXPECT_EQ((*match)[1], version[1]) << file;
    EXPECT_GT(named, 0U) << file;
  }
  const YAML::Node base = YAML::LoadFile((deploy::folder / "kubernetes/base/kustomization.yaml").string());
  EXPECT_EQ(base["images"][0]["newTag"].as<std::string>(), version[1]);
}

TEST(Dockerfile, CopiesNothingThatIsNotInTheTree) {
  const std::string ignore = read_file(deploy::top / ".dockerignore");
  EXPECT_THAT(ignore, HasSubstr("\n*\n")) << "only what is named goes in";
  const std::regex line("\n!([^*\n]+)");
  for (std::sregex_iterator match(ignore.begin(), ignore.end(), line), end; match != end; ++match)
    EXPECT_TRUE(fs::exists(deploy::top / (*match)[1].str())) << (*match)[1];
}

/// Runs programs in the root of an image as a container would: as somebody, with few groups, without
/// capabilities (who is not root has none, and gets none), without a network if so wished, with a root that
/// nobody can write to.
class Container {
 public:
  explicit Container(fs::path root) : root_(std::move(root)) {}
  /// A folder of the host in place of one of the image.
  void mount(const fs::path& source, const std::string& target) { mounts_[target] = source.string(); }

  [[nodiscard]] std::vector<std::string> command(unsigned id, const std::string& groups, bool network,
                                                 const std::vector<std::string>& words) const {
    std::string script = "mount --rbind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" && ";
    for (const auto& [target, source] : mounts_)
      script += "mount --bind " + source + " \"$0\"" + target + " && ";
    script += "exec chroot --userspec=" + std::to_string(id) + ":" + std::to_string(id) +
              " --groups=" + (groups.empty() ? std::to_string(id) : groups) + " \"$0\" \"$@\"";
    std::vector<std::string> all = {"setpriv", "--no-new-privs", "unshare",
                                    "--mount", "--propagation",  "private"};
    if (!network) all.emplace_back("--net");
    all.insert(all.end(), {"sh", "-c", script, root_.string()});
    all.insert(all.end(), words.begin(), words.end());
    return all;
  }

 private:
  fs::path root_;
  std::map<std::string, std::string> mounts_;
};

/// The environment of a service of compose.yaml, with the defaults of its variables.
support::Process::Environment environment_of(const std::string& service) {
  support::Process::Environment environment;
  const YAML::Node compose = YAML::LoadFile((deploy::folder / "compose/compose.yaml").string());
  for (const auto& entry : compose["services"][service]["environment"])
    environment[entry.first.as<std::string>()] =
        std::regex_replace(entry.second.as<std::string>(), std::regex("\\$\\{[A-Z_]+:-([^}]*)\\}"), "$1");
  return environment;
}

class Image : public ::testing::Test {
 protected:
  void SetUp() override {
    if (deploy::sanitized)
      GTEST_SKIP() << "A SANITIZER'S PROGRAM IS NOT WHAT RUNS IN AN IMAGE: nothing was run";
    if (::geteuid() != 0 || !support::succeeds("unshare --mount --net true"))
      GTEST_SKIP() << "NOT ROOT, OR NO NAMESPACES HERE: nothing was run in the image's root";
  }

  /// What the files of any image must be.
  static void expect_nothing_to_run_but_the_program(const fs::path& root) {
    std::set<std::string> programs;
    std::uintmax_t bytes = 0;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      struct stat status = {};
      ASSERT_EQ(::lstat(entry.path().c_str(), &status), 0);
      if (!S_ISREG(status.st_mode)) continue;
      bytes += static_cast<std::uintmax_t>(status.st_size);
      EXPECT_EQ(status.st_mode & (S_ISUID | S_ISGID), 0U) << entry.path();
      EXPECT_EQ(status.st_mode & S_IWOTH, 0U) << entry.path();
      if ((status.st_mode & S_IXUSR) != 0 &&
          entry.path().filename().string().find(".so") == std::string::npos)
        programs.insert(fs::relative(entry.path(), root).string());
    }
    EXPECT_EQ(programs, std::set<std::string>{"usr/bin/repodigest_exporter"});
    EXPECT_LT(bytes, std::uintmax_t{30} << 20U);
    RecordProperty("megabytes", static_cast<int>(bytes >> 20U));
    for (const char* file : {"etc/passwd", "etc/ssl/certs/ca-certificates.crt", "etc/os-release",
                             "var/lib/dpkg/status.d/libssl3", "usr/share/doc/libssl3/copyright"})
      EXPECT_GT(fs::file_size(root / file), 0U) << file;
  }

  /// Window and exporter as in compose.yaml, over a replayed engine.
  static void expect_two_instances_to_work(const fs::path& root) {
    const support::TemporaryFolder engines;
    const support::TemporaryFolder windows;
    const support::TemporaryFolder exporters;
    const fs::path socket = engines.path() / "docker.sock";
    auto engine = support::ReplayEngine::on_unix_socket(support::Recording::embedded(), socket);
    ASSERT_TRUE(engine.ok()) << engine.error().text;
    ASSERT_EQ(::chmod(engines.path().c_str(), 0755), 0);
    ASSERT_EQ(::chown(socket.c_str(), 0, sockets_group), 0);
    ASSERT_EQ(::chmod(socket.c_str(), 0660), 0);
    ASSERT_EQ(::chown(windows.path().c_str(), window_id, window_id), 0);
    ASSERT_EQ(::chmod(windows.path().c_str(), 0750), 0);
    ASSERT_EQ(::chown(exporters.path().c_str(), exporter_id, exporter_id), 0);
    const std::string window_folder = "/run/repodigest_exporter-window";
    const std::string state = "/var/lib/repodigest_exporter";

    Container window(root);
    window.mount(windows.path(), window_folder);
    window.mount(engines.path(), "/run/engine");
    auto window_environment = environment_of("window");
    window_environment["REPODIGEST_EXPORTER_DOCKER_HOST"] = "unix:///run/engine/docker.sock";
    const std::vector<std::string> program = {"/usr/bin/repodigest_exporter"};
    support::Process first(window.command(window_id, std::to_string(sockets_group), false, program),
                           window_environment);
    ASSERT_TRUE(
        support::eventually([&] { return fs::exists(windows.path() / "docker.sock") || !first.running(); }));
    ASSERT_TRUE(first.running()) << first.errors();

    Container exporter(root);
    exporter.mount(windows.path(), window_folder);
    exporter.mount(exporters.path(), state);
    auto exporter_environment = environment_of("exporter");
    // No port of this machine's.
    exporter_environment["REPODIGEST_EXPORTER_WEB_LISTEN_ADDRESS"] = "unix://" + state + "/web.sock";
    support::Process second(exporter.command(exporter_id, std::to_string(window_id), true, program),
                            exporter_environment);
    const auto check = words_of_health_check();
    const auto healthy = [&](const Container& container, unsigned id, const std::string& groups,
                             const support::Process::Environment& environment) {
      return deploy::run(container.command(id, groups, true, check), environment);
    };
    ASSERT_TRUE(support::eventually([&] {
      return healthy(exporter, exporter_id, "", exporter_environment).exit_code == 0 || !second.running();
    })) << second.errors();
    ASSERT_TRUE(second.running()) << second.errors();
    const auto windows_health = healthy(window, window_id, "", window_environment);
    EXPECT_EQ(windows_health.exit_code, 0) << windows_health.errors;

    // From the outside, as this machine's program sees it.
    const std::string url = "--url=unix://" + (exporters.path() / "web.sock").string();
    support::Outcome found;
    ASSERT_TRUE(support::eventually([&] {
      found = support::run_program({"check", url});
      return found.exit_code != 3;
    })) << found.errors
        << second.errors();
    EXPECT_EQ(found.exit_code, 1);
    EXPECT_THAT(found.output, HasSubstr("18 images, 155 RepoDigests, 22 unique; 5 images have duplicates"));
    EXPECT_GT((*engine)->asked("/containers/json"), 0U);

    second.signal(SIGTERM);
    const auto ended = second.wait();
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->exit_code, 0) << ended->errors;
    EXPECT_TRUE(fs::exists(exporters.path() / "cache")) << ended->errors;
    EXPECT_EQ(healthy(exporter, exporter_id, "", exporter_environment).exit_code, 1) << "nothing runs";

    // The engine's socket is not for the exporter: neither its group nor the folder.
    exporter_environment["REPODIGEST_EXPORTER_DOCKER_HOST"] = "unix:///run/engine/docker.sock";
    exporter.mount(engines.path(), "/run/engine");
    const auto refused =
        deploy::run(exporter.command(exporter_id, std::to_string(window_id), true, {program[0], "check"}),
                    exporter_environment);
    EXPECT_EQ(refused.exit_code, 3);
    EXPECT_THAT(refused.errors, HasSubstr("permission denied"));
    // And nothing can be written but in volumes.
    const auto kept = deploy::run(exporter.command(exporter_id, std::to_string(window_id), true,
                                                   {program[0], "check", url, "--output=/tmp/x"}),
                                  environment_of("exporter"));
    EXPECT_NE(kept.exit_code, 0);

    first.signal(SIGTERM);
    const auto window_ended = first.wait();
    ASSERT_TRUE(window_ended);
    EXPECT_EQ(window_ended->exit_code, 0) << window_ended->errors;
  }
};

TEST_F(Image, LaidOutOnThisMachineRunsBothInstancesWithAReadOnlyRoot) {
  if (!fs::exists("/etc/ssl/certs/ca-certificates.crt") || !support::succeeds("dpkg-query --version"))
    GTEST_SKIP() << "NO DEBIAN WITH CA-CERTIFICATES HERE: the image's root was not laid out";
  const support::TemporaryFolder here;
  ASSERT_EQ(::chmod(here.path().c_str(), 0755), 0);
  const fs::path root = here.path() / "root";
  deploy::expect_takes(
      {(deploy::folder / "docker/lay-out").string(), support::program_path(), root.string()});
  expect_nothing_to_run_but_the_program(root);
  fs::create_directories(root / "var/lib/repodigest_exporter");
  fs::create_directories(root / "run/repodigest_exporter-window");
  fs::create_directories(root / "run/engine");
  expect_two_instances_to_work(root);
}

TEST_F(Image, BuiltFromADebianRunsBothInstancesWithAReadOnlyRoot) {
  if (std::getenv("REPODIGEST_FULL") == nullptr)
    GTEST_SKIP() << "THE IMAGE IS BUILT ONLY WITH tests/run --full (REPODIGEST_FULL=1): it takes minutes";
  if (!support::succeeds("buildah --version") || !support::succeeds("mmdebstrap --version"))
    GTEST_SKIP() << "THERE IS NO BUILDAH OR NO MMDEBSTRAP HERE: the image was not built";
  const support::TemporaryFolder here;
  ASSERT_EQ(::chmod(here.path().c_str(), 0755), 0);
  const auto size = deploy::printed_by("'" + (deploy::top / "tests/deploy/image").string() + "' '" +
                                       here.path().string() + "'");
  ASSERT_TRUE(size);
  std::printf("%s\n", size->c_str());
  const fs::path root = here.path() / "root";

  const json image = json::parse(read_file(here.path() / "image.json"), nullptr, false);
  ASSERT_TRUE(image.is_object());
  const json& config = image.at("Docker").at("config");
  EXPECT_EQ(config.at("User"), "65532:65532");
  EXPECT_EQ(config.at("Entrypoint"), json::array({"/usr/bin/repodigest_exporter"}));
  EXPECT_TRUE(config.at("ExposedPorts").contains("10474/tcp")) << config;
  EXPECT_EQ(config.at("StopSignal"), "SIGTERM");
  EXPECT_EQ(config.at("Labels").at("org.opencontainers.image.revision"), "ofthetest");
  json health = json::array({"CMD"});
  for (const auto& word : words_of_health_check()) health.push_back(word);
  EXPECT_EQ(config.at("Healthcheck").at("Test"), health);

  for (const auto& [folder, id] : {std::pair{"var/lib/repodigest_exporter", exporter_id},
                                   std::pair{"run/repodigest_exporter-window", window_id}}) {
    struct stat status = {};
    ASSERT_EQ(::stat((root / folder).c_str(), &status), 0) << folder;
    EXPECT_EQ(status.st_uid, id) << folder;
    EXPECT_TRUE(fs::is_empty(root / folder)) << folder;
  }
  expect_nothing_to_run_but_the_program(root);
  const auto version = deploy::run(
      Container(root).command(exporter_id, "", true, {"/usr/bin/repodigest_exporter", "--version"}));
  EXPECT_THAT(version.output, HasSubstr("ofthetest")) << version.errors;
  fs::create_directories(root / "run/engine");
  expect_two_instances_to_work(root);
}

}  // namespace
}  // namespace repodigest
