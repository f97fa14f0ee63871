// The bill of materials that the build writes, against what the program really loads and was compiled with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>

#include "support/program.h"
#include "tools.h"

namespace repodigest::deploy {
namespace {

using nlohmann::json;

/// The lines of what a shell command prints.
std::set<std::string> lines_of(const std::string& command) {
  const auto text = printed_by(command);
  if (!text) {
    ADD_FAILURE() << command;
    return {};
  }
  std::set<std::string> lines;
  std::istringstream stream(*text);
  for (std::string line; std::getline(stream, line);) lines.insert(line);
  return lines;
}

class Sbom : public testing::Test {
 protected:
  void SetUp() override {
    if (!printed_by("command -v dpkg-query ldd ninja"))
      GTEST_SKIP() << "THERE IS NO dpkg HERE: the bill of materials was not compared with anything";
    ASSERT_FALSE(bom_.is_discarded());
  }

  /// Source packages of the components, as their purls and names have them.
  [[nodiscard]] std::set<std::string> sources() const {
    std::set<std::string> sources;
    for (const json& component : bom_.at("components")) {
      const auto purl = component.at("purl").get<std::string>();
      const auto upstream = purl.find("&upstream=");
      sources.insert(upstream == std::string::npos ? component.at("name").get<std::string>()
                                                   : purl.substr(upstream + 10));
    }
    return sources;
  }

  const json bom_ =
      json::parse(support::read_file(REPODIGEST_BINARY_DIR "/repodigest_exporter.cdx.json"), nullptr, false);
};

TEST_F(Sbom, NamesThePackageOfEveryLibraryThatTheProgramLoads) {
  std::set<std::string> named;
  for (const json& component : bom_.at("components")) named.insert(component.at("name").get<std::string>());
  const auto loaded =
      lines_of("ldd '" + support::program_path() +
               "' | sed -nE 's/.* => ([^ ]+) .*/\\1/p' | while read -r file; do dpkg-query -S \"$file\" "
               "2>/dev/null || dpkg-query -S \"$(realpath \"$file\")\"; done | cut -d: -f1");
  EXPECT_GE(loaded.size(), 10u);
  for (const std::string& package : loaded) EXPECT_TRUE(named.contains(package)) << package;
}

TEST_F(Sbom, NamesTheSourceOfEveryHeaderThatTheProgramIsCompiledWith) {
  const auto compiled_with =
      lines_of("ninja -C '" REPODIGEST_BINARY_DIR
               "' -t deps 2>/dev/null | "
               "awk '/^[^ ]/ { ours = /^src\\// } ours && /^ +\\/usr\\/include\\// { print $1 }' | sort -u | "
               "xargs dpkg-query -S | cut -d: -f1 | sort -u | xargs dpkg-query -W -f '${source:Package}\\n'");
  EXPECT_THAT(compiled_with, testing::IsSupersetOf({"nlohmann-json3", "cli11", "openssl", "simdjson"}));
  auto named = sources();
  named.insert("linux");  // its headers are numbers only
  for (const std::string& source : compiled_with) EXPECT_TRUE(named.contains(source)) << source;
}

TEST_F(Sbom, HasTheVersionsThatAreInstalled) {
  for (const json& component : bom_.at("components")) {
    const auto name = component.at("name").get<std::string>();
    const auto installed = lines_of("dpkg-query -W -f '${Version}\\n' " + name);
    EXPECT_TRUE(installed.contains(component.at("version").get<std::string>())) << name;
  }
}

TEST_F(Sbom, IsOfThisVeryProgramAndNamesNothingThatItDoesNotSay) {
  const json& program = bom_.at("metadata").at("component");
  const auto sum = printed_by("sha256sum '" + support::program_path() + "' | cut -d ' ' -f 1");
  EXPECT_EQ(program.at("hashes").at(0).at("content").get<std::string>(), sum.value_or("none"));
  std::set<std::string> known{program.at("bom-ref").get<std::string>()};
  for (const json& component : bom_.at("components"))
    EXPECT_TRUE(known.insert(component.at("bom-ref").get<std::string>()).second) << component;
  std::set<std::string> needed{program.at("bom-ref").get<std::string>()};
  for (const json& dependency : bom_.at("dependencies")) {
    EXPECT_TRUE(known.contains(dependency.at("ref").get<std::string>())) << dependency;
    for (const json& on : dependency.at("dependsOn")) needed.insert(on.get<std::string>());
  }
  EXPECT_EQ(needed, known) << "something is named that nothing needs, or the other way round";
}

}  // namespace
}  // namespace repodigest::deploy
