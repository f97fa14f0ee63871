#include "repodigest/splice/splicer.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "support/reference_splice.h"
#include "support/spliced.h"

namespace repodigest::splice {
namespace {

using support::Spliced;

constexpr Options bare = {.bare_lists = true};

/// What comes of a text, in whichever way it is cut; and the reference says the same.
Spliced splice(std::string_view text, Options options = {}) {
  Spliced whole = support::spliced(text, options);
  EXPECT_EQ(support::spliced_in_pieces(text, 1, 1, options), whole) << text;
  for (std::size_t at = 1; at < text.size(); ++at)
    EXPECT_EQ(support::spliced_in_pieces(text, at, text.size(), options), whole) << text << " cut at " << at;
  const support::ReferenceSplice reference(text, options.bare_lists);
  EXPECT_EQ(reference.valid(), whole.error.empty()) << text;
  EXPECT_EQ(reference.output(), whole.output) << text;
  return whole;
}

std::string output(std::string_view text, Options options = {}) {
  return splice(text, options).output;
}

TEST(AList, LosesTheEntriesThatStandBefore) {
  EXPECT_EQ(output(R"({"RepoDigests":["a","b","a","a","c","b"]})"), R"({"RepoDigests":["a","b","c"]})");
  EXPECT_EQ(output(R"({"RepoDigests":["b","a","a","b"]})"), R"({"RepoDigests":["b","a"]})");
}

TEST(AList, OfTheIssuesImageIsWhatTheMendedEngineAnswers) {
  EXPECT_EQ(output(R"([{"RepoDigests": [
            "localhost:5000/namespace1/myimage@sha256:b1",
            "localhost:5000/namespace1/myimage@sha256:b1",
            "localhost:5000/namespace2/myimage@sha256:b1",
            "localhost:5000/namespace2/myimage@sha256:b1"
        ],
        "Parent": ""}])"),
            R"([{"RepoDigests": [
            "localhost:5000/namespace1/myimage@sha256:b1",
            "localhost:5000/namespace2/myimage@sha256:b1"
        ],
        "Parent": ""}])");
}

TEST(AList, LosesWithAnEntryTheCommaBeforeItAndTheWhiteSpaceBetween) {
  EXPECT_EQ(output("{\"RepoDigests\":[ \"a\"\t,\r\n \"a\" , \"b\" ,\n\"a\"  ] }"),
            "{\"RepoDigests\":[ \"a\"\t , \"b\"   ] }");
}

TEST(AList, KeepsTheSpellingOfTheFirstAppearance) {
  EXPECT_EQ(output(R"({"RepoDigests":["\u0061\/","a/"]})"), R"({"RepoDigests":["\u0061\/"]})");
  EXPECT_EQ(output(R"({"RepoDigests":["a/","\u0061\/"]})"), R"({"RepoDigests":["a/"]})");
}

TEST(AList, ComparesItsEntriesAsDecoded) {
  EXPECT_EQ(
      output(R"({"RepoDigests":["\"\\\/\b\f\n\r\t","\u0022\u005c\u002f\u0008\u000C\u000a\u000D\u0009"]})"),
      R"({"RepoDigests":["\"\\\/\b\f\n\r\t"]})");
  EXPECT_EQ(output("{\"RepoDigests\":[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb3\x7f\","
                   "\"\\u00E9\\u20ac\\ud83d\\uDC33\\u007f\"]}"),
            "{\"RepoDigests\":[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb3\x7f\"]}");
  EXPECT_EQ(output(R"({"RepoDigests":["\u0000","","\u0000a","\u0000"]})"),
            R"({"RepoDigests":["\u0000","","\u0000a"]})");
}

TEST(AList, KeepsEntriesThatOnlyLookAlike) {
  for (const std::string text :
       {R"({"RepoDigests":["a","A"," a","a ","aa","","\\u0061","\u0041\u0000"]})",
        R"({"RepoDigests":["\n","\\n","n"]})",
        "{\"RepoDigests\":[\"\xc3\xa9\",\"e\xcc\x81\"]}"})  // composed or not: nobody normalises
    EXPECT_EQ(output(text), text);
}

TEST(AList, ComparesLoneSurrogatesToo) {
  EXPECT_EQ(
      output(
          R"({"RepoDigests":["\ud800","\uD800","\ud801","\udc00","\ufffd","\ud800\ud800\udc00","\ud800x"]})"),
      R"({"RepoDigests":["\ud800","\ud801","\udc00","\ufffd","\ud800\ud800\udc00","\ud800x"]})");
  EXPECT_EQ(output(R"({"RepoDigests":["\ud800\u0041","\ud800A","\ud800\ud800\udc00","\ud800)"
                   "\xf0\x90\x80\x80\"]}"),
            R"({"RepoDigests":["\ud800\u0041","\ud800\ud800\udc00"]})");
}

TEST(AList, IsFoundAtAnyDepthAndInEveryDocument) {
  EXPECT_EQ(
      output(
          R"([[{"a":[{"b":{"RepoDigests":["a","a"]}}]}],{"RepoDigests":["b","b"]}] {"RepoDigests":["c","c"]})"),
      R"([[{"a":[{"b":{"RepoDigests":["a"]}}]}],{"RepoDigests":["b"]}] {"RepoDigests":["c"]})");
}

TEST(AList, IsFoundHoweverItsKeyIsSpelt) {
  EXPECT_EQ(output(R"({"\u0052epoDigests" : ["a","a"]})"), R"({"\u0052epoDigests" : ["a"]})");
  EXPECT_EQ(output(R"({"\u0052\u0065\u0070\u006F\u0044\u0069\u0067\u0065\u0073\u0074\u0073":["a","a"]})"),
            R"({"\u0052\u0065\u0070\u006F\u0044\u0069\u0067\u0065\u0073\u0074\u0073":["a"]})");
}

TEST(AList, IsTheValueOfThatKeyAlone) {
  for (const std::string text :
       {R"({"repodigests":["a","a"]})", R"({"RepoDigest":["a","a"]})", R"({"RepoDigestss":["a","a"]})",
        R"({"RepoDigests\u0000":["a","a"]})", R"({"RepoTags":["a","a"]})", R"({"":["a","a"]})",
        R"({"RepoDigests":{"a":["a","a"]}})", R"({"RepoDigests":[["a","a"]]})", R"(["a","a"])",
        R"(["RepoDigests",["a","a"]])", R"({"RepoDigests":1,"a":["a","a"]})",
        R"({"RepoDigests":"x","a":["a","a"]})", R"({"RepoDigests":[],"a":["a","a"]})",
        R"("RepoDigests"["a","a"])",
        R"({"\u0052\u0065\u0070\u006F\u0044\u0069\u0067\u0065\u0073\u0074\u0073\u0073":["a","a"]})"})
    EXPECT_EQ(output(text), text);
}

TEST(AList, IsOfNothingButStrings) {
  for (const std::string text :
       {R"({"RepoDigests":["a","a",1]})", R"({"RepoDigests":["a","a",null]})",
        R"({"RepoDigests":[true,"a","a"]})", R"({"RepoDigests":["a","a",["a","a"]]})",
        R"({"RepoDigests":["a",{"a":"a"},"a","a"]})", R"({"RepoDigests":["a","a",-1e3,"a"]})",
        R"({"RepoDigests":null})", R"({"RepoDigests":"a,a"})", R"({"RepoDigests":{}})",
        R"({"RepoDigests":[[]]})"}) {
    const Spliced spliced = splice(text);
    EXPECT_EQ(spliced.output, text);
    EXPECT_EQ(spliced.lists, 0U) << text;
  }
}

TEST(AList, MayStandInAnArrayThatIsNone) {
  EXPECT_EQ(output(R"({"RepoDigests":["x","x",{"RepoDigests":["a","a"]},"x","x"]})"),
            R"({"RepoDigests":["x","x",{"RepoDigests":["a"]},"x","x"]})");
}

TEST(AList, IsTheUsersOwnBelowConfigAndLabels) {
  for (const std::string text :
       {R"({"Config":{"RepoDigests":["a","a"]}})", R"({"Labels":{"RepoDigests":["a","a"]}})",
        R"({"Config":{"Labels":{"RepoDigests":["a","a"]},"RepoDigests":["a","a"]}})",
        R"({"Labels":[[{"RepoDigests":["a","a"]}]]})",
        R"({"Config":{"x":{"y":[{"RepoDigests":["a","a"]}]}}})",
        R"({"C\u006fnfig":{"RepoDigests":["a","a"]}})", R"({"\u004cabels":{"RepoDigests":["a","a"]}})",
        R"({"Config":{"Labels":{"RepoDigests":"[\"a\",\"a\"]"}}})"})
    EXPECT_EQ(output(text), text);
}

TEST(AList, IsFoundBesideAndBehindConfigAndLabels) {
  EXPECT_EQ(output(R"({"Config":{"Labels":{"x":{}},"RepoDigests":["a","a"]},"RepoDigests":["a","a"]})"),
            R"({"Config":{"Labels":{"x":{}},"RepoDigests":["a","a"]},"RepoDigests":["a"]})");
  EXPECT_EQ(output(R"({"Config":null,"x":{"RepoDigests":["a","a"]}})"),
            R"({"Config":null,"x":{"RepoDigests":["a"]}})");
  EXPECT_EQ(output(R"({"Labels":"","RepoDigests":["a","a"]})"), R"({"Labels":"","RepoDigests":["a"]})");
  EXPECT_EQ(output(R"(["Config",{"RepoDigests":["a","a"]}])"), R"(["Config",{"RepoDigests":["a"]}])");
  EXPECT_EQ(output(R"({"config":{"RepoDigests":["a","a"]}})"), R"({"config":{"RepoDigests":["a"]}})");
  EXPECT_EQ(output(R"({"Labels":[]}{"RepoDigests":["a","a"]})"), R"({"Labels":[]}{"RepoDigests":["a"]})");
}

TEST(ABareList, IsMadeUniqueIfAskedFor) {
  EXPECT_EQ(output("[\"a\", \"a\"]\n", bare), "[\"a\"]\n");
  EXPECT_EQ(output("[\"a\", \"a\"]\n"), "[\"a\", \"a\"]\n");
  EXPECT_EQ(output(R"(["a","a"]["b","b"] [] "x" ["c","c"])", bare), R"(["a"]["b"] [] "x" ["c"])");
}

TEST(ABareList, IsAWholeDocument) {
  for (const std::string text :
       {R"([["a","a"]])", R"({"x":["a","a"]})", R"(["a","a",1])", R"(["a","a",{"x":["a","a"]}])"})
    EXPECT_EQ(output(text, bare), text);
  EXPECT_EQ(output(R"(["a","a",{"RepoDigests":["a","a"]}])", bare), R"(["a","a",{"RepoDigests":["a"]}])");
}

TEST(TheSplicer, CountsListsAndTheEntriesThatWent) {
  EXPECT_EQ(
      splice(
          R"([{"RepoDigests":["a","a","a"]},{"RepoDigests":[]},{"RepoDigests":["b"]},{"RepoDigests":null}])"),
      (Spliced{R"([{"RepoDigests":["a"]},{"RepoDigests":[]},{"RepoDigests":["b"]},{"RepoDigests":null}])",
               "",
               {},
               2,
               3}));
}

TEST(TheSplicer, LeavesEveryOtherByteAsItIs) {
  for (const std::string& text :
       {std::string(""), std::string(" \n\t\r"), std::string("{}"), std::string("[]\n"), std::string("null"),
        std::string(
            R"( { "a" : [ 1 , 1 , 1.0 , 10000000000000000000000000 , 1e400 , -0 , -0.0e+00 , 1E-5 ] } )"),
        std::string("[\r\n\t\"\\u00e9\xc3\xa9\\/\\ud83d\\udc33\xf0\x9f\x90\xb3\x7f\",true,false,null]\r\n"),
        std::string(R"({"a":1,"a":1,"":{"":[[[[{}]]]]}})")})
    EXPECT_EQ(output(text), text);
}

TEST(TheSplicer, TakesAnyNumberOfDocumentsWithOrWithoutWhiteSpaceBetween) {
  for (const std::string text :
       {R"({}{})", "[]\n\n[]", R"("a""b"1"c"true[1]2{}null "d"-0)", "1 2\n3", "true null"})
    EXPECT_EQ(splice(text), (Spliced{text, "", {}, 0, 0}));
}

TEST(TheSplicer, PassesOnWhatWasFedAndAllOfThePieceAfterAnError) {
  Splicer splicer;
  std::string out;
  ASSERT_TRUE(splicer.feed(R"({"RepoDigests":["a","a"],"x":{"RepoDigests":["b",)", out).ok());
  EXPECT_EQ(out, R"({"RepoDigests":["a"],"x":{"RepoDigests":)");
  const Status status = splicer.feed(R"("b"}} and {"RepoDigests":["c","c"]})", out);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().reason, Reason::parse);
  EXPECT_EQ(out, R"({"RepoDigests":["a"],"x":{"RepoDigests":["b","b"}} and {"RepoDigests":["c","c"]})");
  EXPECT_EQ(splicer.removed(), 1U);
  EXPECT_EQ(splicer.lists(), 1U);
}

TEST(TheSplicer, PassesOnTheListThatTheEndCuts) {
  for (const std::string text :
       {R"({"RepoDigests":["a","a")", R"({"RepoDigests":["a","a)", R"({"RepoDigests":["a",)",
        R"({"RepoDigests":[)", R"({"RepoDigests":["a" "a"]})"})
    EXPECT_EQ(output(text), text);
}

TEST(TheSplicer, HoldsNothingBackButAList) {
  const std::string before = R"([{"\u0052epo)" + std::string(1'000'000, 'k') + R"(":"é)" +
                             std::string(100, 'v') + R"(", "x" : [ "a", -1.5e3, true ], "RepoDigests" : )";
  Splicer splicer;
  std::string out;
  for (std::size_t i = 0; i < before.size(); ++i) {
    ASSERT_TRUE(splicer.feed({&before[i], 1}, out).ok());
    ASSERT_EQ(out.size(), i + 1);
  }
  ASSERT_TRUE(splicer.feed(R"(["a", "a" )", out).ok());
  EXPECT_EQ(out, before);
  ASSERT_TRUE(splicer.feed("]", out).ok());
  EXPECT_EQ(out, before + R"(["a" ])");
  ASSERT_TRUE(splicer.feed(R"(,"RepoDigests":["a","a")", out).ok());
  ASSERT_TRUE(splicer.feed(",0", out).ok());
  EXPECT_EQ(out, before + R"(["a" ],"RepoDigests":["a","a",0)");
}

TEST(TheSplicer, AppendsToWhatIsThere) {
  Splicer splicer;
  std::string out = "there:";
  ASSERT_TRUE(splicer.feed(R"({"RepoDigests":["a","a"]})", out).ok());
  ASSERT_TRUE(splicer.finish(out).ok());
  EXPECT_EQ(out, R"(there:{"RepoDigests":["a"]})");
}

TEST(TheSplicer, GoesOnWhereItWasMovedTo) {
  Splicer first;
  std::string out;
  ASSERT_TRUE(first.feed(R"({"RepoDigests":["a",)", out).ok());
  Splicer second = std::move(first);
  ASSERT_TRUE(second.feed(R"("a"]})", out).ok());
  ASSERT_TRUE(second.finish(out).ok());
  EXPECT_EQ(out, R"({"RepoDigests":["a"]})");
  EXPECT_EQ(second.removed(), 1U);
}

}  // namespace
}  // namespace repodigest::splice
