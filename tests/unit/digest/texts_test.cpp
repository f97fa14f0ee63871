#include "repodigest/digest/texts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace repodigest::digest {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Strings = std::vector<std::string>;

static_assert(std::random_access_iterator<Texts::Iterator>);

TEST(TheTexts, AreThoseTheyWereMadeOfInTheirOrder) {
  const Strings strings = {"b", "", "a", std::string(100'000, 'x'), std::string("\0z", 2), ""};
  const Texts texts = strings;
  EXPECT_EQ(texts.size(), 6U);
  EXPECT_FALSE(texts.empty());
  EXPECT_EQ(texts.strings(), strings);
  EXPECT_EQ(texts, strings);
  EXPECT_EQ(texts.front(), "b");
  EXPECT_EQ(texts.back(), "");
  EXPECT_EQ(texts[3].size(), 100'000U);
}

TEST(TheTexts, MayBeNone) {
  for (const Texts& none : {Texts(), Texts(Strings()), Texts(std::vector<std::string_view>())}) {
    EXPECT_THAT(none, IsEmpty());
    EXPECT_EQ(none, Texts());
    EXPECT_EQ(Texts(none), none);
    EXPECT_THAT(none.strings(), IsEmpty());
  }
}

TEST(TheTexts, AreEqualWhenTheirStringsAre) {
  const Texts texts = {"ab", "c"};
  EXPECT_EQ(texts, (Texts{"ab", "c"}));
  for (const Texts& other : {Texts{"a", "bc"}, Texts{"ab"}, Texts{"ab", "d"}, Texts{"ab", "c", ""}, Texts()})
    EXPECT_NE(texts, other);
  EXPECT_EQ(texts, (Strings{"ab", "c"}));
  EXPECT_NE(texts, (Strings{"ab"}));
}

TEST(TheTexts, AreAValue) {
  Texts one = {"a", "b"};
  Texts other = one;
  one = {"c"};
  EXPECT_THAT(other, ElementsAre("a", "b"));
  other = one;
  EXPECT_THAT(other, ElementsAre("c"));
  const std::string_view view = one[0];
  const Texts moved = std::move(one);
  EXPECT_EQ(view.data(), moved[0].data());
  const Texts& self = other;
  other = self;
  EXPECT_THAT(other, ElementsAre("c"));
}

TEST(TheTexts, CanBeWalkedAsARange) {
  const Texts texts = {"c", "a", "b"};
  EXPECT_EQ(*std::ranges::min_element(texts), "a");
  EXPECT_EQ(texts.end() - texts.begin(), 3);
  EXPECT_EQ(texts.begin()[2], "b");
  EXPECT_EQ(*(texts.end() - 1), "b");
  EXPECT_EQ(std::count(texts.begin(), texts.end(), "a"), 1);
}

}  // namespace
}  // namespace repodigest::digest
