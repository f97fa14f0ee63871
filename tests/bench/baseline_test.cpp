// Allocations and instructions of a scrape and a poll against baseline.txt. Counts repeat exactly on one
// machine; another compiler, library or processor makes others, and then there is nothing to compare.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/program.h"
#include "support/temporary_folder.h"

namespace repodigest {
namespace {

namespace fs = std::filesystem;

const std::string program = REPODIGEST_BINARY_DIR "/tests/bench/baseline";
const fs::path baseline_file = REPODIGEST_SOURCE_DIR "/tests/bench/baseline.txt";
constexpr std::string_view how_to_update =
    "REPODIGEST_UPDATE_GOLDEN=1 ctest -R BaselineTest writes the counts of this build as the new baseline";

struct Counts {
  std::string made_with;
  std::map<std::string, double> numbers;  ///< by "what kind"
};

Counts read_counts(std::istream& in) {
  constexpr std::string_view made_with = "made with ";
  Counts counts;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(made_with))
      counts.made_with = line.substr(made_with.size());
    else if (!line.empty() && !line.starts_with('#'))
      counts.numbers[line.substr(0, line.rfind(' '))] = std::stod(line.substr(line.rfind(' ')));
  }
  return counts;
}

Counts run_to_end(std::vector<std::string> command) {
  support::Process process(std::move(command));
  const auto outcome = process.wait(std::chrono::seconds(600));
  EXPECT_TRUE(outcome && outcome->exit_code == 0) << process.errors();
  std::istringstream output(outcome ? outcome->output : "");
  return read_counts(output);
}

/// The same with "instructions" too; without them if there is no valgrind.
Counts run_under_callgrind(const std::string& images) {
  const support::TemporaryFolder folder;
  Counts counts = run_to_end({"valgrind", "--tool=callgrind", "--instr-atstart=no",
                              "--callgrind-out-file=" + (folder.path() / "out").string(), program, images});
  for (const auto& file : fs::directory_iterator(folder.path())) {
    constexpr std::string_view name = "desc: Trigger: Client Request: ";
    constexpr std::string_view sum = "summary: ";
    std::ifstream in(file.path());
    std::string what;
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with(name)) what = line.substr(name.size());
      if (line.starts_with(sum) && !what.empty())
        counts.numbers[what + " instructions"] = std::stod(line.substr(sum.size()));
    }
  }
  return counts;
}

bool have_valgrind() {
  support::Process process({"valgrind", "--version"});
  const auto outcome = process.wait();
  return outcome && outcome->exit_code == 0;
}

bool updating() {
  const char* update = std::getenv("REPODIGEST_UPDATE_GOLDEN");
  return update != nullptr && std::string_view(update) == "1";
}

void write_baseline(const Counts& counts) {
  std::ofstream out(baseline_file);
  out << "# Of one piece of work with 10,000 images; see baseline.cpp. " << how_to_update << ".\n"
      << "made with " << counts.made_with << '\n';
  for (const auto& [name, number] : counts.numbers)
    out << name << ' ' << static_cast<long long>(number) << '\n';
  out.close();
  ASSERT_TRUE(out) << "cannot write " << baseline_file;
}

TEST(BaselineTest, AScrapeAllocatesNothingThatGrowsWithTheNumberOfImages) {
  const Counts few = run_to_end({program, "1000"});
  const Counts many = run_to_end({program, "10000"});
  for (const std::string what : {"scrape", "scrape_gzip", "scrape_openmetrics_gzip"}) {
    SCOPED_TRACE(what);
    const double bytes = few.numbers.at(what + " bytes");
    EXPECT_GT(bytes, 0);
    // The process's own memory is a number in it, with a digit more or less.
    EXPECT_NEAR(many.numbers.at(what + " bytes"), bytes, 64);
    EXPECT_NEAR(many.numbers.at(what + " allocations"), few.numbers.at(what + " allocations"), 1);
  }
}

TEST(BaselineTest, AllocationsAndInstructionsAreWithin5PercentOfTheBaseline) {
  if (!have_valgrind()) GTEST_SKIP() << "NOTHING IS COMPARED: there is no valgrind to count instructions";
  const Counts now = run_under_callgrind("10000");
  ASSERT_EQ(now.numbers.size(), 5U * 3U) << "valgrind's header was missing when baseline was built?";
  for (const auto& [name, number] : now.numbers)
    std::printf("%-34s %12lld\n", name.c_str(), static_cast<long long>(number));
  if (updating()) return write_baseline(now);

  std::ifstream in(baseline_file);
  ASSERT_TRUE(in) << baseline_file << " is missing; " << how_to_update;
  const Counts baseline = read_counts(in);
  if (baseline.made_with != now.made_with)
    GTEST_SKIP() << "NOTHING IS COMPARED: the baseline was made with\n  " << baseline.made_with
                 << "\nand this is\n  " << now.made_with << "\n"
                 << how_to_update;
  for (const auto& [name, number] : now.numbers) {
    ASSERT_EQ(baseline.numbers.count(name), 1U)
        << name << " is not in " << baseline_file << "; " << how_to_update;
    const double before = baseline.numbers.at(name);
    EXPECT_LE(number, before * 1.05) << name << " costs more than the baseline; if that is right, "
                                     << how_to_update;
    EXPECT_GE(number, before * 0.95) << name << " costs less than the baseline; so that it stays so, "
                                     << how_to_update;
  }
}

}  // namespace
}  // namespace repodigest
