#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "facade/json.h"
#include "facade/percent.h"
#include "facade/query.h"
#include "repodigest/transport/transport.h"

namespace repodigest::facade {
namespace {

using nlohmann::json;

/// What becomes of such filters, or the status of the refusal.
std::string narrowed(const std::string& filters) {
  const auto result = image_filters(filters);
  return result ? *result : std::to_string(result.error().status);
}

std::string target(const std::string& text) {
  const auto result = narrowed_to_images(text);
  if (!result) return std::to_string(result.error().status);
  return percent_decoded(*result, Part::query);
}

TEST(ImageFilters, AreAddedWhereNoTypeWasNamed) {
  EXPECT_EQ(narrowed(""), R"({"type":{"image":true}})");
  EXPECT_EQ(narrowed("{}"), R"({"type":{"image":true}})");
  EXPECT_EQ(narrowed(R"({"type":{}})"), R"({"type":{"image":true}})");
  EXPECT_EQ(narrowed(R"({"type":[]})"), R"({"type":["image"]})");
  EXPECT_EQ(narrowed(R"({"event":{"pull":true}})"), R"({"event":{"pull":true},"type":{"image":true}})");
}

TEST(ImageFilters, KeepTheOneOfDockersTwoFormsThatWasUsed) {
  EXPECT_EQ(narrowed(R"({"type":["image"],"event":["tag","untag"]})"),
            R"({"event":["tag","untag"],"type":["image"]})");
  EXPECT_EQ(narrowed(R"({"event":["tag"]})"), R"({"event":["tag"],"type":["image"]})");
  EXPECT_EQ(narrowed(R"({"label":{"a=b":true,"c":false},"type":{"image":true}})"),
            R"({"label":{"a=b":true,"c":false},"type":{"image":true}})");
}

TEST(ImageFilters, LeaveOfSeveralTypesTheImages) {
  EXPECT_EQ(narrowed(R"({"type":{"container":true,"image":true}})"), R"({"type":{"image":true}})");
  EXPECT_EQ(narrowed(R"({"type":["container","image"]})"), R"({"type":["image"]})");
  EXPECT_EQ(narrowed(R"({"type":{"container":false,"image":true}})"), R"({"type":{"image":true}})");
}

TEST(ImageFilters, RefuseWhereTypesWereNamedButNotImages) {
  EXPECT_EQ(narrowed(R"({"type":{"container":true}})"), "403");
  EXPECT_EQ(narrowed(R"({"type":["container","network"]})"), "403");
  EXPECT_EQ(narrowed(R"({"type":{"Image":true}})"), "403");
  EXPECT_EQ(narrowed(R"({"type":["image "]})"), "403");
}

// To Docker a false type is one that nothing has; podman leaves it out, and then every type passes.
TEST(ImageFilters, RefuseTypesThatAreFalse) {
  EXPECT_EQ(narrowed(R"({"type":{"container":false}})"), "403");
  EXPECT_EQ(narrowed(R"({"type":{"image":false}})"), "403");
}

TEST(ImageFilters, AreWrittenAnewFromWhatWasUnderstood) {
  EXPECT_EQ(narrowed(R"({"type":{"image":true},"type":{"container":true}})"), "403");
  EXPECT_EQ(narrowed(R"({"type":{"container":true},"type":{"image":true}})"), R"({"type":{"image":true}})");
  EXPECT_EQ(narrowed(R"({"type":{"image":true},"\u0074ype":{"container":true}})"), "403");
  EXPECT_EQ(narrowed(R"({"\u0074\u0079pe":{"\u0069mage":true,"container":true}})"),
            R"({"type":{"image":true}})");
  EXPECT_EQ(narrowed(R"({"type":{"image":true,"image":false}})"), "403");
  EXPECT_EQ(narrowed(" {\n\t\"type\" : [ \"image\" ] } "), R"({"type":["image"]})");
}

TEST(ImageFilters, RefuseATypeInOtherLettersWhichPodmanWouldTakeForOne) {
  EXPECT_EQ(narrowed(R"({"Type":{"container":true}})"), "400");
  EXPECT_EQ(narrowed(R"({"type":["image"],"TYPE":["container"]})"), "400");
}

TEST(ImageFilters, RefuseEverythingOfAnotherForm) {
  for (const char* const other : {"null",
                                  "true",
                                  "1",
                                  "\"type\"",
                                  "[]",
                                  "[\"type\"]",
                                  "{",
                                  "{}x",
                                  "{} {}",
                                  "type=image",
                                  R"({"type":"image"})",
                                  R"({"type":null})",
                                  R"({"type":{"image":null}})",
                                  R"({"type":{"image":"true"}})",
                                  R"({"type":{"image":1}})",
                                  R"({"type":[true]})",
                                  R"({"type":[["image"]]})",
                                  R"({"type":["image"],})",
                                  R"({"type":{"image":true},"event":["pull"]})",
                                  R"({"type":["image"],"event":{"pull":true}})",
                                  "{\"type\":[\"image\xff\"]}",
                                  "{\"a\":[\"\x01\"]}",
                                  "// x\n{}"})
    EXPECT_EQ(narrowed(other), "400") << other;
  EXPECT_EQ(narrowed(std::string("{}\0", 3)), "400");
  EXPECT_EQ(narrowed(std::string(8000, '[')), "400");
}

TEST(EventsTarget, GetsFiltersWhereItHasNone) {
  EXPECT_EQ(target("/events"), R"(/events?filters={"type":{"image":true}})");
  EXPECT_EQ(target("/v1.47/events?"), R"(/v1.47/events?filters={"type":{"image":true}})");
  EXPECT_EQ(target("/events?since=1&until=2"), R"(/events?since=1&until=2&filters={"type":{"image":true}})");
  EXPECT_EQ(target("/events?filters"), R"(/events?filters={"type":{"image":true}})");
  EXPECT_EQ(target("/events?filters="), R"(/events?filters={"type":{"image":true}})");
}

TEST(EventsTarget, KeepsAllElseAsItCame) {
  const auto result = narrowed_to_images("/%65vents?since=%31+0&x=%2B=&filters=%7B%7D&=y&until=a%26b");
  ASSERT_TRUE(result);
  EXPECT_EQ(*result, "/%65vents?since=%31+0&x=%2B=&filters=" +
                         transport::encode_path(R"({"type":{"image":true}})") + "&=y&until=a%26b");
}

TEST(EventsTarget, LosesEmptyParametersWhereverTheyStand) {
  const auto result = narrowed_to_images("/events?&since=1&&filters&&until=2&");
  ASSERT_TRUE(result);
  EXPECT_EQ(*narrowed_to_images(*result), *result);
  EXPECT_EQ(result->find("&&"), std::string::npos) << *result;
  EXPECT_TRUE(result->ends_with("&until=2")) << *result;
}

TEST(EventsTarget, HasExactlyOneFiltersOfWhichTheFirstCounts) {
  EXPECT_EQ(target(R"(/events?filters={"event":["a"]}&filters={"event":["b"]}&since=1)"),
            R"(/events?filters={"event":["a"],"type":["image"]}&since=1)");
  EXPECT_EQ(target(R"(/events?filters={"type":["image"]}&filters={"type":["container"]})"),
            R"(/events?filters={"type":["image"]})");
  EXPECT_EQ(target(R"(/events?filters=&filters={"type":["container"]})"),
            R"(/events?filters={"type":{"image":true}})");
  EXPECT_EQ(target(R"(/events?filters={"type":["container"]}&filters={"type":["image"]})"), "403");
}

TEST(EventsTarget, KnowsFiltersHoweverTheyAreEncoded) {
  EXPECT_EQ(target("/events?%66ilters=%7B%22type%22%3A%5B%22container%22%5D%7D"), "403");
  EXPECT_EQ(target("/events?%66%69%6C%74%65%72%73=%7b%22event%22%3a%5b%22a+b%22%5d%7d"),
            R"(/events?filters={"event":["a b"],"type":["image"]})");
  EXPECT_EQ(target("/events?filters={\"event\":[\"a%2Bb\"]}"),
            R"(/events?filters={"event":["a+b"],"type":["image"]})");
}

TEST(EventsTarget, IsRefusedWithFiltersInAnotherCaseWhichPodmanTakesForThem) {
  EXPECT_EQ(target(R"(/events?Filters={"type":["container"]})"), "400");
  EXPECT_EQ(target(R"(/events?filters={}&%46ILTERS={"type":["container"]})"), "400");
}

TEST(EventsTarget, IsRefusedWithASemicolonWhichOldGoTookForAnAmpersand) {
  EXPECT_EQ(target(R"(/events?since=1;filters={"type":["container"]})"), "400");
  EXPECT_EQ(target("/events?since=1%3Bfilters=%7B%7D"),
            R"(/events?since=1;filters={}&filters={"type":{"image":true}})");
}

TEST(MessageBody, IsWhatDockerSaysWithAnErrorWhateverTheMessageHolds) {
  EXPECT_EQ(message_body("no"), "{\"message\":\"no\"}\n");
  const std::string foreign = "\"\\\n\x01<&>";
  EXPECT_EQ(json::parse(message_body(foreign)).at("message"), foreign);
  EXPECT_EQ(json::parse(message_body("\xff")).at("message"), "\uFFFD");
}

}  // namespace
}  // namespace repodigest::facade
