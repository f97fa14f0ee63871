// Documents as odd as JSON allows. Who makes one knows what it has to become, since it decides what is a list
// and what stands before in it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "model/dice.h"
#include "support/reference_splice.h"
#include "support/spliced.h"

namespace repodigest::splice {
namespace {

using model::Dice;

class Generated {
 public:
  explicit Generated(std::uint64_t seed) : dice_(seed) {
    for (std::size_t documents = 1 + dice_.below(3); documents > 0; --documents) {
      space();
      value(0, false);
      both(" ");
    }
  }
  std::string text;
  std::string expected;
  std::size_t lists = 0;
  std::size_t removed = 0;
  std::size_t sealed_lists = 0;  ///< what would have been lists

 private:
  static constexpr std::size_t no_nesting = 5;  ///< from this depth on

  void both(const std::string& part) {
    text += part;
    expected += part;
  }

  std::string some_space() {
    std::string space;
    while (!dice_.one_in(3)) space += dice_.one_of(std::string(" \n\t\r"));
    if (dice_.one_in(20)) space += "\n" + std::string(dice_.below(40), ' ');
    return space;
  }
  void space() { both(some_space()); }

  /// Of a character by one of its spellings.
  std::string spelt(char c) {
    char escape[7];
    std::snprintf(escape, sizeof escape, dice_.one_in(2) ? "\\u%04x" : "\\u%04X", static_cast<unsigned>(c));
    if (dice_.one_in(8)) return escape;
    if (c == '/' && dice_.one_in(2)) return "\\/";
    if (c == '"' || c == '\\') return std::string("\\") + c;
    if (c == '\n') return "\\n";
    return static_cast<unsigned char>(c) < 0x20 ? std::string(escape) : std::string(1, c);
  }
  std::string spelt(const std::string& word) {
    const bool plain = dice_.one_in(2);
    std::string spelling;
    for (const char c : word) spelling += plain && c > '\\' ? std::string(1, c) : spelt(c);
    return '"' + spelling + '"';
  }

  void value(std::size_t depth, bool sealed) {
    static const std::vector<std::string> scalars = {"null",
                                                     "true",
                                                     "false",
                                                     "0",
                                                     "-0",
                                                     "9007199254740993",
                                                     "18446744073709551616",
                                                     "1e400",
                                                     "-1.5E-3",
                                                     "123456789012345678901234567890.5",
                                                     R"("RepoDigests")",
                                                     R"("[\"a\",\"a\"]")",
                                                     R"("\ud800 \uD83D\uDC33 \u0000")",
                                                     "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb3\"",
                                                     R"("")",
                                                     R"("{\"RepoDigests\":[\"a\",\"a\"]}")"};
    const std::size_t kind = dice_.below(depth < no_nesting ? 5 : 1);
    if (kind == 0) return both(dice_.one_of(scalars));
    if (kind == 1) return array(depth, sealed);
    object(depth, sealed);
  }

  void object(std::size_t depth, bool sealed) {
    static const std::vector<std::string> keys = {
        "RepoDigests", "RepoDigests", "RepoDigests", "Config", "Labels",
        "Id",          "RepoTags",    "repodigests", "",       "a\"\\/\n"};
    both("{");
    const std::size_t members = dice_.below(5);
    for (std::size_t i = 0; i < members; ++i) {
      space();
      const std::string& key = dice_.one_of(keys);
      both(spelt(key));
      space();
      both(":");
      space();
      const bool below = sealed || key == "Config" || key == "Labels";
      if (key == "RepoDigests")
        digests(depth, sealed);
      else
        value(depth + 1, below);
      space();
      if (i + 1 < members) both(",");
    }
    if (members == 0) space();
    both("}");
  }

  /// Usually a list, but anything else too.
  void digests(std::size_t depth, bool sealed) {
    switch (dice_.below(8)) {
      case 0:
        return mixed(depth, sealed);
      case 1:
        return value(no_nesting, sealed);
      case 2:
        return depth < no_nesting ? object(depth + 1, sealed) : both("{}");
      default:
        list(sealed);
    }
  }

  void array(std::size_t depth, bool sealed) {
    both("[");
    const std::size_t elements = dice_.below(4);
    for (std::size_t i = 0; i < elements; ++i) {
      space();
      value(depth + 1, sealed);
      space();
      if (i + 1 < elements) both(",");
    }
    both("]");
  }

  std::string entry() {
    static const std::vector<std::string> entries = {"localhost:5000/team/app@sha256:aa",
                                                     "team/app@sha256:aa",
                                                     "team/app@sha256:ab",
                                                     "<none>@<none>",
                                                     "",
                                                     "\"]",
                                                     "a\\",
                                                     "\n"};
    return dice_.one_of(entries);
  }

  void list(bool sealed) {
    both("[");
    std::vector<std::string> seen;
    for (std::size_t left = dice_.below(8); left > 0; --left) {
      const std::string word = entry();
      const bool again = std::find(seen.begin(), seen.end(), word) != seen.end();
      const std::string piece = (seen.empty() ? "" : ",") + some_space() + spelt(word);
      if (again && !sealed) {
        text += piece;
        ++removed;
      } else {
        both(piece);
      }
      space();
      seen.push_back(word);
    }
    if (seen.empty()) space();
    both("]");
    ++(sealed ? sealed_lists : lists);
  }

  /// Strings, and one thing that is none.
  void mixed(std::size_t depth, bool sealed) {
    both("[");
    const std::size_t elements = 1 + dice_.below(5);
    const std::size_t odd = dice_.below(elements);
    for (std::size_t i = 0; i < elements; ++i) {
      space();
      if (i != odd)
        both(spelt(entry()));
      else if (dice_.one_in(2))
        both(dice_.one_in(2) ? "null" : "-1e400");
      else
        object(depth + 1, sealed);
      space();
      if (i + 1 < elements) both(",");
    }
    both("]");
  }

  Dice dice_;
};

TEST(TenThousandGeneratedTexts, BecomeWhatTheirMakerSays) {
  std::size_t lists = 0;
  std::size_t removed = 0;
  std::size_t sealed = 0;
  for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
    const Generated made(seed);
    const support::Spliced expected = {made.expected, "", {}, made.removed, made.lists};
    ASSERT_EQ(support::spliced(made.text), expected) << seed << "\n" << made.text;
    const std::size_t piece = 1 + seed % 17;
    ASSERT_EQ(support::spliced_in_pieces(made.text, piece, piece), expected) << seed << "\n" << made.text;
    // Made unique again it stays as it is.
    ASSERT_EQ(support::spliced(made.expected), (support::Spliced{made.expected, "", {}, 0, made.lists}))
        << seed;
    ASSERT_EQ(support::ReferenceSplice(made.text, false).output(), made.expected) << seed << "\n"
                                                                                  << made.text;
    lists += made.lists;
    removed += made.removed;
    sealed += made.sealed_lists;
  }
  EXPECT_GT(lists, 10'000U);
  EXPECT_GT(removed, 10'000U);
  EXPECT_GT(sealed, 3'000U);
}

TEST(TenThousandGeneratedTexts, AreToldFromWhatIsNotJsonAfterOneChange) {
  std::size_t refused = 0;
  for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
    std::string text = Generated(seed).text;
    Dice dice(seed, 1);
    const std::size_t at = dice.below(text.size());
    switch (dice.below(3)) {
      case 0:
        text.erase(at, 1);
        break;
      case 1:
        text[at] = static_cast<char>(dice.below(256));
        break;
      default:
        text.insert(at, 1, dice.one_of(std::string("[]{},:\"\\ 0.-etfn\n\x80")));
    }
    const support::Spliced spliced = support::spliced(text);
    const support::ReferenceSplice reference(text, false);
    ASSERT_EQ(spliced.error.empty(), reference.valid()) << seed << "\n" << text;
    ASSERT_EQ(spliced.output, reference.output()) << seed << "\n" << text;
    const std::size_t piece = 1 + seed % 17;
    ASSERT_EQ(support::spliced_in_pieces(text, piece, piece), spliced) << seed << "\n" << text;
    refused += reference.valid() ? 0U : 1U;
  }
  EXPECT_GT(refused, 3'000U);
  EXPECT_LT(refused, 9'000U);
}

}  // namespace
}  // namespace repodigest::splice
