#include "report.h"

#include <gtest/gtest.h>

#include <string>

namespace repodigest::app {
namespace {

const std::string document = R"({"schema_version":1,
 "engine":{"name":"docker-host","version":"27.3.1","api_version":"1.47","image_store":"containerd","storage_driver":"overlayfs"},
 "changed_at":"2026-11-23T20:00:00.123Z","stale":false,"totals":{},
 "images":[
  {"id":"sha256:aaaaaaaaaaaaaaaaaaaaaaaa","name":"a:1","raw_count":4,"unique_count":2,"anomalies":["duplicate","list_mismatch"]},
  {"id":"sha256:bbbbbbbbbbbbbbbbbbbbbbbb","name":"<none>","raw_count":null,"unique_count":null,"anomalies":["not_inspectable"]},
  {"id":"sha256:cccccccccccccccccccccccc","name":"plain:1","raw_count":1,"unique_count":1,"anomalies":[]}]})";

TEST(ReportTest, SumsAreThoseOfTheImages) {
  const auto report = read_report(document);
  ASSERT_TRUE(report.ok()) << report.error().text;
  EXPECT_EQ(report->images, 3U);
  EXPECT_EQ(report->raw, 5U);
  EXPECT_EQ(report->unique, 3U);
  EXPECT_EQ(report->with_duplicates, 1U);
}

TEST(ReportTest, AnImageThatCannotBeInspectedIsNotUnknown) {
  EXPECT_EQ(read_report(document)->unknown, 0U);
  std::string pending = document;
  pending.replace(pending.find("\"not_inspectable\""), 17, "");
  EXPECT_EQ(read_report(pending)->unknown, 1U);
}

TEST(ReportTest, TheTableShowsImagesWithAnomaliesAndAllOfThemWhenAsked) {
  const auto report = read_report(document);
  const std::string table = as_table(*report, false);
  EXPECT_NE(table.find("a:1     aaaaaaaaaaaa  4    2       duplicate, list_mismatch\n"), std::string::npos)
      << table;
  EXPECT_EQ(table.find("plain:1"), std::string::npos) << table;
  EXPECT_NE(table.find("3 images, 5 RepoDigests, 3 unique; 1 image has duplicates\n"), std::string::npos)
      << table;
  EXPECT_NE(as_table(*report, true).find("plain:1"), std::string::npos);
}

TEST(ReportTest, NagiosGetsOneLineWithPerformanceData) {
  Report report;
  report.images = 18;
  report.raw = 155;
  report.unique = 22;
  report.with_duplicates = 5;
  EXPECT_EQ(
      as_nagios(report, 1, 10),
      "REPODIGESTS WARNING - 5 of 18 images with duplicate RepoDigests | dup=5;1;10 raw=155 unique=22\n");
  EXPECT_EQ(as_nagios(report, 1, 5).substr(0, 20), "REPODIGESTS CRITICAL");
  EXPECT_EQ(as_nagios(report, 6, 10).substr(0, 14), "REPODIGESTS OK");
}

TEST(ReportTest, AnUnknownStateKeepsToOneLineWithoutABar) {
  EXPECT_EQ(as_nagios_unknown("no|answer\nat all"), "REPODIGESTS UNKNOWN - no/answer at all\n");
}

TEST(ReportTest, WhatIsNoSuchDocumentIsAnError) {
  for (const char* text : {"", "[]", "{}", "{\"images\":[{}]}", "<html>"}) {
    const auto report = read_report(text);
    ASSERT_FALSE(report.ok()) << text;
    EXPECT_EQ(report.error().reason, Reason::parse);
  }
}

TEST(ReportTest, TheTerminalIsNotObeyedByNames) {
  EXPECT_EQ(printable("a\x1b[31mred\x07\x7f"), "a?[31mred??");
  EXPECT_EQ(printable("c1\xC2\x9Bq"), "c1??q");
  EXPECT_EQ(printable("gr\xC3\xBC\xC3\x9F"
                      "e"),
            "gr\xC3\xBC\xC3\x9F"
            "e");
}

TEST(ReportTest, ImagesAreReplacedByTheChosenOnes) {
  const std::string one =
      R"({"id":"sha256:d","name":"<none>","raw_count":0,"unique_count":0,"anomalies":[]})";
  const auto chosen = with_images(document, {one});
  ASSERT_TRUE(chosen.ok()) << chosen.error().text;
  const auto report = read_report(*chosen);
  ASSERT_TRUE(report.ok()) << report.error().text;
  EXPECT_EQ(report->images, 1U);
}

TEST(ReportTest, WhatIsNoDocumentOfAnImageIsAnErrorToo) {
  EXPECT_FALSE(with_images(document, {"<html>"}).ok());
  EXPECT_FALSE(with_images("<html>", {"{}"}).ok());
  EXPECT_FALSE(with_images("{}", {"{}"}).ok());
}

TEST(ReportTest, NestingWithoutEndIsAnErrorWhereverItStands) {
  const std::string nested = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  const auto report = read_report(nested);
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.error().text.find("nested deeper"), std::string::npos) << report.error().text;
  EXPECT_FALSE(with_images(document, {nested}).ok());
  EXPECT_FALSE(with_images(R"({"images":[],"more":)" + nested + "}", {}).ok());
}

TEST(ReportTest, ACountThatIsNoneIsAnError) {
  for (const char* count : {"-1", "1.5", "1e300", "18446744073709551615", "18446744073709551616", "\"4\""}) {
    std::string text = document;
    text.replace(text.find(":4,") + 1, 1, count);
    const auto report = read_report(text);
    ASSERT_FALSE(report.ok()) << count;
    EXPECT_EQ(report.error().reason, Reason::parse);
  }
}

TEST(ReportTest, TheTerminalIsNotObeyedByAnomalies) {
  std::string text = document;
  text.replace(text.find("\"duplicate\"") + 1, 9, "\\u001b[31m");
  const auto report = read_report(text);
  ASSERT_TRUE(report.ok()) << report.error().text;
  EXPECT_EQ(as_table(*report, true).find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace repodigest::app
