// Recorded bodies through the splicer. The engine without the defect is the oracle.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "support/recorded_engines.h"
#include "support/recording.h"
#include "support/spliced.h"

namespace repodigest {
namespace {

using nlohmann::json;
using support::Recording;

using Lists = std::map<std::string, json>;

/// What the images of an engine have for RepoDigests once spliced: by their RepoTags, those without tags by
/// their Id. Some were built anew for each engine, so each list is told without the image's own Id.
Lists lists_of(const std::string& engine) {
  const auto recording = Recording::from_folder(support::recorded_folder / engine);
  EXPECT_TRUE(recording.ok());
  Lists lists;
  for (const auto& id : recording->ids()) {
    const support::Spliced spliced = support::spliced(recording->inspect_body(id));
    EXPECT_EQ(spliced.error, "");
    const json image = json::parse(spliced.output);
    json list = image.at("RepoDigests");
    for (json& entry : list)
      if (std::string text = entry; text.ends_with("@" + id))
        entry = text.replace(text.rfind(id), id.size(), "own Id");
    const json& tags = image.at("RepoTags");
    EXPECT_TRUE(lists.emplace(tags.empty() ? id : tags.dump(), list).second) << id;
  }
  return lists;
}

class AffectedEngine : public ::testing::TestWithParam<std::string> {};

TEST_P(AffectedEngine, SplicedAnswersAboutEveryImageWhatTheMendedOneAnswers) {
  const Lists spliced = lists_of(GetParam());
  const Lists mended = lists_of("27.4.0-containerd");
  ASSERT_EQ(spliced.size(), 18U);
  ASSERT_EQ(mended.size(), 18U);
  std::size_t entries = 0;
  for (const auto& [name, list] : spliced) {
    const auto same = mended.find(name);
    ASSERT_NE(same, mended.end()) << name;
    EXPECT_EQ(list, same->second) << name;
    entries += list.size();
  }
  EXPECT_EQ(entries, 22U);
}

TEST_P(AffectedEngine, HasAnswersToSplice) {
  const auto recording = Recording::from_folder(support::recorded_folder / GetParam());
  ASSERT_TRUE(recording.ok());
  std::size_t removed = 0;
  for (const auto& id : recording->ids()) removed += support::spliced(recording->inspect_body(id)).removed;
  EXPECT_EQ(removed, 155U - 22U);
}

INSTANTIATE_TEST_SUITE_P(All, AffectedEngine, ::testing::Values("26.1.5-containerd", "27.3.1-containerd"),
                         [](const auto& parameter) { return support::test_name_of(parameter.param); });

TEST(TheMendedEngine, HasNothingToSplice) {
  const auto recording = Recording::from_folder(support::recorded_folder / "27.4.0-containerd");
  ASSERT_TRUE(recording.ok());
  for (const auto& id : recording->ids())
    EXPECT_EQ(support::spliced(recording->inspect_body(id)).removed, 0U) << id;
}

/// A recorded body with its lists cut out, and these. In the recordings nothing else has that key, and no
/// entry has a bracket.
struct TakenApart {
  std::string around;
  std::vector<json> lists;
};

TakenApart taken_apart(const std::string& body) {
  constexpr std::string_view key = "\"RepoDigests\":[";
  TakenApart parts;
  std::size_t at = 0;
  for (std::size_t found; (found = body.find(key, at)) != std::string::npos;) {
    const std::size_t bracket = found + key.size() - 1;
    const std::size_t end = body.find(']', bracket) + 1;
    parts.around += body.substr(at, bracket - at);
    parts.lists.push_back(json::parse(body.substr(bracket, end - bracket)));
    at = end;
  }
  parts.around += body.substr(at);
  return parts;
}

std::size_t entries_of(const TakenApart& parts) {
  std::size_t entries = 0;
  for (const json& list : parts.lists) entries += list.size();
  return entries;
}

json unique(const json& list) {
  json kept = json::array();
  for (const json& entry : list)
    if (std::find(kept.begin(), kept.end(), entry) == kept.end()) kept.push_back(entry);
  return kept;
}

TEST(EveryRecordedBody, KeepsTheBytesAroundItsListsAndHasTheseUnique) {
  std::size_t bodies = 0;
  std::size_t changed = 0;
  std::size_t lists = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(support::recorded_folder)) {
    if (entry.path().extension() != ".json" && entry.path().extension() != ".jsonl") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string body((std::istreambuf_iterator<char>(file)), {});
    const support::Spliced spliced = support::spliced(body);
    SCOPED_TRACE(entry.path());
    // An answer in plain words, as some engines refuse a version.
    EXPECT_EQ(spliced.error, body.starts_with("client version") ? "a value is expected" : "");
    const TakenApart before = taken_apart(body);
    const TakenApart after = taken_apart(spliced.output);
    EXPECT_EQ(after.around, before.around);
    ASSERT_EQ(after.lists.size(), before.lists.size());
    for (std::size_t i = 0; i < before.lists.size(); ++i) EXPECT_EQ(after.lists[i], unique(before.lists[i]));
    EXPECT_EQ(spliced.lists, before.lists.size());
    EXPECT_EQ(spliced.removed, entries_of(before) - entries_of(after));
    EXPECT_EQ(spliced.output == body, spliced.removed == 0);
    EXPECT_EQ(support::spliced_in_pieces(body, 1, 1), spliced);
    EXPECT_EQ(support::spliced_in_pieces(body, 1000, 1000), spliced);
    ++bodies;
    changed += spliced.removed > 0 ? 1U : 0U;
    lists += spliced.lists;
  }
  // So that nothing is gone through unseen.
  EXPECT_GE(bodies, 322U);
  EXPECT_GE(changed, 18U);
  EXPECT_GE(lists, 1412U);
}

}  // namespace
}  // namespace repodigest
