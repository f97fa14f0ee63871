// compose.yaml on a real Docker engine: the image of the Dockerfile's last stage, the window, the exporter.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

#include "docker.h"
#include "engine/dockerd_fixture.h"
#include "support/temporary_folder.h"
#include "tools.h"

namespace repodigest {
namespace {

namespace fs = std::filesystem;
using support::Dockerd;
using support::read_file;
using testing::HasSubstr;

constexpr unsigned sockets_group = 4242;  // nobody's

/// The Dockerfile's last stage, for what was laid out in the build's place.
std::string last_stage() {
  const std::string text = read_file(deploy::folder / "docker/Dockerfile");
  std::string stage = text.substr(text.rfind("\nFROM ") + 1);
  stage = std::regex_replace(stage, std::regex("--from=build "), "");
  return std::regex_replace(stage, std::regex(" /(image|empty)/ "), " $1/ ");
}

class ComposeOnARealEngine : public support::OnDockerd<Dockerd::Store::graphdriver> {
 protected:
  void SetUp() override {
    if (deploy::sanitized)
      GTEST_SKIP() << "A SANITIZER'S PROGRAM IS NOT WHAT RUNS IN AN IMAGE: nothing was run";
    if (!deploy::Docker::is_here())
      GTEST_SKIP() << "DOCKER COMPOSE CANNOT BE HAD: compose.yaml was not started on a real engine";
    OnDockerd::SetUp();
    if (IsSkipped()) return;
    socket_ = engine_->host().substr(std::string("unix://").size());
    ASSERT_EQ(::chown(socket_.c_str(), 0, sockets_group), 0);
    environment_ = {{"DOCKER_HOST", engine_->host()},
                    {"DOCKER_GID", std::to_string(sockets_group)},
                    {"DOCKER_MOUNT", socket_},
                    {"DOCKER_SOCKET", socket_},
                    {"DOCKER_BUILDKIT", "0"}};
    fs::create_directories(here_.path() / "context/empty");
    deploy::expect_takes({(deploy::folder / "docker/lay-out").string(), support::program_path(),
                          (here_.path() / "context/image").string()});
    std::ofstream(here_.path() / "context/Dockerfile") << last_stage();
    // A port of this machine that is free.
    std::ofstream(here_.path() / "port.yaml")
        << "services: {exporter: {ports: !override ['127.0.0.1::10474']}}\n";
    run({"build", "-t", "repodigest_exporter:0.1.0", (here_.path() / "context").string()});
  }
  void TearDown() override {
    if (engine_ && engine_->call("GET", "/_ping").status == 200) compose({"down", "--volumes"});
  }

  std::string run(const std::vector<std::string>& arguments) {
    const auto outcome = docker_.run(arguments, environment_);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output << outcome.errors;
    return outcome.output;
  }
  std::string compose(const std::vector<std::string>& arguments) {
    std::vector<std::string> all = {"compose", "-f", (deploy::folder / "compose/compose.yaml").string(), "-f",
                                    (here_.path() / "port.yaml").string()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run(all);
  }

  std::string socket_;
  support::Process::Environment environment_;
  support::TemporaryFolder here_;
  deploy::Docker docker_;
};

TEST_F(ComposeOnARealEngine, WindowAndExporterTellOfTheEngineAndDieWithIt) {
  ASSERT_FALSE(HasFailure());
  compose({"up", "--detach", "--no-build", "exporter"});  // waits for the window's health check
  const std::string published = compose({"port", "exporter", "10474"});
  ASSERT_TRUE(published.starts_with("127.0.0.1:")) << published;
  const auto port = static_cast<std::uint16_t>(std::stoi(published.substr(published.find(':') + 1)));
  const auto metric = [&](const std::string& series) {
    const auto answer = support::ask(port, "/metrics");
    return answer.ok() ? support::value_of(answer->body, series) : std::nullopt;
  };
  ASSERT_TRUE(support::eventually([&] { return metric("docker_images{state=\"tagged\"}") == 1; }))
      << run({"logs", "repodigest-exporter-1"});
  EXPECT_EQ(metric("docker_up"), 1);
  EXPECT_EQ(metric("docker_containers_with_duplicate_repo_digests{state=\"running\"}"), 0)
      << "containers are known";
  EXPECT_TRUE(support::eventually([&] {
    return run({"inspect", "--format", "{{.State.Health.Status}}", "repodigest-exporter-1"}) == "healthy\n";
  }));

  // The window can reach nothing, the exporter has no right to the engine's socket.
  EXPECT_EQ(
      run({"inspect", "--format", "{{.HostConfig.NetworkMode}} {{.HostConfig.GroupAdd}} {{.Config.User}}",
           "repodigest-window-1"}),
      "none [4242] 65533:65533\n");
  EXPECT_EQ(
      run({"inspect", "--format", "{{.HostConfig.GroupAdd}} {{.Config.User}}", "repodigest-exporter-1"}),
      "[65533] 65532:65532\n");

  // Without live-restore containers end with their engine; a unit beside it would say docker_up 0.
  ASSERT_TRUE(engine_->stop().ok());
  EXPECT_FALSE(support::ask(port, "/-/healthy").ok());
}

}  // namespace
}  // namespace repodigest
