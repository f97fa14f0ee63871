#include "repodigest/base/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "repodigest/base/fd.h"

namespace repodigest::log {
namespace {

using std::chrono::minutes;
using testing::HasSubstr;
using testing::Not;

std::string logfmt(std::string_view value) {
  return format_line(Format::logfmt, "T", Level::info, "m", {{"k", value}});
}

/// The value of the field "k" as a JSON parser reads it.
std::string through_json(std::string_view value) {
  const std::string line = format_line(Format::json, "T", Level::info, "m", {{"k", value}});
  EXPECT_THAT(line, Not(HasSubstr("\n")));
  return nlohmann::json::parse(line).at("k").get<std::string>();
}

TEST(LogLine, IsLogfmtWithTimeLevelAndMessageFirst) {
  EXPECT_EQ(
      format_line(Format::logfmt, "2026-11-23T20:00:00.123Z", Level::warn, "engine is away",
                  {{"reason", "connect"}, {"error", "no such file"}}),
      R"(time=2026-11-23T20:00:00.123Z level=warn msg="engine is away" reason=connect error="no such file")");
}

TEST(LogLine, IsJsonWithTheSameFields) {
  EXPECT_EQ(format_line(Format::json, "T", Level::error, "engine is away", {{"reason", "connect"}}),
            R"({"time":"T","level":"error","msg":"engine is away","reason":"connect"})");
}

TEST(LogLine, NamesEveryLevel) {
  EXPECT_THAT(format_line(Format::logfmt, "T", Level::debug, "m", {}), HasSubstr("level=debug"));
  EXPECT_THAT(format_line(Format::logfmt, "T", Level::info, "m", {}), HasSubstr("level=info"));
  EXPECT_THAT(format_line(Format::logfmt, "T", Level::warn, "m", {}), HasSubstr("level=warn"));
  EXPECT_THAT(format_line(Format::logfmt, "T", Level::error, "m", {}), HasSubstr("level=error"));
}

TEST(LogLine, QuotesInLogfmtWhatWouldNotBeOneWord) {
  EXPECT_EQ(logfmt("plain/word:1.0@sha256"), "time=T level=info msg=m k=plain/word:1.0@sha256");
  EXPECT_EQ(logfmt(""), R"(time=T level=info msg=m k="")");
  EXPECT_EQ(logfmt("a b"), R"(time=T level=info msg=m k="a b")");
  EXPECT_EQ(logfmt("a=b"), R"(time=T level=info msg=m k="a=b")");
  EXPECT_EQ(logfmt("a\"b\\c"), R"(time=T level=info msg=m k="a\"b\\c")");
}

TEST(LogLine, LetsNoValueEndTheLine) {
  EXPECT_EQ(logfmt("a\nlevel=error msg=forged\r"),
            R"(time=T level=info msg=m k="a\nlevel=error msg=forged\r")");
  EXPECT_EQ(through_json("a\n\",\"level\":\"error\"}"), "a\n\",\"level\":\"error\"}");
}

TEST(LogLine, EscapesWhatTerminalsObey) {
  EXPECT_EQ(logfmt("\x1b[31m"), R"(time=T level=info msg=m k="\u001b[31m")");
  EXPECT_EQ(logfmt("\x7f"), R"(time=T level=info msg=m k="\u007f")");
  EXPECT_EQ(logfmt("\xC2\x9B"), R"(time=T level=info msg=m k="\u009b")");
  EXPECT_EQ(through_json("\x1b\x7f\xC2\x9B"), "\x1b\x7f\xC2\x9B");
}

TEST(LogLine, KeepsTextInUtf8Readable) {
  EXPECT_EQ(logfmt("gr\xC3\xBC\xC3\x9F"), "time=T level=info msg=m k=\"gr\xC3\xBC\xC3\x9F\"");
  EXPECT_EQ(through_json("\xF0\x9F\x90\xB3 \xC2\xA0"), "\xF0\x9F\x90\xB3 \xC2\xA0");
}

TEST(LogLine, ReplacesWhatIsNotUtf8) {
  const std::string replacement = "\xEF\xBF\xBD";
  EXPECT_EQ(through_json("a\xFF"
                         "b"),
            "a" + replacement + "b");                   // never a byte of UTF-8
  EXPECT_EQ(through_json("a\xC3"), "a" + replacement);  // cut off
  EXPECT_EQ(through_json("\x9B"
                         "31m"),
            replacement + "31m");                              // the control sequence introducer of Latin-1
  EXPECT_THAT(through_json("\xC0\xAF"), Not(HasSubstr("/")));  // overlong
  EXPECT_THAT(through_json("\xED\xA0\x80"), HasSubstr(replacement));  // a surrogate
  EXPECT_THAT(through_json("\xC2"), HasSubstr(replacement));
  EXPECT_THAT(logfmt("a\xFF"
                     "b"),
              HasSubstr("k=\"a" + replacement + "b\""));
}

TEST(LogLine, IsJsonWhateverBytesAFieldHas) {
  for (int first = 0; first < 256; ++first)
    for (int second = 0; second < 256; ++second) {
      const std::string bytes = {static_cast<char>(first), static_cast<char>(second)};
      const std::string line = format_line(Format::json, "T", Level::info, "m", {{"k", bytes}});
      ASSERT_TRUE(nlohmann::json::accept(line)) << first << ' ' << second << ": " << line;
    }
}

TEST(LogWrite, WritesALineOfTheConfiguredFormatAndLevelToStderr) {
  configure(Level::warn, Format::json);
  testing::internal::CaptureStderr();
  info("too quiet");
  warn("loud enough", {{"k", "v {} %s"}});
  const std::string out = testing::internal::GetCapturedStderr();
  configure(Level::info, Format::logfmt);

  ASSERT_THAT(out, testing::EndsWith("\n"));
  const auto line = nlohmann::json::parse(out);  // one line alone, or this would throw
  EXPECT_EQ(line.at("msg"), "loud enough");
  EXPECT_EQ(line.at("level"), "warn");
  EXPECT_EQ(line.at("k"), "v {} %s");
  EXPECT_THAT(line.at("time").get<std::string>(), testing::MatchesRegex("....-..-..T..:..:..\\....Z"));
}

TEST(LogWrite, LosesLinesThatNobodyReadsAndSaysSoLater) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  const Fd reader(ends[0]);
  Fd writer(ends[1]);
  const std::string rubbish(4096, 'x');
  while (::write(writer.get(), rubbish.data(), rubbish.size()) > 0) {
  }
  ASSERT_EQ(::fcntl(writer.get(), F_SETFL, 0), 0);  // a write would block now
  const Fd real(::dup(STDERR_FILENO));
  ASSERT_NE(::dup2(writer.get(), STDERR_FILENO), -1);
  warn("lost");
  warn("lost");
  std::string read(1U << 20U, ' ');
  ASSERT_GT(::read(reader.get(), read.data(), read.size()), 0);
  warn("heard");
  const auto size = ::read(reader.get(), read.data(), read.size());
  ASSERT_NE(::dup2(real.get(), STDERR_FILENO), -1);
  ASSERT_GT(size, 0);
  read.resize(static_cast<std::size_t>(size));
  EXPECT_THAT(read, HasSubstr("because nobody read them\" count=2\n"));
  EXPECT_THAT(read, testing::EndsWith("msg=heard\n"));
}

TEST(Repeated, LogsTheFirstAndThenHoldsBackForTenMinutes) {
  Repeated repeated;
  const SteadyTime start{};
  EXPECT_EQ(repeated.occurred("connect", start), 1U);
  EXPECT_EQ(repeated.occurred("connect", start + minutes(1)), std::nullopt);
  EXPECT_EQ(repeated.occurred("connect", start + minutes(9)), std::nullopt);
  EXPECT_EQ(repeated.occurred("connect", start + minutes(10)), 3U);
  EXPECT_EQ(repeated.occurred("connect", start + minutes(19)), std::nullopt);
}

TEST(Repeated, LogsAnotherTroubleAtOnce) {
  Repeated repeated;
  const SteadyTime start{};
  EXPECT_EQ(repeated.occurred("connect", start), 1U);
  EXPECT_EQ(repeated.occurred("connect", start), std::nullopt);
  EXPECT_EQ(repeated.occurred("timeout", start + minutes(1)), 1U);
  EXPECT_EQ(repeated.occurred("timeout", start + minutes(10)), std::nullopt);
  EXPECT_EQ(repeated.occurred("timeout", start + minutes(11)), 2U);
}

TEST(Repeated, CountsAnewAfterTheEndAndStillHoldsBackWhatComesAgainSoon) {
  Repeated repeated;
  const SteadyTime start{};
  EXPECT_EQ(repeated.ended(), 0U);
  EXPECT_EQ(repeated.occurred("connect", start), 1U);
  EXPECT_EQ(repeated.occurred("connect", start), std::nullopt);
  EXPECT_EQ(repeated.occurred("connect", start), std::nullopt);
  EXPECT_EQ(repeated.ended(), 2U);
  EXPECT_EQ(repeated.occurred("connect", start + minutes(9)), std::nullopt);
  EXPECT_EQ(repeated.ended(), 1U);
  EXPECT_EQ(repeated.occurred("connect", start + minutes(10)), 1U);
}

TEST(Repeated, TakesAnEmptyKeyForATrouble) {
  Repeated repeated;
  EXPECT_EQ(repeated.occurred("", SteadyTime{}), 1U);
  EXPECT_EQ(repeated.occurred("", SteadyTime{}), std::nullopt);
}

}  // namespace
}  // namespace repodigest::log
