// A list and an inspect are two moments of the engine: what came and went between them must not stay.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builders.h"

namespace repodigest::inventory {
namespace {

using testing::ElementsAre;

const std::string a1 = "a@" + id('1');
const std::string b1 = "b@" + id('1');

TEST(AnInspectOfAnotherMomentThanItsRow, IsMadeAgainAfterTheNextListThoughTheRowIsTheSame) {
  World world;
  const auto rows = {row(id('1'), {"a:1"}, {a1})};
  world.list(rows);
  world.answer(id('1'), inspect(id('1'), {a1, b1}, {"a:1", "b:1"}));  // b:1 came, and will be gone
  EXPECT_THAT(world.image(id('1'))->digests->unique, ElementsAre(a1, b1));
  EXPECT_EQ(world.due_count(), 0U) << "there is no newer list to compare with";
  world.list(rows);
  EXPECT_TRUE(world.image(id('1'))->pending);
  world.answer(id('1'), inspect(id('1'), {a1}, {"a:1"}));
  EXPECT_THAT(world.image(id('1'))->digests->unique, ElementsAre(a1));
  EXPECT_FALSE(world.image(id('1'))->pending);
  world.list(rows);
  EXPECT_EQ(world.due_count(), 0U);
}

TEST(AnInspectOfAnotherMomentThanItsRow, IsToldByATagThatIsMissing) {
  World world;
  const auto rows = {row(id('1'), {"a:1", "b:1"}, {b1})};
  world.list(rows);
  world.answer(id('1'), inspect(id('1'), {a1}, {"a:1"}));
  world.list(rows);
  EXPECT_EQ(world.next(), id('1'));
}

TEST(AnInspectOfAnotherMomentThanItsRow, IsToldByAnEntryThatIsMissing) {
  World world;
  const auto rows = {row(id('1'), {a1}, {a1})};
  world.list(rows);
  world.answer(id('1'), inspect(id('1'), {}));
  world.list(rows);
  EXPECT_EQ(world.next(), id('1'));
}

/// Whether it is to be made again after a list with that row once more.
bool is_in_doubt(const std::string& version, const Strings& names, const Strings& row_digests,
                 const Strings& inspected, const Strings& tags) {
  World world;
  world.inventory.set_identity(identity(version));
  const auto rows = {row(id('1'), names, row_digests)};
  world.list(rows);
  world.inventory.apply_inspect({id('1'), id('1')}, inspect(id('1'), inspected, tags), world.now);
  world.list(rows);
  return world.due_count() > 0;
}

TEST(AnInspectOfAnotherMomentThanItsRow, IsToldByAnEntryOfARepositoryOfWhichTheRowHasNoName) {
  EXPECT_TRUE(is_in_doubt("27.3.1", {a1}, {a1}, {a1, b1}, {}));
  EXPECT_FALSE(is_in_doubt("27.3.1", {a1, b1}, {b1}, {a1, b1}, {}));
}

TEST(AnInspectOfAnotherMomentThanItsRow, IsToldByANameOfWhoseRepositoryThereIsNoEntry) {
  EXPECT_TRUE(is_in_doubt("27.4.0", {a1, b1}, {b1}, {b1}, {}));
  EXPECT_FALSE(is_in_doubt("27.3.1", {"a:1@" + id('1'), "b:1"}, {b1}, {b1}, {"a:1@" + id('1'), "b:1"}))
      << "a pinned name has no entry before 28";
}

TEST(AnInspectOfAnotherMomentThanItsRow, IsToldByMoreEntriesThanTheRowHasNames) {
  EXPECT_TRUE(is_in_doubt("27.3.1", {"a:1"}, {a1}, {a1, a1}, {"a:1"}));
  EXPECT_FALSE(is_in_doubt("27.3.1", {"a:1", a1}, {a1}, {a1, a1}, {"a:1"}));
}

TEST(AnInspectOfAnotherMomentThanItsRow, IsToldByFewerEntriesThanNamesWhereTheEngineRepeatsThem) {
  EXPECT_TRUE(is_in_doubt("27.3.1", {"a:1", a1}, {a1}, {a1}, {"a:1"}));
  EXPECT_FALSE(is_in_doubt("27.4.0", {"a:1", a1}, {a1}, {a1}, {"a:1"}));
}

TEST(AnInspectOfAnotherMomentThanItsRow, IsBelievedWhenItSaysTheSameTwice) {
  World world;  // engines before 28 leave names that are not canonical out of inspect
  const auto rows = {row(id('1'), {"odd/short:1", "oddshort:2", "oddshort:2"})};
  world.list(rows);
  for (int time = 0; time < 2; ++time) {
    EXPECT_NE(world.answer(id('1'), inspect(id('1'), {a1}, {"odd/short:1"})), "(not due)");
    world.list(rows);
  }
  EXPECT_EQ(world.due_count(), 0U);
  EXPECT_FALSE(world.image(id('1'))->pending);
}

TEST(AnInspectOfAnotherMomentThanItsRow, IsMadeAgainAsOftenAsItSaysSomethingElse) {
  World world;
  const auto rows = {row(id('1'), {"a:1"})};
  world.list(rows);
  for (const Strings& digests : {Strings{a1, b1}, Strings{a1, a1, b1}, Strings{a1, b1}}) {
    EXPECT_NE(world.answer(id('1'), inspect(id('1'), digests, {"a:1", "b:1"})), "(not due)");
    world.list(rows);
  }
  EXPECT_EQ(world.due_count(), 1U);
}

TEST(AnInspectOfAnotherMomentThanItsRow, KeepsItsCountsWhileItIsMadeAgain) {
  World world;
  const auto rows = {row(id('1'), {"a:1"}, {b1})};
  world.list(rows);
  world.answer(id('1'), inspect(id('1'), {a1}));
  const auto before = world.image(id('1'));
  world.list(rows);
  const auto after = world.image(id('1'));
  EXPECT_EQ(after->digests, before->digests);
  EXPECT_EQ(after->anomalies, before->anomalies);
}

TEST(ListAndInspect, AgreeThoughOnlyTheRowHasNamesWithDigestsAndTheLongForms) {
  World world;
  const auto rows = {row(id('1'), {"docker.io/library/a:1", "a:1@" + id('1'), "a@" + id('1')})};
  world.list(rows);
  world.answer(id('1'), inspect(id('1'), {a1}, {"a:1"}));
  world.list(rows);
  EXPECT_EQ(world.due_count(), 0U);
}

}  // namespace
}  // namespace repodigest::inventory
