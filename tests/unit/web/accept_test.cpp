#include "repodigest/web/accept.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace repodigest::web {
namespace {

constexpr std::array<MediaType, 2> offers = {
    {{"text", "plain", "0.0.4"}, {"application", "openmetrics-text", "1.0.0"}}};
constexpr std::size_t text = 0;
constexpr std::size_t openmetrics = 1;

struct Row {
  std::string accept;
  std::size_t offer;
};

void expect_preferences(const std::vector<Row>& rows) {
  for (const Row& row : rows) EXPECT_EQ(preferred(row.accept, offers).offer, row.offer) << row.accept;
}

TEST(PreferredTest, IsTheFirstOfferForThoseWhoDoNotAskOrAskForEverything) {
  expect_preferences({{"", text},
                      {" \t ", text},
                      {",,", text},
                      {"*/*", text},
                      {"*/*;q=0.1", text},
                      {"text/*, application/*", text},
                      {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", text}});
}

TEST(PreferredTest, IsTheOneWithTheHighestWeight) {
  expect_preferences({{"application/openmetrics-text, text/plain;q=0.5", openmetrics},
                      {"text/plain;q=0.5, application/openmetrics-text", openmetrics},
                      {"application/openmetrics-text;q=0.5, text/plain", text},
                      {"application/openmetrics-text;q=0.501, text/plain;q=0.5", openmetrics},
                      {"application/openmetrics-text;q=0.5, text/plain;q=0.501", text},
                      {"application/openmetrics-text;q=0.5, */*", text},
                      {"text/*;q=0.2, */*;q=0.1", text},
                      {"text/*;q=0.1, */*;q=0.2", openmetrics},
                      {"application/*", openmetrics},
                      {"text/*;q=0.9, application/*;q=1.000", openmetrics}});
}

TEST(PreferredTest, IsOfEqualsTheOneThatTheClientNamesFirst) {
  expect_preferences({{"application/openmetrics-text, text/plain", openmetrics},
                      {"text/plain, application/openmetrics-text", text},
                      {"application/openmetrics-text, */*", openmetrics},
                      {"*/*, application/openmetrics-text", text},
                      {"image/png, application/openmetrics-text;q=0.5, text/*;q=0.5", openmetrics}});
}

TEST(PreferredTest, AnOfferHasTheWeightOfTheRangeThatNamesItMostExactly) {
  expect_preferences({{"text/*;q=0.9, text/plain;q=0.1, application/openmetrics-text;q=0.5", openmetrics},
                      {"text/plain;q=0.1, text/*;q=0.9, application/openmetrics-text;q=0.5", openmetrics},
                      {"text/plain;q=0.1, text/plain;version=0.0.4;q=0.9, */*;q=0.5", text},
                      {"text/plain;version=0.0.4;q=0.1, text/plain;q=0.9, */*;q=0.5", openmetrics},
                      {"text/plain;q=0.1, text/plain;q=0.9, application/openmetrics-text;q=0.5", text}});
}

TEST(PreferredTest, IsNoneThatAWeightOfZeroForbids) {
  expect_preferences({{"text/plain;q=0, */*", openmetrics},
                      {"text/plain;q=0.000, application/*;q=0.001", openmetrics},
                      {"application/openmetrics-text;q=0, */*;q=0.1", text},
                      {"application/openmetrics-text;version=1.0.0;q=0, application/openmetrics-text", text},
                      {"application/openmetrics-text;q=0", text},
                      {"text/plain;q=0", text},
                      {"*/*;q=0", text}});
}

TEST(PreferredTest, IsTheFirstOfferIfTheClientTakesNone) {
  expect_preferences({{"application/json", text},
                      {"text/html, image/*", text},
                      {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily", text},
                      {"text/plain;version=1.0.0", text}});
}

TEST(PreferredTest, AnotherVersionIsAnotherKind) {
  expect_preferences(
      {{"application/openmetrics-text;version=1.0.0", openmetrics},
       {"application/openmetrics-text;version=\"1.0.0\"", openmetrics},
       {"application/openmetrics-text; VERSION=1.0.0; charset=utf-8", openmetrics},
       {"application/openmetrics-text", openmetrics},
       {"application/openmetrics-text;version=0.0.1", text},
       {"application/openmetrics-text;version=0.0.1, text/plain;q=0.1", text},
       {"application/openmetrics-text;version=2.0.0", text},
       {"application/openmetrics-text;version=\"1.0\\.0\"", text},
       {"application/openmetrics-text;version=1.0.0;q=0.1, text/plain;version=1.0.0", openmetrics}});
}

TEST(PreferredTest, NamesAreOfAnyCaseAndBlanksWhereTheGrammarHasThem) {
  expect_preferences(
      {{"APPLICATION/OpenMetrics-Text", openmetrics},
       {"\tapplication/openmetrics-text ; version=1.0.0 ; Q=1 ,text/plain ;q=0.5 ", openmetrics},
       {",application/openmetrics-text,,text/plain;q=0.5,", openmetrics},
       {"application/openmetrics-text;;q=1;", openmetrics},
       {"application/openmetrics-text;note=\"a, b; q=0\"", openmetrics},
       {"application/openmetrics-text;note=\"\\\"\"", openmetrics}});
}

TEST(PreferredTest, IsTheFirstOfferWhenTheAcceptIsMalformed) {
  for (const std::string broken : {"openmetrics-text",
                                   "application",
                                   "application/",
                                   "/openmetrics-text",
                                   "/",
                                   "*",
                                   "*/plain",
                                   "application/openmetrics-text/1",
                                   "application /openmetrics-text",
                                   "application/ openmetrics-text",
                                   "application/openmetrics-text text/plain",
                                   "application/openmetrics-text;version",
                                   "application/openmetrics-text;version=",
                                   "application/openmetrics-text;version =1.0.0",
                                   "application/openmetrics-text;=1",
                                   "application/openmetrics-text;a=\"b",
                                   "application/openmetrics-text;a=\"\\",
                                   "application/openmetrics-text;q",
                                   "application/openmetrics-text;q=",
                                   "application/openmetrics-text;q=2",
                                   "application/openmetrics-text;q=1.001",
                                   "application/openmetrics-text;q=0.1234",
                                   "application/openmetrics-text;q=.5",
                                   "application/openmetrics-text;q=0,5",
                                   "application/openmetrics-text;q=-0",
                                   "application/openmetrics-text;q=1e0",
                                   "application/openmetrics-text;q=nan",
                                   "application/openmetrics-text;q=0x1",
                                   "application/openmetrics-text\x01",
                                   "application/openmetrics-text, \xff/\xff",
                                   "\xc3\xa9/\xc3\xa9",
                                   "application/openmetrics-text, \"text/plain\"",
                                   "application/openmetrics-text, (comment)"})
    EXPECT_EQ(preferred(broken, offers).offer, text) << broken;
  EXPECT_EQ(preferred(std::string("application/openmetrics-text\0", 29), offers).offer, text);
}

TEST(PreferredTest, AnAcceptOfMoreThanAKilobyteIsNotRead) {
  const std::string wanted = "application/openmetrics-text";
  EXPECT_EQ(preferred(wanted + std::string(1024 - wanted.size(), ','), offers).offer, openmetrics);
  EXPECT_EQ(preferred(wanted + std::string(1025 - wanted.size(), ','), offers).offer, text);
}

TEST(PreferredTest, PrometheusGetsOpenMetrics) {
  // As 2.42 and 3.5 send it, and 3.5 with native histograms.
  expect_preferences(
      {{"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
        "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        openmetrics},
       {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        "application/openmetrics-text;version=0.0.1;q=0.5,text/"
        "plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
        "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        openmetrics},
       {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
        "application/openmetrics-text;version=0.0.1;q=0.4,text/"
        "plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
        "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
        openmetrics}});
}

TEST(PreferredTest, GivesTheParametersOfTheRangeThatWasChosen) {
  const std::string accept =
      "text/plain;version=0.0.4;q=0.3, application/*;escaping=dots;q=0.1,"
      "application/openmetrics-text ; version=1.0.0;Escaping=\"allow-utf-8\";q=0.6, "
      "*/*;escaping=values;q=0.2";
  const Preference found = preferred(accept, offers);
  EXPECT_EQ(found.offer, openmetrics);
  EXPECT_EQ(parameter_of(found.parameters, "escaping"), "allow-utf-8");
  EXPECT_EQ(parameter_of(found.parameters, "Q"), "0.6");
  EXPECT_EQ(parameter_of(found.parameters, "charset"), "");
  EXPECT_EQ(preferred("", offers).parameters, "");
}

}  // namespace
}  // namespace repodigest::web
