#include "support/recording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "support/recorded_engines.h"
#include "support/temporary_folder.h"

namespace repodigest::support {
namespace {

using nlohmann::json;
using testing::HasSubstr;

Recording load(const std::string& engine, Recording::Images images = Recording::Images::usual) {
  auto recording = Recording::from_folder(recorded_folder / engine, images);
  EXPECT_TRUE(recording.ok()) << (recording.ok() ? "" : recording.error().text);
  return std::move(recording).value();
}

std::string header(const Answer& answer, std::string_view name) {
  for (const auto& [key, value] : answer.headers)
    if (key == name) return value;
  return {};
}

/// Raw and unique RepoDigests over all images, as inspect tells them.
std::pair<std::size_t, std::size_t> digests(const Recording& recording) {
  std::pair<std::size_t, std::size_t> sum;
  for (const std::string& id : recording.ids()) {
    const auto inspected = json::parse(recording.answer("GET", "/images/" + id + "/json").body);
    const auto& entries = inspected.at("RepoDigests");
    sum.first += entries.size();
    sum.second += std::set<std::string>(entries.begin(), entries.end()).size();
  }
  return sum;
}

TEST(Recording, EveryRecordedEngineLoadsAndInspectsEachOfItsImagesByIdAndByEveryName) {
  std::size_t engines = 0;
  for (const auto& name : recorded_engines()) {
    SCOPED_TRACE(name);
    ++engines;
    const Recording recording = load(name);
    for (const auto& row : json::parse(recording.answer("GET", "/images/json").body)) {
      const auto id = row.at("Id").get<std::string>();
      const std::string by_id = recording.answer("GET", "/images/" + id + "/json").body;
      const json inspected = json::parse(by_id);
      EXPECT_EQ(inspected.at("Id"), id);
      for (const auto& tag : row.at("RepoTags"))
        EXPECT_EQ(recording.answer("GET", "/v1.45/images/" + tag.get<std::string>() + "/json").body, by_id)
            << tag;
      for (const auto& digest : inspected.at("RepoDigests"))
        EXPECT_EQ(recording.answer("GET", "/images/" + digest.get<std::string>() + "/json").body, by_id)
            << digest;
    }
  }
  EXPECT_GE(engines, 6U);
}

TEST(Recording, HoldsTheTotalsThatTheEnginesGave) {
  EXPECT_EQ(digests(load("27.3.1-containerd")), std::pair(std::size_t{155}, std::size_t{22}));
  EXPECT_EQ(digests(load("26.1.5-containerd")), std::pair(std::size_t{155}, std::size_t{22}));
  EXPECT_EQ(digests(load("27.3.1-graphdriver")), std::pair(std::size_t{11}, std::size_t{11}));
  EXPECT_EQ(digests(load("29.7.2-containerd")), std::pair(std::size_t{23}, std::size_t{23}));
}

TEST(Recording, EmbeddedEngineAnswersAsTheFolderItWasBuiltFrom) {
  const Recording folder = load("27.3.1-containerd");
  const Recording embedded = Recording::embedded();
  ASSERT_EQ(embedded.ids().size(), 18U);
  EXPECT_EQ(embedded.ids(), folder.ids());
  for (const std::string& id : folder.ids())
    EXPECT_EQ(embedded.inspect_body(id), folder.inspect_body(id)) << id;
  for (const char* path : {"/_ping", "/version", "/info", "/images/json"})
    EXPECT_EQ(embedded.body(path), folder.body(path)) << path;
}

TEST(Recording, PingSaysTheApiVersionToGetAndHead) {
  const Recording recording = Recording::embedded();
  EXPECT_EQ(recording.answer("GET", "/_ping").body, "OK");
  EXPECT_EQ(recording.answer("HEAD", "/_ping").body, "");
  for (const char* method : {"GET", "HEAD"})
    EXPECT_EQ(header(recording.answer(method, "/_ping"), "Api-Version"), "1.47") << method;
}

TEST(Recording, FindsAnImageByEveryFormDockerTakes) {
  const Recording recording = Recording::embedded();
  const std::string id = "sha256:812a9515d5c3";
  const auto found = [&](const std::string& name) {
    const Answer answer = recording.answer("GET", "/images/" + name + "/json");
    return answer.status == 200 && json::parse(answer.body).at("Id").get<std::string>().starts_with(id);
  };
  EXPECT_TRUE(found("retag:latest"));
  EXPECT_TRUE(found("retag"));
  EXPECT_TRUE(found("docker.io/library/retag:latest"));
  EXPECT_TRUE(found("812a9515d5c3"));
  EXPECT_TRUE(found("sha256:812a9515"));
  EXPECT_TRUE(found("retag%3Alatest"));
  EXPECT_FALSE(found("retag:other"));
  EXPECT_FALSE(found("sha256:"));
}

TEST(Recording, AnswersAsTheEngineDidWhatItDoesNotHave) {
  const Recording recording = Recording::embedded();
  const Answer unknown = recording.answer("GET", "/images/nowhere/json");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(json::parse(unknown.body).at("message"), "No such image: nowhere:latest");
  EXPECT_EQ(recording.answer("GET", "/nope").status, 404);
  EXPECT_THAT(recording.answer("PUT", "/images/json").body, HasSubstr("page not found"));
}

TEST(Recording, RefusesApiVersionsThatTheEngineRefused) {
  const Recording recording = load("29.7.2-containerd");
  const Answer too_new = recording.answer("GET", "/v1.56/images/json");
  EXPECT_EQ(too_new.status, 400);
  EXPECT_THAT(too_new.body,
              HasSubstr("client version 1.56 is too new. Maximum supported API version is 1.55"));
  const Answer too_old = recording.answer("GET", "/v1.24/images/json");
  EXPECT_EQ(too_old.status, 400);
  EXPECT_THAT(too_old.body, HasSubstr("client version 1.24 is too old"));
  EXPECT_EQ(header(too_old, "Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(recording.answer("GET", "/v1.44/images/json").status, 200);
}

TEST(Recording, OddImagesJoinTheListAndOneOfThemCannotBeInspected) {
  const Recording recording = load("27.3.1-containerd", Recording::Images::odd);
  EXPECT_GT(recording.ids().size(), 20U);
  std::size_t not_inspectable = 0;
  for (const std::string& id : recording.ids())
    if (recording.answer("GET", "/images/" + id + "/json").status == 404) ++not_inspectable;
  EXPECT_EQ(not_inspectable, 1U);
  EXPECT_EQ(json::parse(recording.answer("GET", "/images/odd/dang:1/json").body).at("RepoTags").size(), 2U);
}

TEST(Recording, RemovedImageIsGoneFromListAndInspect) {
  Recording recording = Recording::embedded();
  const std::string id = recording.ids().front();
  recording.remove_image(id);
  EXPECT_EQ(recording.ids().size(), 17U);
  EXPECT_EQ(recording.answer("GET", "/images/" + id + "/json").status, 404);
}

TEST(Recording, AddedImageIsListedAndFoundByItsNames) {
  Recording recording = Recording::embedded();
  recording.add_image(R"({"Id":"sha256:aa","RepoTags":["new:1"],"RepoDigests":[]})",
                      R"({"Id":"sha256:aa","RepoTags":["new:1"],"RepoDigests":["new@sha256:aa"]})");
  EXPECT_EQ(recording.ids().back(), "sha256:aa");
  EXPECT_EQ(recording.answer("GET", "/images/new:1/json").body, recording.inspect_body("sha256:aa"));
}

TEST(Recording, ChangedInspectIsAnsweredByNameTooAndAnEmptyOneIsA404) {
  Recording recording = Recording::embedded();
  const std::string id = json::parse(recording.answer("GET", "/images/retag/json").body).at("Id");
  recording.set_inspect(id, "null");
  EXPECT_EQ(recording.answer("GET", "/images/retag/json").body, "null");
  recording.set_inspect(id, "");
  EXPECT_EQ(recording.answer("GET", "/images/retag/json").status, 404);
  EXPECT_EQ(recording.ids().size(), 18U);
}

TEST(Recording, NamesTheFileThatIsMissing) {
  const TemporaryFolder folder;
  const auto recording = Recording::from_folder(folder.path());
  ASSERT_FALSE(recording.ok());
  EXPECT_THAT(recording.error().text, HasSubstr("ping_get.txt"));
  EXPECT_THAT(recording.error().text, HasSubstr(folder.path().string()));
  EXPECT_FALSE(Recording::from_folder(folder.path() / "nowhere").ok());
}

}  // namespace
}  // namespace repodigest::support
