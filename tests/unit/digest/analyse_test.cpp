#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <random>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "repodigest/digest/digest.h"

namespace repodigest::digest {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Strings = std::vector<std::string>;

std::string sha256(char digit) {
  return "sha256:" + std::string(64, digit);
}

TEST(Analyse, AnswersTheIssuesImage) {
  // Four tags of one image in two repositories, as an engine before 27.4.0 answers.
  const std::string first = "localhost:5000/namespace1/myimage@" + sha256('1');
  const std::string second = "localhost:5000/namespace2/myimage@" + sha256('1');
  const Analysis analysis = analyse(Strings{first, first, second, second});
  EXPECT_EQ(analysis.raw_count, 4U);
  EXPECT_THAT(analysis.unique, ElementsAre(first, second));
  EXPECT_THAT(analysis.duplicates, ElementsAre(Duplicate{0, 2}, Duplicate{1, 2}));
  EXPECT_EQ(analysis.anomalies, Anomalies{Anomaly::duplicate});
}

TEST(DigestsOf, FindsTheOneRepositorysDigestWhereverItStands) {
  const Texts entries = analyse(Strings{"other@" + sha256('1'), "team/app@" + sha256('2')}).unique;
  EXPECT_THAT(digests_of(entries, "team/app"), ElementsAre("team/app@" + sha256('2')));
  EXPECT_THAT(digests_of(entries, "app"), IsEmpty());
}

TEST(DigestsOf, TakesDockersLongAndShortFormsForTheSameRepository) {
  const Texts entries = analyse(Strings{"nginx@" + sha256('1')}).unique;
  EXPECT_THAT(digests_of(entries, "docker.io/library/nginx"), ElementsAre("nginx@" + sha256('1')));
}

TEST(DigestsOf, LeavesATagOutAndGivesEachDigestOnce) {
  const Texts entries =
      analyse(Strings{"app:v1@" + sha256('1'), "app@" + sha256('1'), "app@" + sha256('2')}).unique;
  EXPECT_THAT(digests_of(entries, "app"), ElementsAre("app@" + sha256('1'), "app@" + sha256('2')));
}

TEST(DigestsOf, PassesOverWhatNamesNoRepository) {
  const Texts entries = analyse(Strings{sha256('1'), "<none>@<none>", "what", "a@" + sha256('1')}).unique;
  EXPECT_THAT(digests_of(entries, ""), ElementsAre("a@" + sha256('1')));
}

TEST(Analyse, AnswersAnEmptyListWithNothing) {
  EXPECT_EQ(analyse({}), Analysis{});
}

TEST(Analyse, KeepsFirstAppearanceOfADuplicate) {
  const std::string b = "b@" + sha256('1');
  const std::string a = "a@" + sha256('1');
  const std::string c = "c@" + sha256('1');
  const Analysis analysis = analyse(Strings{b, a, b, c, a, b});
  EXPECT_THAT(analysis.unique, ElementsAre(b, a, c));
  EXPECT_THAT(analysis.duplicates, ElementsAre(Duplicate{0, 3}, Duplicate{1, 2}));
}

TEST(Analyse, ComparesByString) {
  const Strings same_thing = {"nginx@" + sha256('1'), "docker.io/library/nginx@" + sha256('1'),
                              "nginx:1@" + sha256('1')};
  const Analysis analysis = analyse(same_thing);
  EXPECT_EQ(analysis.unique, same_thing);
  EXPECT_THAT(analysis.duplicates, IsEmpty());
  EXPECT_EQ(analysis.anomalies, Anomalies{Anomaly::tagged_digest});
}

TEST(Analyse, FindsSeveralDigestsOfOneRepository) {
  EXPECT_TRUE(analyse(Strings{"a@" + sha256('1'), "b@" + sha256('2'), "a@" + sha256('3')})
                  .anomalies.has(Anomaly::several_digests));
  EXPECT_TRUE(
      analyse(Strings{"a:1@" + sha256('1'), "a@" + sha256('3')}).anomalies.has(Anomaly::several_digests));
  EXPECT_FALSE(
      analyse(Strings{"a:1@" + sha256('1'), "a@" + sha256('1')}).anomalies.has(Anomaly::several_digests));
  EXPECT_FALSE(
      analyse(Strings{"a@" + sha256('1'), "b@" + sha256('2')}).anomalies.has(Anomaly::several_digests));
}

TEST(Analyse, LeavesBareAndMalformedEntriesOutOfSeveralDigests) {
  const Analysis analysis =
      analyse(Strings{sha256('1'), sha256('2'), "A@" + sha256('1'), "A@" + sha256('2')});
  EXPECT_EQ(analysis.anomalies, (Anomalies{Anomaly::bare_digest, Anomaly::malformed}));
}

TEST(Analyse, CountsDuplicatesOfMalformedEntriesToo) {
  const Analysis analysis = analyse(Strings{"?", "?"});
  EXPECT_THAT(analysis.duplicates, ElementsAre(Duplicate{0, 2}));
  EXPECT_EQ(analysis.anomalies, (Anomalies{Anomaly::duplicate, Anomaly::malformed}));
}

TEST(Analyse, CopesWithManyTags) {
  // What 24.0 to 27.3 answer for an image with many tags in few repositories, and its worst case.
  for (const std::size_t size : {10'000U, 100'000U}) {
    Strings few;
    Strings all_different;
    for (std::size_t i = 0; i < size; ++i) {
      few.push_back("bulk/many" + std::to_string(i % 3) + "@" + sha256('1'));
      all_different.push_back("bulk/many" + std::to_string(i) + "@" + sha256('1'));
    }
    const Analysis of_few = analyse(few);
    EXPECT_EQ(of_few.raw_count, size);
    EXPECT_EQ(of_few.unique.size(), 3U);
    EXPECT_EQ(of_few.duplicates.size(), 3U);
    EXPECT_EQ(of_few.duplicates[0].count, (size + 2) / 3);
    EXPECT_EQ(analyse(all_different).unique, all_different);
  }
}

TEST(AnomaliesOfEntries, TellsTheKindsAlone) {
  EXPECT_EQ(anomalies_of_entries({}), Anomalies{});
  EXPECT_EQ(anomalies_of_entries(Strings{"a@" + sha256('1'), "a@" + sha256('1'), "a@" + sha256('2')}),
            Anomalies{});
  EXPECT_EQ(
      anomalies_of_entries(Strings{"a:1@" + sha256('1'), sha256('1'), "<none>@<none>", ""}),
      (Anomalies{Anomaly::tagged_digest, Anomaly::bare_digest, Anomaly::placeholder, Anomaly::malformed}));
}

/// The documented meaning without any thought of cost.
Analysis naive(const Strings& entries) {
  Analysis result;
  Strings unique;
  result.raw_count = entries.size();
  for (const std::string& entry : entries) {
    if (std::count(unique.begin(), unique.end(), entry) > 0) continue;
    const auto index = static_cast<std::uint32_t>(unique.size());
    unique.push_back(entry);
    const auto count = static_cast<std::uint32_t>(std::count(entries.begin(), entries.end(), entry));
    if (count > 1) result.duplicates.push_back({index, count});
  }
  result.unique = unique;
  if (!result.duplicates.empty()) result.anomalies.add(Anomaly::duplicate);
  for (const std::string& one : entries)
    for (const std::string& other : entries) {
      const Entry a = parse_entry(one);
      const Entry b = parse_entry(other);
      if (!a.repository.empty() && a.repository == b.repository && a.digest != b.digest)
        result.anomalies.add(Anomaly::several_digests);
    }
  result.anomalies.add(anomalies_of_entries(entries));
  return result;
}

TEST(Analyse, AgreesWithTheNaiveReferenceOnGeneratedLists) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto below = [&random](std::size_t end) { return random() % end; };
  const Strings repositories = {"a", "b/c", "localhost:5000/d", "Bad", ""};
  const Strings tags = {"", "", ":1", ":2", ":"};
  const Strings digests = {sha256('1'), sha256('2'), "sha512:" + std::string(128, '3'), "sha256:short"};
  const Strings others = {sha256('1'), "<none>@<none>", "", "a@", "\xff"};
  for (int round = 0; round < 2000; ++round) {
    Strings entries(below(12));
    for (std::string& entry : entries)
      entry = below(5) == 0 ? others[below(others.size())]
                            : repositories[below(repositories.size())] + tags[below(tags.size())] + "@" +
                                  digests[below(digests.size())];
    ASSERT_EQ(analyse(entries), naive(entries)) << testing::PrintToString(entries);
  }
}

/// The grammar as one regular expression.
const std::regex& grammar() {
  static const std::string label = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
  static const std::string domain =
      "(?:" + label + "(?:\\." + label + ")*|\\[(?:[a-fA-F0-9:]+)\\])(?::[0-9]+)?";
  static const std::string component = "[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*";
  static const std::regex whole("((?:" + domain + "/)?" + component + "(?:/" + component +
                                ")*)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?@(sha256:[0-9a-f]{64})");
  return whole;
}

TEST(ParseEntry, AgreesWithTheGrammarsRegularExpressionOnGeneratedNames) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string letters = "aab0A.-_:/[]";
  std::size_t well_formed = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string name;
    for (std::size_t size = random() % 8; size > 0; --size) name += letters[random() % letters.size()];
    const std::string text = name + "@" + sha256('1');
    std::smatch parts;
    const bool fits = std::regex_match(text, parts, grammar());
    const Entry entry = parse_entry(text);
    if (!fits) {
      ASSERT_EQ(entry.kind, EntryKind::malformed) << text;
      continue;
    }
    ++well_formed;
    ASSERT_EQ(entry.repository, parts[1].str()) << text;
    ASSERT_EQ(entry.tag, parts[2].str()) << text;
    ASSERT_EQ(entry.kind, parts[2].matched ? EntryKind::tagged : EntryKind::canonical) << text;
  }
  EXPECT_GT(well_formed, 1000U);
}

}  // namespace
}  // namespace repodigest::digest
