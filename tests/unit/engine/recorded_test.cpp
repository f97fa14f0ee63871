// Every recorded body of a real engine, against what nlohmann/json reads in it by itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "padded.h"
#include "repodigest/engine/decode.h"
#include "support/recorded_engines.h"

namespace repodigest::engine {
namespace {

using nlohmann::json;
using testing::ElementsAreArray;

std::vector<std::string> strings(const json& object, const char* key) {
  const json value = object.value(key, json());
  return value.is_null() ? std::vector<std::string>() : value.get<std::vector<std::string>>();
}

class RecordedEngine : public ::testing::TestWithParam<std::string> {
 protected:
  /// The recorded bodies whose names begin so, without the headers beside them.
  static std::vector<std::filesystem::path> bodies(const std::string& beginning) {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(support::recorded_folder / GetParam())) {
      const std::string name = entry.path().filename();
      if (name.starts_with(beginning) && name.ends_with(".json")) paths.push_back(entry.path());
    }
    return paths;
  }
  static std::string body(const char* name) {
    return read_body(support::recorded_folder / GetParam() / name);
  }

  Decoder decoder_;
};

TEST_P(RecordedEngine, EveryListIsReadWhole) {
  std::vector<std::filesystem::path> lists = bodies("images_json");
  const auto odd = bodies("odd_images_json");
  lists.insert(lists.end(), odd.begin(), odd.end());
  ASSERT_GE(lists.size(), 5U);
  for (const auto& path : lists) {
    const std::string text = read_body(path);
    const json expected = json::parse(text);
    const auto rows = decoder_.image_list(text);
    if (!expected.is_array()) {  // 29.7.2 refuses /v1.24
      EXPECT_FALSE(rows.ok()) << path;
      continue;
    }
    ASSERT_TRUE(rows.ok()) << path << ": " << rows.error().text;
    ASSERT_EQ(rows->size(), expected.size()) << path;
    for (std::size_t i = 0; i < rows->size(); ++i) {
      const ImageList::Row& row = (*rows)[i];
      EXPECT_EQ(row.id, expected[i].at("Id").get<std::string>());
      EXPECT_THAT(row.repo_tags, ElementsAreArray(strings(expected[i], "RepoTags")));
      EXPECT_THAT(row.repo_digests, ElementsAreArray(strings(expected[i], "RepoDigests")));
      EXPECT_EQ(row.created, expected[i].at("Created").get<std::int64_t>());
      EXPECT_EQ(row.size, expected[i].at("Size").get<std::int64_t>());
    }
  }
}

TEST_P(RecordedEngine, EveryInspectKeepsItsRawRepoDigests) {
  std::vector<std::filesystem::path> inspects = bodies("inspect_");
  const auto odd = bodies("odd_inspect");
  inspects.insert(inspects.end(), odd.begin(), odd.end());
  std::size_t read = 0;
  for (const auto& path : inspects) {
    const std::string text = read_body(path);
    const json expected = json::parse(text);
    const auto image = decoder_.image_inspect(text);
    if (!expected.contains("Id")) {
      EXPECT_FALSE(image.ok()) << path;
      EXPECT_EQ(decoder_.error_message(text), expected.at("message").get<std::string>());
      continue;
    }
    ++read;
    ASSERT_TRUE(image.ok()) << path << ": " << image.error().text;
    EXPECT_EQ(image->id, expected.at("Id").get<std::string>());
    EXPECT_EQ(image->repo_tags, strings(expected, "RepoTags"));
    EXPECT_EQ(image->repo_digests, strings(expected, "RepoDigests"));
    EXPECT_EQ(image->size, expected.at("Size").get<std::int64_t>());
    EXPECT_EQ(image->created == 0, expected.value("Created", "").empty()) << path;
  }
  EXPECT_GE(read, 18U);
}

TEST_P(RecordedEngine, CreatedIsTheSameInListAndInspect) {
  const auto rows = decoder_.image_list(body("images_json_all.json"));
  ASSERT_TRUE(rows.ok());
  std::size_t compared = 0;
  for (const auto& path : bodies("inspect_")) {
    const auto image = decoder_.image_inspect(read_body(path));
    if (!image) continue;
    const auto row =
        std::find_if(rows->begin(), rows->end(), [&](const ImageList::Row& r) { return r.id == image->id; });
    if (row == rows->end()) continue;
    EXPECT_EQ(row->created, image->created) << path;
    ++compared;
  }
  EXPECT_GE(compared, 18U);
}

TEST_P(RecordedEngine, VersionIsTheOneTheRecordingIsNamedAfter) {
  const auto version = decoder_.version(body("version.json"));
  ASSERT_TRUE(version.ok()) << version.error().text;
  const std::string name = GetParam().substr(0, GetParam().find('-'));
  EXPECT_TRUE(version->version.starts_with(name)) << version->version;
  EXPECT_EQ(version->os, "linux");
  EXPECT_EQ(version->architecture, "amd64");
  const json expected = json::parse(body("version.json"));
  EXPECT_EQ(version->api_version, expected.at("ApiVersion").get<std::string>());
  EXPECT_EQ(version->min_api_version, expected.at("MinAPIVersion").get<std::string>());
}

TEST_P(RecordedEngine, StoreIsTheOneTheRecordingIsNamedAfter) {
  const auto info = decoder_.info(body("info.json"));
  ASSERT_TRUE(info.ok()) << info.error().text;
  const bool containerd = GetParam().ends_with("-containerd");
  EXPECT_EQ(info->image_store, containerd ? ImageStore::containerd : ImageStore::graphdriver);
  EXPECT_EQ(info->storage_driver, containerd ? "overlayfs" : "overlay2");
  EXPECT_EQ(info->name, "docker-host");
  EXPECT_EQ(info->id, json::parse(body("info.json")).at("ID").get<std::string>());
}

INSTANTIATE_TEST_SUITE_P(All, RecordedEngine, ::testing::ValuesIn(support::recorded_engines()),
                         [](const auto& parameter) { return support::test_name_of(parameter.param); });

}  // namespace
}  // namespace repodigest::engine
