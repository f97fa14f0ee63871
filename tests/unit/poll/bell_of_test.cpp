// What events mean: of every action, and of every line that real engines sent.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <ostream>
#include <string>
#include <vector>

#include "repodigest/engine/events.h"
#include "repodigest/poll/watcher.h"

namespace repodigest::poll {
namespace {

using inventory::Bell;

const std::string id = "sha256:" + std::string(64, 'a');

engine::Event event(EventAction action, const std::string& actor_id, const std::string& name) {
  return {action, actor_id, name};
}

TEST(BellOf, ATagNamesTheImageAndTheReferenceThatLeadsToItNow) {
  EXPECT_EQ(bell_of(event(EventAction::tag, id, "a:1")), (Bell{id, "a:1", false}));
}

TEST(BellOf, AnUntagNamesTheReferenceThatIsGoneUnlessItHasTheIdThere) {
  EXPECT_EQ(bell_of(event(EventAction::untag, id, "a@" + id)), (Bell{id, "a@" + id, true}));
  EXPECT_EQ(bell_of(event(EventAction::untag, id, id)), (Bell{id, "", false}));
  EXPECT_EQ(bell_of(event(EventAction::untag, id, std::string(64, 'a'))), (Bell{id, "", false}));
}

TEST(BellOf, APullOrPushNamesTheReference) {
  for (const auto action : {EventAction::pull, EventAction::push})
    for (const std::string& reference : {std::string("localhost:5000/a:1"), "a@" + id,
                                         "localhost:5000/a:1@" + id, "a:" + std::string(64, 'b')})
      EXPECT_EQ(bell_of(event(action, reference, "localhost:5000/a")), (Bell{"", reference, false}));
}

TEST(BellOf, ARepositoryAloneIsAnything) {
  for (const std::string& repository : {std::string("a"), std::string("localhost:5000/a"), std::string("a:")})
    EXPECT_EQ(bell_of(event(EventAction::push, repository, repository)), Bell{});
}

TEST(BellOf, EveryOtherActionNamesTheImage) {
  for (const auto action : {EventAction::remove, EventAction::load, EventAction::save, EventAction::import,
                            EventAction::create, EventAction::build, EventAction::prune, EventAction::other})
    for (const std::string& name : {id, std::string("a:1"), std::string("/tmp/x:1"), std::string()})
      EXPECT_EQ(bell_of(event(action, id, name)), (Bell{id, "", false}));
}

TEST(BellOf, PodmansIdsGetTheirAlgorithm) {
  const std::string bare(64, 'a');
  EXPECT_EQ(bell_of(event(EventAction::tag, bare, "docker.io/library/a:1")),
            (Bell{id, "docker.io/library/a:1", false}));
  EXPECT_EQ(bell_of(event(EventAction::build, "", bare)), (Bell{id, "", false}));
  EXPECT_EQ(bell_of(event(EventAction::push, bare, "a:1")), (Bell{id, "", false}));
  EXPECT_EQ(bell_of(event(EventAction::pull, "", "a:1")), (Bell{"", "a:1", false}));
}

TEST(BellOf, WhatNamesNothingIsAnything) {
  EXPECT_EQ(bell_of(event(EventAction::prune, "", "")), Bell{});
  EXPECT_EQ(bell_of(event(EventAction::load, "", "/var/tmp/api_load.tar610035652")), Bell{});
  EXPECT_EQ(bell_of(event(EventAction::load, "", "x/y.tar:1")), Bell{});
  EXPECT_EQ(bell_of(event(EventAction::pull, std::string(2000, 'a') + ":1", "")), Bell{});
  EXPECT_EQ(bell_of(event(EventAction::other, "sha256:abc/", "")), Bell{});
}

/// What the events of a recorded engine ring.
struct Recorded {
  std::string engine;                 ///< tests/recorded/events; ORIGIN.md there says what was done
  std::vector<std::size_t> anything;  ///< numbers of the lines that name nothing
  std::size_t by_id = 0;
  std::size_t by_id_and_reference = 0;
  std::size_t by_reference = 0;
  std::size_t gone = 0;  ///< references that no longer name their image
  friend bool operator==(const Recorded&, const Recorded&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Recorded& recorded) {
    out << recorded.engine << ", anything:";
    for (const auto number : recorded.anything) out << " " << number;
    return out << ", by Id " << recorded.by_id << ", by Id and reference " << recorded.by_id_and_reference
               << ", by reference " << recorded.by_reference << ", gone " << recorded.gone;
  }
};

class RecordedBells : public ::testing::TestWithParam<Recorded> {};

TEST_P(RecordedBells, NameWhatChanged) {
  std::ifstream file(REPODIGEST_SOURCE_DIR "/tests/recorded/events/" + GetParam().engine + ".jsonl");
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  Recorded found;
  found.engine = GetParam().engine;
  std::size_t number = 0;
  engine::EventDecoder decoder;
  const auto decoded = decoder.feed(bytes, [&](const engine::Event& event) {
    const Bell bell = bell_of(event);
    ++number;
    if (bell == Bell{}) found.anything.push_back(number);
    if (!bell.id.empty()) ++(bell.reference.empty() ? found.by_id : found.by_id_and_reference);
    if (bell.id.empty() && !bell.reference.empty()) ++found.by_reference;
    if (bell.removed) ++found.gone;
    SCOPED_TRACE("line " + std::to_string(number));
    if (!bell.id.empty()) {
      EXPECT_EQ(bell.id.size(), id.size());
      EXPECT_TRUE(event.id.ends_with(bell.id.substr(7)) || event.name == bell.id.substr(7));
    }
    if (!bell.reference.empty()) {
      EXPECT_TRUE(bell.reference == event.id || bell.reference == event.name);
    }
  });
  ASSERT_TRUE(decoded.ok()) << decoded.error().text;
  EXPECT_EQ(found, GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Each, RecordedBells,
    ::testing::Values(Recorded{"26.1.5-containerd", {}, 21, 20, 8, 11},
                      Recorded{
                          "26.1.5-graphdriver", {24, 53, 64}, 44, 10, 7, 0},  // push of all names, prunes
                      Recorded{"28.5.2-containerd", {}, 42, 25, 8, 15},
                      Recorded{"28.5.2-graphdriver", {28, 57, 68}, 48, 10, 7, 0},
                      Recorded{"podman-4.3.1", {1, 2, 3, 4, 5}, 20, 15, 7, 9}));  // loads

}  // namespace
}  // namespace repodigest::poll
