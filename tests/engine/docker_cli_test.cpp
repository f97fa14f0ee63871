// Docker's own command line asks the corrected Docker API in front of a real engine: it prints what it prints
// straight at the engine, but for the duplicates, and what would change something is refused.
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "engine/docker_api_fixture.h"

namespace repodigest::support {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

using Words = std::vector<std::string>;

const std::string refusal = "is not supported by this read-only Docker API";
const std::string issue_image = "localhost:5000/namespace1/myimage:1.0.0";

class DockerCommandLine : public OnDockerCommandLine {
 protected:
  void SetUp() override {
    OnDockerCommandLine::SetUp();
    if (IsSkipped()) return;
    issue_id_ = json::parse(engine_->call("GET", "/images/" + issue_image + "/json").body).at("Id");
  }

  [[nodiscard]] Words command(const Words& words) const {
    Words whole = {docker_};
    whole.insert(whole.end(), words.begin(), words.end());
    return whole;
  }
  static Process::Environment at(const std::string& host) {
    return {{"DOCKER_HOST", host}, {"DOCKER_BUILDKIT", "0"}};
  }
  [[nodiscard]] Outcome docker(const std::string& host, const Words& words) const {
    return Process(command(words), at(host)).wait().value_or(Outcome{-1, "", "it did not end"});
  }
  /// With its output in a pipe that others read.
  static Outcome shell(const std::string& host, const std::string& line) {
    return Process({"/bin/sh", "-c", line}, at(host)).wait().value_or(Outcome{-1, "", "it did not end"});
  }

  using Change = std::function<std::string(std::string)>;
  /// The command ends the same through `api`, by each of its addresses, as straight at the engine, where
  /// `straight` are its words if they differ; `steady` takes from both outputs what is never twice the same.
  /// Returns the output through the API.
  std::string expect_same(
      const DockerApi& api, const Words& words, const std::optional<Words>& straight = {},
      const Change& steady = [](std::string text) { return text; }) {
    std::string printed;
    for (const std::string& host : api.hosts()) {
      SCOPED_TRACE("docker " + testing::PrintToString(words) + " at " + host);
      Outcome expected;
      Outcome got;
      // What the engine says of time may change in between; then once more.
      EXPECT_TRUE(eventually([&] {
        expected = docker(engine_->host(), straight.value_or(words));
        got = docker(host, words);
        return steady(docker(engine_->host(), straight.value_or(words)).output) == steady(expected.output);
      }));
      EXPECT_EQ(got.exit_code, expected.exit_code);
      EXPECT_EQ(steady(got.output), steady(corrected(expected.output)));
      EXPECT_EQ(got.errors, expected.errors);
      printed = got.output;
    }
    return printed;
  }

  /// The command is refused by each address of `api`, and says so.
  void expect_refused(const DockerApi& api, const Words& words) const {
    for (const std::string& host : api.hosts()) {
      SCOPED_TRACE("docker " + testing::PrintToString(words) + " at " + host);
      const Outcome outcome = docker(host, words);
      EXPECT_NE(outcome.exit_code, 0) << outcome.output;
      EXPECT_THAT(outcome.errors, HasSubstr(refusal));
    }
  }

  [[nodiscard]] std::string file(const std::string& name, const std::string& content) const {
    std::ofstream(folder_.path() / name, std::ios::binary) << content;
    return (folder_.path() / name).string();
  }

  std::string issue_id_;
  TemporaryFolder folder_;
};

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

/// The command line takes the repositories of a list from a Go map: they are in no order.
std::string sorted_lines(const std::string& text) {
  std::istringstream stream(text);
  Words lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line + "\n");
  std::sort(lines.begin(), lines.end());
  return std::accumulate(lines.begin(), lines.end(), std::string());
}

/// The engine writes several images of an archive in no order, also into the documents in it.
std::string sorted_bytes(std::string archive) {
  std::sort(archive.begin(), archive.end());
  return archive;
}

TEST_F(DockerCommandLine, ListsImagesAsTheEngineDoes) {
  for (const Words& words : std::vector<Words>{{"images"},
                                               {"image", "ls"},
                                               {"image", "ls", "--digests"},
                                               {"image", "ls", "--all", "--no-trunc", "--quiet"},
                                               {"image", "ls", "--digests", "--format", "json"},
                                               {"image", "ls", "--filter", "reference=*/*/myimage:1*"},
                                               {"image", "ls", "localhost:5000/namespace2/myimage"}})
    EXPECT_GE(count(expect_same(*closed_, words, {}, sorted_lines), "\n"), 2U) << words.back();
  EXPECT_EQ(count(expect_same(*closed_, {"image", "ls", "--digests"}, {}, sorted_lines), "namespace"), 4U);
  expect_same(*closed_, {"image", "ls", "--filter", "dangling=true"});
  expect_same(*closed_, {"image", "ls", "--filter", "nonsense=1"});
}

TEST_F(DockerCommandLine, InspectsAnImageByEveryNameWithoutDuplicates) {
  Words names = issue_names;
  names.push_back("localhost:5000/namespace1/myimage");
  names.push_back(issue_id_);
  names.push_back(issue_id_.substr(7));
  names.push_back(issue_id_.substr(7, 12));
  for (const std::string repository :
       {"localhost:5000/namespace1/myimage", "localhost:5000/namespace2/myimage"})
    names.push_back(repository + "@" + issue_id_);
  names.push_back(issue_image + "@" + issue_id_);
  for (const std::string& name : names) {
    // Only now: the engine has what is to be corrected.
    ASSERT_EQ(count(docker(engine_->host(), {"image", "inspect", name}).output, "@" + issue_id_), 4U) << name;
    const std::string printed = expect_same(*closed_, {"image", "inspect", name});
    EXPECT_EQ(count(printed, "@" + issue_id_), 2U) << printed;
  }
  expect_same(*closed_, {"image", "inspect", "plain:1"});
  expect_same(*closed_, {"image", "inspect", "team/once:1", issue_image, "plain:1"});
  expect_same(*closed_, {"image", "inspect", "--format", "{{json .RepoDigests}}", issue_image});
  expect_same(*closed_, {"image", "inspect", "--format", "{{index .RepoDigests 0}}", issue_image});
}

TEST_F(DockerCommandLine, SaysOfAnImageThatIsNotThereWhatTheEngineSays) {
  for (const std::string command : {"inspect", "history"})
    for (const std::string name : {"no-such-image", "No/Name", "sha256:00", "a@sha256:1234"})
      expect_same(*closed_, {"image", command, name});
  expect_same(*closed_, {"image", "inspect", "no-such-image", issue_image});
}

TEST_F(DockerCommandLine, PlainInspectFindsTheImageBehindARefusedContainer) {
  const std::string printed = expect_same(*closed_, {"inspect", issue_image});
  EXPECT_EQ(count(printed, "@" + issue_id_), 2U) << printed;
  expect_same(*closed_, {"inspect", issue_id_});
  expect_same(*closed_, {"inspect", "no-such-thing"});
  expect_same(*open_, {"inspect", issue_image});
}

TEST_F(DockerCommandLine, TellsHistoryAndVersionAsTheEngineDoes) {
  EXPECT_THAT(expect_same(*closed_, {"image", "history", issue_image}), HasSubstr("IMAGE"));
  expect_same(*closed_, {"history", "--no-trunc", "--format", "json", issue_id_});
  EXPECT_THAT(expect_same(*closed_, {"version"}), HasSubstr("26.1.5"));
  expect_same(*closed_, {"version", "--format", "json"});
}

TEST_F(DockerCommandLine, TellsInfoAsTheEngineDoes) {
  // The command line prints the runtimes in the order of a Go map: another each time.
  const auto sorted_words = [](const std::string& text) {
    std::istringstream lines(text);
    std::string sorted;
    for (std::string line; std::getline(lines, line); sorted += "\n") {
      std::istringstream stream(line);
      Words words{std::istream_iterator<std::string>(stream), {}};
      std::sort(words.begin(), words.end());
      for (const std::string& word : words) sorted += word + " ";
    }
    return sorted;
  };
  EXPECT_THAT(expect_same(*closed_, {"info"}, {}, sorted_words), HasSubstr("Server Version: 26.1.5"));
  const auto without_figures_of_the_moment = [](const std::string& text) {
    json info = json::parse(text);
    for (const char* const figure : {"NFd", "NGoroutines", "SystemTime"}) EXPECT_EQ(info.erase(figure), 1U);
    return info.dump();
  };
  expect_same(*closed_, {"info", "--format", "json"}, {}, without_figures_of_the_moment);
}

TEST_F(DockerCommandLine, TellsPastEventsOfImagesAloneUnlessAllAreAllowed) {
  // A container comes and goes, so that there is something to be left out.
  const auto created = engine_->call("POST", "/containers/create?name=gone",
                                     R"({"Image": ")" + issue_image + R"(", "Cmd": ["/none"]})");
  ASSERT_EQ(created.status, 201) << created.body;
  ASSERT_EQ(engine_->call("DELETE", "/containers/gone").status, 204);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  std::string until = std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  until.insert(until.size() - 9, ".");
  const Words all = {"events", "--since", "0", "--until", until};
  Words of_images = all;
  of_images.insert(of_images.end(), {"--filter", "type=image"});

  const std::string printed = expect_same(*closed_, all, of_images);
  EXPECT_THAT(printed, HasSubstr(" image load "));
  EXPECT_THAT(printed, Not(HasSubstr(" container ")));
  expect_same(*closed_, of_images);
  EXPECT_THAT(expect_same(*open_, all), HasSubstr(" container create "));
  // Whoever asks for other types gets none.
  Words of_containers = all;
  of_containers.insert(of_containers.end(), {"--filter", "type=container"});
  EXPECT_THAT(expect_same(*open_, of_containers), HasSubstr(" container create "));
  for (const std::string& host : closed_->hosts())
    EXPECT_THAT(docker(host, of_containers).output, Not(HasSubstr(" container ")));
}

TEST_F(DockerCommandLine, TellsEventsWhenTheyHappen) {
  for (const std::string& host : closed_->hosts()) {
    // Its output as errors, which can be read while it runs. What is past says that it listens.
    Process events({"/bin/sh", "-c", "exec '" + docker_ + "' events --since 0 >&2"}, at(host));
    ASSERT_TRUE(eventually([&] { return count(events.errors(), " image load ") > 0; })) << events.errors();
    ASSERT_EQ(engine_->call("POST", "/images/plain:1/tag?repo=just/now&tag=here").status, 201);
    EXPECT_TRUE(eventually([&] { return count(events.errors(), "just/now:here") > 0; })) << events.errors();
    ASSERT_EQ(engine_->call("DELETE", "/images/just/now:here").status, 200);
    EXPECT_TRUE(eventually([&] { return count(events.errors(), " image untag ") > 0; })) << events.errors();
    EXPECT_TRUE(events.running());
    events.signal(SIGINT);
    EXPECT_TRUE(events.wait());
  }
}

TEST_F(DockerCommandLine, GetsNoMoreThanIsAllowed) {
  for (const Words& words :
       std::vector<Words>{{"system", "df"},
                          {"system", "df", "-v"},
                          {"ps", "-a"},
                          {"container", "inspect", "made"},
                          {"save", "-o", (folder_.path() / "x.tar").string(), issue_image}})
    expect_refused(*closed_, words);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "x.tar"));
}

TEST_F(DockerCommandLine, GetsWhatIsAllowed) {
  EXPECT_THAT(expect_same(*open_, {"system", "df"}), HasSubstr("Images"));
  EXPECT_THAT(expect_same(*open_, {"system", "df", "-v"}), HasSubstr("made"));
  EXPECT_THAT(expect_same(*open_, {"ps", "-a"}), HasSubstr("made"));
  expect_same(*open_, {"ps", "-a", "--no-trunc", "--format", "json"});
  EXPECT_THAT(expect_same(*open_, {"container", "inspect", "made"}), HasSubstr("/none"));
  EXPECT_THAT(expect_same(*open_, {"inspect", "made"}), HasSubstr("/none"));
  expect_same(*open_, {"container", "inspect", "no-such-container"});
  const std::string archive = expect_same(*open_, {"save", issue_image});
  EXPECT_THAT(archive, HasSubstr("manifest.json"));
  expect_same(*open_, {"save", issue_image, "plain:1"}, {}, sorted_bytes);
  for (const std::string& host : open_->hosts()) {
    const Outcome files = shell(host, "'" + docker_ + "' save " + issue_image + " | tar t");
    EXPECT_THAT(files.output, HasSubstr("manifest.json\n")) << files.errors;
  }
}

TEST_F(DockerCommandLine, IsRefusedWhateverWouldChangeSomething) {
  const auto before = engine_state();
  const std::string archive = file("archive.tar", image_archive({{{"x"}, {"some/other:1"}}}));
  (void)file("Dockerfile", "FROM scratch\nCOPY archive.tar /\n");
  for (const Words& words : std::vector<Words>{
           {"run", "--rm", issue_image, "/none"},
           {"create", issue_image, "/none"},
           {"pull", "localhost:5000/other"},
           {"push", issue_image},
           {"rmi", issue_image},
           {"rmi", "--force", issue_id_},
           {"tag", issue_image, "other/name:1"},
           {"build", "--tag", "other/built:1", folder_.path().string()},
           {"load", "--input", archive},
           {"import", archive, "other/imported:1"},
           {"commit", "made", "other/committed:1"},
           {"image", "prune", "--force"},
           {"system", "prune", "--force"},
           {"login", "--username", "somebody", "--password", "secret", "localhost:5000"},
           {"search", "busybox"},
           {"start", "made"},
           {"rm", "--force", "made"},
           {"rename", "made", "other"},
           {"logs", "made"},
           {"export", "made"},
           {"exec", "made", "/none"},
           {"volume", "create", "some"},
           {"network", "create", "some"},
           {"network", "ls"},
           {"swarm", "init"},
           {"plugin", "ls"},
       }) {
    expect_refused(*closed_, words);
    expect_refused(*open_, words);
    EXPECT_EQ(engine_state(), before) << testing::PrintToString(words);
  }
}

TEST_F(DockerCommandLine, PrintsForTheFilterWhatItPrintsThroughTheApi) {
  const std::string program = "'" + program_path() + "'";
  for (const std::string& words :
       Words{"image inspect " + issue_image, "image inspect --format '{{json .RepoDigests}}' " + issue_image,
             "image inspect --format json " + issue_image, "image inspect plain:1",
             "image inspect " + issue_image + " plain:1 " + issue_image}) {
    const std::string line = "'" + docker_ + "' " + words;
    const Outcome straight = shell(engine_->host(), line);
    const Outcome filtered = shell(engine_->host(), line + " | " + program + " dedupe");
    EXPECT_EQ(filtered.exit_code, 0) << filtered.errors;
    EXPECT_EQ(filtered.output, corrected(straight.output)) << words;
    EXPECT_EQ(filtered.output, shell(closed_->host(), line).output) << words;
  }
  const std::string all = "curl -sS --unix-socket '" + engine_->host().substr(7) + "' http://localhost";
  for (const std::string& target : Words{"/images/json", "/system/df", "/images/" + issue_image + "/json"}) {
    const Outcome straight = shell("", all + target);
    ASSERT_EQ(straight.exit_code, 0) << straight.errors;
    EXPECT_EQ(shell("", all + target + " | " + program + " dedupe").output, corrected(straight.output));
  }
}

TEST_F(DockerCommandLine, IsSparedByTheDigestCommand) {
  const auto digest = [](Words words) {
    words.insert(words.begin(), {"digest", "--docker.host=" + engine_->host()});
    return run_program(words);
  };
  for (const std::string& name : issue_names) {
    const Outcome outcome = digest({name});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    EXPECT_EQ(outcome.output, name.substr(0, name.rfind(':')) + "@" + issue_id_ + "\n");
  }
  EXPECT_EQ(digest({"--repository=localhost:5000/namespace2/myimage", issue_image}).output,
            "localhost:5000/namespace2/myimage@" + issue_id_ + "\n");
  EXPECT_EQ(digest({"--repository=not/here", issue_image}).exit_code, 1);
  EXPECT_EQ(digest({"no-such-image"}).exit_code, 1);
}

/// Deploy's two units: one process may open the engine's socket and lets through what only reads; the other,
/// which serves the network, asks that.
TEST_F(DockerCommandLine, AndASecondInstanceBehindTheNarrowWindowSeeTheEngineAsItIs) {
  const DockerApi window(engine_->host(), {"--no-poll", "--no-docker-api.correct"});
  for (const std::string& host : window.hosts())
    EXPECT_EQ(docker(host, {"image", "inspect", issue_image}).output,
              docker(engine_->host(), {"image", "inspect", issue_image}).output);
  expect_refused(window, {"tag", issue_image, "other/name:1"});
  expect_refused(window, {"ps", "-a"});

  const Words flags = {"--poll.interval=1h", "--no-poll.containers"};
  Words straight_flags = flags;
  straight_flags.push_back("--docker.host=" + engine_->host());
  const Daemon straight(straight_flags);
  ASSERT_TRUE(straight.wait_until_inspected()) << straight.log();
  for (const std::string& host : window.hosts()) {
    SCOPED_TRACE(host);
    Words behind_flags = flags;
    behind_flags.push_back("--docker.host=" + host);
    const Daemon behind(behind_flags);
    ASSERT_TRUE(behind.wait_until_inspected()) << behind.log();
    json ours = json::parse(behind.body("/api/v1/images"));
    json theirs = json::parse(straight.body("/api/v1/images"));
    for (json* document : {&ours, &theirs}) document->erase("changed_at");
    EXPECT_EQ(ours, theirs);
    EXPECT_EQ(behind.metric("docker_images_with_duplicate_repo_digests"), 1);
    for (const std::string series :
         {"docker_repo_digests", "docker_repo_digests_unique", "docker_up", "docker_images{state=\"tagged\"}",
          "docker_engine_advisory{advisory=\"moby-48747\",fixed_in=\"27.4.0\"}"})
      EXPECT_EQ(behind.metric(series), straight.metric(series)) << series;
    // Events come through, too: with this interval nothing else makes it look.
    ASSERT_TRUE(behind.wait_for_metric("docker_events_connected", 1)) << behind.log();
    ASSERT_EQ(engine_->call("POST", "/images/plain:1/tag?repo=seen&tag=2").status, 201);
    EXPECT_TRUE(behind.wait_for_metric("docker_repo_digests", 7)) << behind.body("/metrics");
    ASSERT_EQ(engine_->call("DELETE", "/images/seen:2").status, 200);
    EXPECT_TRUE(behind.wait_for_metric("docker_repo_digests", 6)) << behind.body("/metrics");
    EXPECT_TRUE(straight.wait_for_metric("docker_repo_digests", 6)) << straight.body("/metrics");
  }
}

}  // namespace
}  // namespace repodigest::support
