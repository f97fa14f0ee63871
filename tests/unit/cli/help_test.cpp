#include "cli/help.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <sstream>

#include "repodigest/base/build_info.h"
#include "repodigest/cli/options.h"
#include "support/golden.h"
#include "world.h"

namespace repodigest::cli {
namespace {

using support::matches_golden;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::array every_command = {Command::daemon, Command::check, Command::digest, Command::dedupe,
                                      Command::healthcheck};

TEST(Help, IsTheGoldenTextOfEachCommand) {
  const World world;
  EXPECT_TRUE(matches_golden("unit/cli/golden/help.txt", world.parse({"--help"}).output));
  EXPECT_TRUE(matches_golden("unit/cli/golden/help_check.txt", world.parse({"check", "--help"}).output));
  EXPECT_TRUE(matches_golden("unit/cli/golden/help_digest.txt", world.parse({"digest", "--help"}).output));
  EXPECT_TRUE(matches_golden("unit/cli/golden/help_dedupe.txt", world.parse({"dedupe", "--help"}).output));
  EXPECT_TRUE(
      matches_golden("unit/cli/golden/help_healthcheck.txt", world.parse({"healthcheck", "-h"}).output));
}

TEST(Help, IsAtMostAHundredColumnsWide) {
  for (const auto command : every_command) {
    std::istringstream lines(help_text(command));
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(line.size(), 100U) << line;
      EXPECT_FALSE(!line.empty() && line.back() == ' ') << line;
    }
  }
}

TEST(Help, NamesEveryOptionOfItsCommand) {
  for (const auto& option : options()) {
    const auto* const command = std::find_if(every_command.begin(), every_command.end(),
                                             [&](auto one) { return takes(one, option.group); });
    ASSERT_NE(command, every_command.end()) << option.name;
    EXPECT_THAT(help_text(*command), HasSubstr("  " + option.flag())) << option.name;
  }
}

TEST(Help, ComesFirstWhateverElseIsWrong) {
  const World world;
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"--bogus", "--help"}, {"-h", "--poll.interval=x"}, {"--help", "--version"}}) {
    const auto parsed = world.parse(arguments);
    EXPECT_EQ(parsed.exit_code, 0);
    EXPECT_THAT(parsed.output, StartsWith("Usage: repodigest_exporter [flags]\n"));
  }
}

TEST(Version, HasSevenLinesThatBeginAsPrometheusDoes) {
  const auto parsed = World().parse({"--version"});
  EXPECT_EQ(parsed.exit_code, 0);
  EXPECT_EQ(std::count(parsed.output.begin(), parsed.output.end(), '\n'), 7);
  EXPECT_THAT(parsed.output, StartsWith("repodigest_exporter, version " + std::string(build_info::version()) +
                                        " (branch: "));
  EXPECT_THAT(parsed.output, HasSubstr("revision: " + std::string(build_info::revision()) + ")\n"));
  EXPECT_THAT(parsed.output,
              HasSubstr("\n  compiler:         " + std::string(build_info::compiler()) + "\n"));
  EXPECT_THAT(parsed.output, HasSubstr("\n  platform:         linux/"));
}

/// The checked-in page with the options of the table; what is between the marks is generated.
TEST(ManPage, HasTheOptionsOfTheTable) {
  const std::string begin = ".\\\" OPTIONS BEGIN: generated from the table of options\n";
  const std::string end = ".\\\" OPTIONS END\n";
  const auto file = std::filesystem::path(REPODIGEST_SOURCE_DIR) / "deploy/man/repodigest_exporter.1";
  std::ifstream in(file, std::ios::binary);
  const std::string page{std::istreambuf_iterator<char>(in), {}};
  const auto from = page.find(begin);
  const auto to = page.find(end);
  ASSERT_NE(from, std::string::npos);
  ASSERT_NE(to, std::string::npos);

  const std::string generated = World().parse({"--help-man"}).output;
  const std::string expected = page.substr(0, from + begin.size()) + generated + page.substr(to);
  EXPECT_TRUE(matches_golden("../deploy/man/repodigest_exporter.1", expected));
}

}  // namespace
}  // namespace repodigest::cli
