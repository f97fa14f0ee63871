#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "repodigest/engine/types.h"

namespace repodigest::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> affecting(std::string_view version, ImageStore store = ImageStore::containerd) {
  std::vector<std::string> ids;
  for (const Advisory& advisory : advisories(version, store))
    if (advisory.affects) ids.emplace_back(advisory.id);
  return ids;
}

TEST(Advisories, AlwaysListsEveryDefectInTheSameOrder) {
  for (const char* version : {"27.3.1", "", "29.7.2"}) {
    std::vector<std::string> ids;
    for (const Advisory& advisory : advisories(version, ImageStore::unknown)) ids.emplace_back(advisory.id);
    EXPECT_THAT(ids, ElementsAre("moby-48747", "moby-46007", "moby-45122"));
  }
}

TEST(Advisories, NamesTheVersionThatFixesAndTheReport) {
  const std::vector<Advisory> all = advisories("27.3.1", ImageStore::containerd);
  EXPECT_EQ(all[0].fixed_in, "27.4.0");
  EXPECT_EQ(all[0].url, "https://github.com/moby/moby/issues/48747");
  EXPECT_EQ(all[1].fixed_in, "24.0.5");
  EXPECT_EQ(all[2].fixed_in, "24.0.0");
  for (const Advisory& advisory : all) EXPECT_FALSE(advisory.text.empty()) << advisory.id;
}

TEST(Advisories, RepeatedEntriesConcernTheContainerdStoreBefore27_4) {
  for (const char* version : {"24.0.5", "24.0.9", "25.0.0", "26.1.5+dfsg1", "27.0.1", "27.3.1"})
    EXPECT_THAT(affecting(version), ElementsAre("moby-48747")) << version;
  for (const char* version : {"27.4.0", "27.5.1", "28.0", "28.5.2", "29.7.2"})
    EXPECT_THAT(affecting(version), IsEmpty()) << version;
}

TEST(Advisories, PullByDigestGivesItsEntryTwiceIn24_0_0To24_0_4) {
  EXPECT_THAT(affecting("24.0.0"), ElementsAre("moby-48747", "moby-46007"));
  EXPECT_THAT(affecting("24.0.4"), ElementsAre("moby-48747", "moby-46007"));
  EXPECT_TRUE(doubles_single_names("24.0.4", ImageStore::containerd));
  EXPECT_FALSE(doubles_single_names("24.0.5", ImageStore::containerd));
  EXPECT_FALSE(doubles_single_names("24.0.4", ImageStore::graphdriver));
}

TEST(Advisories, NoEntriesAtAllBefore24_0_0) {
  EXPECT_THAT(affecting("23.0.6"), ElementsAre("moby-45122"));
  EXPECT_THAT(affecting("20.10.24+dfsg1"), IsEmpty());
}

TEST(Advisories, GraphdriversAndUnknownStoresHaveNone) {
  for (const ImageStore store : {ImageStore::graphdriver, ImageStore::unknown})
    for (const char* version : {"23.0.0", "24.0.0", "27.3.1", "4.3.1"})
      EXPECT_THAT(affecting(version, store), IsEmpty()) << version;
}

TEST(Advisories, APreReleaseCountsAsItsRelease) {
  EXPECT_THAT(affecting("27.4.0-rc.1"), IsEmpty());
  EXPECT_THAT(affecting("27.3.0-rc.1"), ElementsAre("moby-48747"));
}

TEST(Advisories, AVersionThatCannotBeReadHasNone) {
  for (const char* version : {"", "dev", "library-import", "0.0.0-dev", "v27.3.1", "27.3.1.2", "27.", "27..1",
                              "27.3.x", "99999999999.0.0", " 27.3.1"})
    EXPECT_THAT(affecting(version), IsEmpty()) << version;
}

Identity engine_of(std::string version, ImageStore store, bool podman = false) {
  Identity identity;
  identity.version = std::move(version);
  identity.image_store = store;
  identity.podman = podman;
  return identity;
}

TEST(EventsOfEveryChange, ComeFrom25OnAndBeforeWithAGraphdriver) {
  using enum ImageStore;
  for (const char* version : {"25.0.0", "26.1.5+dfsg1", "27.3.1", "29.7.2"})
    for (const ImageStore store : {containerd, graphdriver, unknown})
      EXPECT_TRUE(announces_every_change(engine_of(version, store))) << version;
  for (const char* version : {"20.10.24", "24.0.0", "24.0.9"}) {
    EXPECT_TRUE(announces_every_change(engine_of(version, graphdriver))) << version;
    EXPECT_FALSE(announces_every_change(engine_of(version, containerd))) << version;
    EXPECT_FALSE(announces_every_change(engine_of(version, unknown))) << version;
  }
}

TEST(EventsOfEveryChange, AreNotCountedOnWithPodmanAndVersionsThatCannotBeRead) {
  EXPECT_FALSE(announces_every_change(engine_of("4.3.1", ImageStore::graphdriver, true)));
  EXPECT_FALSE(announces_every_change(engine_of("27.0.0", ImageStore::graphdriver, true)));
  for (const char* version : {"", "dev", "library-import"})
    EXPECT_FALSE(announces_every_change(engine_of(version, ImageStore::graphdriver))) << version;
}

}  // namespace
}  // namespace repodigest::engine
