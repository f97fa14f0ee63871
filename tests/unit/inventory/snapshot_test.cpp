#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "builders.h"

namespace repodigest::inventory {
namespace {

const std::string ubuntu = "sha256:cafe" + std::string(60, '0');
const std::string nginx = "sha256:cafe" + std::string(60, '1');
const std::string own = "sha256:beef" + std::string(60, '2');
const std::string dangling = "sha256:dead" + std::string(60, '3');

std::shared_ptr<const Snapshot> shelf() {
  World world;
  world.list(
      {row(ubuntu, {"docker.io/library/ubuntu:latest", "docker.io/team/tool:1"}),
       row(nginx, {"nginx:latest", "nginx:1.27", "nginx:1.27@" + nginx}),
       row(own, {"localhost:5000/app:v1", "localhost:5000/app:latest", "library/redis:7", "dead:latest"}),
       row(dangling, {})});
  EXPECT_EQ(world.answer(nginx, inspect(nginx, {"docker.io/library/proxy@" + nginx})), "nginx:latest");
  EXPECT_EQ(world.answer(own, inspect(own, {"localhost:5000/app@" + own})), "localhost:5000/app:v1");
  return world.snapshot();
}

/// The Id found, or the name of the error's reason.
std::string find(const std::string& question) {
  const auto found = shelf()->find(question);
  return found ? found.value()->id : std::string(name_of(found.error().reason));
}

TEST(Find, TakesAnExactName) {
  EXPECT_EQ(find("nginx:1.27"), nginx);
  EXPECT_EQ(find("docker.io/library/ubuntu:latest"), ubuntu);
  EXPECT_EQ(find("localhost:5000/app:v1"), own);
  EXPECT_EQ(find("nginx:1.27@" + nginx), nginx);
}

TEST(Find, AddsLatest) {
  EXPECT_EQ(find("nginx"), nginx);
  EXPECT_EQ(find("localhost:5000/app"), own);
  EXPECT_EQ(find("docker.io/team/tool"), "not_found");
}

TEST(Find, TakesDockersShortFormsBothWays) {
  EXPECT_EQ(find("ubuntu"), ubuntu);
  EXPECT_EQ(find("ubuntu:latest"), ubuntu);
  EXPECT_EQ(find("library/ubuntu"), ubuntu);
  EXPECT_EQ(find("docker.io/library/nginx:latest"), nginx);
  EXPECT_EQ(find("docker.io/nginx"), nginx);
  EXPECT_EQ(find("index.docker.io/library/nginx"), nginx);
  EXPECT_EQ(find("team/tool:1"), ubuntu);
  EXPECT_EQ(find("docker.io/team/tool:1"), ubuntu);
  EXPECT_EQ(find("redis:7"), own);
}

TEST(Find, KeepsOtherRegistriesApart) {
  EXPECT_EQ(find("localhost/nginx"), "not_found");
  EXPECT_EQ(find("quay.io/library/nginx"), "not_found");
  EXPECT_EQ(find("app:v1"), "not_found");
}

TEST(Find, TakesANameWithDigest) {
  EXPECT_EQ(find("docker.io/library/proxy@" + nginx), nginx);
  EXPECT_EQ(find("proxy@" + nginx), nginx);
  EXPECT_EQ(find("localhost:5000/app@" + own), own);
  EXPECT_EQ(find("proxy@" + own), "not_found");
}

TEST(Find, TakesAnIdWithAndWithoutItsAlgorithm) {
  EXPECT_EQ(find(dangling), dangling);
  EXPECT_EQ(find(dangling.substr(7)), dangling);
  EXPECT_EQ(find("sha512:" + dangling.substr(7)), "not_found");
}

TEST(Find, TakesAnUnambiguousBeginningOfAnId) {
  EXPECT_EQ(find("beef"), own);
  EXPECT_EQ(find("sha256:beef"), own);
  EXPECT_EQ(find("cafe1"), nginx);
  EXPECT_EQ(find("cafe"), "usage");
  EXPECT_EQ(find("sha256:cafe"), "usage");
}

TEST(Find, TakesAnyBeginningOfAnIdThatFitsOneImage) {
  EXPECT_EQ(find("b"), find("beef"));
  EXPECT_EQ(find("sha256:bee"), find("beef"));
  EXPECT_NE(find("b"), "not_found");
  EXPECT_EQ(find("sha256:"), "not_found");
  EXPECT_EQ(find(""), "not_found");
  EXPECT_EQ(find("BEEF"), "not_found");
}

TEST(Find, PrefersANameToTheBeginningOfAnId) {
  EXPECT_EQ(find("dead"), own);
  EXPECT_EQ(find("dead0"), "not_found");
  EXPECT_EQ(find("dead3"), dangling);
}

TEST(Find, FindsNothingByThePlaceholder) {
  EXPECT_EQ(find("<none>"), "not_found");
  EXPECT_EQ(find("<none>:<none>"), "not_found");
}

TEST(Find, SaysWhatToDo) {
  EXPECT_EQ(shelf()->find("cafe").error().text,
            "\"cafe\" fits 2 images: give more digits of the Id, or a whole name");
  EXPECT_EQ(shelf()->find("nope").error().text,
            "no image \"nope\" among the engine's 4: give a name, an Id, or the beginning of an Id");
  EXPECT_EQ(Snapshot{}.find("nginx").error().text,
            "no image \"nginx\": the engine has not sent its list of images yet; ask again later");
}

TEST(SnapshotStore, HasAnEmptySnapshotFromTheStart) {
  const SnapshotStore store;
  ASSERT_NE(store.current(), nullptr);
  EXPECT_EQ(store.current()->sequence, 0U);
  EXPECT_FALSE(store.current()->listed);
}

TEST(SnapshotStore, HandsOutTheNewestToEveryThread) {
  SnapshotStore store;
  std::atomic<bool> grew_only = true;
  constexpr std::uint64_t last = 2000;
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < 3; ++i)
      readers.emplace_back([&] {
        for (std::uint64_t seen = 0; seen < last;) {
          const std::uint64_t next = store.current()->sequence;
          if (next < seen) grew_only = false;
          seen = next;
        }
      });
    for (std::uint64_t sequence = 1; sequence <= last; ++sequence) {
      auto snapshot = std::make_shared<Snapshot>();
      snapshot->sequence = sequence;
      store.publish(std::move(snapshot));
    }
  }
  EXPECT_TRUE(grew_only);
  EXPECT_EQ(store.current()->sequence, last);
}

}  // namespace
}  // namespace repodigest::inventory
