// dedupe as scripts run it: the built program between files and pipes.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "repodigest/base/file.h"
#include "support/program.h"
#include "support/recorded_engines.h"

namespace repodigest {
namespace {

using support::Outcome;
using support::Process;
using support::program_path;
using support::read_file;
using testing::HasSubstr;
using testing::StartsWith;

const std::string doubled = R"([{"RepoDigests": ["a@1", "a@1", "b@1"]}])";
const std::string unique = R"([{"RepoDigests": ["a@1", "b@1"]}])";

class DedupeTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string file(const std::string& name, const std::string& content) const {
    const auto path = folder_.path() / name;
    std::ofstream(path, std::ios::binary) << content;
    return path.string();
  }
  /// `$dedupe` stands for the program and its command; the shell runs in the test's folder.
  [[nodiscard]] Outcome shell(const std::string& script, const Process::Environment& more = {}) const {
    Process::Environment environment = more;
    environment.emplace("dedupe", program_path() + " dedupe");
    Process process({"/bin/sh", "-c", "cd " + folder_.path().string() + " && " + script}, environment);
    return process.wait().value_or(Outcome{-1, "", "it did not end"});
  }

  support::TemporaryFolder folder_;
};

TEST_F(DedupeTest, MakesListsUniqueFromAFileAndFromStdin) {
  (void)file("in.json", doubled + "\n");
  for (const char* script :
       {"$dedupe in.json", "$dedupe <in.json", "$dedupe - <in.json", "cat in.json | $dedupe"}) {
    const Outcome outcome = shell(script);
    EXPECT_EQ(outcome.exit_code, 0) << script << outcome.errors;
    EXPECT_EQ(outcome.output, unique + "\n") << script;
    EXPECT_EQ(outcome.errors, "") << script;
  }
}

TEST_F(DedupeTest, MakesABareListUniqueAsAFormatPrintsIt) {
  EXPECT_EQ(shell(R"(printf '["a@1","a@1"]\n["b@1","b@1","c@1"]\n' | $dedupe)").output,
            "[\"a@1\"]\n[\"b@1\",\"c@1\"]\n");
}

TEST_F(DedupeTest, CorrectsWhatARecordedEngineAnswered) {
  std::vector<std::string> arguments = {"dedupe"};
  for (const auto& entry :
       std::filesystem::directory_iterator(support::recorded_folder / "26.1.5-containerd"))
    if (entry.path().filename().string().starts_with("inspect_") && entry.path().extension() == ".json")
      arguments.push_back(entry.path().string());
  const Outcome outcome = support::run_program(arguments);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.errors;
  std::istringstream lines(outcome.output);
  std::size_t shorter = 0;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    auto body = nlohmann::ordered_json::parse(read_file(arguments[i]));
    std::string line;
    ASSERT_TRUE(std::getline(lines, line));
    if (body.contains("RepoDigests")) {
      std::vector<std::string> kept;
      for (const auto& one : body["RepoDigests"])
        if (std::find(kept.begin(), kept.end(), one) == kept.end()) kept.push_back(one);
      shorter += kept.size() < body["RepoDigests"].size() ? 1U : 0U;
      body["RepoDigests"] = kept;
    }
    EXPECT_EQ(nlohmann::ordered_json::parse(line), body) << arguments[i];
  }
  EXPECT_GE(shorter, 5U);
}

TEST_F(DedupeTest, WritesSeveralFilesOneAfterTheOther) {
  (void)file("a.json", doubled);
  (void)file("b.json", "{\"a\":1} {\"b\":2}\n");
  (void)file("empty.json", "");
  const Outcome outcome = shell("$dedupe a.json b.json empty.json - --count <a.json");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
  EXPECT_EQ(outcome.output, unique + "{\"a\":1} {\"b\":2}\n" + unique);
  EXPECT_EQ(outcome.errors, "2 entries removed from 2 lists\n");
}

TEST_F(DedupeTest, CountsWhatItRemovedFromHowManyLists) {
  EXPECT_EQ(shell(R"(echo '["a","a"]' | $dedupe --count)").errors, "1 entry removed from 1 list\n");
  EXPECT_EQ(shell("echo {} | $dedupe --count").errors, "0 entries removed from 0 lists\n");
}

TEST_F(DedupeTest, EndsWith1AndFileLineAndColumnWhereItIsNoJson) {
  (void)file("good.json", doubled);
  (void)file("bad.json", "{\"a\":1}\n{\"b\": nope}\n");
  const Outcome bad = shell("$dedupe good.json bad.json");
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_EQ(bad.output, "") << "nothing of the good file either";
  EXPECT_THAT(bad.errors, StartsWith("repodigest_exporter: bad.json:2:"));
  EXPECT_EQ(std::count(bad.errors.begin(), bad.errors.end(), '\n'), 1);
  const Outcome from_pipe = shell("printf '[1,2' | $dedupe");
  EXPECT_EQ(from_pipe.exit_code, 1);
  EXPECT_THAT(from_pipe.errors, StartsWith("repodigest_exporter: <stdin>:1:"));
  (void)file("half.json", "[");
  (void)file("other half.json", "]");
  EXPECT_EQ(shell("$dedupe half.json 'other half.json'").exit_code, 1) << "each file is a stream of its own";
}

TEST_F(DedupeTest, EndsWith2WhereAFileCannotBeRead) {
  (void)file("good.json", doubled);
  const Outcome missing = shell("$dedupe good.json missing.json");
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_EQ(missing.output, "");
  EXPECT_EQ(missing.errors, "repodigest_exporter: cannot read missing.json: no such file or directory\n");
  const Outcome folder = shell("$dedupe .");
  EXPECT_EQ(folder.exit_code, 2);
  EXPECT_THAT(folder.errors, HasSubstr("cannot read .: is a directory"));
  const Outcome closed = shell("$dedupe <&-");
  EXPECT_EQ(closed.exit_code, 2);
  EXPECT_THAT(closed.errors, HasSubstr("cannot read <stdin>: "));
  EXPECT_EQ(shell("$dedupe --repository=x good.json").exit_code, 2);
}

TEST_F(DedupeTest, EndsWith1AndSaysSoWhereItsOutputIsNotTaken) {
  (void)file("in.json", doubled);
  // 2 MB, more than a pipe holds and than stays in memory.
  (void)file("large.json", "\"" + std::string(2'000'000, 'x') + "\"");
  const auto expect_told = [](const Outcome& outcome, const std::string& why) {
    EXPECT_EQ(outcome.exit_code, 1) << outcome.errors;
    EXPECT_EQ(outcome.errors, "repodigest_exporter: cannot write to stdout: " + why + "\n");
  };
  expect_told(shell("$dedupe in.json >/dev/full"), "no space left on device");
  expect_told(shell("$dedupe large.json >/dev/full"), "no space left on device");
  expect_told(shell("{ $dedupe large.json; echo $? >code; } | true; exit $(cat code)"), "broken pipe");
  (void)file("medium.json", "\"" + std::string(100'000, 'x') + "\"");
  expect_told(shell("ulimit -f 8; $dedupe medium.json >out.json"), "file too large");
  expect_told(shell("$dedupe in.json >&-"), "bad file descriptor");
}

TEST_F(DedupeTest, NamesTheFolderOfItsTemporaryFileAndLeavesNothingThere) {
  (void)file("large.json", "\"" + std::string(2'000'000, 'x') + "\"");
  const Outcome missing = shell("$dedupe large.json", {{"TMPDIR", "/nowhere"}});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_EQ(missing.output, "");
  EXPECT_THAT(missing.errors, HasSubstr("/nowhere: no such file or directory; set TMPDIR"));
  const auto spool = folder_.path() / "spool";
  std::filesystem::create_directory(spool);
  const Outcome kept = shell("$dedupe large.json", {{"TMPDIR", spool.string()}});
  EXPECT_EQ(kept.exit_code, 0) << kept.errors;
  EXPECT_EQ(kept.output, read_file(folder_.path() / "large.json"));
  EXPECT_TRUE(std::filesystem::is_empty(spool));
}

TEST_F(DedupeTest, KeepsTheOrderAroundAListThatIsLargerThanItsMemory) {
  std::string list = "[\"0\"";
  for (int i = 1; list.size() < 2'000'000; ++i) list += ",\"" + std::to_string(i) + "\"";
  const std::string around = "{\"before\":1}\n" + list + "]\n{\"after\":1}\n";
  (void)file("around.json", around);
  (void)file("doubled.json", "{\"before\":1}\n" + list + "," + list.substr(1) + "]\n{\"after\":1}\n");
  for (const char* name : {"around.json", "doubled.json"}) {
    const Outcome outcome = shell(std::string("$dedupe ") + name);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    EXPECT_TRUE(outcome.output == around) << name;
  }
}

TEST_F(DedupeTest, NeedsNoTemporaryFileForWhatIsSmall) {
  (void)file("in.json", doubled);
  EXPECT_EQ(shell("$dedupe in.json", {{"TMPDIR", "/nowhere"}}).output, unique);
}

/// Feeds the program more than 200 MB of rows, counts what comes out, and returns the most memory it took, in
/// KiB.
long peak_of_large_input(std::uint64_t& taken, std::uint64_t& given) {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  EXPECT_EQ(::pipe2(in.data(), O_CLOEXEC), 0);
  EXPECT_EQ(::pipe2(out.data(), O_CLOEXEC), 0);
  const std::string program = program_path();
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    ::execl(program.c_str(), program.c_str(), "dedupe", nullptr);
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  // All input is read before anything is written: one after the other is enough.
  std::string rows;
  while (rows.size() < 1'000'000) rows += doubled;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr std::uint64_t size = 20'000'000;  // they take twenty times as long, and keep what is freed
#else
  constexpr std::uint64_t size = 200'000'000;
#endif
  for (taken = 0; taken < size; taken += rows.size()) EXPECT_EQ(write_all(in[1], rows), 0);
  ::close(in[1]);
  std::vector<char> buffer(std::size_t{1} << 20U);
  given = 0;
  for (ssize_t count = 0; (count = ::read(out[0], buffer.data(), buffer.size())) > 0;)
    given += static_cast<std::uint64_t>(count);
  ::close(out[0]);
  int status = 0;
  rusage used{};
  EXPECT_EQ(::wait4(child, &status, 0, &used), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  return used.ru_maxrss;
}

TEST_F(DedupeTest, TakesNoMoreMemoryForALargeInput) {
  std::uint64_t taken = 0;
  std::uint64_t given = 0;
  [[maybe_unused]] const long peak = peak_of_large_input(taken, given);
  EXPECT_EQ(given * doubled.size(), taken * unique.size());
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(peak, 32 * 1024) << "KiB";
#endif
}

}  // namespace
}  // namespace repodigest
