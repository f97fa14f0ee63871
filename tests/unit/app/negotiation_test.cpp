// Which format /metrics has for whom.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "repodigest/app/handlers.h"
#include "support/fake_clock.h"
#include "support/gunzip.h"
#include "support/program.h"
#include "support/raw_client.h"

namespace repodigest {
namespace {

const std::string text = "text/plain; version=0.0.4; charset=utf-8";
const std::string openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
// As Prometheus sends it.
const std::string prometheus_2_42 =
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
const std::string prometheus_3_5 =
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

class NegotiationTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(daemon_.wait_until_inspected()) << daemon_.log(); }

  transport::Response scrape(std::vector<std::pair<std::string, std::string>> headers) {
    auto answer = daemon_.get("/metrics", std::move(headers));
    EXPECT_TRUE(answer.ok()) << answer.error().text;
    return answer.ok() ? std::move(answer).value() : transport::Response();
  }

  const support::Daemon daemon_{{"--demo"}};
};

TEST_F(NegotiationTest, ThoseWhoAskForOpenMetricsGetItAndAllOthersText) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"*/*", text},
      {"text/plain", text},
      {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", text},
      {"text/plain;version=0.0.4;q=1,*/*;q=0.1", text},
      {"application/json", text},
      {"application/openmetrics-text;version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", text},
      {"application/openmetrics-text;version=1.0.0;q=0.2,text/plain;version=0.0.4;q=0.3", text},
      {"application/openmetrics-text;version=1.0.0;q=0", text},
      {"application/openmetrics-text;version=1.0.0;q=nonsense", text},
      {"application/openmetrics-text", openmetrics},
      {"text/plain;q=0,*/*", openmetrics},
      {prometheus_2_42, openmetrics},
      {prometheus_3_5, openmetrics + "; escaping=allow-utf-8"},
      {"application/openmetrics-text;escaping=underscores", openmetrics + "; escaping=underscores"},
      // What would change our names, and what nobody knows, is not claimed.
      {"application/openmetrics-text;escaping=dots", openmetrics},
      {"application/openmetrics-text;escaping=values", openmetrics},
      {"application/openmetrics-text;escaping=\"x; charset=latin1\"", openmetrics}};
  for (const auto& [accept, content_type] : rows) {
    const auto answer = scrape({{"Accept", accept}});
    EXPECT_EQ(answer.status, 200) << accept;
    EXPECT_EQ(answer.header("Content-Type"), content_type) << accept;
    EXPECT_EQ(answer.header("Vary"), "Accept, Accept-Encoding") << accept;
    EXPECT_EQ(answer.body.ends_with("\n# EOF\n"), content_type != text) << accept;
  }
}

TEST_F(NegotiationTest, ReadsSeveralLinesOfAHeaderAsOneList) {
  const auto answer = scrape({{"Accept", "text/plain;q=0.1"},
                              {"Accept-Encoding", "br"},
                              {"Accept", "application/openmetrics-text;version=1.0.0"},
                              {"Accept-Encoding", "gzip"}});
  EXPECT_EQ(answer.header("Content-Type"), openmetrics);
  EXPECT_EQ(answer.header("Content-Encoding"), "gzip");
}

TEST_F(NegotiationTest, EachFormatIsWholeWhenGzippedTheFirstTimeAndWhenItIsReady) {
  for (const std::string& accept : {prometheus_2_42, std::string("text/plain"), prometheus_3_5}) {
    const bool is_text = accept == "text/plain";
    for (const char* gzip : {"made by a worker", "ready"}) {
      const auto answer = scrape({{"Accept", accept}, {"Accept-Encoding", "gzip"}});
      EXPECT_EQ(answer.header("Content-Encoding"), "gzip") << gzip;
      EXPECT_EQ(answer.header("Content-Type").starts_with("text/plain"), is_text) << gzip;
      const std::string plain = support::gunzip_one_member(answer.body);
      EXPECT_EQ(plain.ends_with("\n# EOF\n"), !is_text) << gzip;
      EXPECT_EQ(plain.find("# TYPE docker_engine_info gauge\n") != std::string::npos, is_text) << gzip;
      EXPECT_EQ(support::value_of(plain, "docker_repo_digests"), 155) << gzip;
    }
  }
}

/// The series of a scrape, bounds of histograms left out.
std::multiset<std::string> series_of(const std::string& metrics) {
  std::multiset<std::string> series;
  std::istringstream lines(metrics);
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with('#')) series.insert(line.substr(0, std::min(line.find(",le="), line.rfind(' '))));
  return series;
}

TEST_F(NegotiationTest, BothFormatsHaveTheSameSeries) {
  EXPECT_EQ(series_of(scrape({{"Accept", prometheus_2_42}}).body), series_of(daemon_.body("/metrics")));
}

TEST_F(NegotiationTest, HeadHasTheHeadersOfEachFormatAndNoBody) {
  for (const std::string& accept : {prometheus_3_5, std::string("text/plain")}) {
    for (const std::string encoding : {"gzip", "identity"}) {
      auto client = support::RawClient::unix_socket(daemon_.socket());
      ASSERT_TRUE(client.send("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: " +
                              accept + "\r\nAccept-Encoding: " + encoding + "\r\n\r\n"));
      const auto reply = client.read_reply(true);
      EXPECT_EQ(reply.status, 200);
      EXPECT_EQ(reply.header("Content-Type"),
                accept == "text/plain" ? text : openmetrics + "; escaping=allow-utf-8");
      EXPECT_EQ(reply.header("Vary"), "Accept, Accept-Encoding");
      EXPECT_EQ(reply.header("Content-Encoding"), encoding == "gzip" ? "gzip" : "");
      EXPECT_GT(std::stoul("0" + reply.header("Content-Length")), 10000U);
      EXPECT_TRUE(client.is_closed()) << "no body may follow";
    }
  }
}

TEST(MetricsAtOnceTest, AreThereForAGzippedFormatThatWasScrapedBeforeAndForNoOther) {
  const inventory::SnapshotStore snapshots;
  const poll::HealthBoard health;
  const Stats stats;
  const support::FakeClock clock;
  exposition::Forms forms({});
  const web::Routes routes = app::make_routes({}, {snapshots, health, stats, clock, forms});
  const auto* const route = routes.find("/metrics");
  ASSERT_TRUE(route != nullptr && route->at_once);
  const auto request = [](const std::string& accept) {
    return web::Request{"GET", "/metrics", {}, {{"Accept", accept}, {"Accept-Encoding", "gzip"}}};
  };
  EXPECT_FALSE(route->at_once(request(prometheus_3_5)));
  const web::Reply first = route->function(request(prometheus_3_5));
  EXPECT_FALSE(route->at_once(request("*/*"))) << "text was never asked for";
  const auto again = route->at_once(request(prometheus_3_5));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->content_type, openmetrics + "; escaping=allow-utf-8");
  EXPECT_EQ(again->headers, first.headers);
  EXPECT_EQ(again->body.at(0), first.body.at(0)) << "the part that is kept";
  EXPECT_TRUE(support::gunzip_one_member(*again->body.at(0) + *again->body.at(1)).ends_with("\n# EOF\n"));
  const auto of_2_42 = route->at_once(request(prometheus_2_42));
  ASSERT_TRUE(of_2_42) << "another Content-Type, but the same bytes";
  EXPECT_EQ(of_2_42->content_type, openmetrics);
}

}  // namespace
}  // namespace repodigest
