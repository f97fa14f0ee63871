// `repodigest_exporter dedupe` against jq doing the same, on what `docker image inspect` prints of very many
// images: MB/s and the most memory of each, from file to file and from pipe to pipe, by turns. Then our
// memory alone with 1 GB. Ends with 1 if a limit is broken. jq is in section `bench` of deploy/packages.txt.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "bench/child.h"
#include "repodigest/base/fd.h"
#include "support/program.h"
#include "support/temporary_folder.h"

namespace repodigest {
namespace {

using bench::give_up;
using Json = nlohmann::ordered_json;

constexpr std::size_t size = 64'000'000;
constexpr std::size_t large_size = 1'000'000'000;
constexpr int rounds = 3;
constexpr double least_times_jq = 10;
constexpr double memory_limit = 16e6;

/// Every RepoDigests list at any depth, first appearance first. jq has no such function: its `unique` sorts.
constexpr const char* everywhere =
    "def once: reduce .[] as $entry ([]; if index($entry) then . else . + [$entry] end);"
    "walk(if type == \"object\" and (.RepoDigests | type) == \"array\" then .RepoDigests |= once else . end)";
/// What a script would write that knows where the lists are.
constexpr const char* known_place =
    "def once: reduce .[] as $entry ([]; if index($entry) then . else . + [$entry] end);"
    "map(.RepoDigests |= once)";

/// As the command line prints it: an array of documents indented by four.
void write_inspects(const std::string& path, std::size_t bytes) {
  std::ofstream out(path, std::ios::binary);
  Json document = Json::parse(support::read_file(
      REPODIGEST_SOURCE_DIR
      "/tests/recorded/26.1.5-containerd/inspect_localhost_5000_namespace1_myimage_1.0.0_b144739699b0.json"));
  const std::string id = document.at("Id");
  std::size_t written = 0;
  for (std::size_t i = 0; written < bytes; ++i) {
    char hex[65];
    std::snprintf(hex, sizeof hex, "%064zx", i * 2654435761U);
    std::string text = "\n" + Json::array({document}).dump(4);
    text = text.substr(3, text.size() - 5);  // between the brackets
    for (auto at = text.find(id); at != std::string::npos; at = text.find(id, at))
      text.replace(at, id.size(), std::string("sha256:") + hex);
    text.insert(0, i == 0 ? "[\n" : ",\n");
    out << text;
    written += text.size();
  }
  out << "\n]\n";
  if (!out.flush()) give_up("cannot write " + path);
}

struct Run {
  double seconds = 0;  ///< by the clock on the wall
  double cpu = 0;
  double peak = 0;  ///< bytes resident at most
};

/// Runs a command that must succeed.
Run run(const std::vector<std::string>& command, int input, int output) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const auto began = std::chrono::steady_clock::now();
  const pid_t pid = ::fork();
  if (pid < 0) give_up("cannot fork");
  if (pid == 0) {
    ::dup2(input, STDIN_FILENO);
    ::dup2(output, STDOUT_FILENO);
    ::execvp(words[0], words.data());
    ::_exit(127);
  }
  int status = 0;
  rusage used{};
  if (::wait4(pid, &status, 0, &used) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
    give_up(command[0] + " does not succeed" + (command[0] == "jq" ? ": deploy/install-packages bench" : ""));
  const auto seconds = [](timeval time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(),
          seconds(used.ru_utime) + seconds(used.ru_stime), static_cast<double>(used.ru_maxrss) * 1024};
}

/// From a file into another, by name and by redirection.
Run from_file(std::vector<std::string> command, const std::string& in, const std::string& out) {
  command.push_back(in);
  const Fd output(::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  const Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  return run(command, nothing.get(), output.get());
}

/// Until either ends.
void pump(int from, int to) {
  std::vector<char> buffer(1U << 16U);
  for (ssize_t count = 0; (count = ::read(from, buffer.data(), buffer.size())) > 0;)
    for (ssize_t at = 0; at < count;) {
      const auto sent = ::write(to, buffer.data() + at, static_cast<std::size_t>(count - at));
      if (sent <= 0) return;
      at += sent;
    }
}

/// From a pipe that is fed into one that is drained.
Run from_pipe(const std::vector<std::string>& command, const std::string& in) {
  int input[2];
  int output[2];
  if (::pipe2(input, O_CLOEXEC) != 0 || ::pipe2(output, O_CLOEXEC) != 0) give_up("no pipe");
  std::thread feeder([&] {
    const Fd to(input[1]);
    pump(Fd(::open(in.c_str(), O_RDONLY | O_CLOEXEC)).get(), to.get());
  });
  std::thread drain([&] {
    const Fd from(output[0]);
    pump(from.get(), Fd(::open("/dev/null", O_WRONLY | O_CLOEXEC)).get());
  });
  const Run result = [&] {
    const Fd reads(input[0]);
    const Fd writes(output[1]);
    return run(command, reads.get(), writes.get());
  }();
  feeder.join();
  drain.join();
  return result;
}

struct Contestant {
  const char* name;
  std::vector<std::string> command;
  bool does_the_same = true;  ///< lists at any depth, whatever the document is
  std::vector<Run> runs = {};
};

double median(const std::vector<Run>& runs, double Run::*member) {
  std::vector<double> values;
  for (const Run& one : runs) values.push_back(one.*member);
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double most_memory(const std::vector<Run>& runs) {
  return std::max_element(runs.begin(), runs.end(),
                          [](const Run& a, const Run& b) { return a.peak < b.peak; })
      ->peak;
}

enum class Way { file, pipe };

/// Starts the contestants from a process that holds nothing itself: the system counts what a process held
/// before its exec as the peak of what it became.
class Launcher {
 public:
  Launcher(const std::vector<Contestant>& all, const std::string& in, const std::string& out)
      : child_([&](const auto& serve) {
          serve([&](std::uint32_t number) {
            const auto& command = all[number / 2].command;
            const Run run = static_cast<Way>(number % 2) == Way::file ? from_file(command, in, out)
                                                                      : from_pipe(command, in);
            char text[100];
            std::snprintf(text, sizeof text, "%.9g %.9g %.9g", run.seconds, run.cpu, run.peak);
            return std::string(text);
          });
        }) {}

  [[nodiscard]] Run run(std::size_t contestant, Way way) const {
    const std::string answer =
        child_.ask(static_cast<std::uint32_t>(contestant * 2 + static_cast<std::size_t>(way)));
    Run run;
    std::istringstream(answer) >> run.seconds >> run.cpu >> run.peak;
    return run;
  }

 private:
  const bench::Child child_;
};

/// All of them must make the same of the file.
void compare_outputs(const Launcher& launcher, const std::vector<Contestant>& all, const std::string& out) {
  Json first;
  for (std::size_t i = 0; i < all.size(); ++i) {
    (void)launcher.run(i, Way::file);
    Json document = Json::parse(support::read_file(out));
    if (i == 0) {
      first = std::move(document);
      if (first.size() < 2 || first.back().at("RepoDigests").size() != 2) give_up("nothing was removed");
    } else if (document != first) {
      give_up(std::string(all[i].name) + " makes something else of it");
    }
  }
}

bool print(const char* what, std::vector<Contestant>& all, double bytes) {
  bool good = true;
  std::printf("\n%-24s %8s %9s %9s %10s %9s  limit\n", what, "MB/s", "wall s", "cpu s", "peak MB",
              "dedupe is");
  const Contestant& ours = all.front();
  for (const Contestant& one : all) {
    const double seconds = median(one.runs, &Run::seconds);
    const double peak = most_memory(one.runs);
    std::printf("%-24s %8.1f %9.3f %9.3f %10.1f", one.name, bytes / 1e6 / seconds, seconds,
                median(one.runs, &Run::cpu), peak / 1e6);
    if (&one == &ours) {
      good &= peak <= memory_limit;
      std::printf("            %.0f MB%s\n", memory_limit / 1e6, peak <= memory_limit ? "" : "  BROKEN");
      continue;
    }
    const double times = seconds / median(ours.runs, &Run::seconds);
    std::printf(" %7.1f x", times);
    if (one.does_the_same) {
      good &= times >= least_times_jq;
      std::printf("  %.0f x%s", least_times_jq, times >= least_times_jq ? "" : "  BROKEN");
    }
    std::printf("\n");
  }
  for (Contestant& one : all) one.runs.clear();
  return good;
}

int measure() {
  const support::TemporaryFolder folder;
  const std::string in = (folder.path() / "inspects.json").string();
  const std::string out = (folder.path() / "out.json").string();
  std::vector<Contestant> all = {{"repodigest_exporter", {support::program_path(), "dedupe"}},
                                 {"jq, every list", {"jq", everywhere}},
                                 {"jq, in known places", {"jq", known_place}, false}};
  const Launcher launcher(all, in, out);
  write_inspects(in, 1'000'000);
  compare_outputs(launcher, all, out);

  write_inspects(in, size);
  const auto bytes = static_cast<double>(std::filesystem::file_size(in));
  std::printf("%.1f MB as `docker image inspect` prints them, %d rounds, medians\n", bytes / 1e6, rounds);
  bool good = true;
  for (const Way way : {Way::file, Way::pipe}) {
    for (int round = 0; round < rounds; ++round)
      for (std::size_t i = 0; i < all.size(); ++i) all[i].runs.push_back(launcher.run(i, way));
    good &= print(way == Way::file ? "file to file" : "pipe to pipe", all, bytes);
  }

  write_inspects(in, large_size);
  all.resize(1);
  all[0].runs.push_back(launcher.run(0, Way::file));
  good &= print("1 GB, file to file", all, static_cast<double>(large_size));
  return good ? 0 : 1;
}

}  // namespace
}  // namespace repodigest

int main() {
  ::setvbuf(stdout, nullptr, _IOLBF, 0);
  ::signal(SIGPIPE, SIG_IGN);
  return repodigest::measure();
}
