// What outlives a restart of this program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builders.h"

namespace repodigest::inventory {
namespace {

using digest::Anomaly;
using testing::ElementsAre;
using testing::IsEmpty;

const std::string id1 = id('1');
const std::string a1 = "a@" + id1;
const std::string b1 = "b@" + id1;

Strings kept_ids(const World& world) {
  Strings ids;
  for (const Remembered& one : world.inventory.worth_keeping()) ids.push_back(one.id);
  return ids;
}

TEST(WhatIsWorthKeeping, SparesTheInspectsAfterARestart) {
  const auto rows = {row(id1, {"b:1", "a:1"}, {b1}), row(id('2'), {"<none>:<none>"}), row(id('3'), {"c:1"})};
  World before;
  before.list(rows);
  before.answer(id1, inspect(id1, {b1, a1, a1, b1, a1}));
  before.answer(id('2'), inspect(id('2'), {}));
  before.answer(id('3'), inspect(id('3'), {"x:1@" + id('1')}));
  const auto kept = before.inventory.worth_keeping();
  ASSERT_EQ(kept.size(), 3U);

  World after;
  after.inventory.remember(kept);
  after.list(rows);
  EXPECT_EQ(after.due_count(), 0U);
  EXPECT_EQ(after.snapshot()->totals, before.snapshot()->totals);
  for (const char digit : {'1', '2', '3'}) EXPECT_EQ(*after.image(id(digit)), *before.image(id(digit)));
  EXPECT_EQ(after.inventory.worth_keeping(), kept);
}

TEST(WhatIsWorthKeeping, HoldsForARowInSeveralPartsToo) {
  const auto rows = {row(id1, {"b:1"}, {b1}), row(id1, {"a:1"}, {a1})};
  World before;
  before.list(rows);
  before.answer(id1, inspect(id1, {a1, b1}));
  World after;
  after.inventory.remember(before.inventory.worth_keeping());
  after.list({row(id1, {"a:1"}, {a1}), row(id1, {"b:1"}, {b1})});
  EXPECT_EQ(after.due_count(), 0U);
}

TEST(WhatIsWorthKeeping, IsVoidForARowThatIsAnotherOne) {
  for (const auto& other : {row(id1, {"a:2"}, {a1}), row(id1, {"a:1"}, {b1}), row(id('2'), {"a:1"}, {a1})}) {
    World world;
    world.inventory.remember({{id1, {"a:1"}, {a1}, {a1}}});
    world.list({other});
    EXPECT_EQ(world.due_count(), 1U);
    world.list({row(id1, {"a:1"}, {a1})});
    EXPECT_EQ(world.due_count(), 1U) << "forgotten after a list";
  }
}

TEST(WhatIsWorthKeeping, IsVoidForAnotherEngine) {
  World world;
  world.inventory.set_identity(identity());
  world.inventory.remember({{id1, {"a:1"}, {a1}, {a1}}});
  world.inventory.set_identity(identity("27.4.0"));
  world.list({row(id1, {"a:1"}, {a1})});
  EXPECT_EQ(world.due_count(), 1U);
}

TEST(WhatIsWorthKeeping, SparesAnInspectThatFailed) {
  World world;
  world.list({row(id1, {"a:1"}, {a1})});
  world.answer(id1, Error{Reason::timeout, "slow"});
  world.inventory.remember({{id1, {"a:1"}, {a1}, {a1, a1}}});
  world.list({row(id1, {"a:1"}, {a1})});
  EXPECT_EQ(world.image(id1)->failure, std::nullopt);
  EXPECT_EQ(world.image(id1)->digests->raw_count, 2U);
  EXPECT_EQ(world.inventory.next_retry(), std::nullopt);
}

TEST(WhatIsWorthKeeping, LeavesOutWhatIsPendingFailedDoubtfulOrRung) {
  World world;
  world.list({row(id('0'), {"f:1"}), row(id1, {"a:1"}), row(id('2'), {"b:1"}), row(id('3'), {"c:1"}),
              row(id('4'), {"d:1"}), row(id('5'), {"e:1"})});
  world.answer(id('0'), inspect(id('0'), {}));
  world.answer(id1, Error{Reason::timeout, "slow"});
  world.answer(id('2'), inspect(id('2'), {}, {"b:2"}));
  world.answer(id('3'), inspect(id('3'), {}));
  world.answer(id('4'), inspect(id('4'), {}));
  world.inventory.ring({"", "d:1"});
  world.inventory.apply_rung(world.inventory.next_rung().value(), inspect(id('3'), {}, {"c:1", "d:1"}),
                             world.now);
  EXPECT_THAT(kept_ids(world), ElementsAre(id('0')));
}

TEST(TheGeneration, GrowsWithWhatIsWorthKeepingAlone) {
  World world;
  auto latest = world.inventory.generation();
  const auto grew = [&] { return std::exchange(latest, world.inventory.generation()) != latest; };
  const auto rows = {row(id1, {"a:1"}, {a1}), row(id('2'), {"b:1"})};
  world.list(rows);
  grew();
  world.answer(id1, inspect(id1, {a1}));
  EXPECT_TRUE(grew());
  world.answer(id('2'), Error{Reason::timeout, "slow"});
  world.list(rows);
  world.inventory.set_containers({{{"1", "x", id1, "running"}}});
  EXPECT_FALSE(grew());
  world.inventory.ring({id1, ""});
  world.inventory.apply_rung(world.inventory.next_rung().value(), inspect(id1, {a1}, {"a:2"}), world.now);
  EXPECT_TRUE(grew());
  world.list({row(id1, {"a:2"}, {a1}), row(id('2'), {"b:1"})});
  EXPECT_TRUE(grew());
  world.list({row(id('2'), {"b:1"})});
  EXPECT_TRUE(grew());
  EXPECT_THAT(kept_ids(world), IsEmpty());
}

}  // namespace
}  // namespace repodigest::inventory
