#include "repodigest/exposition/live.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <cstdint>
#include <cstdlib>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "scenes.h"
#include "support/feed_command.h"
#include "support/golden.h"

namespace repodigest::exposition {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const LiveOptions without_exporter{.exporter_metrics = false};

TEST(Live, BeforeTheFirstPollHasEveryKnownLabelAtZero) {
  const Stats stats;
  EXPECT_TRUE(support::matches_golden("unit/exposition/golden/live_first.prom",
                                      render_live(stats, poll::Health(), without_exporter)));
}

TEST(Live, AfterSomePollsIsAsWritten) {
  Stats stats;
  fill(stats);
  EXPECT_TRUE(support::matches_golden("unit/exposition/golden/live_polled.prom",
                                      render_live(stats, good_health(), without_exporter)));
}

TEST(Live, OmitsWhatIsNotKnownYet) {
  const Stats stats;
  const std::string text = render_live(stats, poll::Health(), {});
  EXPECT_THAT(text, Not(HasSubstr("docker_poll_last_success_timestamp_seconds")));
  EXPECT_THAT(text, Not(HasSubstr("docker_list_last_success_timestamp_seconds")));
  EXPECT_THAT(text, Not(HasSubstr("docker_list_duration_seconds")));
  EXPECT_THAT(text, HasSubstr("\ndocker_up 0\n"));
}

TEST(Live, NotFoundFailsRequestsButNeverAPoll) {
  const Stats stats;
  const std::string text = render_live(stats, good_health(), without_exporter);
  EXPECT_THAT(text, HasSubstr("docker_poll_failures_total{reason=\"too_large\"} 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("docker_poll_failures_total{reason=\"not_found\"}")));
  EXPECT_THAT(text,
              HasSubstr("docker_api_request_failures_total{operation=\"ping\",reason=\"not_found\"} 0\n"));
}

TEST(Live, HistogramBucketsAreCumulative) {
  Stats stats;
  fill(stats);
  const std::string text = render_live(stats, good_health(), without_exporter);
  const std::string series = "docker_api_request_duration_seconds_";
  EXPECT_THAT(text, HasSubstr(series + "bucket{operation=\"image_inspect\",le=\"0.001\"} 1\n"));
  EXPECT_THAT(text, HasSubstr(series + "bucket{operation=\"image_inspect\",le=\"0.01\"} 1\n"));
  EXPECT_THAT(text, HasSubstr(series + "bucket{operation=\"image_inspect\",le=\"0.025\"} 2\n"));
  EXPECT_THAT(text, HasSubstr(series + "bucket{operation=\"image_inspect\",le=\"300\"} 2\n"));
  EXPECT_THAT(text, HasSubstr(series + "bucket{operation=\"image_inspect\",le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr(series + "count{operation=\"image_inspect\"} 3\n"));
  EXPECT_THAT(text, HasSubstr(series + "sum{operation=\"image_inspect\"} 400.021\n"));
}

TEST(Live, EachHandlerHasItsGoodAnswersFromTheStartAndOtherCodesOnceTheyHappen) {
  Stats stats;
  std::string text = render_live(stats, good_health(), {});
  for (const std::string_view handler : handler_names)
    EXPECT_THAT(text, HasSubstr("repodigest_exporter_http_requests_total{handler=\"" + std::string(handler) +
                                "\",code=\"200\"} 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("code=\"404\"")));
  stats.count_http(Handler::image, 404);
  text = render_live(stats, good_health(), {});
  EXPECT_THAT(text, HasSubstr("repodigest_exporter_http_requests_total{handler=\"image\",code=\"404\"} 1\n"));
}

TEST(Live, TheDockerApiHasItsSeriesWhereItIsServed) {
  Stats stats;
  EXPECT_THAT(render_live(stats, good_health(), {}), Not(HasSubstr("repodigest_exporter_docker_api_")));
  EXPECT_THAT(render_live(stats, good_health(), {.exporter_metrics = false, .docker_api = true}),
              Not(HasSubstr("repodigest_exporter_docker_api_")));
  const LiveOptions with_api{.docker_api = true};
  std::string text = render_live(stats, good_health(), with_api);
  const std::string series = "\nrepodigest_exporter_docker_api_requests_total{operation=\"";
  for (const std::string_view call : api_call_names) {
    const bool other = call == "other";
    const std::string of_call = series + std::string(call) + "\",code=\"";
    EXPECT_EQ(text.find(of_call + "200\"} 0\n") == std::string::npos, other) << call;
    EXPECT_EQ(text.find(of_call + "502\"} 0\n") == std::string::npos, other) << call;
    EXPECT_EQ(text.find(of_call + "403\"} 0\n") != std::string::npos, other) << call;
    EXPECT_THAT(text, HasSubstr(of_call + "503\"} 0\n"));
  }
  EXPECT_THAT(text, HasSubstr(series + "image_inspect\",code=\"404\"} 0\n"));
  EXPECT_THAT(text, Not(HasSubstr(series + "image_list\",code=\"404\"")));
  EXPECT_THAT(text, HasSubstr("\nrepodigest_exporter_docker_api_entries_removed_total 0\n"));
  stats.count_api(ApiCall::image_list, 404);
  stats.api_entries_removed.add(7);
  text = render_live(stats, good_health(), with_api);
  EXPECT_THAT(text, HasSubstr(series + "image_list\",code=\"404\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("\nrepodigest_exporter_docker_api_entries_removed_total 7\n"));
}

TEST(Live, WithoutPollingHasOnlyTheTimeOfTheEngine) {
  const Stats stats;
  std::istringstream lines(render_live(stats, poll::Health(), {.polling = false, .docker_api = true}));
  std::size_t busy = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("docker_engine_busy_seconds_total{"))
      ++busy;
    else
      EXPECT_THAT(line, Not(::testing::StartsWith("docker_")));
  }
  EXPECT_EQ(busy, caller_names.size());
}

TEST(Live, ShowsConnectionsAndAnInsecureListener) {
  Stats stats;
  stats.http_connections = 3;
  stats.insecure_listener = true;
  const std::string text = render_live(stats, good_health(), {});
  EXPECT_THAT(text, HasSubstr("\nrepodigest_exporter_http_connections 3\n"));
  EXPECT_THAT(text, HasSubstr("\nrepodigest_exporter_insecure_listener 1\n"));
  EXPECT_THAT(text, HasSubstr("\nrepodigest_exporter_build_info{version=\""));
}

TEST(Live, HasTheProcess) {
  const Stats stats;
  const std::string text = render_live(stats, good_health(), {});
  EXPECT_THAT(text, HasSubstr("# TYPE process_cpu_seconds_total counter\n"));
  for (const char* name :
       {"process_resident_memory_bytes", "process_virtual_memory_bytes", "process_open_fds",
        "process_max_fds", "process_start_time_seconds", "process_threads"})
    EXPECT_THAT(text, HasSubstr("# TYPE " + std::string(name) + " gauge\n"));
}

TEST(Live, WithoutExporterMetricsSpeaksOfTheEngineAlone) {
  const Stats stats;
  const std::string text = render_live(stats, good_health(), without_exporter);
  EXPECT_THAT(text, Not(HasSubstr("process_")));
  EXPECT_THAT(text, Not(HasSubstr("repodigest_exporter_")));
  EXPECT_THAT(text, HasSubstr("\ndocker_up 1\n"));
}

// ---- equal to prometheus-cpp ----

/// What of `line` stands between `before` and `after`.
std::string between(const std::string& line, const std::string& before, const std::string& after) {
  const auto begin = line.find(before) + before.size();
  return line.substr(begin, line.find(after, begin) - begin);
}

std::vector<prometheus::ClientMetric::Label> labels_of(const std::string& series) {
  std::vector<prometheus::ClientMetric::Label> labels;
  for (auto at = series.find('{'); at != std::string::npos && series[at] != '}';) {
    const auto equals = series.find("=\"", at);
    const auto end = series.find('"', equals + 2);
    labels.push_back({series.substr(at + 1, equals - at - 1), series.substr(equals + 2, end - equals - 2)});
    at = end + 1;
  }
  return labels;
}

/// The text read into prometheus-cpp's types and written by prometheus-cpp.
std::string written_by_prometheus_cpp(const std::string& text) {
  using prometheus::MetricType;
  std::vector<prometheus::MetricFamily> families;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# HELP ")) {
      const std::string name = between(line, "# HELP ", " ");
      families.push_back({name, line.substr(8 + name.size()), MetricType::Untyped, {}});
      continue;
    }
    prometheus::MetricFamily& family = families.back();
    if (line.starts_with("# TYPE ")) {
      const std::string type = line.substr(line.rfind(' ') + 1);
      family.type = type == "counter"     ? MetricType::Counter
                    : type == "histogram" ? MetricType::Histogram
                                          : MetricType::Gauge;
      continue;
    }
    const std::string series = line.substr(0, line.rfind(' '));
    const double value = std::strtod(line.c_str() + series.size(), nullptr);
    auto labels = labels_of(series);
    const std::string suffix = series.substr(family.name.size(), series.find('{') - family.name.size());
    if (family.type != MetricType::Histogram || suffix == "_count") {
      family.metric.emplace_back();
      family.metric.back().label = labels;
    }
    auto& metric = family.metric.back();
    if (family.type == MetricType::Counter) metric.counter.value = value;
    if (family.type == MetricType::Gauge) metric.gauge.value = value;
    if (family.type != MetricType::Histogram) continue;
    if (suffix == "_count") metric.histogram.sample_count = static_cast<std::uint64_t>(value);
    if (suffix == "_sum") metric.histogram.sample_sum = value;
    if (suffix == "_bucket")
      metric.histogram.bucket.push_back(
          {static_cast<std::uint64_t>(value), std::strtod(labels.back().value.c_str(), nullptr)});
  }
  return prometheus::TextSerializer().Serialize(families);
}

TEST(Live, IsByteForByteWhatPrometheusCppWrites) {
  Stats stats;
  EXPECT_EQ(render_live(stats, poll::Health(), without_exporter),
            written_by_prometheus_cpp(render_live(stats, poll::Health(), without_exporter)));
  fill(stats);
  stats.count_http(Handler::image, 404);
  stats.count_api(ApiCall::image_list, 404);
  const std::string text = render_live(stats, good_health(), {.docker_api = true});
  EXPECT_THAT(text, HasSubstr("process_start_time_seconds "));
  EXPECT_TRUE(text == written_by_prometheus_cpp(text)) << text;
}

TEST(Live, WritesNumbersAsPrometheusCppDoes) {
  const Stats stats;
  poll::Health health = good_health();
  std::mt19937_64 random(1);
  for (int i = 0; i < 10000; ++i) {
    // From nanoseconds to centuries.
    health.list_duration = Duration(static_cast<std::int64_t>(random() >> (1 + random() % 63)));
    prometheus::MetricFamily family{"docker_list_duration_seconds", "", prometheus::MetricType::Gauge, {{}}};
    family.metric[0].gauge.value = to_seconds(*health.list_duration);
    const std::string line = "\n" + family.name + " ";
    const std::string theirs = prometheus::TextSerializer().Serialize({family});
    const std::string ours = render_live(stats, health, without_exporter);
    ASSERT_EQ(between(ours, line, "\n"), between(theirs, line, "\n")) << health.list_duration->count();
  }
}

TEST(Live, WritesCountsThatNeedMoreDigitsThanTheFormatHasAsPrometheusCppDoes) {
  for (const std::uint64_t count : {(1UL << 53U) - 1, 1UL << 53U, (1UL << 53U) + 1, 9'999'999'999'999'998UL,
                                    10'000'000'000'000'000UL, ~0UL}) {
    Stats stats;
    stats.polls.add(count);
    const std::string text = render_live(stats, good_health(), without_exporter);
    EXPECT_TRUE(text == written_by_prometheus_cpp(text)) << count;
  }
}

TEST(Exposition, IsCleanForPromtoolInEveryState) {
  if (!support::succeeds("promtool --version"))
    GTEST_SKIP() << "promtool is missing: the exposition is not checked (Debian: prometheus)";
  for (const Scene& scene : every_scene())
    EXPECT_EQ(support::feed_command("promtool check metrics", scene.written(Format::text)), 0) << scene.name;
}

}  // namespace
}  // namespace repodigest::exposition
