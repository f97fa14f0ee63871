// Bells: which questions they leave, and what the answers mean before the next list.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "builders.h"

namespace repodigest::inventory {
namespace {

using digest::Anomaly;
using testing::ElementsAre;
using testing::IsEmpty;

const std::string id1 = id('1');
const std::string id2 = id('2');
const std::string a1 = "a@" + id1;
const std::string b1 = "b@" + id1;
const std::string a2 = "a@" + id2;
const std::string b2 = "b@" + id2;

/// Image 1 has a:1, image 2 has b:1; both are inspected.
World two_images() {
  World world;
  world.inventory.set_identity(identity());
  world.list({row(id1, {"a:1"}, {a1}), row(id2, {"b:1"}, {b2})});
  world.answer(id1, inspect(id1, {a1}));
  world.answer(id2, inspect(id2, {b2}));
  EXPECT_EQ(world.due_count(), 0U);
  return world;
}

/// What is asked next for a bell: by which name.
std::string asked(const World& world) {
  const auto due = world.inventory.next_rung();
  return due ? due->name : "(nothing)";
}

/// The answer to that; whether it could be made out.
bool reply(World& world, Result<engine::ImageInspect> answer) {
  return world.inventory.apply_rung(world.inventory.next_rung().value(), std::move(answer), world.now);
}

TEST(ABell, IsAskedAboutByItsReference) {
  World world = two_images();
  world.inventory.ring({id1, "a:1"});
  EXPECT_EQ(world.inventory.rung_count(), 1U);
  const auto due = world.inventory.next_rung();
  ASSERT_TRUE(due.has_value());
  EXPECT_EQ(due->id, id1);
  EXPECT_EQ(due->name, "a:1");
}

TEST(ABell, IsAskedAboutByItsIdWhenTheReferenceNoLongerNamesTheImage) {
  World world = two_images();
  world.inventory.ring({id1, "a:1", true});
  EXPECT_EQ(asked(world), id1);
}

TEST(ABell, IsAskedAboutByTheHoldersIdWhenItRemovesAReferenceAndNamesNoImage) {
  World world = two_images();
  world.inventory.ring({"", "docker.io/library/b:1", true});
  EXPECT_EQ(asked(world), id2);
  EXPECT_EQ(world.inventory.rung_count(), 1U);
}

TEST(ABell, LeavesNoQuestionWhenItRemovesAReferenceThatNobodyHolds) {
  World world = two_images();
  world.inventory.ring({"", "c:1", true});
  EXPECT_EQ(asked(world), "(nothing)");
}

TEST(ABell, LeavesNoQuestionWhenItNamesNothing) {
  World world = two_images();
  world.inventory.ring({});
  EXPECT_EQ(asked(world), "(nothing)");
}

TEST(ABell, LeavesNoQuestionBeforeTheFirstListWhichIsYounger) {
  World world;
  world.inventory.ring({id1, "a:1"});
  EXPECT_EQ(asked(world), "(nothing)");
}

TEST(ABell, IsNotAskedAboutTwice) {
  World world = two_images();
  for (const char* const reference : {"a:1", "docker.io/library/a:1", "a:1"})
    world.inventory.ring({id1, reference});
  world.inventory.ring({id1, ""});
  world.inventory.ring({id1, ""});
  EXPECT_EQ(world.inventory.rung_count(), 2U);
}

TEST(ABell, CountsAsTheNewestOfItsImageAndReferenceSays) {
  World world = two_images();
  world.inventory.ring({id1, "c:1", false});
  world.inventory.ring({id1, "c:1", true});
  EXPECT_EQ(asked(world), id1);
  world.inventory.ring({id1, "c:1", false});
  EXPECT_EQ(asked(world), "c:1");
}

TEST(ABell, IsAskedAboutInTheOrderOfTheBells) {
  World world = two_images();
  world.inventory.ring({"", "b:1"});
  world.inventory.ring({id1, ""});
  EXPECT_EQ(asked(world), "b:1");
  EXPECT_TRUE(reply(world, inspect(id2, {b2}, {"b:1"})));
  EXPECT_EQ(asked(world), id1);
}

TEST(ABell, SurvivesAList) {
  World world = two_images();
  world.inventory.ring({id1, ""});
  world.list({row(id1, {"a:1"}, {a1}), row(id2, {"b:1"}, {b2})});
  EXPECT_EQ(asked(world), id1);
}

TEST(ABell, IsForgottenWithTheEngineItRangFor) {
  for (const std::string version : {"27.3.1", "27.4.0"}) {
    World world = two_images();
    world.inventory.ring({id1, ""});
    engine::Identity other = identity(version);
    if (version == "27.3.1") other.id = "engine-2";
    world.inventory.set_identity(other);
    EXPECT_EQ(asked(world), "(nothing)");
  }
}

TEST(ABell, IsNotAnsweredByALateAnswerToAQuestionThatIsForgotten) {
  World world = two_images();
  world.inventory.ring({id1, ""});
  const Due due = world.inventory.next_rung().value();
  world.inventory.set_identity(identity("27.4.0"));
  const auto before = world.snapshot();
  EXPECT_TRUE(world.inventory.apply_rung(due, not_found(), world.now));
  EXPECT_EQ(world.snapshot(), before);
}

TEST(TheAnswerToABell, ShowsANewTagAtOnceAndTheNextListBringsNoInspect) {
  World world = two_images();
  world.inventory.ring({id1, "a:2"});
  EXPECT_TRUE(reply(world, inspect(id1, {a1, a1}, {"a:1", "a:2"})));
  const auto image = world.image(id1);
  EXPECT_THAT(image->repo_tags, ElementsAre("a:1", "a:2"));
  EXPECT_EQ(image->anomalies, digest::Anomalies{Anomaly::duplicate});
  EXPECT_FALSE(image->pending);
  EXPECT_EQ(world.snapshot()->totals.images_with_duplicates, 1U);
  EXPECT_EQ(world.inventory.rung_count() + world.due_count(), 0U);

  const auto before = world.snapshot();
  world.list({row(id1, {"a:1", "a:2"}, {a1}), row(id2, {"b:1"}, {b2})});
  EXPECT_EQ(world.due_count(), 0U);
  EXPECT_EQ(world.snapshot(), before);
}

TEST(TheAnswerToABell, IsNoNewsWhenItSaysWhatIsKnown) {
  World world = two_images();
  const auto before = world.snapshot();
  const auto generation = world.inventory.generation();
  world.inventory.ring({"", "a:1"});
  EXPECT_TRUE(reply(world, inspect(id1, {a1}, {"a:1"})));
  EXPECT_EQ(world.snapshot(), before);
  EXPECT_EQ(world.inventory.generation(), generation);
}

TEST(TheAnswerToABell, KeepsTheNamesAsTheListWroteThem) {
  World world;
  world.list({row(id1, {"docker.io/library/b:1", "docker.io/library/a:1"}, {})});
  world.answer(id1, inspect(id1, {a1}));
  const auto before = world.snapshot();
  world.inventory.ring({id1, ""});
  EXPECT_TRUE(reply(world, inspect(id1, {a1}, {"a:1", "b:1"})));
  EXPECT_EQ(world.snapshot(), before);
}

TEST(TheAnswerToABell, MakesAnImageThatNoListHad) {
  World world = two_images();
  world.inventory.ring({"", "c:1"});
  EXPECT_EQ(world.inventory.next_rung()->id, "");
  engine::ImageInspect answer = inspect(id('3'), {"c@" + id('3')}, {"c:1"});
  answer.created = 7;
  answer.size = 8;
  EXPECT_TRUE(reply(world, answer));
  const auto image = world.image(id('3'));
  ASSERT_NE(image, nullptr);
  EXPECT_EQ(image->name, "c:1");
  EXPECT_EQ(image->created, 7);
  EXPECT_EQ(image->size, 8);
  EXPECT_FALSE(image->pending);
  EXPECT_EQ(world.snapshot()->totals.images, 3U);

  world.list({row(id('3'), {"c:1"}, {"c@" + id('3')}), row(id1, {"a:1"}, {a1}), row(id2, {"b:1"}, {b2})});
  EXPECT_EQ(world.due_count(), 0U);
  EXPECT_EQ(world.image(id('3'))->created, 1) << "as the list has it";
}

TEST(TheAnswerToABell, NeedsAListWhenItIsANewImageWithoutNamesWhichMayBeAnIntermediateOneOfABuild) {
  World world = two_images();
  world.inventory.ring({id('3'), ""});
  EXPECT_FALSE(reply(world, inspect(id('3'), {}, {})));
  EXPECT_EQ(world.image(id('3')), nullptr);
  EXPECT_EQ(world.inventory.rung_count(), 0U);
}

TEST(TheAnswerToABell, IsAskedForAgainWhenTheListOfAnEngineThatHidesNamesWithADigestGoesWithIt) {
  World world;
  world.inventory.set_identity(identity("24.0.0"));
  world.list({row(id1, {"a:1"}, {a1})});
  world.answer(id1, inspect(id1, {a1}));
  world.inventory.ring({id1, ""});
  EXPECT_TRUE(reply(world, inspect(id1, {a1, b1, b1}, {"a:1"})));
  world.list({row(id1, {"a:1"}, {a1})});
  EXPECT_EQ(world.next(), id1);
}

TEST(TheAnswerToABell, KeepsTheCreationTimeAndSizeOfTheRow) {
  World world = two_images();
  world.inventory.ring({id1, ""});
  engine::ImageInspect answer = inspect(id1, {a1, a1}, {"a:1", "a:2"});
  answer.created = 7;
  answer.size = 8;
  EXPECT_TRUE(reply(world, answer));
  EXPECT_EQ(world.image(id1)->created, 1);
  EXPECT_EQ(world.image(id1)->size, 2);
}

TEST(TheAnswerToABell, TakesAMovedTagFromWhoHeldItAndAsksForThatOneById) {
  World world = two_images();
  world.inventory.ring({id2, "a:1"});
  EXPECT_TRUE(reply(world, inspect(id2, {a2, b2}, {"docker.io/library/a:1", "b:1"})));
  const auto loser = world.image(id1);
  EXPECT_THAT(loser->repo_tags, IsEmpty());
  EXPECT_TRUE(loser->pending);
  EXPECT_EQ(loser->digests->raw_count, 1U) << "kept until it is asked";
  EXPECT_EQ(asked(world), id1);
  EXPECT_EQ(world.inventory.rung_count(), 1U);

  EXPECT_TRUE(reply(world, inspect(id1, {}, {})));
  EXPECT_EQ(world.image(id1)->digests->raw_count, 0U);
  EXPECT_EQ(world.due_count(), 0U);
  EXPECT_EQ(world.inventory.rung_count(), 0U);
  world.list({row(id1, {}, {}), row(id2, {"a:1", "b:1"}, {b2})});
  EXPECT_EQ(world.due_count(), 0U);
}

TEST(TheAnswerToABell, TakesTheReferenceItWasAskedByThoughInspectDoesNotShowIt) {
  World world;  // engines before 28 leave names with a digest out of inspect
  world.list({row(id1, {a2}, {}), row(id2, {"b:1"}, {b2})});
  world.answer(id1, inspect(id1, {}, {}));
  world.answer(id2, inspect(id2, {b2}));
  world.inventory.ring({"", a2});
  EXPECT_TRUE(reply(world, inspect(id2, {a2, b2}, {"b:1"})));
  EXPECT_THAT(world.image(id1)->repo_tags, IsEmpty());
  EXPECT_EQ(asked(world), id1);
}

TEST(TheAnswerToABell, KeepsNamesWithADigestThatInspectLeavesOut) {
  World world;
  world.list({row(id1, {"a:1", a1}, {a1})});
  world.answer(id1, inspect(id1, {a1, a1}, {"a:1"}));
  world.inventory.ring({id1, "b:1"});
  EXPECT_TRUE(reply(world, inspect(id1, {a1, a1, b1}, {"a:1", "b:1"})));
  EXPECT_THAT(world.image(id1)->repo_tags, ElementsAre("a:1", "b:1", a1));
}

TEST(TheAnswerToABell, AddsTheNameWithADigestThatRangThoughInspectLeavesItOut) {
  World world = two_images();
  world.inventory.ring({"", a1});
  EXPECT_TRUE(reply(world, inspect(id1, {a1, a1}, {"a:1"})));
  EXPECT_THAT(world.image(id1)->repo_tags, ElementsAre("a:1", a1));
  world.list({row(id1, {"a:1", a1}, {a1}), row(id2, {"b:1"}, {b2})});
  EXPECT_EQ(world.due_count(), 0U);
}

TEST(TheAnswerToABell, AddsTheNameWithADigestThatRangBesideOneWithATagTooThatInspectShows) {
  World world = two_images();
  const std::string pinned = "a:1@" + id1;
  world.list({row(id1, {"a:1", pinned}, {a1}), row(id2, {"b:1"}, {b2})});
  world.answer(id1, inspect(id1, {a1}, {"a:1", pinned}));
  world.inventory.ring({"", b1});
  EXPECT_TRUE(reply(world, inspect(id1, {a1, b1}, {"a:1", pinned})));
  EXPECT_THAT(world.image(id1)->repo_tags, ElementsAre("a:1", pinned, b1));
  world.list({row(id1, {"a:1", pinned}, {a1}), row(id2, {"b:1"}, {b2})});
  EXPECT_EQ(world.next(), id1) << "the name is gone again, and one of the counts with it";
}

TEST(TheAnswerToABell, IsVoidWhenTheNextRowHasAnotherNameWithADigest) {
  World world = two_images();
  world.inventory.ring({id1, "a:2"});
  EXPECT_TRUE(reply(world, inspect(id1, {a1, a1}, {"a:1", "a:2"})));
  world.list({row(id1, {"a:1", "a:2", b1}, {b1}), row(id2, {"b:1"}, {b2})});
  EXPECT_EQ(world.next(), id1);
}

TEST(TheAnswerToABell, LosesTheNameWithADigestThatTheBellSaysIsRemoved) {
  World world;
  world.list({row(id1, {"a:1", a1, b1}, {a1})});
  world.answer(id1, inspect(id1, {a1, a1, b1}, {"a:1"}));
  world.inventory.ring({id1, a1, true});
  EXPECT_EQ(asked(world), id1);
  EXPECT_TRUE(reply(world, inspect(id1, {a1, b1}, {"a:1"})));
  EXPECT_THAT(world.image(id1)->repo_tags, ElementsAre("a:1", b1));
}

TEST(TheAnswerToABell, KeepsNoNameWithADigestWhenInspectShowsSuchNames) {
  World world;
  world.list({row(id1, {"a:1", a1, b1}, {a1})});
  world.answer(id1, inspect(id1, {a1, b1}, {"a:1", a1, b1}));
  world.inventory.ring({id1, ""});
  EXPECT_TRUE(reply(world, inspect(id1, {a1}, {"a:1", a1})));
  EXPECT_THAT(world.image(id1)->repo_tags, ElementsAre("a:1", a1));
}

TEST(TheAnswerToABell, IsAskedForAlsoFromTheImageThatRangWhenTheReferenceNamesAnother) {
  World world = two_images();
  world.inventory.ring({id('3'), "a:1"});
  EXPECT_TRUE(reply(world, inspect(id1, {a1}, {"a:1"})));
  EXPECT_EQ(asked(world), id('3'));
}

TEST(TheAnswerToABell, ShowsNoMismatchWithARowOfAnotherMoment) {
  World world;
  world.inventory.set_identity(identity("27.3.1", engine::ImageStore::graphdriver));
  world.list({row(id1, {"a:1"}, {a1})});
  world.answer(id1, inspect(id1, {a1}));
  world.inventory.ring({id1, "b:1"});
  EXPECT_TRUE(reply(world, inspect(id1, {a1, b1}, {"a:1", "b:1"})));
  EXPECT_FALSE(world.image(id1)->anomalies.has(Anomaly::list_mismatch));
}

TEST(TheAnswerToABell, IsComparedWithTheNextRowAndMadeAgainAtOnceIfThatDiffers) {
  World world = two_images();
  world.inventory.ring({id1, "a:2"});
  EXPECT_TRUE(reply(world, inspect(id1, {a1, a1}, {"a:1", "a:2"})));
  world.list({row(id1, {"a:1", "a:2"}, {b1}), row(id2, {"b:1"}, {b2})});
  EXPECT_TRUE(world.image(id1)->anomalies.has(Anomaly::list_mismatch));
  EXPECT_TRUE(world.image(id1)->pending);
  world.answer(id1, inspect(id1, {a1, a1}, {"a:1", "a:2"}));
  world.list({row(id1, {"a:1", "a:2"}, {b1}), row(id2, {"b:1"}, {b2})});
  EXPECT_EQ(world.due_count(), 0U) << "the same answer again is believed";
}

TEST(TheAnswerToABell, IsVoidWhenTheNextRowHasOtherTags) {
  World world = two_images();
  world.inventory.ring({id1, "a:2"});
  EXPECT_TRUE(reply(world, inspect(id1, {a1, a1}, {"a:1", "a:2"})));
  world.list({row(id1, {"a:1"}, {a1}), row(id2, {"b:1"}, {b2})});
  EXPECT_EQ(world.next(), id1) << "though the row is that of the list before";
}

TEST(TheAnswerToABell, EndsAFailure) {
  World world;
  world.list({row(id1, {"a:1"}, {a1})});
  world.answer(id1, Error{Reason::timeout, "slow"});
  world.inventory.ring({"", "a:1"});
  EXPECT_TRUE(reply(world, inspect(id1, {a1}, {"a:1"})));
  EXPECT_EQ(world.image(id1)->failure, std::nullopt);
  EXPECT_EQ(world.inventory.next_retry(), std::nullopt);
  EXPECT_EQ(world.snapshot()->totals.inspected, 1U);
}

TEST(TheAnswerToABell, SparesTheInspectThatWasDue) {
  World world;
  world.list({row(id1, {"a:1"}, {a1}), row(id2, {"b:1", "b:2"}, {b2})});
  world.inventory.ring({"", "b:3"});
  EXPECT_TRUE(reply(world, inspect(id2, {b2, b2, b2}, {"b:1", "b:2", "b:3"})));
  EXPECT_EQ(world.due_count(), 1U);
  EXPECT_EQ(world.next(), id1);
}

TEST(AReferenceThatLeadsNowhere, IsTakenFromWhoHeldItWhoIsAskedForById) {
  World world = two_images();
  world.inventory.ring({"", "a:1"});
  EXPECT_TRUE(reply(world, not_found()));
  EXPECT_THAT(world.image(id1)->repo_tags, IsEmpty());
  EXPECT_EQ(asked(world), id1);
  EXPECT_TRUE(reply(world, inspect(id1, {a1}, {})));
  EXPECT_EQ(world.image(id1)->name, "a");
  EXPECT_EQ(world.inventory.rung_count(), 0U);
}

TEST(AReferenceThatLeadsNowhere, IsFollowedByTheImageThatRang) {
  World world = two_images();
  world.inventory.ring({id2, "c:1"});
  EXPECT_TRUE(reply(world, not_found()));
  EXPECT_EQ(asked(world), id2);
}

TEST(AReferenceThatLeadsNowhere, NeedsNoListWhenNobodyHeldIt) {
  World world = two_images();
  const auto before = world.snapshot();
  world.inventory.ring({"", "c:1"});
  EXPECT_TRUE(reply(world, not_found()));
  EXPECT_EQ(asked(world), "(nothing)");
  EXPECT_EQ(world.snapshot(), before);
}

TEST(AReferenceThatTheEngineRefuses, StaysWithItsHolderWhoIsAskedForById) {
  World world = two_images();
  const auto before = world.snapshot();
  world.inventory.ring({"", "a:1"});
  EXPECT_TRUE(reply(world, Error{Reason::http, "invalid reference format", 400}));
  EXPECT_EQ(world.snapshot(), before);
  EXPECT_EQ(asked(world), id1);
}

TEST(AReferenceThatTheEngineRefuses, NeedsAListWhenNobodyHoldsIt) {
  World world = two_images();
  world.inventory.ring({"", "UPPER/case:1"});
  EXPECT_FALSE(reply(world, Error{Reason::http, "invalid reference format", 400}));
}

TEST(AnIdThatLeadsNowhere, IsGoneFromTheInventory) {
  World world = two_images();
  world.inventory.ring({id1, "a:1", true});
  EXPECT_TRUE(reply(world, not_found()));
  EXPECT_EQ(world.image(id1), nullptr);
  EXPECT_EQ(world.snapshot()->totals.images, 1U);
  EXPECT_EQ(world.snapshot()->totals.repo_digests, 1U);
  world.list({row(id2, {"b:1"}, {b2})});
  EXPECT_EQ(world.due_count(), 0U);
}

TEST(AnIdThatLeadsNowhere, MayComeBackByABellOrAList) {
  for (const bool by_list : {true, false}) {
    World world = two_images();
    world.inventory.ring({id1, ""});
    EXPECT_TRUE(reply(world, not_found()));
    const std::vector<engine::ImageRow> rows = {row(id1, {"a:1"}, {a1}), row(id2, {"b:1"}, {b2})};
    if (by_list) {
      world.list(rows);
      EXPECT_EQ(world.answer(id1, inspect(id1, {a1})), "a:1");
    } else {
      world.inventory.ring({"", "a:1"});
      EXPECT_TRUE(reply(world, inspect(id1, {a1}, {"a:1"})));
      world.list(rows);
    }
    EXPECT_EQ(world.due_count(), 0U);
    EXPECT_EQ(world.snapshot()->totals.images, 2U);
  }
}

TEST(AnIdThatLeadsNowhere, IsNoLongerDue) {
  World world;
  world.list({row(id1, {"a:1"}, {a1}), row(id2, {"b:1"}, {b2})});
  world.inventory.ring({id1, ""});
  EXPECT_TRUE(reply(world, not_found()));
  EXPECT_EQ(world.due_count(), 1U);
  EXPECT_EQ(world.answer(id2, inspect(id2, {b2})), "b:1");
}

TEST(AnIdThatLeadsNowhere, StaysWhenItsImageCanNotBeInspected) {
  World world;
  const auto rows = {row(id1, {}, {id1})};
  world.list(rows);
  for (int time = 0; time < 3; ++time) world.answer(id1, not_found());
  world.list(rows);
  world.answer(id1, not_found());
  ASSERT_TRUE(world.image(id1)->anomalies.has(Anomaly::not_inspectable));
  world.inventory.ring({id1, ""});
  EXPECT_TRUE(reply(world, not_found()));
  EXPECT_NE(world.image(id1), nullptr);
  EXPECT_EQ(world.inventory.rung_count(), 0U);
}

TEST(AQuestionThatFails, StaysOpenTwoTimesWhenItMayPassAndIsThenGivenUp) {
  for (const Error& error : {server_error(), Error{Reason::interrupted, "cut off"}}) {
    World world = two_images();
    world.inventory.ring({"", "a:1"});
    EXPECT_TRUE(reply(world, error));
    EXPECT_TRUE(reply(world, error));
    EXPECT_EQ(asked(world), "a:1");
    EXPECT_FALSE(reply(world, error));
    EXPECT_EQ(world.inventory.rung_count(), 0U);
  }
}

TEST(AQuestionThatFails, IsGivenUpAtOnceWhenItDoesNotPass) {
  for (const Error& error : {Error{Reason::timeout, "slow"}, Error{Reason::parse, "odd"},
                             Error{Reason::too_large, "long"}, Error{Reason::http, "bad", 400}}) {
    World world = two_images();
    world.inventory.ring({id1, ""});
    EXPECT_FALSE(reply(world, error));
    EXPECT_EQ(world.inventory.rung_count(), 0U);
  }
}

TEST(AQuestionThatFails, LeavesTheImageToTheOrdinaryInspectsThoughItsRowStaysAsItIs) {
  for (const Bell& bell : {Bell{id1, ""}, Bell{"", "a:1"}, Bell{"", "docker.io/library/a:1"}}) {
    World world = two_images();
    world.inventory.ring(bell);
    EXPECT_FALSE(reply(world, Error{Reason::timeout, "slow"}));
    EXPECT_TRUE(world.image(id1)->pending);
    world.list({row(id1, {"a:1"}, {a1}), row(id2, {"b:1"}, {b2})});
    EXPECT_EQ(world.due_count(), 1U);
    EXPECT_EQ(world.next(), id1);
  }
}

TEST(AQuestionThatFails, StaysOpenWhileTheEngineIsAway) {
  World world = two_images();
  world.inventory.ring({id1, ""});
  for (const Reason reason : {Reason::connect, Reason::permission, Reason::tls, Reason::api_version})
    for (int time = 0; time < 4; ++time) EXPECT_TRUE(reply(world, Error{reason, "away"}));
  EXPECT_EQ(asked(world), id1);
}

TEST(AQuestionThatFails, IsGivenUpWhenItIsAnsweredWithAnotherImageOrNone) {
  World world = two_images();
  const auto before = world.snapshot();
  world.inventory.ring({id1, ""});
  EXPECT_FALSE(reply(world, inspect(id2, {b2}, {"b:1"})));
  world.inventory.ring({"", "a:1"});
  EXPECT_FALSE(reply(world, inspect("", {b2}, {"b:1"})));
  EXPECT_EQ(world.image(id1)->repo_tags, image_of(*before, id1)->repo_tags);
  EXPECT_EQ(world.image(id2), image_of(*before, id2));
}

TEST(AQuestionThatFails, LeavesWhoLostANameToTheOrdinaryInspects) {
  World world = two_images();
  world.inventory.ring({id2, "a:1"});
  EXPECT_TRUE(reply(world, inspect(id2, {a2, b2}, {"a:1", "b:1"})));
  EXPECT_FALSE(reply(world, Error{Reason::timeout, "slow"}));
  EXPECT_EQ(world.next(), id1);
  world.list({row(id1, {}, {}), row(id2, {"a:1", "b:1"}, {b2})});
  EXPECT_EQ(world.answer(id1, inspect(id1, {})), id1);
  EXPECT_EQ(world.due_count(), 0U);
}

TEST(ARemovedReference, IsAskedAboutAtItsHolderToo) {
  World world = two_images();  // a:1 moved to image 3 without a word, and was then removed there
  world.inventory.ring({id('3'), ""});
  world.inventory.ring({id('3'), "a:1", true});
  EXPECT_FALSE(reply(world, inspect(id('3'), {}, {})));
  EXPECT_FALSE(reply(world, inspect(id('3'), {}, {})));
  EXPECT_EQ(asked(world), id1);
  EXPECT_TRUE(reply(world, inspect(id1, {}, {})));
  EXPECT_THAT(world.image(id1)->repo_tags, IsEmpty());
}

TEST(AHostileAnswer, WithoutTagsLeavesADanglingImage) {
  World world = two_images();
  world.inventory.ring({"", "a:1"});
  EXPECT_TRUE(reply(world, inspect(id1, {}, {})));
  EXPECT_EQ(world.image(id1)->name, "<none>");
  EXPECT_EQ(world.image(id1)->state, NameState::dangling);
}

TEST(AHostileAnswer, WithAnOddIdIsAnImageUntilTheNextList) {
  World world = two_images();
  world.inventory.ring({"", "c:1"});
  EXPECT_TRUE(reply(world, inspect("odd", {"malformed"}, {"", "<none>:<none>", "c:1", "c:1"})));
  EXPECT_THAT(world.image("odd")->repo_tags, ElementsAre("", "c:1"));
  world.list({row(id1, {"a:1"}, {a1}), row(id2, {"b:1"}, {b2})});
  EXPECT_EQ(world.image("odd"), nullptr);
  EXPECT_EQ(world.due_count(), 0U);
}

TEST(AHostileAnswer, MayClaimTheTagsOfTenThousandImages) {
  World world;
  std::vector<engine::ImageRow> rows;
  Strings tags;
  for (int i = 0; i < 10'000; ++i) {
    tags.push_back("t:" + std::to_string(i));
    rows.push_back(row("sha256:" + std::to_string(i), {tags.back()}));
  }
  world.list(rows);
  world.inventory.ring({"", "t:0"});
  EXPECT_TRUE(reply(world, inspect(id1, {}, tags)));
  EXPECT_EQ(world.image(id1)->repo_tags.size(), 10'000U);
  EXPECT_EQ(world.inventory.rung_count(), 10'000U);
  EXPECT_EQ(world.snapshot()->totals.by_state[index_of(NameState::tagged)], 1U);
}

TEST(TooManyQuestions, NeedAListAfterTheNextAnswer) {
  World world = two_images();
  for (int i = 0; i < 10'001; ++i) world.inventory.ring({"", "t:" + std::to_string(i)});
  EXPECT_EQ(world.inventory.rung_count(), 10'000U);
  EXPECT_FALSE(reply(world, not_found()));
  EXPECT_TRUE(reply(world, not_found()));
}

}  // namespace
}  // namespace repodigest::inventory
