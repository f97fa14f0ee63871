// What the README shows for engines that cannot be upgraded yet is run, line by line, on a real engine with
// the defect, and must print what stands there.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "engine/docker_api_fixture.h"

namespace repodigest::support {
namespace {

const std::string heading = "### Until the engine is upgraded";

/// A command that the README shows, and what it says that the command prints.
struct Shown {
  std::string command;
  std::string output;
};

/// The commands of the section, in order: indented lines behind `$ `, each with the lines below it.
std::vector<Shown> commands_of_the_section() {
  const std::string readme = read_file(REPODIGEST_SOURCE_DIR "/README.md");
  const auto begin = readme.find(heading);
  if (begin == std::string::npos) return {};
  std::istringstream lines(readme.substr(begin, readme.find("\n#", begin) - begin));
  const std::string indent = "    ";
  std::vector<Shown> commands;
  std::string blank;  // lines that belong to an output if more of it follows
  bool in_output = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(indent + "$ ")) {
      commands.push_back({line.substr(indent.size() + 2), ""});
      in_output = true;
      blank.clear();
    } else if (in_output && line.starts_with(indent)) {
      commands.back().output += std::exchange(blank, "") + line.substr(indent.size()) + "\n";
    } else if (in_output && line.empty()) {
      blank += "\n";
    } else {
      in_output = false;
    }
  }
  return commands;
}

/// The README leaves digests out, and has a name of its own for the machine.
std::string as_shown(const std::string& text) {
  return std::regex_replace(std::regex_replace(text, std::regex("sha256:[0-9a-f]{64}"), "sha256:…"),
                            std::regex("Engine: [^,]*"), "Engine: docker-host");
}

class ReadmeOnDockerd : public OnDockerCommandLine {
 protected:
  /// In a shell where `docker` and `repodigest_exporter` are what the tests have of them, and where the
  /// places that the README names are this test's.
  [[nodiscard]] Outcome run(std::string command) const {
    const std::map<std::string, std::string> places = {
        {"/run/repodigest_exporter/docker.sock", closed_->socket()},
        {"/var/lib/prometheus/node-exporter", textfiles_.path().string()}};
    for (const auto& [place, here] : places)
      if (const auto at = command.find(place); at != std::string::npos)
        command.replace(at, place.size(), here);
    const std::string path = std::filesystem::path(docker_).parent_path().string() + ":" +
                             std::filesystem::path(program_path()).parent_path().string() +
                             ":/usr/local/bin:/usr/bin:/bin";
    return Process({"/bin/sh", "-c", command + " 2>&1"}, {{"PATH", path}, {"DOCKER_HOST", engine_->host()}})
        .wait()
        .value_or(Outcome{-1, "", "it did not end"});
  }

  TemporaryFolder textfiles_;
};

TEST_F(ReadmeOnDockerd, ShowsWhatItsCommandsPrint) {
  const auto commands = commands_of_the_section();
  ASSERT_GE(commands.size(), 6U) << "is \"" << heading << "\" still there?";
  for (const auto& [command, output] : commands) EXPECT_EQ(as_shown(run(command).output), output) << command;
  EXPECT_EQ(
      value_of(read_file(textfiles_.path() / "docker.prom"), "docker_images_with_duplicate_repo_digests"), 1);
}

}  // namespace
}  // namespace repodigest::support
