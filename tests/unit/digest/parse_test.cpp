#include <gtest/gtest.h>

#include <string>

#include "repodigest/digest/digest.h"

namespace repodigest::digest {
namespace {

const std::string sha256 = "sha256:" + std::string(64, 'a');
const std::string sha512 = "sha512:" + std::string(128, '0');

struct Repository {
  std::string text;
  bool fits;
};

class ParseRepository : public testing::TestWithParam<Repository> {};

TEST_P(ParseRepository, FollowsTheGrammar) {
  const std::string text = GetParam().text + "@" + sha256;
  const Entry entry = parse_entry(text);
  if (GetParam().fits) {
    EXPECT_EQ(entry.kind, EntryKind::canonical) << text;
    EXPECT_EQ(entry.repository, GetParam().text);
    EXPECT_EQ(entry.digest, sha256);
    EXPECT_EQ(entry.tag, "");
  } else {
    EXPECT_EQ(entry.kind, EntryKind::malformed) << text;
    EXPECT_EQ(entry.repository, "");
    EXPECT_EQ(entry.digest, "");
  }
}

INSTANTIATE_TEST_SUITE_P(
    WellFormed, ParseRepository,
    testing::Values(Repository{"nginx", true}, Repository{"bulk/many", true}, Repository{"a", true},
                    Repository{"0", true}, Repository{"localhost:5000/namespace1/myimage", true},
                    Repository{"docker.io/bulk/many", true}, Repository{"docker.io/library/nginx", true},
                    Repository{"Registry.Example.COM/x", true}, Repository{"UPPER/x", true},
                    Repository{"a.b_c__d-e---f/x", true}, Repository{"h-o--st.example/x", true},
                    Repository{"127.0.0.1:5000/x", true}, Repository{"[::1]/x", true},
                    Repository{"[2001:db8::FF]:5000/a/b", true}, Repository{"xn--n3h.example/x", true},
                    Repository{"a/b/c/d/e/f", true}, Repository{std::string(255, 'a'), true},
                    Repository{"registry.example:5000/" + std::string(255, 'a'), true}));

INSTANTIATE_TEST_SUITE_P(
    Malformed, ParseRepository,
    testing::Values(Repository{"", false}, Repository{"/", false}, Repository{"/x", false},
                    Repository{"x/", false}, Repository{"a//b", false}, Repository{"Upper", false},
                    Repository{"a/Upper", false}, Repository{"-a", false}, Repository{"a-", false},
                    Repository{"a..b", false}, Repository{"a___b", false}, Repository{"a._b", false},
                    Repository{"a-.b/x", false}, Repository{"-host/x", false}, Repository{"host-/x", false},
                    Repository{"a..b/x", false}, Repository{".host/x", false}, Repository{"host./x", false},
                    Repository{"host:/x", false}, Repository{"host:port/x", false},
                    Repository{"host:50:00/x", false}, Repository{"[]/x", false}, Repository{"[::1/x", false},
                    Repository{"[::g]/x", false}, Repository{"[::1]5000/x", false},
                    Repository{"[::1]:/x", false}, Repository{"[::1]", false}, Repository{"h[::1]/x", false},
                    Repository{"a b", false}, Repository{"a\n", false}, Repository{"\xc3\xa9", false},
                    Repository{std::string("a\0b", 3), false}, Repository{"<none>", false},
                    Repository{std::string(256, 'a'), false},
                    Repository{"https://registry.example/x", false}));

TEST(ParseEntry, TakesATagBetweenRepositoryAndDigest) {
  const std::string text = "localhost:5000/app:v1.2-rc_3@" + sha256;
  const Entry entry = parse_entry(text);
  EXPECT_EQ(entry.kind, EntryKind::tagged);
  EXPECT_EQ(entry.repository, "localhost:5000/app");
  EXPECT_EQ(entry.tag, "v1.2-rc_3");
  EXPECT_EQ(entry.digest, sha256);
}

TEST(ParseEntry, TakesAColonWithoutASlashBehindItForATag) {
  const std::string text = "localhost:5000@" + sha256;
  const Entry entry = parse_entry(text);
  EXPECT_EQ(entry.kind, EntryKind::tagged);
  EXPECT_EQ(entry.repository, "localhost");
  EXPECT_EQ(entry.tag, "5000");
}

TEST(ParseEntry, RefusesTagsOutsideTheGrammar) {
  for (const std::string& tag : {std::string(), std::string("-a"), std::string(".a"), std::string("a+b"),
                                 std::string("a:b"), std::string("\xc3\xa9"), std::string(129, 't')})
    EXPECT_EQ(parse_entry("app:" + tag + "@" + sha256).kind, EntryKind::malformed) << tag;
  EXPECT_EQ(parse_entry("app:" + std::string(128, 't') + "@" + sha256).kind, EntryKind::tagged);
  EXPECT_EQ(parse_entry("app:_A@" + sha256).kind, EntryKind::tagged);
}

TEST(ParseEntry, WantsADigestOfItsAlgorithmsLength) {
  EXPECT_EQ(parse_entry("app@" + sha512).digest, sha512);
  const std::string hex64(64, 'a');
  for (const std::string& digest :
       {"sha256:" + std::string(63, 'a'), "sha256:" + std::string(65, 'a'), "sha512:" + hex64,
        "sha256:" + std::string(64, 'A'), "sha256:" + std::string(64, 'g'), "sha384:" + std::string(96, 'a'),
        "SHA256:" + hex64, "sha256-" + hex64, hex64, std::string("sha256:"), std::string(),
        "sha256:" + hex64 + "@sha256:" + hex64, "sha256:" + hex64 + " "})
    EXPECT_EQ(parse_entry("app@" + digest).kind, EntryKind::malformed) << digest;
}

TEST(ParseEntry, KnowsABareDigest) {
  const Entry entry = parse_entry(sha256);
  EXPECT_EQ(entry.kind, EntryKind::bare);
  EXPECT_EQ(entry.repository, "");
  EXPECT_EQ(entry.digest, sha256);
  EXPECT_EQ(parse_entry(sha512).kind, EntryKind::bare);
  EXPECT_EQ(parse_entry("@" + sha256).kind, EntryKind::malformed);
}

TEST(ParseEntry, KnowsThePlaceholder) {
  EXPECT_EQ(parse_entry("<none>@<none>").kind, EntryKind::placeholder);
  EXPECT_EQ(parse_entry("<none>").kind, EntryKind::malformed);
  EXPECT_EQ(parse_entry("<none>@" + sha256).kind, EntryKind::malformed);
}

TEST(ParseEntry, TakesANameAloneForMalformed) {
  EXPECT_EQ(parse_entry("").kind, EntryKind::malformed);
  EXPECT_EQ(parse_entry("nginx:latest").kind, EntryKind::malformed);
  EXPECT_EQ(parse_entry("@").kind, EntryKind::malformed);
}

TEST(RepositoryOf, LeavesOutTagAndDigest) {
  EXPECT_EQ(repository_of("nginx"), "nginx");
  EXPECT_EQ(repository_of("nginx:1"), "nginx");
  EXPECT_EQ(repository_of("nginx@" + sha256), "nginx");
  EXPECT_EQ(repository_of("nginx:1@" + sha256), "nginx");
  EXPECT_EQ(repository_of("localhost:5000/app"), "localhost:5000/app");
  EXPECT_EQ(repository_of("localhost:5000/app:1@" + sha256), "localhost:5000/app");
  EXPECT_EQ(repository_of("[::1]:5000/app:1"), "[::1]:5000/app");
  EXPECT_EQ(repository_of(""), "");
}

TEST(FamiliarName, LeavesOutWhatDockerDoesNotShow) {
  EXPECT_EQ(familiar_name("docker.io/library/nginx:latest"), "nginx:latest");
  EXPECT_EQ(familiar_name("index.docker.io/library/nginx"), "nginx");
  EXPECT_EQ(familiar_name("library/nginx"), "nginx");
  EXPECT_EQ(familiar_name("docker.io/nginx@" + sha256), "nginx@" + sha256);
  EXPECT_EQ(familiar_name("docker.io/foo/bar"), "foo/bar");
}

TEST(FamiliarName, KeepsEveryOtherName) {
  for (const std::string name : {"nginx", "foo/bar:1", "library/a/b", "quay.io/library/nginx",
                                 "localhost/nginx", "docker.io:443/library/nginx", "docker.io", ""})
    EXPECT_EQ(familiar_name(name), name);
  EXPECT_EQ(familiar_name("docker.io/library/a/b"), "library/a/b");
}

TEST(Anomalies, TellsItsMembersInTheOrderOfTheirNames) {
  EXPECT_TRUE(Anomalies().empty());
  EXPECT_TRUE(Anomalies().names().empty());
  const Anomalies some{Anomaly::not_inspectable, Anomaly::duplicate};
  EXPECT_EQ(some.names(), (std::vector<std::string_view>{"duplicate", "not_inspectable"}));
}

TEST(Anomalies, CountsButDoesNotCallAnomalousATaggedDigestOrAPlaceholder) {
  EXPECT_FALSE((Anomalies{Anomaly::tagged_digest, Anomaly::placeholder}.anomalous()));
  for (const Anomaly one : {Anomaly::duplicate, Anomaly::several_digests, Anomaly::bare_digest,
                            Anomaly::malformed, Anomaly::list_mismatch, Anomaly::not_inspectable})
    EXPECT_TRUE(Anomalies{one}.anomalous());
}

}  // namespace
}  // namespace repodigest::digest
