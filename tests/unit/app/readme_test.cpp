// The README and the program must not drift apart.
#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>

#include "repodigest/cli/options.h"
#include "support/program.h"

namespace repodigest {
namespace {

const std::string readme = support::read_file(REPODIGEST_SOURCE_DIR "/README.md");

TEST(ReadmeTest, NamesEveryFlag) {
  ASSERT_FALSE(readme.empty());
  for (const auto& option : cli::options()) {
    if (option.group >= cli::Group::running_daemon) continue;
    EXPECT_NE(readme.find("`" + option.flag() + "`"), std::string::npos) << option.flag();
  }
}

TEST(ReadmeTest, NamesEveryMetric) {
  std::istringstream metrics(
      support::read_file(REPODIGEST_SOURCE_DIR "/tests/recorded/golden/27.3.1-containerd.metrics"));
  std::set<std::string> families;
  const std::string mark = "# TYPE ";
  for (std::string line; std::getline(metrics, line);)
    if (line.rfind(mark, 0) == 0)
      families.insert(line.substr(mark.size(), line.find(' ', mark.size()) - mark.size()));
  EXPECT_GT(families.size(), 30U);
  for (const auto& family : families) EXPECT_NE(readme.find("`" + family + "`"), std::string::npos) << family;
}

TEST(ReadmeTest, NamesTheTwoCommands) {
  EXPECT_NE(readme.find("./deploy/quickstart"), std::string::npos);
  EXPECT_NE(readme.find("./tests/run"), std::string::npos);
}

}  // namespace
}  // namespace repodigest
