#include "repodigest/engine/decode.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "padded.h"

namespace repodigest::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string hex(64, 'a');
const std::string id = "sha256:" + hex;

/// An inspect body with an Id and what is given besides.
std::string image_with(const std::string& more) {
  return padded(R"({"Id":")" + id + "\"" + (more.empty() ? "" : "," + more) + "}");
}

class Decode : public ::testing::Test {
 protected:
  std::string list_error(const std::string& body) {
    const auto rows = decoder_.image_list(padded(body));
    if (rows) return "no error";
    EXPECT_EQ(rows.error().reason, Reason::parse);
    return rows.error().text;
  }
  std::string inspect_error(const std::string& body) {
    const auto image = decoder_.image_inspect(padded(body));
    if (image) return "no error";
    EXPECT_EQ(image.error().reason, Reason::parse);
    return image.error().text;
  }
  std::int64_t created(const std::string& json) {
    const auto image = decoder_.image_inspect(image_with(R"("Created":)" + json));
    EXPECT_TRUE(image.ok()) << image.error().text;
    return image ? image->created : -1;
  }
  ImageStore store(const std::string& body) {
    const auto info = decoder_.info(padded(body));
    EXPECT_TRUE(info.ok()) << info.error().text;
    return info ? info->image_store : ImageStore::unknown;
  }

  Decoder decoder_;
};

TEST_F(Decode, ANullListIsAnEmptyOne) {
  for (const char* body : {"null", "[]", " [ ] "}) {
    const auto rows = decoder_.image_list(padded(body));
    ASSERT_TRUE(rows.ok()) << rows.error().text;
    EXPECT_THAT(*rows, IsEmpty());
  }
}

TEST_F(Decode, NullAndMissingArraysAreEmpty) {
  const auto image = decoder_.image_inspect(image_with(R"("RepoTags":null)"));
  ASSERT_TRUE(image.ok()) << image.error().text;
  EXPECT_THAT(image->repo_tags, IsEmpty());
  EXPECT_THAT(image->repo_digests, IsEmpty());
}

TEST_F(Decode, KeepsRepeatedEntriesInTheirOrder) {
  const auto image = decoder_.image_inspect(image_with(R"("RepoDigests":["b@x","a@x","b@x"])"));
  ASSERT_TRUE(image.ok()) << image.error().text;
  EXPECT_THAT(image->repo_digests, ElementsAre("b@x", "a@x", "b@x"));
}

TEST_F(Decode, ReadsEscapesAndUtf8) {
  const auto image = decoder_.image_inspect(image_with(R"("RepoTags":["caf\u00e9 \u003c","ünï"])"));
  ASSERT_TRUE(image.ok()) << image.error().text;
  EXPECT_THAT(image->repo_tags, ElementsAre("café <", "ünï"));
}

TEST_F(Decode, ABodyWithoutPaddingIsReadAllTheSame) {
  std::string body = image_with("");
  body.shrink_to_fit();
  EXPECT_TRUE(decoder_.image_inspect(body).ok());
}

TEST_F(Decode, SaysInWhichRowWhatIsWrong) {
  const std::string good = R"({"Id":")" + id + R"("})";
  EXPECT_EQ(list_error("[" + good + "," + R"({"Id":")" + id + R"(","RepoTags":7}])"),
            "row 1 of /images/json: RepoTags is a number, not an array of strings");
  EXPECT_EQ(list_error("[7]"), "row 0 of /images/json: is a number, not an object");
  EXPECT_EQ(list_error("{}"), "/images/json is an object, not an array");
  EXPECT_EQ(list_error("[{}]"), "row 0 of /images/json: has no Id");
}

TEST_F(Decode, ReadsEveryRowWhateverStandsBetweenThem) {
  const auto list = decoder_.image_list(
      padded("\n[ {\"Id\":\"" + id + R"(","RepoTags":["a\u003ab","]}"],"Config":{"x":[{}]}} ,)" +
             "\n{\"Size\":7,\"Id\":\"" + id + "\",\"RepoDigests\":[\"\"]}\t] \n"));
  ASSERT_TRUE(list.ok()) << list.error().text;
  ASSERT_EQ(list->size(), 2U);
  EXPECT_EQ((*list)[0].id, id);
  EXPECT_THAT((*list)[0].repo_tags, ElementsAre("a:b", "]}"));
  EXPECT_THAT((*list)[0].repo_digests, IsEmpty());
  EXPECT_THAT((*list)[1].repo_tags, IsEmpty());
  EXPECT_THAT((*list)[1].repo_digests, ElementsAre(""));
  EXPECT_EQ((*list)[1].size, 7);
}

TEST_F(Decode, AListWithoutPaddingIsReadAllTheSame) {
  std::string body = R"([{"Id":")" + id + R"("}])";
  body.shrink_to_fit();
  const auto list = decoder_.image_list(body);
  ASSERT_TRUE(list.ok()) << list.error().text;
  EXPECT_EQ(list->size(), 1U);
}

TEST_F(Decode, RefusesAListThatIsNotJson) {
  const std::string row = R"({"Id":")" + id + R"("})";
  for (const std::string& bad : {"[" + row,
                                 "[" + row + "}",
                                 "[" + row + ",]",
                                 "[," + row + "]",
                                 "[" + row + " " + row + "]",
                                 "[" + row + "]]",
                                 "[" + row + "] 1",
                                 "[" + row + "],",
                                 R"([{"Id":")" + id + "\"]]",
                                 R"([{"Id":")" + id + R"(","a":[1}])",
                                 R"([{"Id":")" + id + R"(","a":nul}])",
                                 R"([{"Id":")" + id + R"(","a":01}])",
                                 R"([{"Id":")" + id + R"(" "a":1}])",
                                 R"([{"Id":")" + id + R"(",}])",
                                 R"([{"Id":")" + id + R"(","a":"\q"}])",
                                 R"([{"Id":")" + id + "\",\"a\":\"\n\"}]",
                                 R"([{"Id":")" + id,
                                 std::string("["),
                                 std::string("[nul]"),
                                 std::string("]"),
                                 std::string("[:]")})
    EXPECT_THAT(list_error(bad), HasSubstr("/images/json is not JSON")) << bad;
  EXPECT_THAT(list_error("[" + row + ",{\"a\":\"\xff\"}]"), HasSubstr("is not valid UTF-8"));
  EXPECT_THAT(list_error(" "), HasSubstr("/images/json is empty"));
  EXPECT_THAT(list_error(""), HasSubstr("/images/json is empty"));
}

TEST_F(Decode, TakesNoListThatAnotherParserRefuses) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string row =
      R"({"Id":")" + id + R"(","RepoTags":["a:1","b\u00e9"],"x":[{},[1.5e3,null]],"Size":7})";
  const std::string good = "[" + row + ", " + row + "," + row + "]";
  const std::string_view bytes = "[]{},:\"\\ 1-e.ntu\n\xff";
  ASSERT_EQ(list_error(good), "no error");
  int taken = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string body = good;
    for (auto changes = 1 + random() % 2; changes > 0; --changes) {
      const std::size_t at = random() % body.size();
      if (random() % 2 == 0)
        body[at] = bytes[random() % bytes.size()];
      else
        body.erase(at, 1 + random() % 3);
    }
    if (!decoder_.image_list(padded(body)).ok()) continue;
    ++taken;
    EXPECT_TRUE(nlohmann::json::accept(body)) << body;
  }
  EXPECT_GT(taken, 0);
}

TEST_F(Decode, TheListsOwnLevelCountsAmongThe64) {
  const auto nested = [](std::size_t levels) {
    return R"([{"Id":")" + id + R"(","a":)" + std::string(levels, '[') + std::string(levels, ']') + "}]";
  };
  EXPECT_EQ(list_error(nested(62)), "no error");
  EXPECT_THAT(list_error(nested(63)), HasSubstr("nested deeper than 64 levels"));
}

TEST_F(Decode, RefusesWrongTypes) {
  EXPECT_THAT(inspect_error("[]"), HasSubstr("is an array, not an object"));
  EXPECT_THAT(inspect_error(R"({"Id":7})"), HasSubstr("Id is a number, not a string"));
  EXPECT_THAT(inspect_error(R"({"Id":null})"), HasSubstr("Id is null, not a string"));
  EXPECT_THAT(inspect_error(image_with(R"("RepoDigests":["a",null])")),
              HasSubstr("RepoDigests has null at position 1, not a string"));
  EXPECT_THAT(inspect_error(image_with(R"("RepoDigests":{})")), HasSubstr("RepoDigests is an object"));
  EXPECT_THAT(inspect_error(image_with(R"("Size":"1")")), HasSubstr("Size is a string, not an integer"));
  EXPECT_THAT(inspect_error(image_with(R"("Size":1.5)")), HasSubstr("Size is a number with a fraction"));
  EXPECT_THAT(inspect_error(image_with(R"("Created":5)")), HasSubstr("Created is a number, not a string"));
}

TEST_F(Decode, RefusesAKeyGivenTwiceIfItIsRead) {
  EXPECT_THAT(inspect_error(image_with(R"("RepoDigests":["a"],"RepoDigests":[])")),
              HasSubstr("has the key RepoDigests twice"));
  EXPECT_THAT(inspect_error(image_with(R"("RepoDigest\u0073":["a"],"RepoDigests":[])")),
              HasSubstr("has the key RepoDigests twice"));
  EXPECT_EQ(inspect_error(image_with(R"("Config":1,"Config":2)")), "no error");
}

TEST_F(Decode, RefusesNumbersOutOfRange) {
  EXPECT_THAT(inspect_error(image_with(R"("Size":9223372036854775808)")), HasSubstr("Size is out of range"));
  EXPECT_THAT(inspect_error(image_with(R"("Size":-1)")), HasSubstr("Size is negative"));
  EXPECT_THAT(inspect_error(image_with(R"("Size":99999999999999999999999)")), HasSubstr("is not JSON"));
}

TEST_F(Decode, RefusesWhatIsNotJson) {
  EXPECT_THAT(inspect_error(""), HasSubstr("is empty"));
  EXPECT_THAT(inspect_error("<html>"), HasSubstr("is not JSON"));
  EXPECT_THAT(inspect_error(R"({"Id":)"), HasSubstr("is not JSON"));
  EXPECT_THAT(inspect_error(image_with("") + "garbage"), HasSubstr("is not JSON"));
  EXPECT_THAT(inspect_error(image_with("\"a\":\"\xff\"")), HasSubstr("is not valid UTF-8"));
  EXPECT_THAT(inspect_error(image_with("\"a\":nul")), HasSubstr("is not JSON")) << "even where it isn't read";
}

TEST_F(Decode, RefusesMoreThan64Levels) {
  const auto nested = [](int levels) {
    return image_with(R"("a":)" + std::string(static_cast<std::size_t>(levels), '[') +
                      std::string(static_cast<std::size_t>(levels), ']'));
  };
  EXPECT_EQ(inspect_error(nested(63)), "no error") << "with the object around them 64";
  EXPECT_THAT(inspect_error(nested(64)), HasSubstr("nested deeper than 64 levels"));
  EXPECT_THAT(inspect_error(nested(1'000'000)), HasSubstr("nested deeper than 64 levels"));
}

TEST_F(Decode, DepthLimitHoldsForEveryLaterBody) {
  const std::string deep(1000, '[');
  for (int round = 0; round < 3; ++round) {
    // Large enough for the parser to be given back after it.
    std::string large = "[" + std::string(std::size_t{5} << 20U, ' ') + "]";
    EXPECT_EQ(list_error(large), "no error");
    EXPECT_THAT(list_error(deep + std::string(1000, ']')), HasSubstr("nested deeper than 64 levels"));
  }
}

TEST_F(Decode, TakesIdsOfTheFormAlgorithmAndHexOnly) {
  for (const std::string& bad : {std::string(), std::string("sha256:"), "sha256:" + std::string(64, 'A'),
                                 ":" + hex, std::string("abc"), hex + "0", "sha256:" + hex + "\\n",
                                 "sha 256:" + hex, "sha256:" + std::string(500, 'a')})
    EXPECT_THAT(inspect_error(R"({"Id":")" + bad + R"("})"), HasSubstr("Id is not of the form")) << bad;
  const auto long_one = decoder_.image_inspect(padded(R"({"Id":"sha512:)" + hex + hex + R"("})"));
  ASSERT_TRUE(long_one.ok()) << long_one.error().text;
  EXPECT_EQ(long_one->id, "sha512:" + hex + hex);
}

TEST_F(Decode, ABareHexIdBecomesSha256) {
  const auto rows = decoder_.image_list(padded(R"([{"Id":")" + hex + R"(","RepoTags":null}])"));
  ASSERT_TRUE(rows.ok()) << rows.error().text;
  EXPECT_EQ((*rows)[0].id, id);
}

TEST_F(Decode, CreatedOfAnInspectIsRfc3339) {
  EXPECT_EQ(created(R"("2024-10-24T12:00:00Z")"), 1729771200);
  EXPECT_EQ(created(R"("2024-10-24T12:00:00.123456789Z")"), 1729771200);
  EXPECT_EQ(created(R"("2024-10-24T14:00:00.5+02:00")"), 1729771200);
  EXPECT_EQ(created(R"("1970-01-01T00:00:00Z")"), 0);
  EXPECT_EQ(created(R"("1969-12-31T23:59:59Z")"), -1);
}

TEST_F(Decode, CreatedIsZeroWithoutATimestamp) {
  for (const char* none :
       {R"("")", "null", R"("0001-01-01T00:00:00Z")", R"("yesterday")", R"("2024-10-24")",
        R"("2024-10-24T12:00:00")", R"("2024-10-24T12:00:00.")", R"("2024-10-24T12:00:00Zoo")"})
    EXPECT_EQ(created(none), 0) << none;
  const auto rows = decoder_.image_list(padded(R"([{"Id":")" + id + R"(","Created":-62135596800}])"));
  ASSERT_TRUE(rows.ok()) << rows.error().text;
  EXPECT_EQ((*rows)[0].created, 0) << "Go's zero time";
}

TEST_F(Decode, TheStoreIsWhatTheDriverStatusSays) {
  EXPECT_EQ(
      store(R"({"Driver":"overlayfs","DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]]})"),
      ImageStore::containerd);
  EXPECT_EQ(
      store(R"({"DriverStatus":[["a","b"],["driver-type","io.containerd.snapshotter.v1"]],"Driver":"x"})"),
      ImageStore::containerd);
  EXPECT_EQ(store(R"({"Driver":"overlay2","DriverStatus":[["Backing Filesystem","extfs"]],"Containerd":{}})"),
            ImageStore::graphdriver);
  EXPECT_EQ(store(R"({"Driver":"overlay","DriverStatus":null})"), ImageStore::graphdriver);
  EXPECT_EQ(store(R"({"Driver":""})"), ImageStore::unknown);
  EXPECT_EQ(store("{}"), ImageStore::unknown);
}

TEST_F(Decode, RefusesADriverStatusThatIsNotPairs) {
  for (const char* status : {"7", R"(["a"])", R"([["a"]])", R"([["a",1]])", R"([["a","b","c"]])"}) {
    const auto info = decoder_.info(padded(std::string(R"({"DriverStatus":)") + status + "}"));
    ASSERT_FALSE(info.ok()) << status;
    EXPECT_THAT(info.error().text, HasSubstr("/info: DriverStatus"));
  }
}

TEST_F(Decode, AVersionNeedsVersionAndApiVersion) {
  EXPECT_THAT(decoder_.version(padded(R"({"ApiVersion":"1.47"})")).error().text, HasSubstr("has no Version"));
  EXPECT_THAT(decoder_.version(padded(R"({"Version":"27"})")).error().text, HasSubstr("has no ApiVersion"));
}

TEST_F(Decode, RefusesWordsTooLongForALabel) {
  const auto info = decoder_.info(padded(R"({"ID":")" + std::string(257, 'x') + "\"}"));
  ASSERT_FALSE(info.ok());
  EXPECT_EQ(info.error().text, "/info: ID is longer than 256 bytes");
}

TEST_F(Decode, AnErrorsMessageIsTheEnginesOrItsFirstLine) {
  EXPECT_EQ(decoder_.error_message(padded(R"({"message":"No such image: x"})")), "No such image: x");
  EXPECT_EQ(decoder_.error_message(padded(R"({"cause":"a","message":"b","response":404})")), "b");
  EXPECT_EQ(decoder_.error_message(padded("client version 1.11 is too old\nmore")),
            "client version 1.11 is too old");
  EXPECT_EQ(decoder_.error_message(padded("")), "");
  EXPECT_EQ(decoder_.error_message(padded("[1]")), "");
  EXPECT_EQ(decoder_.error_message(padded(R"({"message":7})")), "");
}

TEST_F(Decode, AnErrorsMessageIsSafeToLog) {
  EXPECT_EQ(decoder_.error_message(padded(R"({"message":"a\u001b[31m\nb"})")), "a [31m b");
  EXPECT_EQ(decoder_.error_message(padded("bad \xff\xfe bytes")), "bad    bytes");
  const std::string cut = decoder_.error_message(padded(std::string(199, 'x') + "ééé"));
  EXPECT_EQ(cut, std::string(199, 'x') + "…") << "no half character";
}

}  // namespace
}  // namespace repodigest::engine
