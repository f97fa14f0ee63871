#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builders.h"

namespace repodigest::inventory {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string id1 = id('1');
const std::string a1 = "a@" + id1;

/// An image with duplicates.
World one_image() {
  World world;
  world.list({row(id1, {"a:1", "a:2"}, {a1})});
  world.answer(id1, inspect(id1, {a1, a1}));
  return world;
}

TEST(Containers, AreNotKnownBeforeTheyAreListed) {
  World world = one_image();
  EXPECT_FALSE(world.snapshot()->containers_known);
  world.inventory.set_containers({{}});
  EXPECT_TRUE(world.snapshot()->containers_known);
  world.inventory.set_containers(std::nullopt);
  EXPECT_FALSE(world.snapshot()->containers_known);
}

TEST(Containers, StandAtTheirImageByNameThenId) {
  World world = one_image();
  world.inventory.set_containers(
      {{{"3", "web", id1, "exited"}, {"2", "web", id1, "running"}, {"1", "db", id1, "created"}}});
  EXPECT_THAT(world.image(id1)->containers,
              ElementsAre(Container{"1", "db", "created"}, Container{"2", "web", "running"},
                          Container{"3", "web", "exited"}));
}

TEST(Containers, CountInTheTotalsWhenTheirImageHasDuplicates) {
  World world = one_image();
  world.inventory.set_containers({{{"1", "x", id1, "running"}, {"2", "y", id1, "paused"}}});
  EXPECT_THAT(world.snapshot()->totals.containers_with_duplicates, ElementsAre(1, 1));
  world.list({row(id1, {"a:1"}, {a1})});
  world.answer(id1, inspect(id1, {a1}));
  EXPECT_THAT(world.snapshot()->totals.containers_with_duplicates, ElementsAre(0, 0));
}

TEST(Containers, OfAnImageThatIsNotKnownCountNowhere) {
  World world = one_image();
  world.inventory.set_containers({{{"1", "x", "a:1", "running"}, {"2", "y", id('9'), "running"}}});
  EXPECT_THAT(world.image(id1)->containers, IsEmpty());
  EXPECT_THAT(world.snapshot()->totals.containers_with_duplicates, ElementsAre(0, 0));
}

TEST(Containers, StandAtAnImageThatAppearsLater) {
  for (const bool by_list : {true, false}) {
    World world = one_image();
    world.inventory.set_containers({{{"2", "y", id('9'), "running"}}});
    if (by_list) {
      world.list({row(id1, {"a:1", "a:2"}, {a1}), row(id('9'), {})});
    } else {
      world.inventory.ring({id('9'), ""});
      world.inventory.apply_rung(world.inventory.next_rung().value(), inspect(id('9'), {}, {"c:1"}),
                                 world.now);
    }
    EXPECT_EQ(world.image(id('9'))->containers.size(), 1U);
  }
}

TEST(Containers, MakeNoNewSnapshotWhenTheyAreTheSame) {
  World world = one_image();
  const auto list = [&](std::vector<engine::Container> all) {
    world.inventory.set_containers(std::move(all));
    return world.snapshot();
  };
  const auto before = list({{"1", "x", id1, "running"}, {"2", "y", id1, "exited"}});
  EXPECT_EQ(list({{"2", "y", id1, "exited"}, {"1", "x", id1, "running"}, {"3", "z", "gone", "exited"}}),
            before);
  EXPECT_NE(list({{"1", "x", id1, "exited"}, {"2", "y", id1, "exited"}}), before);
}

TEST(Containers, AreGoneWhenTheyAreNoLongerKnown) {
  World world = one_image();
  world.inventory.set_containers({{{"1", "x", id1, "running"}}});
  world.inventory.set_containers(std::nullopt);
  EXPECT_THAT(world.image(id1)->containers, IsEmpty());
  EXPECT_EQ(world.snapshot()->totals.containers_with_duplicates[0], 0U);
}

TEST(Containers, OfAnotherEngineAreForgotten) {
  World world;
  world.inventory.set_identity(identity());
  world.list({row(id1, {"a:1"}, {a1})});
  world.inventory.set_containers({{{"1", "x", id1, "running"}}});
  world.inventory.set_identity(identity("27.3.1", engine::ImageStore::graphdriver));
  EXPECT_FALSE(world.snapshot()->containers_known);
  world.list({row(id1, {"a:1"}, {a1})});
  EXPECT_THAT(world.image(id1)->containers, IsEmpty());
}

TEST(Containers, OfADroppedImageCountNoLonger) {
  World world = one_image();
  world.inventory.set_containers({{{"1", "x", id1, "running"}}});
  world.list({});
  EXPECT_EQ(world.snapshot()->totals, Totals{});
}

}  // namespace
}  // namespace repodigest::inventory
