#include "repodigest/poll/journal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "support/snapshot_builder.h"

namespace repodigest::poll {
namespace {

using namespace std::chrono_literals;

/// What the journal wrote to stderr while `act` ran.
template <typename Act>
std::string logged(const Act& act) {
  ::testing::internal::CaptureStderr();
  act();
  return ::testing::internal::GetCapturedStderr();
}

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

const engine::Identity affected{"id",    "docker-host", "27.3.1",    "1.47",
                                "linux", "amd64",       "overlayfs", engine::ImageStore::containerd};
const Error refused{Reason::connect, "cannot reach unix:///x: connection refused"};

TEST(JournalTest, SaysOnceThatTheEngineAnswersWithVersionAndStore) {
  Journal journal;
  const std::string text = logged([&] {
    for (int i = 0; i < 5; ++i) journal.answered(affected, {});
  });
  EXPECT_EQ(lines(text), 1U) << text;
  EXPECT_NE(text.find("version=27.3.1"), std::string::npos) << text;
  EXPECT_NE(text.find("image_store=containerd"), std::string::npos) << text;
}

TEST(JournalTest, ADeadEngineDoesNotFillTheLog) {
  Journal journal;
  const SteadyTime start(1000h);
  const std::string text = logged([&] {
    for (int minute = 0; minute < 60; ++minute) journal.failed(refused, false, start + minute * 1min);
  });
  EXPECT_EQ(lines(text), 6U) << text;
  EXPECT_NE(text.find("times=10"), std::string::npos)
      << "the count of what was held back is missing: " << text;
}

TEST(JournalTest, TroublesThatTakeTurnsDoNotFillTheLog) {
  Journal journal;
  const SteadyTime start(1000h);
  const std::string text = logged([&] {
    for (int minute = 0; minute < 60; ++minute) {
      journal.failed(minute % 2 == 0 ? refused : Error{Reason::timeout, "no answer"}, false,
                     start + minute * 1min);
      journal.failed({Reason::interrupted, "hung up"}, false, start + minute * 1min);
      journal.answered(affected, {});
    }
  });
  EXPECT_LE(lines(text), 3U * 6 + 18) << text;
  EXPECT_GE(lines(text), 3U * 5) << text;
}

TEST(JournalTest, AnEngineThatComesAndGoesIsAnnouncedAsSeldomAsItsGoing) {
  Journal journal;
  const SteadyTime start(1000h);
  const std::string text = logged([&] {
    for (int second = 0; second < 600; ++second) {
      journal.failed(refused, false, start + second * 1s);
      journal.answered(affected, {});
    }
  });
  EXPECT_EQ(lines(text), 2U) << text;
}

TEST(JournalTest, AnotherReasonIsNewsAtOnce) {
  Journal journal;
  const SteadyTime now(1000h);
  const std::string text = logged([&] {
    journal.failed(refused, false, now);
    journal.failed({Reason::permission, "permission denied"}, false, now);
  });
  EXPECT_EQ(lines(text), 2U) << text;
  EXPECT_NE(text.find("reason=permission"), std::string::npos);
}

TEST(JournalTest, SaysThatPollingWorksAgainOnlyAfterTrouble) {
  Journal journal;
  EXPECT_EQ(logged([&] { journal.recovered(); }), "");
  const std::string text = logged([&] {
    journal.failed(refused, false, SteadyTime(1h));
    journal.recovered();
    journal.recovered();
  });
  EXPECT_EQ(lines(text), 2U) << text;
}

TEST(JournalTest, TroublesThatComeAndGoAreSaidAsSeldomAsThoseThatStay) {
  Journal journal;
  const SteadyTime start(1000h);
  const Error broken{Reason::http, "boom", 500};
  const std::string text = logged([&] {
    for (int minute = 0; minute < 30; ++minute) {
      const SteadyTime now = start + minute * 1min;
      journal.failed(broken, true, now);
      journal.recovered();
      journal.containers_unknown(broken, now);
      journal.containers_known();
      journal.not_kept("/x/cache", broken, now);
      journal.kept();
    }
  });
  EXPECT_EQ(lines(text), 3U * 2 * 3) << text;
  EXPECT_NE(text.find("times=10"), std::string::npos) << text;
}

TEST(JournalTest, TellsWhenTheEngineChangedUnderUs) {
  Journal journal;
  const std::string text = logged([&] {
    journal.answered(affected, {});
    journal.answered(affected, {.version = true});
  });
  EXPECT_EQ(lines(text), 2U);
  EXPECT_NE(text.find("engine changed"), std::string::npos) << text;
}

TEST(JournalTest, TellsOfTheFirstDuplicateOnceAndOfTheirEnd) {
  auto image = std::make_shared<inventory::Image>();
  image->name = "app:1";
  image->digests.emplace();
  image->digests->raw_count = 4;
  image->anomalies = {digest::Anomaly::duplicate};
  inventory::Snapshot with;
  with.images = {image};
  with.totals.images_with_duplicates = 1;
  inventory::Snapshot without;
  without.listed = true;
  Journal journal;
  const std::string text = logged([&] {
    journal.published(with);
    journal.published(with);
    journal.published(without);
  });
  EXPECT_EQ(lines(text), 2U) << text;
  EXPECT_NE(text.find("image=app:1"), std::string::npos) << text;
}

TEST(JournalTest, SaysSeldomThatContainersAreNotListedAndOnceThatTheyAreAgain) {
  Journal journal;
  const SteadyTime start(1000h);
  const std::string text = logged([&] {
    journal.containers_known();
    for (int minute = 0; minute < 30; ++minute)
      journal.containers_unknown({Reason::http, "forbidden", 403}, start + minute * 1min);
    journal.containers_known();
    journal.containers_known();
  });
  EXPECT_EQ(lines(text), 3U + 1) << text;
}

TEST(JournalTest, SaysSeldomThatTheCacheFileIsNotWrittenAndOnceThatItIsAgain) {
  Journal journal;
  const SteadyTime start(1000h);
  const std::string text = logged([&] {
    journal.kept();
    for (int minute = 0; minute < 30; ++minute)
      journal.not_kept("/x/cache", {Reason::connect, "no space left"}, start + minute * 1min);
    journal.kept();
    journal.kept();
  });
  EXPECT_EQ(lines(text), 3U + 1) << text;
  EXPECT_NE(text.find("/x/cache"), std::string::npos) << text;
}

TEST(JournalTest, ABellIsNoLineOfTheUsualLog) {
  Journal journal;
  EXPECT_EQ(logged([&] { journal.rang({"", "app:1", false}); }), "");
}

TEST(JournalTest, SaysThatNoImageHasDuplicatesAnyMoreOnlyWhenAllAreInspected) {
  const auto id = support::sha256('a');
  const auto duplicates =
      support::SnapshotBuilder().add(support::inspected_image(id, {"a:1"}, {"a@" + id, "a@" + id})).build();
  const auto pending = support::SnapshotBuilder().add(support::new_image(id, {"a:1"})).build();
  const auto clean =
      support::SnapshotBuilder().add(support::inspected_image(id, {"a:1"}, {"a@" + id})).build();
  support::SnapshotBuilder unlisted;
  unlisted->listed = false;

  Journal journal;
  EXPECT_NE(logged([&] { journal.published(*duplicates); }).find("has duplicate RepoDigests"),
            std::string::npos);
  EXPECT_EQ(logged([&] {
              journal.published(*unlisted.build());
              journal.published(*pending);
            }),
            "");
  EXPECT_NE(logged([&] { journal.published(*clean); }).find("any more"), std::string::npos);
}

}  // namespace
}  // namespace repodigest::poll
