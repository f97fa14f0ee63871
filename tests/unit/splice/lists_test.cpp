// Lists alone: generated ones against a reference of ten lines, and hostile ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/dice.h"
#include "support/spliced.h"

namespace repodigest::splice {
namespace {

using model::Dice;
using Strings = std::vector<std::string>;

Strings unique(const Strings& entries) {
  Strings kept;
  for (const std::string& entry : entries)
    if (std::find(kept.begin(), kept.end(), entry) == kept.end()) kept.push_back(entry);
  return kept;
}

std::string document(const Strings& entries) {
  return nlohmann::json{{"RepoDigests", entries}}.dump();
}

/// Repositories with a digest each, repeated as an engine does it: each as often as it has tags.
Strings generated_list(Dice& dice) {
  Strings entries;
  for (std::size_t repository = dice.below(6); repository > 0; --repository) {
    const std::string entry = "localhost:5000/team/app" + std::to_string(dice.below(4)) +
                              "@sha256:" + std::string(64, static_cast<char>('0' + dice.below(2)));
    entries.insert(entries.end(), 1 + dice.below(5), entry);
  }
  if (dice.one_in(2))
    for (std::size_t i = entries.size(); i > 1; --i) std::swap(entries[i - 1], entries[dice.below(i)]);
  return entries;
}

TEST(GeneratedLists, BecomeWhatTheReferenceMakesOfThem) {
  std::size_t with_duplicates = 0;
  for (std::uint64_t seed = 0; seed < 5000; ++seed) {
    Dice dice(seed);
    const Strings entries = generated_list(dice);
    const Strings kept = unique(entries);
    with_duplicates += kept.size() < entries.size() ? 1U : 0U;
    const support::Spliced spliced = support::spliced(document(entries));
    ASSERT_EQ(spliced, (support::Spliced{document(kept), "", {}, entries.size() - kept.size(), 1})) << seed;
  }
  EXPECT_GT(with_duplicates, 2000U);
  EXPECT_LT(with_duplicates, 4900U);
}

// With each entry compared with each other, these would run into the time limit.
constexpr std::size_t huge = 300'000;

TEST(AHugeList, MayBeAllTheSame) {
  const support::Spliced spliced = support::spliced(document(Strings(huge, "a")));
  EXPECT_EQ(spliced.output, document({"a"}));
  EXPECT_EQ(spliced.removed, huge - 1);
}

TEST(AHugeList, MayBeAllDifferentBehindALongCommonBeginning) {
  Strings entries(huge, std::string(50, 'x'));
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i] += std::to_string(i * 7919 % entries.size());
  const std::string text = document(entries);
  EXPECT_EQ(support::spliced(text).output, text);
  entries.push_back(entries.front());
  EXPECT_EQ(support::spliced(document(entries)), (support::Spliced{text, "", {}, 1, 1}));
}

TEST(AHugeList, MayComeInSmallPieces) {
  const std::string text = document(Strings(huge, "a"));
  EXPECT_EQ(support::spliced_in_pieces(text, 7, 7).output, document({"a"}));
}

TEST(SplicedLists, AreLetPassAsTheyAreWhenTheyAreLargerThanAllowed) {
  const std::string large = document(Strings(300, "same"));
  const std::string small = document(Strings(3, "same"));
  Splicer splicer({.max_list_bytes = 1000});
  std::string out;
  // The large one in pieces, as a socket gives them.
  for (const std::string& text : {large, small})
    for (std::size_t at = 0; at < text.size(); at += 100)
      ASSERT_TRUE(splicer.feed(text.substr(at, 100), out));
  ASSERT_TRUE(splicer.finish(out));
  EXPECT_EQ(out, large + document({"same"}));
  EXPECT_EQ(splicer.removed(), 2U);
  EXPECT_EQ(splicer.lists(), 1U);
}

}  // namespace
}  // namespace repodigest::splice
