// What is JSON, and what is said of what is not: cases in the classes of JSONTestSuite (Seriot, "Parsing JSON
// is a minefield"), written anew.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/reference_splice.h"
#include "support/spliced.h"

namespace repodigest::splice {
namespace {

using support::Spliced;

Spliced splice(const std::string& text) {
  Spliced whole = support::spliced(text);
  EXPECT_EQ(support::spliced_in_pieces(text, 1, 1), whole) << text;
  for (std::size_t at = 1; at < text.size(); ++at)
    EXPECT_EQ(support::spliced_in_pieces(text, at, text.size()), whole) << text << " cut at " << at;
  EXPECT_EQ(whole.output, text);
  return whole;
}

/// Bytes with a zero among them.
template <std::size_t size>
std::string bytes(const char (&text)[size]) {
  return {text, size - 1};
}

const std::vector<std::string> good = {
    // Structure and white space.
    "[]", "{}", "[[]]", "[{}]", R"({"":{}})", " [ ] ", "\n{\t}\r", "[[[[]]],[[]],[]]", R"({"a":[],"b":{}})",
    "[\r\n1\r\n,\r\n2]", R"({"a":"b"})", R"({"a":1,"a":2})", R"({"a":1,"a":1})", R"({"\u0000":1})",
    R"({"a\nb":1})", R"({"a":[{"b":[{"c":[]}]}]})", "[1 ]", "[ 1]", "[1,null,true,false,\"x\"]",
    // A document may be any value.
    "1", "-1", "0", "-0", "1.5", "\"\"", "\"a\"", "true", "false", "null", " null ", "\"\\u0061\"\n",
    // Numbers.
    "[0]", "[-0]", "[-0.0]", "[0e0]", "[0E+0]", "[0.5e-5]", "[10]", "[1234567890]", "[123.456789]", "[1e5]",
    "[1E5]", "[1e+5]", "[1E-05]", "[1e005]", "[9007199254740993]", "[-9223372036854775809]",
    "[18446744073709551616]",
    "[0.000000000000000000000000000000000000000000000000000000000000000000000000000001]",
    "[123456789012345678901234567890123456789012345678901234567890]", "[1e-400]",
    // Strings.
    R"(["\"\\\/\b\f\n\r\t"])", R"(["\u0123\u4567\u89aB\uCDEF"])", R"(["\\u0000"])", R"(["\\a"])",
    R"(["\\\""])", R"(["\ud83d\ude39"])", R"(["\uD834\uDD1E\u0020"])", R"(["\udBFF\uDFFF"])",
    R"(["a/*b*/c//d#e"])", R"(["'"])", R"(["[{,:}]"])", "[\"\x7f\"]", "[\"\xc2\x80\"]", "[\"\xdf\xbf\"]",
    "[\"\xe0\xa0\x80\"]", "[\"\xed\x9f\xbf\"]", "[\"\xee\x80\x80\"]", "[\"\xef\xbb\xbf\"]",
    "[\"\xef\xbf\xbe\"]", "[\"\xef\xbf\xbf\"]", "[\"\xf0\x90\x80\x80\"]", "[\"\xf4\x8f\xbf\xbf\"]",
    "[\"\xe2\x80\xa8\xe2\x80\xa9\"]", "[\"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\"]"};

const std::vector<std::string> bad = {
    // Commas, colons, brackets.
    "[", "]", "{", "}", "[1", "[1,", "[1,]", "[,1]", "[,]", "[1,,2]", "[1 2]", "[1\n2]", "[1:2]", "[[1]",
    "[1]]", "[1}", "{1}", "{]", "[\"a\" \"b\"]", "[\"a\",\n1\n,1", "[}", "[{]", R"({"a"})", R"({"a":})",
    R"({"a":1,})", R"({"a":1)", R"({"a":1]})", R"({"a" 1})", R"({"a"::1})", R"({"a":1:2})",
    R"({"a":1 "b":2})", R"({,"a":1})", R"({"a":1,,"b":2})", R"({1:1})", R"({null:1})", R"({a:1})",
    R"({'a':1})", R"({["a"]:1})", R"({:1})", R"({"a",1})", R"({"a":"b"}#)", R"({"a":"b"}/**/)",
    R"({"a":/**/"b"})", "//\n[]", "[1];", ",", ":", "[]]", "{}}", "[\"a\",", "[][", R"({"a")", R"({")",
    "[\"RepoDigests\":[]]", R"({"RepoDigests":["a",]})", R"({"RepoDigests":["a""b"]})",
    R"({"RepoDigests":[,"a"]})",
    // Words.
    "tru", "True", "TRUE", "nul", "fals", "truee", "nulll", "falsey", "[nul]", "[tru]", "[fals]", "[truE]",
    "[nil]", "none", "NaN", "[NaN]", "Infinity", "[-Infinity]", "[undefined]", "a", "[a", "[true_]", "[True]",
    "[true1]", "truefalse", "nullnull", "true-1", "[truefalse]",
    // Numbers.
    "-", "+", "[+1]", "[-]", "[--1]", "[- 1]", "[-a]", "[-01]", "[01]", "[00]", "01", "-01", "[1.]", "[.5]",
    "[-.5]", "[1.e5]", "[1.5.2]", "[0.]", "[0.e1]", "[1e]", "[1e+]", "[1e-]", "[1E]", "[1e1.5]", "[1e+-2]",
    "[1ea]", "[0x10]", "[0b1]", "[1_000]", "[1,000.]", "[1e5e5]", "[0e]", "[1a]", "[1.5f]", "[0e+", "1.",
    "1e", "1-2", "1+2", "[1-2]", "[1/2]", "[\xef\xbc\x91]", "[-NaN]", "[1 000.0", "[٣]",
    // Strings.
    "\"", "\"a", "[\"a]", "[\"a", "'a'", "['a']", "[a\"]", "[\"\\\"]", "[\"\\", R"(["\x41"])", R"(["\a"])",
    R"(["\0"])", R"(["\'"])", R"(["\U0041"])", R"(["\u"])", R"(["\u1"])", R"(["\u12"])", R"(["\u123"])",
    R"(["\u123g"])", R"(["\u 123"])", R"(["\u+123"])", R"(["\ud83d\u"])", R"(["\ud83d\u1"])",
    R"(["\ud83d\x"])", "[\"\\\n\"]", "[\"\n\"]", "[\"\t\"]", "[\"\r\"]", bytes("[\"\0\"]"), "[\"\x1f\"]",
    "[\"\x01\"]", "[\"\\\xc3\xa9\"]", "[\"\\u00\xc3\xa9\"]", "{\"a\nb\":1}",
    // UTF-8.
    "[\"\x80\"]", "[\"\xbf\"]", "[\"\xc0\x80\"]", "[\"\xc1\xbf\"]", "[\"\xc2\"]", "[\"\xc3(\"]",
    "[\"\xe0\x80\x80\"]", "[\"\xe0\x9f\xbf\"]", "[\"\xe2\x82\"]", "[\"\xe2(\xa1\"]", "[\"\xed\xa0\x80\"]",
    "[\"\xed\xbf\xbf\"]", "[\"\xf0\x80\x80\x80\"]", "[\"\xf0\x8f\xbf\xbf\"]", "[\"\xf0\x9f\x90\"]",
    "[\"\xf4\x90\x80\x80\"]", "[\"\xf5\x80\x80\x80\"]", "[\"\xf8\x88\x80\x80\x80\"]", "[\"\xfe\"]",
    "[\"\xff\"]", "[\"\xe9\"]", "\xc3\xa9", "{\"\xff\":1}", "[\"\xc3",
    // Other characters where white space is.
    bytes("\0"), bytes("[\0]"), "[\f]", "[\v1]", "[\xc2\xa0]", "[\xe2\x81\xa0]", "\x1e{}", "[]\x1a",
    bytes("[\0\0\0]\0\0\0"), "<a>", "[\\n]", "\\u005b]", "[1\\t]"};

TEST(WhatJsonIs, IsTaken) {
  for (const std::string& text : good) {
    EXPECT_EQ(splice(text).error, "") << text;
    EXPECT_TRUE(nlohmann::json::accept(text)) << text;
    EXPECT_TRUE(support::ReferenceSplice(text, false).valid()) << text;
  }
}

TEST(WhatJsonIsNot, IsRefused) {
  for (const std::string& text : bad) {
    EXPECT_NE(splice(text).error, "") << text;
    EXPECT_FALSE(nlohmann::json::accept(text)) << text;
    EXPECT_FALSE(support::ReferenceSplice(text, false).valid()) << text;
  }
}

TEST(WhatJsonIs, IsTakenAlsoWhereOtherParsersGiveUp) {
  for (const std::string text : {R"(["\ud800"])", R"(["\uDC00\ud800"])", R"(["\ud83d\ud83d\u0041"])",
                                 R"({"\udfff":1})", "[1e400]", "[-1E+999999999999]", "", "{}{}", "[] 1 2"}) {
    EXPECT_EQ(splice(text).error, "") << text;
    EXPECT_FALSE(nlohmann::json::accept(text)) << text;
  }
}

TEST(AByteOrderMark, IsRefusedThoughOtherParsersTakeIt) {
  EXPECT_EQ(splice("\xef\xbb\xbf{}"),
            (Spliced{"\xef\xbb\xbf{}", "a byte order mark before the document", {1, 1}, 0, 0}));
  EXPECT_TRUE(nlohmann::json::accept("\xef\xbb\xbf{}"));
  EXPECT_EQ(splice("{}\xef\xbb\xbf").error, "a value is expected");
}

TEST(AZeroByte, IsRefusedBehindADocumentTooThoughOtherParsersEndThere) {
  EXPECT_EQ(splice(bytes("[]\0")).error, "a value is expected");
  EXPECT_TRUE(nlohmann::json::accept(bytes("[]\0")));
}

std::string nested(std::size_t depth, const std::string& open, const std::string& close) {
  std::string text;
  for (std::size_t i = 0; i < depth; ++i) text += open;
  text += "0";
  for (std::size_t i = 0; i < depth; ++i) text += close;
  return text;
}

TEST(Nesting, GoesAsDeepAsInGo) {
  for (const auto& [open, close] : {std::pair("[", "]"), {"{\"a\":", "}"}, {"[{\"RepoDigests\":", "}]"}}) {
    const std::size_t levels = std::string_view(open).starts_with("[{") ? 2 : 1;
    const std::string deepest = nested(Splicer::max_depth / levels, open, close);
    EXPECT_EQ(support::spliced(deepest), (Spliced{deepest, "", {}, 0, 0}));
    EXPECT_TRUE(support::ReferenceSplice(deepest, false).valid());
    const std::string deeper = "[" + deepest + "]";
    const Spliced refused = support::spliced(deeper);
    EXPECT_EQ(refused.error, "nested deeper than 10000");
    EXPECT_EQ(refused.output, deeper);
    EXPECT_FALSE(support::ReferenceSplice(deeper, false).valid());
  }
  EXPECT_EQ(support::spliced(std::string(10'001, '[')).place, (Place{1, 10'001}));
}

TEST(Nesting, CountsOnlyWhatIsOpen) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "[{}]";
  EXPECT_EQ(support::spliced(text), (Spliced{text, "", {}, 0, 0}));
}

struct Case {
  std::string text;
  std::string error;
  Place place;
};

TEST(AnError, SaysInPlainWordsWhatIsWrongAndWhere) {
  const std::vector<Case> cases = {
      {"x", "a value is expected", {1, 1}},
      {"{} ]", "a value is expected", {1, 4}},
      {"[1,]", "a value is expected", {1, 4}},
      {"{\"a\":}", "a value is expected", {1, 6}},
      {"[,", "a value or ] is expected", {1, 2}},
      {"{\n a", "a key or } is expected", {2, 2}},
      {"{\"a\":1,\n\n}", "a key is expected", {3, 1}},
      {"{\"a\" 1}", "a colon is expected", {1, 6}},
      {"[1\n 2]", "a comma or ] is expected", {2, 2}},
      {"{\"a\":1 \r\n]", "a comma or } is expected", {2, 1}},
      {"{\"RepoDigests\":[\n\"a\"\n\"a\"]}", "a comma or ] is expected", {3, 1}},
      {"[\n\n  truth]", "a word that JSON does not know", {3, 6}},
      {"nullx", "a word that JSON does not know", {1, 5}},
      {"[-x]", "a number not as JSON writes it", {1, 3}},
      {"[01]", "a number not as JSON writes it", {1, 3}},
      {"[1.]", "a number not as JSON writes it", {1, 4}},
      {"[1e+]", "a number not as JSON writes it", {1, 5}},
      {"[\"\n\"]", "a control character in a string", {1, 3}},
      {"\n[\"\xc3\xa9\t\"]", "a control character in a string", {2, 5}},
      {"[\"\\x\"]", "an escape that JSON does not know", {1, 4}},
      {"[\"\\u00g0\"]", "four hexadecimal digits are expected", {1, 7}},
      {"[\"\xc3(\"]", "invalid UTF-8", {1, 4}},
      {"[\"\xff\"]", "invalid UTF-8", {1, 3}},
      {"[\n1,\n", "the document ends in the middle of an array", {3, 1}},
      {"[1", "the document ends in the middle of an array", {1, 3}},
      {"[true", "the document ends in the middle of an array", {1, 6}},
      {"[{}", "the document ends in the middle of an array", {1, 4}},
      {"{\"a\":[]", "the document ends in the middle of an object", {1, 8}},
      {"{\"a", "the document ends in the middle of a string", {1, 4}},
      {"\"\\", "the document ends in the middle of a string", {1, 3}},
      {"\"\\u12", "the document ends in the middle of a string", {1, 6}},
      {"\"\xe2\x82", "the document ends in the middle of a string", {1, 4}},
      {"{}\ntru", "the document ends in the middle of a word", {2, 4}},
      {"-", "the document ends in the middle of a number", {1, 2}},
      {"[1.", "the document ends in the middle of a number", {1, 4}},
      {"1e", "the document ends in the middle of a number", {1, 3}},
      {"1e+", "the document ends in the middle of a number", {1, 4}},
  };
  for (const Case& one : cases) EXPECT_EQ(splice(one.text), (Spliced{one.text, one.error, one.place, 0, 0}));
}

TEST(AnError, IsPlacedAmongTheBytesFedNotThoseThatWentOut) {
  const std::string text = "{\"RepoDigests\":[\n\"a\",\n\"a\"\n], x";
  const Spliced spliced = support::spliced(text);
  EXPECT_EQ(spliced, (Spliced{"{\"RepoDigests\":[\n\"a\"\n], x", "a key is expected", {4, 4}, 1, 1}));
  EXPECT_EQ(support::spliced_in_pieces(text, 1, 1), spliced);
}

TEST(AnError, IsPlacedAlsoFarDown) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "[\n  \"line\"\n]\r\n";
  text += std::string(5000, ' ') + "!";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{4096}, text.size()})
    EXPECT_EQ(support::spliced_in_pieces(text, piece, piece).place, (Place{300'001, 5001}));
}

}  // namespace
}  // namespace repodigest::splice
