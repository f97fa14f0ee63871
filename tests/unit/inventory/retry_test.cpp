#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builders.h"

namespace repodigest::inventory {
namespace {

using digest::Anomaly;
using std::chrono::minutes;
using testing::ElementsAre;

const std::string image1 = id('1');
const std::string a1 = "a@" + image1;

/// A world with one tagged image, and one whose tag was found to lead nowhere, so that it is asked by Id.
World tagged_world() {
  World world;
  world.list({row(image1, {"a:1"}, {a1})});
  return world;
}
World by_id_world() {
  World world = tagged_world();
  EXPECT_EQ(world.answer(image1, not_found()), "a:1");
  return world;
}

TEST(Retry, AsksByIdAtOnceWhenTheTagLedToAnotherImage) {
  World world = tagged_world();
  const auto before = world.snapshot();
  EXPECT_EQ(world.answer(image1, inspect(id('2'), {a1, a1})), "a:1");
  EXPECT_EQ(world.snapshot(), before);
  EXPECT_EQ(world.answer(image1, inspect(image1, {a1})), image1);
  EXPECT_EQ(world.image(image1)->digests->raw_count, 1U);
}

TEST(Retry, AsksByIdAtOnceWhenTheTagLedNowhere) {
  World world = tagged_world();
  EXPECT_EQ(world.answer(image1, not_found()), "a:1");
  EXPECT_EQ(world.answer(image1, inspect(image1, {a1})), image1);
  EXPECT_FALSE(world.image(image1)->pending);
}

TEST(Retry, AsksByIdAtOnceWhenTheEngineRefusesTheTag) {
  World world;
  world.list({row(image1, {"UPPER/case:1"}, {a1})});
  EXPECT_EQ(world.answer(image1, Error{Reason::http, "invalid reference format", 400}), "UPPER/case:1");
  EXPECT_EQ(world.answer(image1, inspect(image1, {a1})), image1);
  EXPECT_EQ(world.image(image1)->failure, std::nullopt);
}

TEST(Retry, NeverAsksByAnEmptyTag) {
  World world;
  world.list({row(image1, {"", "a:1"}, {a1}), row(id('2'), {""})});
  EXPECT_EQ(world.answer(image1, inspect(image1, {a1})), "a:1");
  EXPECT_EQ(world.answer(id('2'), inspect(id('2'), {})), id('2'));
}

TEST(Retry, AsksByTheNewTagAfterTheRowChanged) {
  World world = by_id_world();
  world.list({row(image1, {"a:2"}, {a1})});
  EXPECT_EQ(world.answer(image1, inspect(image1, {a1})), "a:2");
}

TEST(Retry, TriesServerErrorsTwiceMoreAtOnceThenCountsAFailure) {
  World world = tagged_world();
  world.answer(image1, server_error());
  world.answer(image1, server_error());
  EXPECT_EQ(world.image(image1)->failure, std::nullopt);
  EXPECT_TRUE(world.image(image1)->pending);
  EXPECT_EQ(world.due_count(), 1U);
  world.answer(image1, server_error());
  const auto image = world.image(image1);
  EXPECT_EQ(image->failure, Reason::http);
  EXPECT_FALSE(image->pending);
  EXPECT_EQ(world.due_count(), 0U);
  EXPECT_EQ(world.snapshot()->totals.inspections_failed[index_of(Reason::http)], 1U);
  EXPECT_EQ(world.snapshot()->totals.pending_other, 0U);
}

TEST(Retry, TriesA404ByIdTwiceMoreAtOnceThenCountsAFailure) {
  World world = by_id_world();
  world.answer(image1, not_found());
  world.answer(image1, not_found());
  EXPECT_EQ(world.image(image1)->failure, std::nullopt);
  world.answer(image1, not_found());
  EXPECT_EQ(world.image(image1)->failure, Reason::not_found);
  EXPECT_FALSE(world.image(image1)->anomalies.has(Anomaly::not_inspectable));
  EXPECT_EQ(world.inventory.next_retry(), world.now + minutes(1));
}

TEST(Retry, PausesLongerAfterEachFailureUpToAnHour) {
  World world = tagged_world();
  for (const int pause : {1, 2, 4, 8, 16, 32, 60, 60, 60}) {
    EXPECT_EQ(world.answer(image1, Error{Reason::timeout, "slow"}), "a:1");
    EXPECT_EQ(world.due_count(), 0U);
    ASSERT_EQ(world.inventory.next_retry(), world.now + minutes(pause));
    world.now += minutes(pause) - std::chrono::seconds(1);
    EXPECT_EQ(world.next(), "");
    world.now += std::chrono::seconds(1);
    EXPECT_EQ(world.next(), image1);
    EXPECT_EQ(world.inventory.next_retry(), std::nullopt);
  }
}

TEST(Retry, CountsOtherTroubleAtOnce) {
  for (const Error& error : {Error{Reason::timeout, "slow"}, Error{Reason::too_large, "long"},
                             Error{Reason::parse, "odd"}, Error{Reason::http, "bad", 400}}) {
    World world = by_id_world();
    world.answer(image1, error);
    EXPECT_EQ(world.image(image1)->failure, error.reason);
    EXPECT_EQ(world.snapshot()->totals.inspections_failed[index_of(error.reason)], 1U);
    EXPECT_EQ(world.due_count(), 0U);
  }
}

TEST(Retry, TakesAnAnswerWithAnotherIdToAQuestionByIdForNoAnswer) {
  World world = by_id_world();
  world.answer(image1, inspect(id('2'), {a1}));
  EXPECT_EQ(world.image(image1)->failure, Reason::parse);
  EXPECT_FALSE(world.image(image1)->digests.has_value());
}

TEST(Retry, LearnsNothingAboutTheImageFromAnEngineThatIsAway) {
  for (const Reason reason : {Reason::connect, Reason::permission, Reason::tls, Reason::api_version}) {
    World world = tagged_world();
    const auto before = world.snapshot();
    for (int i = 0; i < 10; ++i) EXPECT_EQ(world.answer(image1, Error{reason, "away"}), "a:1");
    EXPECT_EQ(world.snapshot(), before);
    EXPECT_EQ(world.next(), image1);
  }
}

TEST(Retry, PutsAsideAnImageAtWhichTheEngineAlwaysHangsUp) {
  World world;
  world.list({row(image1, {"a:1"}), row(id('2'), {"b:1"})});
  const auto before = world.snapshot();
  world.answer(image1, Error{Reason::interrupted, "cut off"});
  world.answer(image1, Error{Reason::interrupted, "cut off"});
  EXPECT_EQ(world.snapshot(), before);
  EXPECT_EQ(world.next(), image1);
  world.answer(image1, Error{Reason::interrupted, "cut off"});
  EXPECT_EQ(world.next(), id('2'));
  EXPECT_EQ(world.image(image1)->failure, Reason::interrupted);
}

TEST(Retry, ForgetsTheFailureAfterASuccess) {
  World world = tagged_world();
  world.answer(image1, Error{Reason::timeout, "slow"});
  world.now += minutes(1);
  world.answer(image1, inspect(image1, {a1}));
  const auto image = world.image(image1);
  EXPECT_EQ(image->failure, std::nullopt);
  EXPECT_TRUE(image->digests.has_value());
  EXPECT_EQ(world.snapshot()->totals.inspections_failed, Totals{}.inspections_failed);
  world.now += std::chrono::hours(2);
  EXPECT_EQ(world.due_count(), 0U);
}

TEST(Retry, StartsAfreshWhenTheRowChanges) {
  World world = tagged_world();
  world.answer(image1, Error{Reason::timeout, "slow"});
  world.list({row(image1, {"a:1", "b:1"}, {a1})});
  EXPECT_EQ(world.next(), image1);
  EXPECT_EQ(world.inventory.next_retry(), std::nullopt);
  EXPECT_EQ(world.image(image1)->failure, std::nullopt);
  EXPECT_TRUE(world.image(image1)->pending);
  world.answer(image1, Error{Reason::timeout, "slow"});
  EXPECT_EQ(world.inventory.next_retry(), world.now + minutes(1));
}

TEST(Retry, WaitsThroughAnUnchangedList) {
  World world = tagged_world();
  world.answer(image1, Error{Reason::timeout, "slow"});
  const auto retry = world.inventory.next_retry();
  world.now += std::chrono::seconds(30);
  world.list({row(id('2'), {"new:1"}), row(image1, {"a:1"}, {a1})});
  EXPECT_EQ(world.inventory.next_retry(), retry);
  EXPECT_EQ(world.due_count(), 1U);
  world.now += std::chrono::seconds(30);
  EXPECT_EQ(world.due_count(), 2U);
}

TEST(Retry, PutsARipeRetryWhereItsRankIs) {
  World world;
  world.list({row(image1, {"a:1", "a:2"}), row(id('2'), {"b:1"})});
  world.answer(image1, Error{Reason::timeout, "slow"});
  EXPECT_EQ(world.next(), id('2'));
  world.now += minutes(1);
  EXPECT_EQ(world.next(), image1);  // the suspect before the other
}

TEST(Retry, ForgetsAnImageThatIsGoneWhileItWaits) {
  World world = tagged_world();
  world.answer(image1, Error{Reason::timeout, "slow"});
  world.list({});
  EXPECT_EQ(world.inventory.next_retry(), std::nullopt);
  world.now += std::chrono::hours(2);
  EXPECT_EQ(world.due_count(), 0U);
  EXPECT_EQ(world.snapshot()->totals, Totals{});
}

TEST(Retry, KeepsCountsOfTheLastInspectWhenANewOneFails) {
  World world = tagged_world();
  world.answer(image1, inspect(image1, {a1, a1}));
  world.list({row(image1, {"a:1", "b:1"}, {a1})});
  world.answer(image1, Error{Reason::timeout, "slow"});
  const auto image = world.image(image1);
  EXPECT_EQ(image->failure, Reason::timeout);
  EXPECT_FALSE(image->pending);
  ASSERT_TRUE(image->digests.has_value());
  EXPECT_EQ(image->digests->raw_count, 2U);
}

TEST(NotInspectable, IsA404ThatOutlivesAList) {
  World world = by_id_world();
  for (int i = 0; i < 3; ++i) world.answer(image1, not_found());
  world.list({row(image1, {"a:1"}, {a1})});
  EXPECT_FALSE(
      world.image(image1)->anomalies.has(Anomaly::not_inspectable));  // the list alone proves nothing
  EXPECT_EQ(world.due_count(), 1U) << "which of the two it is, is asked at once, not after the pause";
  EXPECT_EQ(world.answer(image1, not_found()), image1);
  const auto image = world.image(image1);
  EXPECT_TRUE(image->anomalies.has(Anomaly::not_inspectable));
  EXPECT_EQ(image->failure, Reason::not_found);
  EXPECT_EQ(world.snapshot()->totals.by_anomaly[index_of(Anomaly::not_inspectable)], 1U);
  EXPECT_EQ(world.inventory.next_retry(), world.now + minutes(2));
}

TEST(NotInspectable, IsAskedAgainOnlyAfterPausesOnceItIsKnown) {
  World world = by_id_world();
  for (int i = 0; i < 3; ++i) world.answer(image1, not_found());
  world.list({row(image1, {"a:1"}, {a1})});
  world.answer(image1, not_found());
  world.list({row(image1, {"a:1"}, {a1})});
  EXPECT_EQ(world.due_count(), 0U);
}

TEST(NotInspectable, IsNotA404WithoutANewerList) {
  World world = by_id_world();
  for (int i = 0; i < 3; ++i) world.answer(image1, not_found());
  world.now += minutes(1);
  world.answer(image1, not_found());
  EXPECT_FALSE(world.image(image1)->anomalies.has(Anomaly::not_inspectable));
}

TEST(NotInspectable, HasNoCountsOfFormerTimes) {
  World world = tagged_world();
  world.answer(image1, inspect(image1, {a1}));
  world.list({row(image1, {}, {a1})});
  world.answer(image1, not_found());
  world.list({row(image1, {}, {a1})});
  world.answer(image1, not_found());
  EXPECT_TRUE(world.image(image1)->anomalies.has(Anomaly::not_inspectable));
  EXPECT_FALSE(world.image(image1)->digests.has_value());
}

TEST(NotInspectable, EndsWithASuccess) {
  World world = by_id_world();
  world.answer(image1, not_found());
  world.list({row(image1, {"a:1"}, {a1})});
  world.answer(image1, not_found());
  ASSERT_TRUE(world.image(image1)->anomalies.has(Anomaly::not_inspectable));
  world.now += minutes(1);
  world.answer(image1, inspect(image1, {a1}));
  EXPECT_TRUE(world.image(image1)->anomalies.empty());
  EXPECT_THAT(world.image(image1)->digests->unique, ElementsAre(a1));
}

}  // namespace
}  // namespace repodigest::inventory
