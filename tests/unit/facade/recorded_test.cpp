// Every recorded answer through the facade.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "cases.h"
#include "serving.h"

namespace repodigest::facade {
namespace {

using nlohmann::json;

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator(file), {});
}

/// What the correction should make of a body of moby's, which writes JSON without white space, and whose
/// digests have no bracket in them.
std::string corrected(const std::string& body) {
  constexpr std::string_view begin = "\"RepoDigests\":[";
  std::string out;
  std::size_t done = 0;
  for (auto at = body.find(begin); at != std::string::npos; at = body.find(begin, done)) {
    at += begin.size() - 1;
    const auto end = body.find(']', at) + 1;
    json unique = json::array();
    for (const json& entry : json::parse(body.substr(at, end - at)))
      if (std::find(unique.begin(), unique.end(), entry) == unique.end()) unique.push_back(entry);
    out += body.substr(done, at - done) + unique.dump();
    done = end;
  }
  return out + body.substr(done);
}

/// The head's lines that are not about its body's framing or this hop.
std::vector<std::string> end_to_end(const Answer& answer) {
  std::vector<std::string> lines;
  std::istringstream text(answer.raw.head);
  for (std::string line; std::getline(text, line) && line != "\r";)
    if (!line.starts_with("Content-Length:") && !line.starts_with("Transfer-Encoding:") &&
        !line.starts_with("Connection:"))
      lines.push_back(line);
  return lines;
}

/// One recorded request and its answer.
struct Recorded {
  std::string file;
  std::string method;
  std::string target;
  Fault answer;
};

std::vector<Recorded> recorded_answers(const std::string& recording) {
  std::vector<Recorded> answers;
  for (const auto& entry : std::filesystem::directory_iterator(support::recorded_folder / recording)) {
    if (entry.path().extension() != ".headers") continue;
    std::istringstream head(content_of(entry.path()));
    Recorded one;
    std::string sign;
    std::string protocol;
    int status = 0;
    head >> sign >> one.method >> one.target >> protocol >> status;
    one.file = entry.path().stem();
    one.answer = Fault::answering(status, content_of(entry.path().parent_path() / one.file));
    for (std::string line; std::getline(head, line);)
      if (line.starts_with("Content-Type: ")) one.answer.header = {"Content-Type", line.substr(14)};
    answers.push_back(std::move(one));
  }
  return answers;
}

class RecordedTest : public FacadeTest, public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override { replay(GetParam()); }

  static bool has_the_defect() {
    return GetParam() == "26.1.5-containerd" || GetParam() == "27.3.1-containerd";
  }
  /// Asks engine and facade for everything that was recorded and may pass.
  template <typename Check>
  void for_each_answer(Check check) {
    std::size_t compared = 0;
    for (const Recorded& one : recorded_answers(GetParam())) {
      if (!permit(one.method, one.target, all_groups())) continue;
      SCOPED_TRACE(one.file);
      engine_->fail("*", one.answer, 2);
      const auto direct = ask_engine(one.target, one.method);
      const auto through = ask(one.target, "", one.method);
      engine_->heal();
      EXPECT_TRUE(direct.whole);
      EXPECT_TRUE(through.whole);
      EXPECT_EQ(through.status(), direct.status());
      EXPECT_EQ(end_to_end(through), end_to_end(direct));
      check(direct, through);
      ++compared;
    }
    EXPECT_GE(compared, 30U);
  }
};

TEST_P(RecordedTest, IsAnsweredWithUniqueRepoDigestsAndElseByteForByte) {
  start(allowing(all_groups()));
  std::size_t differ = 0;
  for_each_answer([&](const Answer& direct, const Answer& through) {
    EXPECT_EQ(through.body, corrected(direct.body));
    if (through.body != direct.body) ++differ;
  });
  EXPECT_EQ(differ > 3, has_the_defect()) << differ;
  EXPECT_EQ(stats_.api_entries_removed.value() > 3, has_the_defect());
}

TEST_P(RecordedTest, IsAnsweredByteForByteWithoutCorrection) {
  Options options = allowing(all_groups());
  options.correct = false;
  start(options);
  for_each_answer([](const Answer& direct, const Answer& through) {
    EXPECT_EQ(through.body, direct.body);
    EXPECT_EQ(through.header("Content-Length"), direct.header("Content-Length"));
  });
  EXPECT_EQ(stats_.api_entries_removed.value(), 0U);
}

// The fixed engine is the judge.
TEST_P(RecordedTest, GivesTheRepoDigestsOfTheFixedEngine) {
  if (!has_the_defect()) return;  // other stores name images otherwise, and newer engines digests
  start();
  const auto fixed = Recording::from_folder(support::recorded_folder / "27.4.0-containerd");
  ASSERT_TRUE(fixed) << fixed.error().text;
  std::size_t compared = 0;
  for (const std::string& id : fixed->ids()) {
    const json judge = json::parse(fixed->inspect_body(id));
    const auto answer = ask("/images/" + id + "/json");
    if (answer.status() == 404) continue;  // what was built there and then has another Id on each engine
    EXPECT_EQ(json::parse(answer.body).at("RepoDigests"), judge.at("RepoDigests")) << id;
    ++compared;
  }
  EXPECT_GE(compared, 12U);
}

INSTANTIATE_TEST_SUITE_P(Engines, RecordedTest, ::testing::ValuesIn(support::recorded_engines()),
                         [](const auto& engine) { return support::test_name_of(engine.param); });

}  // namespace
}  // namespace repodigest::facade
