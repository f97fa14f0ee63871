// deploy/compose and deploy/swarm as Docker's own tools read them, and what is promised of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "docker.h"
#include "support/feed_command.h"
#include "support/recording.h"
#include "support/replay_engine.h"
#include "support/temporary_folder.h"
#include "tools.h"

namespace repodigest {
namespace {

namespace fs = std::filesystem;
using deploy::Docker;
using nlohmann::json;
using support::read_file;
using testing::HasSubstr;

const std::string engine_socket = "/var/run/docker.sock";

class JudgedByDocker : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Docker::is_here())
      GTEST_SKIP() << "DOCKER COMPOSE CANNOT BE HAD: the files of compose and swarm were not tested";
  }
};

std::set<std::string> with_the_engines_socket(const json& services) {
  std::set<std::string> names;
  for (const auto& [name, service] : services.items())
    for (const json& volume : service.value("volumes", json::array()))
      if (volume.value("source", "") == engine_socket) names.insert(name);
  return names;
}

using Compose = JudgedByDocker;

TEST_F(Compose, GivesTheEnginesSocketToTheWindowAloneWhichHasNoNetwork) {
  for (const std::vector<std::string>& files :
       {std::vector<std::string>{"compose.yaml"}, {"compose.yaml", "compose.proxy.yaml"}}) {
    const json services = Docker().compose(files).at("services");
    EXPECT_EQ(with_the_engines_socket(services), std::set<std::string>{"window"});
    const json& window = services.at("window");
    EXPECT_EQ(window.at("network_mode"), "none");
    EXPECT_FALSE(window.contains("ports"));
    EXPECT_EQ(window.at("group_add"), json::array({"998"}));
    for (const auto& [name, service] : services.items())
      if (name != "window") {
        EXPECT_NE(service.value("group_add", json::array()), json::array({"998"})) << name;
      }
    // Where the window puts its socket, the exporter looks, and cannot put another.
    const json& exporter = services.at("exporter");
    EXPECT_EQ(exporter.at("environment").at("REPODIGEST_EXPORTER_DOCKER_HOST"),
              "unix:///run/repodigest_exporter-window/docker.sock");
    EXPECT_EQ(exporter.at("volumes").at(0).at("source"), "window");
    EXPECT_EQ(exporter.at("volumes").at(0).at("target"), "/run/repodigest_exporter-window");
    EXPECT_EQ(exporter.at("volumes").at(0).at("read_only"), true);
  }
}

TEST_F(Compose, ConfinesEveryService) {
  for (const std::vector<std::string>& files :
       {std::vector<std::string>{"compose.yaml"}, {"compose.yaml", "compose.proxy.yaml"}}) {
    const json services = Docker().compose(files).at("services");
    EXPECT_EQ(services.size(), 5U);
    for (const auto& [name, service] : services.items()) {
      EXPECT_EQ(service.value("read_only", false), true) << name;
      EXPECT_EQ(service.value("cap_drop", json()), json::array({"ALL"})) << name;
      EXPECT_EQ(service.value("security_opt", json()), json::array({"no-new-privileges:true"})) << name;
      EXPECT_TRUE(std::regex_match(service.value("user", ""), std::regex("[1-9][0-9]*:[0-9]+"))) << name;
      for (const char* forbidden : {"privileged", "cap_add", "pid", "ipc", "devices", "userns_mode"})
        EXPECT_FALSE(service.contains(forbidden)) << name << " " << forbidden;
      for (const json& port : service.value("ports", json::array()))
        EXPECT_EQ(port.at("host_ip"), "127.0.0.1") << name;
      for (const json& volume : service.value("volumes", json::array()))
        if (volume.at("type") == "bind") {
          EXPECT_EQ(volume.value("read_only", false), true) << name << volume;
          // What is mounted from the tree must be there, else compose would make a folder of it.
          if (volume.at("source") != engine_socket) {
            EXPECT_TRUE(fs::exists(volume.at("source").get<std::string>())) << volume;
          }
        }
      EXPECT_TRUE(std::regex_search(service.value("image", ""), std::regex(":v?[0-9]+\\.[0-9]+\\.[0-9]+$")))
          << name << " has no pinned image";
      // The exporter's image has a health check of its own.
      EXPECT_TRUE(service.contains("healthcheck") || service.contains("build")) << name;
    }
  }
}

TEST_F(Compose, SaysWhichGroupIsMissing) {
  const auto outcome =
      Docker().run({"compose", "-f", (deploy::folder / "compose/compose.yaml").string(), "config", "-q"}, {});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.errors, HasSubstr("DOCKER_GID=$(stat -c %g /var/run/docker.sock)"));
}

TEST_F(Compose, MountsAFolderInPlaceOfTheSocketWhereOneIsGiven) {
  for (const std::vector<std::string>& files :
       {std::vector<std::string>{"compose.yaml"}, {"compose.yaml", "compose.proxy.yaml"}}) {
    const json window = Docker()
                            .compose(files, {{"DOCKER_GID", "998"},
                                             {"DOCKER_MOUNT", "/run/docker-api"},
                                             {"DOCKER_SOCKET", "/run/docker-api/docker.sock"}})
                            .at("services")
                            .at("window");
    EXPECT_EQ(window.at("volumes").at(0).at("source"), "/run/docker-api");
    EXPECT_EQ(window.at("volumes").at(0).at("target"), "/run/docker-api");
    const std::string text = window.dump();
    EXPECT_THAT(text, HasSubstr("/run/docker-api/docker.sock"));
    EXPECT_EQ(text.find(engine_socket), std::string::npos) << text;
  }
}

using Swarm = JudgedByDocker;

/// A document of YAML as JSON, numbers and all as text.
json flatten(const YAML::Node& node) {
  if (node.IsMap()) {
    json object = json::object();
    for (const auto& entry : node) object[entry.first.as<std::string>()] = flatten(entry.second);
    return object;
  }
  if (node.IsSequence()) {
    json array = json::array();
    for (const auto& item : node) array.push_back(flatten(item));
    return array;
  }
  return node.IsNull() ? json() : json(node.as<std::string>());
}

TEST_F(Swarm, IsTakenAndRunsOneExporterAtEachNodesOwnAddress) {
  const auto outcome =
      Docker().run({"stack", "config", "-c", (deploy::folder / "swarm/stack.yml").string()},
                   {{"DOCKER_GID", "998"}, {"IMAGE", "registry.example.org/repodigest_exporter:0.1.0"}});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.errors;
  EXPECT_EQ(outcome.errors, "");
  const json stack = flatten(YAML::Load(outcome.output));
  const json& services = stack.at("services");
  for (const auto& [name, service] : services.items()) {
    EXPECT_EQ(service.at("deploy").at("mode"), "global") << name;
    EXPECT_EQ(service.value("read_only", ""), "true") << name;
    EXPECT_EQ(service.value("cap_drop", json()), json::array({"ALL"})) << name;
    EXPECT_TRUE(service.at("deploy").at("resources").at("limits").contains("memory")) << name;
    // What a stack does not know it leaves out without a word.
    for (const char* ignored : {"network_mode", "security_opt", "restart", "build", "group_add"})
      EXPECT_FALSE(service.contains(ignored)) << name << " " << ignored;
  }
  EXPECT_EQ(with_the_engines_socket(services), std::set<std::string>{"window"});
  const json& window = services.at("window");
  EXPECT_EQ(window.at("user"), "65533:998");
  EXPECT_FALSE(window.contains("ports"));
  for (const auto& [network, none] : window.at("networks").items())
    EXPECT_EQ(stack.at("networks").at(network).value("internal", ""), "true") << network;
  const json& port = services.at("exporter").at("ports").at(0);
  EXPECT_EQ(port.at("mode"), "host");
  EXPECT_EQ(port.at("published"), "10474");
  // The socket is open to all who reach it, so few may.
  const std::string options = stack.at("volumes").at("window").at("driver_opts").at("o");
  EXPECT_THAT(options, HasSubstr("uid=65533,gid=65532,mode=0750"));
  EXPECT_EQ(services.at("exporter").at("user"), "65532:65532");
}

TEST(SwarmFiles, IsWhatTheScrapeConfigLooksFor) {
  const YAML::Node scrape =
      YAML::LoadFile((deploy::folder / "prometheus/scrape-dockerswarm.yml").string())["scrape_configs"][0];
  const std::string text = read_file(deploy::folder / "swarm/stack.yml");
  // The stack is `repodigest`, its service `exporter`.
  EXPECT_THAT(text, HasSubstr("docker stack deploy -c deploy/swarm/stack.yml repodigest\n"));
  EXPECT_EQ(scrape["dockerswarm_sd_configs"][0]["filters"][0]["values"][0].as<std::string>(),
            "repodigest_exporter");
  EXPECT_TRUE(YAML::Load(text)["services"]["exporter"]);
  EXPECT_EQ(scrape["relabel_configs"][1]["replacement"].as<std::string>(),
            "$1:" + YAML::Load(text)["services"]["exporter"]["ports"][0]["published"].as<std::string>());
}

TEST(SwarmFiles, HasAWebConfigThatTheExporterTakes) {
  deploy::expect_takes({support::program_path(), "--config.check",
                        "--web.config.file=" + (deploy::folder / "swarm/web.yml").string()});
}

TEST(SettingsOfContainers, AreTakenByTheExporter) {
  std::size_t checked = 0;
  for (const char* file : {"compose/compose.yaml", "swarm/stack.yml"}) {
    const YAML::Node document = YAML::LoadFile((deploy::folder / file).string());
    for (const auto& service : document["services"]) {
      support::Process::Environment environment;
      for (const auto& entry : service.second["environment"])
        if (entry.first.as<std::string>().starts_with("REPODIGEST_EXPORTER_"))
          environment[entry.first.as<std::string>()] = std::regex_replace(
              entry.second.as<std::string>(), std::regex("\\$\\{[A-Z_]+:-([^}]*)\\}"), "$1");
      if (environment.empty()) continue;
      if (environment.contains("REPODIGEST_EXPORTER_WEB_CONFIG_FILE"))
        environment["REPODIGEST_EXPORTER_WEB_CONFIG_FILE"] = (deploy::folder / "swarm/web.yml").string();
      const auto outcome = support::run_program({"--config.check"}, environment);
      EXPECT_EQ(outcome.exit_code, 0) << file << outcome.errors;
      EXPECT_EQ(outcome.errors.find("unknown"), std::string::npos) << outcome.errors;
      // A variable that the exporter does not know would change nothing.
      const std::string help = support::run_program({"--help"}).output;
      for (const auto& [name, value] : environment) {
        std::string flag = name.substr(std::string("REPODIGEST_EXPORTER_").size());
        std::transform(flag.begin(), flag.end(), flag.begin(),
                       [](unsigned char c) { return c == '_' ? '.' : static_cast<char>(std::tolower(c)); });
        // A point of the variable's name is a point or a dash of the flag's.
        EXPECT_TRUE(std::regex_search(
            help,
            std::regex("--(\\[no-\\])?" + std::regex_replace(flag, std::regex("\\."), "[.-]") + "[= \n]")))
            << name;
      }
      ++checked;
    }
  }
  EXPECT_EQ(checked, 4U);
}

/// The pattern of the socket proxy, which it reads as `^…$`.
std::regex allowed_by_the_proxy() {
  // yaml-cpp does not mind compose's own tags.
  const YAML::Node window =
      YAML::LoadFile((deploy::folder / "compose/compose.proxy.yaml").string())["services"]["window"];
  std::vector<std::string> patterns;
  for (const auto& argument : window["command"]) {
    const auto text = argument.as<std::string>();
    if (text.starts_with("-allow") && !text.starts_with("-allowhealthcheck")) patterns.push_back(text);
  }
  EXPECT_EQ(patterns.size(), 1U) << "GET and nothing else";
  EXPECT_TRUE(patterns.front().starts_with("-allowGET=")) << patterns.front();
  return std::regex(patterns.front().substr(patterns.front().find('=') + 1));
}

TEST(SocketProxy, LetsThroughWhatTheExporterAsks) {
  const std::regex allowed = allowed_by_the_proxy();
  auto engine = support::ReplayEngine::on_loopback(support::Recording::embedded());
  ASSERT_TRUE(engine.ok()) << engine.error().text;
  const support::Daemon exporter({"--docker.host=" + (*engine)->host(), "--poll.interval=500ms"});
  ASSERT_TRUE(exporter.wait_until_inspected()) << exporter.log();
  ASSERT_TRUE((*engine)->wait_until_listened_to(1));
  ASSERT_TRUE((*engine)->wait_until_asked("/containers/json", 1));
  const std::vector<std::string> globs = {"/_ping",         "/version", "/info",           "/images/json",
                                          "/images/*/json", "/events",  "/containers/json"};
  std::uint64_t asked = 0;
  for (const std::string& glob : globs) {
    const std::string head = (*engine)->last_request(glob);
    EXPECT_TRUE(head.starts_with("GET ")) << glob << ": " << head;
    const std::string target = head.substr(4, head.find_first_of(" ?", 4) - 4);
    EXPECT_TRUE(std::regex_match(target, allowed)) << target;
    asked += (*engine)->asked(glob);
  }
  // And nothing else was asked meanwhile; what comes now is of these kinds too.
  EXPECT_LE((*engine)->asked("*"), asked + 2);
}

TEST(SocketProxy, LetsNothingElseThrough) {
  const std::regex allowed = allowed_by_the_proxy();
  for (const char* path :
       {"/v1.47/containers/abc/json", "/containers/abc/logs", "/v1.47/images/get", "/images/nginx/get",
        "/v1.47/images/nginx/push", "/secrets", "/v1.47/system/df", "/exec/abc/json", "/volumes",
        "/v1.47/containers/abc/archive", "/swarm", "/", "/v1.47/containers/abc/attach/ws"})
    EXPECT_FALSE(std::regex_match(path, allowed)) << path;
}

TEST(PrometheusOfCompose, IsTakenByPromtool) {
  if (!support::succeeds("promtool --version"))
    GTEST_SKIP() << "THERE IS NO PROMTOOL HERE: compose's prometheus.yml was not tested";
  const support::TemporaryFolder here;
  fs::copy(deploy::folder / "compose/prometheus.yml", here.path() / "prometheus.yml");
  fs::create_directory_symlink(deploy::folder / "prometheus", here.path() / "repodigest_exporter");
  deploy::expect_takes({"promtool", "check", "config", (here.path() / "prometheus.yml").string()});
  const YAML::Node scrape =
      YAML::LoadFile((deploy::folder / "compose/prometheus.yml").string())["scrape_configs"][0];
  EXPECT_EQ(scrape["job_name"].as<std::string>(), "repodigest_exporter") << "as the rules name it";
}

TEST(AlertmanagerOfCompose, HasTheInhibitionOfTheRulesAndIsTakenByAmtool) {
  const fs::path file = deploy::folder / "compose/alertmanager.yml";
  const fs::path rules = deploy::folder / "prometheus/alertmanager-inhibit.yml";
  EXPECT_EQ(flatten(YAML::LoadFile(file.string())["inhibit_rules"]),
            flatten(YAML::LoadFile(rules.string())["inhibit_rules"]));
  if (!support::succeeds("amtool --version"))
    GTEST_SKIP() << "THERE IS NO AMTOOL HERE: what it says about compose's alertmanager.yml was not tested";
  deploy::expect_takes({"amtool", "check-config", file.string()});
}

TEST(GrafanaOfCompose, FindsItsDashboardsWhereItsProvisioningLooks) {
  const std::string text = read_file(deploy::folder / "compose/compose.yaml");
  const YAML::Node provider = YAML::LoadFile(
      (deploy::folder / "grafana/provisioning/dashboards/repodigest_exporter.yml").string())["providers"][0];
  EXPECT_THAT(text, HasSubstr("../../dashboards:" + provider["options"]["path"].as<std::string>() + ":ro\n"));
  const YAML::Node source = YAML::LoadFile(
      (deploy::folder / "grafana/provisioning/datasources/prometheus.yml").string())["datasources"][0];
  EXPECT_EQ(source["url"].as<std::string>(), "http://prometheus:9090");
  EXPECT_TRUE(YAML::Load(text)["services"]["prometheus"]);
}

}  // namespace
}  // namespace repodigest
