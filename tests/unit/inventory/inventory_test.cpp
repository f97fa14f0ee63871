#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builders.h"

namespace repodigest::inventory {
namespace {

using digest::Anomalies;
using digest::Anomaly;
using testing::ElementsAre;
using testing::IsEmpty;

const std::string a1 = "a@" + id('1');
const std::string b1 = "b@" + id('1');

TEST(Inventory, HasNothingBeforeTheFirstList) {
  World world;
  const auto snapshot = world.snapshot();
  EXPECT_FALSE(snapshot->listed);
  EXPECT_FALSE(snapshot->engine.has_value());
  EXPECT_THAT(snapshot->images, IsEmpty());
  EXPECT_EQ(snapshot->totals, Totals{});
  EXPECT_EQ(world.due_count(), 0U);
  EXPECT_EQ(world.next(), "");
  EXPECT_EQ(world.inventory.next_retry(), std::nullopt);
}

TEST(Inventory, TellsAnEmptyListFromNone) {
  World world;
  const auto before = world.snapshot();
  world.list({});
  const auto after = world.snapshot();
  EXPECT_NE(before, after);
  EXPECT_TRUE(after->listed);
  EXPECT_GT(after->sequence, before->sequence);
}

TEST(Inventory, SaysWhetherTheRecordingAnswers) {
  EXPECT_TRUE(Inventory(true).snapshot({})->demo);
  EXPECT_FALSE(Inventory(false).snapshot({})->demo);
}

TEST(Inventory, CountsTheIssuesImage) {
  World world;
  world.inventory.set_identity(identity());
  world.list({row(id('1'), {"a:1", "a:2", "b:1", "b:2"}, {b1})});
  const auto listed = world.image(id('1'));
  EXPECT_TRUE(listed->pending);
  EXPECT_TRUE(listed->suspect);
  EXPECT_FALSE(listed->digests.has_value());
  EXPECT_EQ(world.snapshot()->totals.pending_suspect, 1U);

  EXPECT_EQ(world.answer(id('1'), inspect(id('1'), {a1, a1, b1, b1})), "a:1");
  const auto inspected = world.image(id('1'));
  ASSERT_TRUE(inspected->digests.has_value());
  EXPECT_EQ(inspected->digests->raw_count, 4U);
  EXPECT_THAT(inspected->digests->unique, ElementsAre(a1, b1));
  EXPECT_EQ(inspected->anomalies, Anomalies{Anomaly::duplicate});
  EXPECT_FALSE(inspected->pending);
  const Totals& totals = world.snapshot()->totals;
  EXPECT_EQ(totals.images, 1U);
  EXPECT_EQ(totals.inspected, 1U);
  EXPECT_EQ(totals.repo_digests, 4U);
  EXPECT_EQ(totals.repo_digests_unique, 2U);
  EXPECT_EQ(totals.images_with_duplicates, 1U);
  EXPECT_EQ(totals.pending_suspect, 0U);
  EXPECT_EQ(world.due_count(), 0U);
}

TEST(Inventory, MergesTheRowsOfOneId) {
  World world;
  engine::ImageRow second = row(id('1'), {"b:1", "a:1"}, {b1, a1});
  second.created = 99;
  world.list({row(id('1'), {"a:1", "<none>:<none>"}, {a1}), row(id('2'), {"c:1"}), second});
  ASSERT_EQ(world.snapshot()->images.size(), 2U);
  const auto image = world.image(id('1'));
  EXPECT_THAT(image->repo_tags, ElementsAre("a:1", "b:1"));
  EXPECT_EQ(image->created, 1);
  EXPECT_EQ(image->size, 2);
}

TEST(Inventory, KeepsEachNameOnceHoweverManyRowsHaveIt) {
  World world;
  std::vector<engine::ImageRow> rows;
  for (int i = 0; i < 20'000; ++i) rows.push_back(row(id('1'), {"a:" + std::to_string(i % 10'000)}, {a1}));
  world.list(rows);
  const auto image = world.image(id('1'));
  ASSERT_EQ(image->repo_tags.size(), 10'000U);
  EXPECT_EQ(image->repo_tags.front(), "a:0");
  EXPECT_EQ(image->repo_tags.back(), "a:9999");
}

TEST(Inventory, AsksNothingAgainForAnUnchangedList) {
  World world;
  const auto rows = {row(id('1'), {"a:1"}, {a1}), row(id('2'), {"b:1"}, {"b@" + id('2')})};
  world.list(rows);
  world.answer(id('1'), inspect(id('1'), {a1}));
  world.answer(id('2'), inspect(id('2'), {"b@" + id('2')}));
  const auto before = world.snapshot();
  world.list(rows);
  EXPECT_EQ(world.due_count(), 0U);
  EXPECT_EQ(world.snapshot(), before);
}

TEST(Inventory, TakesAnotherOrderOfRowsForNoChange) {
  World world;
  world.list({row(id('1'), {"a:1"}), row(id('2'), {"b:1"})});
  world.answer(id('1'), inspect(id('1'), {}));
  world.answer(id('2'), inspect(id('2'), {}));
  const auto before = world.snapshot();
  world.list({row(id('2'), {"b:1"}), row(id('1'), {"a:1"})});
  EXPECT_EQ(world.snapshot(), before);
  EXPECT_EQ(world.due_count(), 0U);
}

TEST(Inventory, TakesAnotherOrderOfTheRowsOfOneIdForNoChange) {
  World world;
  engine::ImageRow one = row(id('1'), {"b:1"}, {b1});
  engine::ImageRow other = row(id('1'), {"a:1"}, {a1});
  one.size = 5;  // 24.0 and 25.0 list a row for each platform
  world.list({one, other});
  world.answer(id('1'), inspect(id('1'), {a1, b1}));
  const auto before = world.snapshot();
  world.list({other, one});
  EXPECT_EQ(world.snapshot(), before);
  EXPECT_EQ(world.due_count(), 0U);
}

TEST(Inventory, AsksAgainWhenOneOfTheRowsOfAnIdIsGoneThoughItOnlyRepeatedADigest) {
  World world;
  // 24.0: the second row is of the name a@sha256:…, which is not shown.
  world.list({row(id('1'), {"a:1"}, {a1}), row(id('1'), {}, {a1})});
  world.answer(id('1'), inspect(id('1'), {a1, a1, a1}));
  world.list({row(id('1'), {"a:1"}, {a1})});
  EXPECT_EQ(world.next(), id('1'));
}

TEST(Inventory, AsksAgainForAChangedRowAndKeepsItsCountsMeanwhile) {
  World world;
  world.list({row(id('1'), {"a:1"}, {a1})});
  world.answer(id('1'), inspect(id('1'), {a1}));
  world.list({row(id('1'), {"a:1", "b:1"}, {b1})});
  EXPECT_EQ(world.next(), id('1'));
  const auto image = world.image(id('1'));
  EXPECT_TRUE(image->pending);
  ASSERT_TRUE(image->digests.has_value());
  EXPECT_THAT(image->digests->unique, ElementsAre(a1));
  EXPECT_FALSE(image->anomalies.has(Anomaly::list_mismatch));  // not told before it is asked again
  world.answer(id('1'), inspect(id('1'), {a1, b1}));
  EXPECT_THAT(world.image(id('1'))->digests->unique, ElementsAre(a1, b1));
  EXPECT_FALSE(world.image(id('1'))->pending);
}

TEST(Inventory, AsksAgainWhenOnlyTheRowsDigestsChange) {
  World world;
  world.list({row(id('1'), {"a:1"}, {})});
  world.answer(id('1'), inspect(id('1'), {}));
  world.list({row(id('1'), {"a:1"}, {a1})});
  EXPECT_EQ(world.due_count(), 1U);
}

TEST(Inventory, ShowsAChangedSizeWithoutAskingAgain) {
  World world;
  world.list({row(id('1'), {"a:1"})});
  world.answer(id('1'), inspect(id('1'), {}));
  auto grown = row(id('1'), {"a:1"});
  grown.size = 3;
  world.list({grown});
  EXPECT_EQ(world.image(id('1'))->size, 3);
  EXPECT_EQ(world.due_count(), 0U);
}

TEST(Inventory, ForgetsAnImageThatIsGone) {
  World world;
  world.list({row(id('1'), {"a:1"}), row(id('2'), {"b:1"})});
  const auto gone = world.inventory.next_due(world.now);
  world.list({row(id('2'), {"b:1"})});
  EXPECT_EQ(world.snapshot()->images.size(), 1U);
  EXPECT_EQ(world.snapshot()->totals.images, 1U);
  EXPECT_EQ(world.due_count(), 1U);
  world.inventory.apply_inspect(*gone, inspect(id('1'), {a1}), world.now);  // an answer that comes late
  EXPECT_EQ(world.snapshot()->totals.inspected, 0U);
}

TEST(Inventory, PutsSuspectsFirstAndThenFollowsTheList) {
  World world;
  world.list({row(id('1'), {"x:1"}), row(id('2'), {"b:1", "b:2"}), row(id('3'), {"a:1"}),
              row(id('4'), {"c@" + id('4'), "c:1"})});
  for (const char next : {'2', '4', '1', '3'})
    EXPECT_NE(world.answer(id(next), inspect(id(next), {})), "(not due)");
  EXPECT_EQ(world.due_count(), 0U);
}

TEST(Inventory, FollowsTheNewestListsOrder) {
  World world;
  world.list({row(id('1'), {"a:1"}), row(id('2'), {"b:1"})});
  world.list({row(id('3'), {"c:1"}), row(id('2'), {"b:1"}), row(id('1'), {"a:1"})});
  for (const char next : {'3', '2', '1'})
    EXPECT_NE(world.answer(id(next), inspect(id(next), {})), "(not due)");
}

TEST(Inventory, SuspectsEveryImageOfAnEngineThatDoublesSingleNames) {
  World world;
  world.list({row(id('1'), {"a:1"})});
  EXPECT_FALSE(world.image(id('1'))->suspect);
  world.inventory.set_identity(identity("24.0.0"));
  EXPECT_TRUE(world.image(id('1'))->suspect);
  EXPECT_EQ(world.snapshot()->totals.pending_suspect, 1U);
}

TEST(Inventory, AsksByATagWithoutDigestElseById) {
  World world;
  world.list({row(id('1'), {"a:1@" + id('1'), "a@" + id('1'), "b:2"}), row(id('2'), {"a@" + id('2')}),
              row(id('3'), {"<none>:<none>"})});
  EXPECT_EQ(world.answer(id('1'), inspect(id('1'), {})), "b:2");
  EXPECT_EQ(world.answer(id('2'), inspect(id('2'), {})), id('2'));
  EXPECT_EQ(world.answer(id('3'), inspect(id('3'), {})), id('3'));
}

TEST(Inventory, TakesTheFirstIdentityForNoChange) {
  World world;
  world.list({row(id('1'), {"a:1"})});
  world.answer(id('1'), inspect(id('1'), {a1}));
  EXPECT_FALSE(world.inventory.set_identity(identity()).any());
  EXPECT_EQ(world.due_count(), 0U);
  EXPECT_EQ(world.snapshot()->engine, identity());
  EXPECT_EQ(world.snapshot()->totals.inspected, 1U);
}

TEST(Inventory, ShowsTheAdvisoriesOfTheEngine) {
  World world;
  world.inventory.set_identity(identity("27.3.1"));
  const auto expected = engine::advisories("27.3.1", engine::ImageStore::containerd);
  const auto snapshot = world.snapshot();
  ASSERT_EQ(snapshot->advisories.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(snapshot->advisories[i].id, expected[i].id);
    EXPECT_EQ(snapshot->advisories[i].affects, expected[i].affects);
  }
}

TEST(Inventory, DropsEveryCountWhenTheVersionChanges) {
  World world;
  world.inventory.set_identity(identity());
  world.list({row(id('1'), {"a:1"}), row(id('2'), {"b:1"})});
  world.answer(id('1'), inspect(id('1'), {a1, a1}));
  world.answer(id('2'), Error{Reason::timeout, "slow"});
  const IdentityChange change = world.inventory.set_identity(identity("27.4.0"));
  EXPECT_TRUE(change.version);
  EXPECT_FALSE(change.store);
  EXPECT_FALSE(change.engine_id);
  const auto snapshot = world.snapshot();
  EXPECT_TRUE(snapshot->listed);
  EXPECT_EQ(snapshot->totals.inspected, 0U);
  EXPECT_EQ(snapshot->totals.images_with_duplicates, 0U);
  EXPECT_EQ(snapshot->totals.pending_suspect + snapshot->totals.pending_other, 2U);
  EXPECT_EQ(image_of(*snapshot, id('2'))->failure, std::nullopt);
  EXPECT_EQ(world.due_count(), 2U);
  EXPECT_EQ(world.inventory.next_retry(), std::nullopt);
}

TEST(Inventory, KnowsNoImagesOfAnotherEngineOrStoreBeforeItsList) {
  for (const bool another_store : {true, false}) {
    World world;
    world.inventory.set_identity(identity());
    world.list({row(id('1'), {"a:1"}), row(id('2'), {"b:1"})});
    world.answer(id('1'), inspect(id('1'), {a1, a1}));
    world.answer(id('2'), Error{Reason::timeout, "slow"});
    engine::Identity other = identity();
    if (another_store) {
      other.image_store = engine::ImageStore::graphdriver;
    } else {
      other.id = "engine-2";
    }
    const IdentityChange change = world.inventory.set_identity(other);
    EXPECT_EQ(change.store, another_store);
    EXPECT_EQ(change.engine_id, !another_store);
    auto snapshot = world.snapshot();
    EXPECT_FALSE(snapshot->listed);
    EXPECT_TRUE(snapshot->images.empty());
    EXPECT_EQ(snapshot->totals, Totals());
    EXPECT_EQ(world.due_count(), 0U);
    EXPECT_EQ(world.inventory.next_retry(), std::nullopt);

    world.list({row(id('1'), {"a:1"})});
    snapshot = world.snapshot();
    EXPECT_TRUE(snapshot->listed);
    EXPECT_EQ(snapshot->totals.images, 1U);
    EXPECT_EQ(world.next(), id('1')) << "what the other engine said of it is forgotten";
  }
}

TEST(Inventory, KeepsCountsWhenOnlyTheHostsNameChanges) {
  World world;
  world.inventory.set_identity(identity());
  world.list({row(id('1'), {"a:1"})});
  world.answer(id('1'), inspect(id('1'), {a1}));
  const auto before = world.snapshot();
  engine::Identity renamed = identity();
  renamed.name = "other";
  EXPECT_FALSE(world.inventory.set_identity(renamed).any());
  const auto after = world.snapshot();
  EXPECT_EQ(after->sequence, before->sequence + 1);
  EXPECT_EQ(after->engine->name, "other");
  EXPECT_EQ(after->images, before->images);  // the very same ones
}

TEST(Inventory, KeepsTheSnapshotWhenTheSameEngineAnswersAgain) {
  World world;
  world.inventory.set_identity(identity());
  const auto before = world.snapshot();
  EXPECT_FALSE(world.inventory.set_identity(identity()).any());
  EXPECT_EQ(world.snapshot(), before);
}

TEST(Inventory, SaysWhenItLastChanged) {
  World world;
  world.list({row(id('1'), {"a:1"})});
  const auto before = world.snapshot();
  EXPECT_EQ(before->changed_at, world.wall);
  world.wall += std::chrono::seconds(5);
  EXPECT_EQ(world.snapshot()->changed_at, before->changed_at);
  world.answer(id('1'), inspect(id('1'), {a1}));
  EXPECT_EQ(world.snapshot()->changed_at, world.wall);
}

TEST(Inventory, SharesTheImagesThatDidNotChange) {
  World world;
  world.list({row(id('1'), {"a:1"}), row(id('2'), {"b:1"})});
  const auto before = world.snapshot();
  world.answer(id('1'), inspect(id('1'), {a1}));
  const auto after = world.snapshot();
  EXPECT_NE(after->images[0], before->images[0]);
  EXPECT_EQ(after->images[1], before->images[1]);
  EXPECT_FALSE(before->images[0]->digests.has_value());  // what was published stays as it was
}

TEST(Inventory, SortsByNameThenId) {
  World world;
  world.list({row(id('3'), {}), row(id('1'), {"b:1"}), row(id('2'), {}), row(id('4'), {"a:1"})});
  const auto ids = [&world] {
    std::string digits;
    for (const auto& image : world.snapshot()->images) digits += image->id.back();
    return digits;
  };
  EXPECT_EQ(ids(), "2341");
  world.list({row(id('3'), {"b:0"}), row(id('1'), {"b:1"}), row(id('2'), {}), row(id('5'), {"0:1"})});
  EXPECT_EQ(ids(), "5231");
}

TEST(ListMismatch, IsAnEntryOfTheListThatInspectHasNot) {
  World world;
  world.list({row(id('1'), {"a:1"}, {b1})});
  EXPECT_TRUE(world.image(id('1'))->anomalies.empty());
  world.answer(id('1'), inspect(id('1'), {a1}));
  EXPECT_EQ(world.image(id('1'))->anomalies, Anomalies{Anomaly::list_mismatch});
  EXPECT_EQ(world.snapshot()->totals.by_anomaly[index_of(Anomaly::list_mismatch)], 1U);
}

TEST(ListMismatch, IsNotAListThatIsIncompleteByDesign) {
  World world;
  world.inventory.set_identity(identity());
  world.list({row(id('1'), {"a:1", "b:1"}, {b1})});
  world.answer(id('1'), inspect(id('1'), {a1, b1}));
  EXPECT_TRUE(world.image(id('1'))->anomalies.empty());
}

TEST(ListMismatch, IsAnEntryThatAGraphdriversListLacks) {
  World world;
  world.inventory.set_identity(identity("27.3.1", engine::ImageStore::graphdriver));
  world.list({row(id('1'), {"a:1", "b:1"}, {b1})});
  world.answer(id('1'), inspect(id('1'), {a1, b1}));
  EXPECT_EQ(world.image(id('1'))->anomalies, Anomalies{Anomaly::list_mismatch});
}

TEST(ListMismatch, IsNotAnotherOrderOrAPlaceholder) {
  World world;
  world.inventory.set_identity(identity("27.3.1", engine::ImageStore::graphdriver));
  world.list({row(id('1'), {"a:1", "b:1"}, {b1, a1}), row(id('2'), {}, {"<none>@<none>"})});
  world.answer(id('1'), inspect(id('1'), {a1, b1}));
  world.answer(id('2'), inspect(id('2'), {}));
  EXPECT_TRUE(world.image(id('1'))->anomalies.empty());
  EXPECT_EQ(world.image(id('2'))->anomalies, Anomalies{Anomaly::placeholder});
}

TEST(ListMismatch, IsNotTheLongFormOfANameThat24_0Lists) {
  World world;
  world.list({row(id('1'), {"docker.io/library/a:1"}, {"docker.io/library/" + a1})});
  world.answer(id('1'), inspect(id('1'), {a1}));
  EXPECT_TRUE(world.image(id('1'))->anomalies.empty());
}

TEST(Inventory, ShowsWhatOnlyTheListSays) {
  World world;
  world.list({row(id('1'), {"a:1"}, {id('1')}), row(id('2'), {}, {"<none>@<none>"})});
  EXPECT_EQ(world.image(id('1'))->anomalies, Anomalies{Anomaly::bare_digest});
  EXPECT_EQ(world.image(id('2'))->anomalies, Anomalies{Anomaly::placeholder});
}

}  // namespace
}  // namespace repodigest::inventory
