#include "repodigest/exposition/json.h"

#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "samples.h"
#include "support/feed_command.h"
#include "support/golden.h"

namespace repodigest::exposition {
namespace {

using nlohmann::ordered_json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using support::every_kind;
using support::sha256;
using support::SnapshotBuilder;

const SteadyTime now = SteadyTime(seconds(1000));
const Stats stats;
const WallTime wall = WallTime(milliseconds(1795464030999));  // 30.876 s after the builder's change

poll::Health good_health() {
  poll::Health health;
  health.up = true;
  health.ready = true;
  health.poll_interval = seconds(60);
  health.list_interval = seconds(3600);
  health.list_duration = milliseconds(2125);
  health.last_confirmed = wall - seconds(5);
  health.last_list = wall - seconds(65);
  health.confirmed_until = now + seconds(300);
  return health;
}

/// Laid out for people; order and values as they are.
std::string pretty(const std::string& text) {
  return ordered_json::parse(text).dump(2) + '\n';
}

ordered_json images_of(const inventory::Snapshot& snapshot, const Filter& filter) {
  return ordered_json::parse(render_images(snapshot, false, filter));
}

std::vector<std::string> first_tags(const ordered_json& document) {
  std::vector<std::string> tags;
  for (const auto& image : document["images"]) tags.push_back(image["repo_tags"].at(0));
  return tags;
}

TEST(Images, OfEveryKindAreAsWritten) {
  const std::string text = render_images(*every_kind().build(), false);
  EXPECT_TRUE(support::matches_golden("unit/exposition/golden/images.json", pretty(text)));
}

TEST(Images, ShowTheIssuesImageAsOneLineOfBytes) {
  const std::string one = "localhost:5000/namespace1/myimage";
  const std::string two = "localhost:5000/namespace2/myimage";
  EXPECT_EQ(render_image(support::issue_image(), true),
            "{\"id\":\"" + sha256('1') + "\",\"name\":\"" + one +
                ":1.0.0\",\"created\":\"2024-11-23T20:00:00Z\",\"size\":123,\"repo_tags\":[\"" + one +
                ":1.0.0\",\"" + one + ":latest\",\"" + two + ":1.0.0\",\"" + two +
                ":latest\"],\"repo_digests\":[\"" + one + "@" + sha256('1') + "\",\"" + two + "@" +
                sha256('1') + "\"],\"raw_count\":4,\"unique_count\":2,\"duplicates\":[{\"repo_digest\":\"" +
                one + "@" + sha256('1') + "\",\"count\":2},{\"repo_digest\":\"" + two + "@" + sha256('1') +
                "\",\"count\":2}],\"anomalies\":[\"duplicate\"],\"containers\":["
                "{\"id\":\"c1\",\"name\":\"job\",\"state\":\"exited\"},"
                "{\"id\":\"c2\",\"name\":\"web-1\",\"state\":\"running\"},"
                "{\"id\":\"c3\",\"name\":\"web-2\",\"state\":\"running\"}]}\n");
}

TEST(Images, AreNullWhereNothingWasInspected) {
  const auto image = ordered_json::parse(render_image(support::new_image(sha256('8'), {"new:1"}), true));
  EXPECT_TRUE(image["repo_digests"].is_null());
  EXPECT_TRUE(image["raw_count"].is_null());
  EXPECT_TRUE(image["unique_count"].is_null());
  EXPECT_EQ(image["duplicates"], ordered_json::array());
}

TEST(Images, InspectedWithoutDigestsHaveAnEmptyList) {
  const auto image =
      ordered_json::parse(render_image(support::inspected_image(sha256('6'), {"no:1"}, {}), true));
  EXPECT_EQ(image["repo_digests"], ordered_json::array());
  EXPECT_EQ(image["raw_count"], 0);
}

TEST(Images, HaveNullContainersWhileThoseAreNotKnown) {
  EXPECT_TRUE(ordered_json::parse(render_image(support::issue_image(), false))["containers"].is_null());
  const auto without = ordered_json::parse(render_image(support::new_image(sha256('8'), {"new:1"}), true));
  EXPECT_EQ(without["containers"], ordered_json::array());
  SnapshotBuilder builder = every_kind();
  builder->containers_known = false;
  const auto document = images_of(*builder.build(), {});
  for (const auto& image : document["images"]) EXPECT_TRUE(image["containers"].is_null());
}

TEST(Images, HaveContainersWithHostileNames) {
  inventory::Image image = support::new_image(sha256('1'), {"a:1"});
  image.containers = {{"c\"1", "</script>\n\x01", "\xff"}};
  const std::string text = render_image(image, true);
  EXPECT_EQ(text, ordered_json::parse(text).dump() + '\n');
  EXPECT_EQ(ordered_json::parse(text)["containers"][0]["name"], "</script>\n\x01");
}

TEST(Images, HaveNoEngineBeforeItAnswered) {
  const auto document = images_of(inventory::Snapshot(), {});
  EXPECT_TRUE(document["engine"].is_null());
  EXPECT_EQ(document["images"], ordered_json::array());
}

TEST(Images, KeepTheLastDataWhenStale) {
  const auto snapshot = every_kind().build();
  const auto document = ordered_json::parse(render_images(*snapshot, true));
  EXPECT_EQ(document["stale"], true);
  EXPECT_EQ(document["images"].size(), snapshot->images.size());
}

TEST(Images, CreatedIsADateOrNull) {
  const auto created = [](std::int64_t at) {
    inventory::Image image = support::new_image(sha256('1'), {"a:1"});
    image.created = at;
    return ordered_json::parse(render_image(image, true))["created"];
  };
  EXPECT_EQ(created(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(created(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(created(-62135596800), "0001-01-01T00:00:00Z");  // Go's zero time, which engines send
  EXPECT_EQ(created(253402300799), "9999-12-31T23:59:59Z");
  EXPECT_TRUE(created(253402300800).is_null());
  EXPECT_TRUE(created(std::numeric_limits<std::int64_t>::max()).is_null());
  EXPECT_TRUE(created(std::numeric_limits<std::int64_t>::min()).is_null());
}

TEST(Images, CarryTheNameTheyAreSortedBy) {
  const auto snapshot = every_kind().build();
  const auto document = images_of(*snapshot, {});
  ASSERT_EQ(document["images"].size(), snapshot->images.size());
  for (std::size_t i = 0; i < snapshot->images.size(); ++i)
    EXPECT_EQ(document["images"][i]["name"], snapshot->images[i]->name);
}

TEST(Images, SurviveBytesThatAreNotUtf8) {
  inventory::Image image = support::new_image(sha256('1'), {"a:\xff\xfe"});
  EXPECT_EQ(ordered_json::parse(render_image(image, true))["repo_tags"][0], "a:\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(Images, AreWrittenByteForByteAsTheLibraryWouldWriteThem) {
  std::string all_ascii;
  for (char c = 0; c < 0x7f; ++c) all_ascii += c;
  inventory::Image image = support::inspected_image(
      sha256('1'), {all_ascii, "\x7f", "", "\"", "\\", "é\u2028<&>/"}, {all_ascii, all_ascii, "ü@\t"});
  image.size = std::numeric_limits<std::int64_t>::max();
  const std::string text = render_image(image, true);
  EXPECT_EQ(text, ordered_json::parse(text).dump() + '\n');
  EXPECT_EQ(ordered_json::parse(text)["repo_tags"], ordered_json(image.repo_tags.strings()));
}

TEST(Filter, WithoutAnyThereIsNoMatched) {
  EXPECT_FALSE(images_of(*every_kind().build(), {}).contains("matched"));
}

TEST(Filter, ByAnomalyKeepsImagesThatHaveIt) {
  const auto document = images_of(*every_kind().build(), {.anomaly = digest::Anomaly::duplicate});
  EXPECT_EQ(document["matched"], 1);
  EXPECT_EQ(document["images"].at(0)["id"], sha256('1'));
  EXPECT_EQ(document["totals"]["images"], 10) << "totals are of all images";
}

TEST(Filter, ByNameLooksIntoEachTag) {
  const auto document = images_of(*every_kind().build(), {.name = "namespace2/my"});
  EXPECT_EQ(first_tags(document), std::vector<std::string>{"localhost:5000/namespace1/myimage:1.0.0"});
  EXPECT_EQ(images_of(*every_kind().build(), {.name = "no such"})["matched"], 0);
}

TEST(Filter, LimitAndOffsetTakeAPageOfWhatMatches) {
  SnapshotBuilder builder;
  for (const char digit : {'1', '2', '3', '4', '5'})
    builder.add(support::new_image(sha256(digit), {std::string("image:") + digit}));
  const auto snapshot = builder.build();
  const auto page = images_of(*snapshot, {.limit = 2, .offset = 1});
  EXPECT_EQ(first_tags(page), (std::vector<std::string>{"image:2", "image:3"}));
  EXPECT_EQ(page["matched"], 5);
  EXPECT_EQ(first_tags(images_of(*snapshot, {.offset = 4})), std::vector<std::string>{"image:5"});
  EXPECT_EQ(images_of(*snapshot, {.offset = 99})["images"].size(), 0U);
  EXPECT_EQ(images_of(*snapshot, {.limit = 0})["images"].size(), 0U);
  EXPECT_EQ(images_of(*snapshot, {.limit = 0})["matched"], 5);
}

TEST(Summary, IsAsWritten) {
  const std::string text = render_summary(*every_kind().build(), good_health(), stats, now, wall);
  EXPECT_TRUE(support::matches_golden("unit/exposition/golden/summary.json", pretty(text)));
}

TEST(Summary, HasNoCountsBeforeTheFirstList) {
  const auto summary =
      ordered_json::parse(render_summary(inventory::Snapshot(), poll::Health(), stats, now, wall));
  EXPECT_EQ(summary["up"], 0);
  EXPECT_EQ(summary["ready"], 0);
  for (const char* key : {"images", "repo_digests", "surplus", "anomaly_duplicate", "seconds_since_confirmed",
                          "containers_with_duplicates", "seconds_since_change", "engine_version"})
    EXPECT_TRUE(summary.at(key).is_null()) << key;
}

TEST(Summary, IsFlatAndUnderAKilobyteWhateverTheEngineSays) {
  SnapshotBuilder builder = every_kind();
  builder->engine->version = std::string(10'000, '\x01');
  inventory::Snapshot snapshot = *builder.build();
  constexpr std::size_t many = 9'999'999'999;
  snapshot.totals.images = snapshot.totals.inspected = snapshot.totals.repo_digests = many;
  snapshot.totals.pending_other = snapshot.totals.images_with_duplicates = many;
  snapshot.totals.by_anomaly.fill(many);
  snapshot.totals.containers_with_duplicates.fill(many);
  const std::string text = render_summary(snapshot, good_health(), stats, now, wall);
  EXPECT_LT(text.size(), 1000U);
  const auto summary = ordered_json::parse(text);
  for (const auto& [key, value] : summary.items())
    EXPECT_TRUE(value.is_number() || key == "engine_version") << key;
}

TEST(Summary, HasNoCountOfContainersThatAreNotKnown) {
  SnapshotBuilder builder = every_kind();
  builder->containers_known = false;
  const auto summary = ordered_json::parse(render_summary(*builder.build(), good_health(), stats, now, wall));
  EXPECT_TRUE(summary.at("containers_with_duplicates").is_null());
}

TEST(Summary, SaysWhetherEventsAreConnected) {
  Stats listening;
  listening.events_connected = true;
  EXPECT_EQ(ordered_json::parse(render_summary(*every_kind().build(), good_health(), listening, now, wall))
                .at("events_connected"),
            1);
}

TEST(Summary, AgesAreNeverNegative) {
  const auto summary = ordered_json::parse(
      render_summary(*every_kind().build(), good_health(), stats, now, wall - seconds(3600)));
  EXPECT_EQ(summary["seconds_since_confirmed"], 0);
  EXPECT_EQ(summary["seconds_since_change"], 0);
}

TEST(Summary, IsStaleOnceTheConfirmationIsTooOld) {
  const auto stale_at = [](SteadyTime at) {
    return ordered_json::parse(
        render_summary(*every_kind().build(), good_health(), stats, at, wall))["stale"];
  };
  EXPECT_EQ(stale_at(now + seconds(300)), 0);
  EXPECT_EQ(stale_at(now + seconds(301)), 1);
}

TEST(EngineDocument, IsAsWritten) {
  poll::Health health = good_health();
  health.up = false;
  health.last_error =
      Error{Reason::connect, "cannot connect to /run/docker.sock: no such file or directory", 0};
  health.last_error_at = wall;
  health.budget = {.max_share = 0.1, .credit = milliseconds(-2500), .reserve = seconds(2)};
  Stats spent;
  spent.events_connected = true;
  spent.engine_busy[index_of(Caller::look)].add(milliseconds(20));
  spent.engine_busy[index_of(Caller::list)].add(milliseconds(2125));
  spent.engine_busy[index_of(Caller::inspect)].add(milliseconds(500));
  const std::string text = render_engine(*every_kind().build(), health, spent, now, wall);
  EXPECT_TRUE(support::matches_golden("unit/exposition/golden/engine.json", pretty(text)));
}

TEST(EngineDocument, IsNullWhereNothingIsKnownYet) {
  const auto document =
      ordered_json::parse(render_engine(inventory::Snapshot(), poll::Health(), stats, now, wall));
  EXPECT_TRUE(document["engine"].is_null());
  EXPECT_EQ(document["advisories"], ordered_json::array());
  EXPECT_TRUE(document["poll"]["last_error"].is_null());
  EXPECT_TRUE(document["poll"]["last_confirmed"].is_null());
  EXPECT_TRUE(document["poll"]["list_duration_seconds"].is_null());
}

// ---- the schema that ships with the program ----

class Schema : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!support::succeeds("python3 -c 'import jsonschema'"))
      GTEST_SKIP() << "python3-jsonschema is missing: documents are not checked against the schema";
  }

  /// 0 if the document is valid, 1 if not.
  static int judge(const std::string& document) {
    const std::string script =
        "import json, sys, jsonschema\n"
        "schema = json.load(open(sys.argv[1]))\n"
        "jsonschema.Draft202012Validator.check_schema(schema)\n"
        "errors = list(jsonschema.Draft202012Validator(schema).iter_errors(json.load(sys.stdin)))\n"
        "for error in errors: print(error.message)\n"
        "sys.exit(1 if errors else 0)\n";
    return support::feed_command(
        "python3 -c '" + script + "' '" REPODIGEST_SOURCE_DIR "/deploy/schema/images.schema.json'", document);
  }
};

TEST_F(Schema, DescribesWhatIsRendered) {
  EXPECT_EQ(judge(render_images(*every_kind().build(), false)), 0);
  EXPECT_EQ(judge(render_images(*every_kind().build(), true)), 0);
  EXPECT_EQ(judge(render_images(*every_kind().build(), false, {.limit = 2, .offset = 1})), 0);
  EXPECT_EQ(judge(render_images(inventory::Snapshot(), false)), 0);
}

TEST_F(Schema, RefusesWhatIsNotPromised) {
  const auto good =
      ordered_json::parse(render_images(*SnapshotBuilder().add(support::issue_image()).build(), false));
  ordered_json unknown_key = good;
  unknown_key["surprise"] = 1;
  EXPECT_EQ(judge(unknown_key.dump()), 1);
  ordered_json duplicate_left = good;
  duplicate_left["images"][0]["repo_digests"].push_back(good["images"][0]["repo_digests"][0]);
  EXPECT_EQ(judge(duplicate_left.dump()), 1);
  ordered_json half_inspected = good;
  half_inspected["images"][0]["raw_count"] = nullptr;
  EXPECT_EQ(judge(half_inspected.dump()), 1);
  ordered_json unknown_anomaly = good;
  unknown_anomaly["images"][0]["anomalies"].push_back("odd");
  EXPECT_EQ(judge(unknown_anomaly.dump()), 1);
}

}  // namespace
}  // namespace repodigest::exposition
