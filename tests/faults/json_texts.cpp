#include "json_texts.h"

#include <string_view>

namespace repodigest::faults {
namespace {

using namespace std::string_literals;

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  all.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

std::string nested(std::size_t levels) {
  return repeated("[", levels) + repeated("]", levels);
}

/// The body without the line's end that Go's encoder writes behind it.
std::string trimmed(const std::string& body) {
  return body.substr(0, body.find_last_not_of(" \n\r\t") + 1);
}

std::string as_utf16(const std::string& body) {
  std::string wide = "\xFF\xFE";
  for (const char c : body) wide.append(1, c).append(1, '\0');
  return wide;
}

std::string as_json_string(const std::string& body) {
  std::string text = "\"";
  for (const char c : trimmed(body)) {
    if (c == '"' || c == '\\') text += '\\';
    text += c == '\n' ? ' ' : c;
  }
  return text + "\"";
}

}  // namespace

const std::vector<JsonText>& json_texts() {
  static const std::vector<JsonText> texts = {
      // --- Good.
      {"EmptyObject", "{}", true},
      {"EmptyArray", "[ ]", true},
      {"Words", "[null,true,false]", true},
      {"Zeros", "[0,-0,0.0,-0.0e0,0E+0]", true},
      {"Fractions", "[1.25,-3.5,0.000001]", true},
      {"Exponents", "[1E2,1e+2,1.5e-7,9E-0]", true},
      {"NumberTooSmallForAFraction", "1e-400", true},
      {"LargestIntegers", "[9223372036854775807,-9223372036854775808,18446744073709551615]", true},
      {"EmptyString", "\"\"", true},
      {"EveryEscape", R"("\"\\\/\b\f\n\r\t")", true},
      {"EscapedLetters", R"("\u0041\u00e9\u6F22")", true},
      {"EscapedPair", R"("\uD83D\uDE00")", true},
      {"EscapedNul", R"("a\u0000b")", true},
      {"EscapedNoncharacters", R"("\uFFFF\uFDD0")", true},
      {"Utf8OfEveryLength", "\"a\xC3\xA9\xE6\xBC\xA2\xF0\x9F\x98\x80\"", true},
      {"Utf8AtItsEnds", "\"\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\"", true},
      {"DeleteCharacter", "\"\x7F\"", true},
      {"LineSeparators", "\"\xE2\x80\xA8\xE2\x80\xA9\"", true},
      {"WhatLooksLikeAComment", R"("// /* no comment */ #")", true},
      {"WhatLooksLikeStructure", R"("]},{[\":")", true},
      {"EscapedKey", R"({"\u006bey":1})", true},
      {"EmptyKey", R"({"":0})", true},
      {"KeyTwice", R"({"a":1,"a":2})", true},
      {"EveryWhiteSpace", " \t\r\n[ 1 ,\t2\r,\n3 ] ", true},
      {"FortyLevels", nested(40), true},
      {"LongString", "\"" + std::string(100'000, 'x') + "\"", true},
      {"LongArray", "[" + repeated("7,", 20'000) + "7]", true},

      // --- Numbers.
      {"Plus", "+1"},
      {"LeadingZero", "01"},
      {"LeadingZeroBehindMinus", "-01"},
      {"DotWithoutFraction", "1."},
      {"DotWithoutInteger", ".5"},
      {"DotBehindMinus", "-.5"},
      {"TwoDots", "1.2.3"},
      {"ExponentWithoutDigits", "1e"},
      {"ExponentWithSignAlone", "1E+"},
      {"ExponentWithFraction", "1e0.5"},
      {"MinusAlone", "-"},
      {"TwoMinuses", "--1"},
      {"MinusApart", "- 1"},
      {"Hexadecimal", "0x1F"},
      {"Underscored", "1_000"},
      {"Suffixed", "10L"},
      {"Infinite", "Infinity"},
      {"MinusInfinite", "-Infinity"},
      {"NotANumber", "NaN"},
      {"FullWidthDigit", "\xEF\xBC\x91"},
      {"Sum", "1+2"},

      // --- Words.
      {"WordCutShort", "nul"},
      {"WordTooLong", "truee"},
      {"WordCapitalised", "True"},
      {"WordUnknown", "undefined"},
      {"WordGluedToANumber", "true1"},
      {"NoValue", ""},

      // --- Strings.
      {"StringWithoutEnd", "\"abc"},
      {"StringInSingleQuotes", "'abc'"},
      {"StringInCurlyQuotes",
       "\xE2\x80\x9C"
       "abc\xE2\x80\x9D"},
      {"StringWithoutQuotes", "abc"},
      {"StringsSideBySide", R"("a""b")"},
      {"EscapeUnknown", R"("\a")"},
      {"EscapeHexadecimal", R"("\x41")"},
      {"EscapeOctal", R"("\101")"},
      {"EscapeOfABlank", R"("\ ")"},
      {"EscapeOfALineEnd", "\"a\\\nb\""},
      {"EscapeCapitalU", R"("\U0041")"},
      {"EscapeTooShort", R"("\u12")"},
      {"EscapeWithoutHex", R"("\u12G4")"},
      {"EscapeInBraces", R"("\u{41}")"},
      {"EscapeOutsideAString", R"(\u0031)"},
      {"RawLineEnd", "\"a\nb\""},
      {"RawTab", "\"a\tb\""},
      {"RawNul", "\"a\0b\""s},
      {"RawUnitSeparator", "\"\x1F\""},
      {"Utf8Continuation", "\"\x80\""},
      {"Utf8TooLong", "\"\xC0\xAF\""},
      {"Utf8TooLongByThree", "\"\xE0\x80\xAF\""},
      {"Utf8CutShort", "\"\xE2\x82\""},
      {"Utf8Surrogate", "\"\xED\xA0\x80\""},
      {"Utf8BeyondUnicode", "\"\xF4\x90\x80\x80\""},
      {"Utf8OfFiveBytes", "\"\xF8\x88\x80\x80\x80\""},
      {"Byte255", "\"\xFF\""},
      {"Latin1", "\"\xE9t\xE9\""},
      {"Utf8InAKey", "{\"\xC3\x28\":1}"},

      // --- Structures.
      {"ArrayTrailingComma", "[1,]"},
      {"ArrayLeadingComma", "[,1]"},
      {"ArrayTwoCommas", "[1,,2]"},
      {"ArrayCommaAlone", "[,]"},
      {"ArrayWithoutComma", "[1 2]"},
      {"ArrayWithColon", "[1:2]"},
      {"ArrayWithSemicolon", "[1;2]"},
      {"ArrayWithoutEnd", "[1"},
      {"ArrayClosedAsObject", "[1}"},
      {"ArrayClosedTwice", "[1]]"},
      {"ArrayWithAKey", R"(["a":1])"},
      {"ObjectTrailingComma", R"({"a":1,})"},
      {"ObjectLeadingComma", R"({,"a":1})"},
      {"ObjectTwoCommas", R"({"a":1,,"b":2})"},
      {"ObjectWithoutComma", R"({"a":1 "b":2})"},
      {"ObjectWithoutColon", R"({"a" 1})"},
      {"ObjectWithTwoColons", R"({"a"::1})"},
      {"ObjectWithEquals", R"({"a"=1})"},
      {"ObjectWithoutValue", R"({"a":})"},
      {"ObjectWithKeyAlone", R"({"a"})"},
      {"ObjectKeyIsANumber", "{1:2}"},
      {"ObjectKeyIsAWord", "{null:2}"},
      {"ObjectKeyWithoutQuotes", "{a:1}"},
      {"ObjectWithoutEnd", R"({"a":1)"},
      {"ObjectClosedAsArray", R"({"a":1])"},
      {"ClosedBeforeOpened", "]"},
      {"CommentInside", "/* c */ 1"},
      {"CommentToTheLineEnd", "1 // c\n"},
      {"CommentOfAShell", "1 # c\n"},
      {"WhiteSpaceFormFeed", "\f1"},
      {"WhiteSpaceVerticalTab", "\v1"},
      {"WhiteSpaceUnbreakable",
       "\xC2\xA0"
       "1"},
      {"WhiteSpaceByteOrderMark",
       "\xEF\xBB\xBF"
       "1"},
      {"NulBehindAValue", "1\0"s},
      {"NulInPlaceOfAValue", "\0"s},
  };
  return texts;
}

const std::vector<JsonText>& grammatical_texts() {
  static const std::vector<JsonText> texts = {
      {"LoneHighSurrogate", R"("\uD800")"},
      {"LoneLowSurrogate", R"("\uDC00")"},
      {"SurrogatesTurnedRound", R"("\uDE00\uD83D")"},
      {"HighSurrogateBeforeALetter", R"("\uD800\u0041")"},
      {"HighSurrogateTwice", R"("\uD83D\uD83D\uDE00")"},
      {"NumberTooLarge", "1e400"},
      {"NumberTooLargeBelowZero", "-1e400"},
      {"IntegerBeyond64Bits", "18446744073709551616"},
      {"IntegerBelow64Bits", "-9223372036854775809"},
      {"IntegerOfAThousandDigits", std::string(1000, '9')},
      {"NestedDeeply", nested(70)},
      {"NestedTenThousandLevels", nested(9'900)},
  };
  return texts;
}

const std::vector<JsonDocument>& json_documents() {
  static const std::vector<JsonDocument> documents = {
      {"Empty", [](const std::string&) { return ""s; }},
      {"BlanksAlone", [](const std::string&) { return " \r\n\t "s; }},
      {"NulAlone", [](const std::string&) { return "\0"s; }},
      {"ByteOrderMark", [](const std::string& body) { return "\xEF\xBB\xBF" + body; }},
      {"Utf16", as_utf16},
      {"Half", [](const std::string& body) { return body.substr(0, body.size() / 2); }},
      {"WithoutLastByte", [](const std::string& body) { return body.substr(0, trimmed(body).size() - 1); }},
      {"WithoutFirstByte", [](const std::string& body) { return body.substr(1); }},
      {"CommaBehind", [](const std::string& body) { return trimmed(body) + ","; }},
      {"BracketBehind", [](const std::string& body) { return trimmed(body) + "]"; }},
      {"BraceBehind", [](const std::string& body) { return trimmed(body) + "}"; }},
      {"NulBehind", [](const std::string& body) { return body + "\0"s; }},
      {"WordsBehind", [](const std::string& body) { return body + "warning: deprecated"; }},
      {"Twice", [](const std::string& body) { return body + body; }},
      {"GuardedAgainstScripts", [](const std::string& body) { return ")]}',\n" + body; }},
      {"CommentBefore", [](const std::string& body) { return "/* cached */" + body; }},
      {"CommentBehind", [](const std::string& body) { return body + "// cached\n"; }},
      {"InsideAString", as_json_string},
      {"ANumber", [](const std::string&) { return "155\n"s; }},
      {"AWord", [](const std::string&) { return "true\n"s; }},
      {"Html", [](const std::string&) { return "<!DOCTYPE html><html><body>It works!</body></html>"s; }},
      {"Xml", [](const std::string&) { return "<?xml version=\"1.0\"?><images/>"s; }},
      {"Yaml", [](const std::string&) { return "Id: 1\nRepoTags:\n  - a:1\n"s; }},
      {"BracketsWithoutEnd", [](const std::string&) { return std::string(100'000, '['); }},
      {"BracesWithoutEnd", [](const std::string&) { return repeated("{\"a\":", 20'000); }},
      {"EveryByte",
       [](const std::string&) {
         std::string bytes;
         for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
         return bytes;
       }},
  };
  return documents;
}

}  // namespace repodigest::faults
