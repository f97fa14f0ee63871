#include "repodigest/base/duration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace repodigest {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;

TEST(ParseDuration, ReadsEveryUnitOfPrometheus) {
  EXPECT_EQ(*parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(*parse_duration("30s"), seconds(30));
  EXPECT_EQ(*parse_duration("5m"), minutes(5));
  EXPECT_EQ(*parse_duration("2h"), hours(2));
  EXPECT_EQ(*parse_duration("3d"), hours(72));
  EXPECT_EQ(*parse_duration("1w"), hours(7 * 24));
  EXPECT_EQ(*parse_duration("1y"), hours(365 * 24));
  EXPECT_EQ(*parse_duration("0"), Duration::zero());
  EXPECT_EQ(*parse_duration("0s"), Duration::zero());
}

TEST(ParseDuration, AddsUnitsThatFollowEachOther) {
  EXPECT_EQ(*parse_duration("1h30m"), minutes(90));
  EXPECT_EQ(*parse_duration("1y2w3d4h5m6s7ms"),
            hours(365 * 24 + 14 * 24 + 3 * 24 + 4) + minutes(5) + seconds(6) + milliseconds(7));
  EXPECT_EQ(*parse_duration("1s5ms"), milliseconds(1005));
}

TEST(ParseDuration, RefusesWhatPrometheusRefuses) {
  for (const auto* const text : {"", "5", "s", "-5s", "1.5s", "5 s", " 5s", "5s ", "1m1h", "1s1s", "5sec",
                                 "1h30", "5S", "0x5s", "00", "ms", "-0s", "-0h5s"}) {
    const auto duration = parse_duration(text);
    ASSERT_FALSE(duration) << text;
    EXPECT_EQ(duration.error().reason, Reason::usage) << text;
    EXPECT_THAT(duration.error().text, HasSubstr("\"" + std::string(text) + "\" is not a duration")) << text;
  }
}

TEST(ParseDuration, RefusesWhatDoesNotFit) {
  EXPECT_TRUE(parse_duration("292y"));
  for (const auto* const text : {"293y", "292y365d", "9223372036854775807ms", "99999999999999999999s"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(FormatDuration, WritesTheShortestText) {
  EXPECT_EQ(format_duration(seconds(0)), "0s");
  EXPECT_EQ(format_duration(seconds(90)), "1m30s");
  EXPECT_EQ(format_duration(hours(49)), "2d1h");
  EXPECT_EQ(format_duration(milliseconds(1500)), "1s500ms");
  EXPECT_EQ(format_duration(hours(400 * 24)), "400d");
  EXPECT_EQ(format_duration(-seconds(90)), "-1m30s");
}

TEST(FormatDuration, LosesWhatIsShorterThanAMillisecond) {
  EXPECT_EQ(format_duration(std::chrono::microseconds(999)), "0s");
  EXPECT_EQ(format_duration(std::chrono::microseconds(1999)), "1ms");
}

TEST(FormatDuration, IsReadBackAsTheSame) {
  for (const Duration duration :
       {Duration(milliseconds(1)), Duration(seconds(59)), Duration(hours(25) + milliseconds(3)),
        Duration(hours(24 * 365 * 290)), Duration::zero()})
    EXPECT_EQ(*parse_duration(format_duration(duration)), duration);
}

TEST(FormatTimestamp, WritesMillisecondsInUtc) {
  EXPECT_EQ(format_timestamp(WallTime(milliseconds(1795464000123))), "2026-11-23T20:00:00.123Z");
  EXPECT_EQ(format_timestamp(WallTime()), "1970-01-01T00:00:00.000Z");
}

TEST(FormatTimestamp, RoundsDownBeforeTheEpochToo) {
  EXPECT_EQ(format_timestamp(WallTime(milliseconds(-1))), "1969-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace repodigest
