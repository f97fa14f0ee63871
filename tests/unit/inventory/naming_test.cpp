#include <gtest/gtest.h>

#include "builders.h"

namespace repodigest::inventory {
namespace {

struct Named {
  std::string name;
  NameState state;
  friend bool operator==(const Named&, const Named&) = default;
};

void PrintTo(const Named& named, std::ostream* out) {
  *out << named.name << " (" << name_state_names[index_of(named.state)] << ")";
}

/// The name of an image with that row; inspected if `inspected` says something.
Named named(Strings tags, Strings row_digests, std::optional<Strings> inspected = std::nullopt) {
  World world;
  world.list({row(id('1'), std::move(tags), std::move(row_digests))});
  if (inspected) world.answer(id('1'), inspect(id('1'), *std::move(inspected)));
  const auto image = world.image(id('1'));
  EXPECT_EQ(world.snapshot()->totals.by_state[index_of(image->state)], 1U);
  return {image->name, image->state};
}

const std::string at_digest = "@" + id('1');

TEST(ImageName, IsTheFirstTagInByteOrder) {
  EXPECT_EQ(named({"b:1", "a:2", "B:1"}, {}), (Named{"B:1", NameState::tagged}));
}

TEST(ImageName, PassesOverTagsWithADigest) {
  EXPECT_EQ(named({"a" + at_digest, "a:1" + at_digest, "b:1"}, {"c" + at_digest}),
            (Named{"b:1", NameState::tagged}));
}

TEST(ImageName, IsTheRepositoryOfTheFirstDigestWithoutATag) {
  EXPECT_EQ(named({}, {"localhost:5000/b" + at_digest, "a" + at_digest}),
            (Named{"localhost:5000/b", NameState::digest_only}));
  EXPECT_EQ(named({}, {"b:1" + at_digest}), (Named{"b", NameState::digest_only}));
}

TEST(ImageName, PrefersTheInspectsDigestsToTheLists) {
  EXPECT_EQ(named({}, {"b" + at_digest}, {{"a" + at_digest, "b" + at_digest}}),
            (Named{"a", NameState::digest_only}));
  EXPECT_EQ(named({}, {"b" + at_digest}, Strings{}), (Named{"b", NameState::digest_only}));
}

TEST(ImageName, PassesOverEntriesWithoutARepository) {
  EXPECT_EQ(named({}, {"<none>@<none>", id('1'), "A@b", "a" + at_digest}),
            (Named{"a", NameState::digest_only}));
}

TEST(ImageName, IsNoneForADanglingImage) {
  EXPECT_EQ(named({}, {}), (Named{"<none>", NameState::dangling}));
  EXPECT_EQ(named({"<none>:<none>"}, {"<none>@<none>"}), (Named{"<none>", NameState::dangling}));
  EXPECT_EQ(named({}, {id('1')}), (Named{"<none>", NameState::dangling}));
}

TEST(ImageName, IsNoneForAPinnedPullThatIsStillNoDanglingImage) {
  // Engines up to 27 answer a pull of repo:tag@digest so.
  EXPECT_EQ(named({"a:1" + at_digest}, {}, Strings{}), (Named{"<none>", NameState::digest_only}));
}

}  // namespace
}  // namespace repodigest::inventory
