#include "cli/values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace repodigest::cli {
namespace {

using testing::HasSubstr;

TEST(ReadBytes, TakesPlainNumbersAndBinaryUnits) {
  EXPECT_EQ(*read_bytes("268435456"), 268435456U);
  EXPECT_EQ(*read_bytes("256MiB"), 268435456U);
  EXPECT_EQ(*read_bytes("1GiB"), std::size_t{1} << 30U);
  EXPECT_EQ(*read_bytes("64KiB"), 65536U);
}

TEST(ReadBytes, RefusesWhatIsNoSize) {
  for (const auto* const text : {"", "MiB", "0", "0KiB", "-1", "+1", "1.5GiB", "1MB", "1mib", "1 MiB",
                                 "1MiB ", "18446744073709551616", "17179869184GiB"})
    EXPECT_FALSE(read_bytes(text)) << text;
  EXPECT_EQ(*read_bytes("17179869183GiB"), std::size_t{17179869183} << 30U);
}

TEST(ReadNumber, RefusesWhatIsNoWholeNumber) {
  EXPECT_EQ(*read_number("0", 0), 0U);
  EXPECT_EQ(*read_number("18446744073709551615", 1), std::numeric_limits<std::size_t>::max());
  for (const auto* const text :
       {"", " 1", "1 ", "-1", "+1", "1.0", "0x10", "1e3", "one", "18446744073709551616"})
    EXPECT_FALSE(read_number(text, 0)) << text;
  EXPECT_FALSE(read_number("0", 1));
}

TEST(ReadBool, TakesTheWordsOfYamlInAnyCase) {
  for (const auto* const text : {"true", "True", "TRUE", "yes", "on", "1"})
    EXPECT_TRUE(*read_bool(text)) << text;
  for (const auto* const text : {"false", "False", "no", "OFF", "0"}) EXPECT_FALSE(*read_bool(text)) << text;
  for (const auto* const text : {"", "2", "y", "enable", " true"}) EXPECT_FALSE(read_bool(text).ok()) << text;
}

TEST(ReadShare, TakesNumbersAboveZeroUpToOne) {
  EXPECT_EQ(*read_share("0.1"), 0.1);
  EXPECT_EQ(*read_share("1"), 1.0);
  EXPECT_EQ(*read_share("5e-2"), 0.05);
  for (const auto* const text : {"", " 0.1", "0.1 ", "0x1", "+0.1", "1.0000001", "-1", "0", "0.0", "1e999"})
    EXPECT_FALSE(read_share(text)) << text;
}

TEST(ReadApiVersion, TakesMajorAndMinorAndDropsTheV) {
  EXPECT_EQ(*read_api_version("1.45"), "1.45");
  EXPECT_EQ(*read_api_version("v1.45"), "1.45");
  for (const auto* const text : {"", "v", "1", "1.", ".45", "1.45.0", "latest", "1.4x", "1.45/../x"})
    EXPECT_FALSE(read_api_version(text)) << text;
}

TEST(ReadRoutePrefix, BeginsWithASlashAndEndsWithNoneAsInPrometheus) {
  for (const auto* const text : {"/a/b", "a/b", "/a/b/", "//a/b//"})
    EXPECT_EQ(*read_route_prefix(text), "/a/b") << text;
  for (const auto* const text : {"/", "//"}) EXPECT_EQ(*read_route_prefix(text), "") << text;
}

TEST(PathOfExternalUrl, IsWhatStandsBehindTheHost) {
  for (const auto* const text :
       {"https://proxy.example/a/b/", "http://h:80/a/b", "http://[::1]:80/a/b", "/a/b/"})
    EXPECT_EQ(*path_of_external_url(*read_external_url(text)), "/a/b") << text;
  for (const auto* const text : {"https://proxy.example", "http://h/", "/"})
    EXPECT_EQ(*path_of_external_url(*read_external_url(text)), "") << text;
}

TEST(ReadTelemetryPath, RefusesPathsThatOthersHave) {
  for (const auto* const text : {"/metrics", "/probe/metrics", "/apiary", "/-x", "/metrics/"})
    EXPECT_EQ(*read_telemetry_path(text), text);
  for (const auto* const text : {"/", "/api", "/api/", "/api/v1/images", "/-", "/-/healthy"})
    EXPECT_FALSE(read_telemetry_path(text)) << text;
  EXPECT_THAT(read_telemetry_path("/-/ready").error().text, HasSubstr("collides with /-/"));
}

TEST(ReadTelemetryPath, RefusesWhatIsNoPath) {
  for (const auto* const text : {"", "metrics", "/me trics", "/metrics?x", "/metrics#x", "/m%65trics", "/m\n",
                                 "/m\xC3\xA4", "/a:b", "//metrics", "/m/../x", "/./m", "/a\"b"})
    EXPECT_FALSE(read_telemetry_path(text)) << text;
}

TEST(ReadDaemonUrl, TakesTheSchemesADaemonListensAt) {
  for (const auto* const text : {"http://127.0.0.1:10474", "https://h/prefix", "unix:///run/r.sock"})
    EXPECT_EQ(*read_daemon_url(text), text);
  for (const auto* const text : {"", "127.0.0.1:10474", "http://", "ftp://h", "unix://"})
    EXPECT_FALSE(read_daemon_url(text)) << text;
}

}  // namespace
}  // namespace repodigest::cli
