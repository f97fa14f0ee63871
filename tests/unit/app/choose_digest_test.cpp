#include "choose_digest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace repodigest::app {
namespace {

using digest::Texts;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string one = "sha256:" + std::string(64, '1');
const std::string two = "sha256:" + std::string(64, '2');
const std::string id = "sha256:abcd" + std::string(60, '0');
const Texts tags = {"a.example/x:1", "a.example/x:2", "b.example/x:1"};
const Texts of_two_repositories = {"a.example/x@" + one, "a.example/x@" + one, "b.example/x@" + one};
const Texts of_one_twice = {"a.example/x@" + one, "a.example/x@" + two};

DigestChoice choose(std::string_view asked, const Texts& entries, std::string_view repository = "",
                    const Texts& repo_tags = tags) {
  return choose_digest(asked, repository, id, repo_tags, entries, "--repository=");
}

TEST(ChooseDigest, TakesTheOneOfTheImagesOwnRepository) {
  const DigestChoice choice = choose("b.example/x:1", of_two_repositories);
  EXPECT_THAT(choice.found, ElementsAre("b.example/x@" + one));
  EXPECT_EQ(choice.why, "");
}

TEST(ChooseDigest, TakesTheOneOfTheRepositoryThatIsNamed) {
  EXPECT_THAT(choose("b.example/x:1", of_two_repositories, "a.example/x").found,
              ElementsAre("a.example/x@" + one));
  EXPECT_THAT(choose(id, of_two_repositories, "b.example/x").found, ElementsAre("b.example/x@" + one));
}

TEST(ChooseDigest, KnowsDockersShortNames) {
  const Texts entries = {"docker.io/library/nginx@" + one, "a.example/nginx@" + two};
  for (const char* name : {"nginx", "nginx:1.27", "library/nginx", "docker.io/library/nginx:latest"})
    EXPECT_THAT(choose(name, entries).found, ElementsAre("docker.io/library/nginx@" + one)) << name;
}

TEST(ChooseDigest, TakesAnyRepositoryOfAnId) {
  const Texts entries = {"a.example/x@" + one};
  for (const std::string& asked : {id, id.substr(7), id.substr(7, 12), std::string("abcd")})
    EXPECT_THAT(choose(asked, entries).found, ElementsAre("a.example/x@" + one)) << asked;
  EXPECT_EQ(choose(id, of_two_repositories).found.size(), 2U);
}

TEST(ChooseDigest, TakesANameThatLooksLikeAnIdForAName) {
  const Texts entries = {"abcd@" + one, "a.example/x@" + two};
  EXPECT_THAT(choose("abcd", entries, "", {"abcd:latest", "a.example/x:1"}).found,
              ElementsAre("abcd@" + one));
  EXPECT_EQ(choose("abcd", entries, "", {"a.example/x:1"}).found.size(), 2U);
}

TEST(ChooseDigest, TakesTheDigestThatTheNameNames) {
  EXPECT_THAT(choose("a.example/x@" + two, of_one_twice).found, ElementsAre("a.example/x@" + two));
  EXPECT_THAT(choose("a.example/x:1@" + two, of_one_twice).found, ElementsAre("a.example/x@" + two));
  // An Id of the containerd store is the digest of every repository.
  EXPECT_EQ(choose_digest(one, "", one, tags, of_two_repositories, "").found.size(), 2U);
}

TEST(ChooseDigest, KeepsToTheRepositoryWhereTheNamedDigestIsNotThere) {
  EXPECT_THAT(choose("b.example/x@" + two, of_two_repositories).found, ElementsAre("b.example/x@" + one));
}

TEST(ChooseDigest, SaysWhatToDoAboutSeveral) {
  EXPECT_EQ(choose("abcd", of_two_repositories).why,
            "abcd has 2 RepoDigests: choose a repository with --repository=a.example/x");
  const DigestChoice choice = choose("a.example/x:1", of_one_twice);
  EXPECT_THAT(choice.found, ElementsAre("a.example/x@" + one, "a.example/x@" + two));
  EXPECT_THAT(choice.why, HasSubstr("a.example/x:1 has 2 RepoDigests of a.example/x: "));
  EXPECT_THAT(choice.why, testing::Not(HasSubstr("--repository"))) << "that would not help";
}

TEST(ChooseDigest, SaysWhyThereIsNone) {
  EXPECT_THAT(choose("x", {}).found, IsEmpty());
  EXPECT_EQ(choose("x", {}).why, "x has no RepoDigests: it was neither pulled nor pushed");
  EXPECT_EQ(choose("x:1", of_two_repositories).why,
            "x:1 has no RepoDigest of x, but of a.example/x, b.example/x");
  EXPECT_EQ(choose("x", {"<none>@<none>", one}).why, "x has no RepoDigest that names a repository");
}

}  // namespace
}  // namespace repodigest::app
