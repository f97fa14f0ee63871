#include "repodigest/poll/doorbell.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace repodigest::poll {
namespace {

using inventory::Bell;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr SteadyTime start{std::chrono::hours(1)};

Bell bell(const std::string& reference) {
  return {"", reference, false};
}

TEST(DoorbellTest, IsOffUntilSomebodyListens) {
  const Doorbell doorbell;
  EXPECT_EQ(doorbell.state().stream, Stream::off);
  EXPECT_EQ(doorbell.order().order, 0U);
  EXPECT_FALSE(doorbell.ordered().raised());
  EXPECT_FALSE(doorbell.rung().raised());
}

TEST(DoorbellTest, OrdersAStreamAndFollowsItsState) {
  Doorbell doorbell;
  doorbell.listen("1.47");
  EXPECT_TRUE(doorbell.ordered().raised());
  const auto order = doorbell.order();
  EXPECT_EQ(order.order, 1U);
  EXPECT_EQ(order.api_version, "1.47");
  EXPECT_EQ(doorbell.state().stream, Stream::connecting);

  doorbell.rung().clear();
  doorbell.opened(order.order);
  EXPECT_EQ(doorbell.state().stream, Stream::up);
  EXPECT_EQ(doorbell.state().openings, 1U);
  EXPECT_TRUE(doorbell.rung().raised());

  doorbell.rung().clear();
  doorbell.ended(order.order);
  EXPECT_EQ(doorbell.state().stream, Stream::down);
  EXPECT_TRUE(doorbell.rung().raised());

  doorbell.connecting(order.order);
  EXPECT_EQ(doorbell.state().stream, Stream::connecting);
  doorbell.opened(order.order);
  EXPECT_EQ(doorbell.state().openings, 2U);
}

TEST(DoorbellTest, IgnoresWhatIsSaidOfAnEarlierOrder) {
  Doorbell doorbell;
  doorbell.listen("1.47");
  doorbell.opened(1);
  doorbell.listen("1.48");
  EXPECT_EQ(doorbell.state().stream, Stream::connecting);
  doorbell.ended(1);
  doorbell.opened(1);
  EXPECT_EQ(doorbell.state().stream, Stream::connecting);
  EXPECT_EQ(doorbell.state().openings, 1U);
  doorbell.opened(2);
  doorbell.connecting(1);
  EXPECT_EQ(doorbell.state().stream, Stream::up);
  EXPECT_EQ(doorbell.state().openings, 2U);
}

TEST(DoorbellTest, KeepsBellsWithTheTimeOfTheFirstUntilTheyAreTaken) {
  Doorbell doorbell;
  doorbell.ring(bell("a:1"), start);
  EXPECT_TRUE(doorbell.rung().raised());
  doorbell.ring(bell("b:1"), start + std::chrono::seconds(1));
  EXPECT_EQ(doorbell.state().rang_at, start);
  EXPECT_THAT(doorbell.take(), ElementsAre(bell("a:1"), bell("b:1")));
  EXPECT_EQ(doorbell.state().rang_at, std::nullopt);
  EXPECT_THAT(doorbell.take(), IsEmpty());
  doorbell.ring(bell("a:1"), start + std::chrono::seconds(2));
  EXPECT_EQ(doorbell.state().rang_at, start + std::chrono::seconds(2));
}

TEST(DoorbellTest, WakesThePollerForTheFirstBellAlone) {
  Doorbell doorbell;
  doorbell.ring(bell("a:1"), start);
  doorbell.rung().clear();
  for (int i = 0; i < 3; ++i) doorbell.ring(bell("b:" + std::to_string(i)), start);
  EXPECT_FALSE(doorbell.rung().raised()) << "nothing that it decides by is different";
  doorbell.take();
  doorbell.ring(bell("a:1"), start);
  EXPECT_TRUE(doorbell.rung().raised());
}

TEST(DoorbellTest, KeepsOnlyTheLastOfTheSameBells) {
  Doorbell doorbell;
  const Bell removed{"", "a:1", true};
  for (const Bell& rung : {bell("a:1"), bell("b:1"), removed, bell("a:1")}) doorbell.ring(rung, start);
  EXPECT_THAT(doorbell.take(), ElementsAre(bell("b:1"), removed, bell("a:1")));
}

TEST(DoorbellTest, BecomesOneBellThatSaysAnythingWhenThereAreTooMany) {
  Doorbell doorbell;
  for (std::size_t i = 0; i < Doorbell::max_bells; ++i) doorbell.ring(bell("a:" + std::to_string(i)), start);
  doorbell.ring(bell("a:0"), start);  // known already, so it still fits
  EXPECT_EQ(doorbell.take().size(), Doorbell::max_bells);
  for (std::size_t i = 0; i <= Doorbell::max_bells; ++i) doorbell.ring(bell("a:" + std::to_string(i)), start);
  doorbell.ring(bell("b:1"), start);
  EXPECT_THAT(doorbell.take(), ElementsAre(Bell{}, bell("b:1")));
}

}  // namespace
}  // namespace repodigest::poll
