// Docker's own command line, with compose as a plugin.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/temporary_folder.h"
#include "tools.h"

namespace repodigest::deploy {

using nlohmann::json;
namespace fs = std::filesystem;

/// Both are downloaded the first time.
class Docker {
 public:
  /// False where the tools cannot be had.
  static bool is_here() { return tool().has_value() && plugin().has_value(); }

  Docker() {
    fs::create_directories(config_.path() / "cli-plugins");
    fs::create_symlink(*plugin(), config_.path() / "cli-plugins/docker-compose");
  }
  [[nodiscard]] support::Outcome run(std::vector<std::string> arguments,
                                     support::Process::Environment environment) const {
    arguments.insert(arguments.begin(), *tool());
    environment["DOCKER_CONFIG"] = config_.path().string();
    return deploy::run(std::move(arguments), environment);
  }
  /// The files together, as compose understands them.
  [[nodiscard]] json compose(const std::vector<std::string>& files,
                             support::Process::Environment environment = {{"DOCKER_GID", "998"}}) const {
    std::vector<std::string> arguments = {"compose"};
    for (const auto& file : files)
      arguments.insert(arguments.end(), {"-f", (folder / "compose" / file).string()});
    arguments.insert(arguments.end(), {"config", "--format", "json"});
    const auto outcome = run(arguments, std::move(environment));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    EXPECT_EQ(outcome.errors, "");
    return json::parse(outcome.output, nullptr, false);
  }

 private:
  static const std::optional<std::string>& tool() {
    static const auto path = printed_by("'" + (top / "tests/engine/dockerd.sh").string() + "' cli");
    return path;
  }
  static const std::optional<std::string>& plugin() {
    static const auto path = [] {
      auto where = unpacked("docker-compose", "docker-compose/sid");
      if (where) *where += "/usr/libexec/docker/cli-plugins/docker-compose";
      return where;
    }();
    return path;
  }

  support::TemporaryFolder config_;
};

}  // namespace repodigest::deploy
