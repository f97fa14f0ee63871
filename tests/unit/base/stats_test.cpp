#include "repodigest/base/stats.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace repodigest {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(DurationHistogram, CountsAnObservationAtItsUpperBound) {
  DurationHistogram histogram;
  histogram.observe(milliseconds(1));
  histogram.observe(milliseconds(1) + nanoseconds(1));
  histogram.observe(seconds(300));
  EXPECT_EQ(histogram.bucket(0), 1U);
  EXPECT_EQ(histogram.bucket(1), 1U);
  EXPECT_EQ(histogram.bucket(DurationHistogram::bounds.size() - 1), 1U);
}

TEST(DurationHistogram, CountsWhatIsLargerThanEveryBoundApart) {
  DurationHistogram histogram;
  histogram.observe(seconds(301));
  EXPECT_EQ(histogram.bucket(DurationHistogram::bounds.size()), 1U);
  EXPECT_DOUBLE_EQ(histogram.sum(), 301.0);
}

TEST(DurationHistogram, AddsUpAndIgnoresTheLengthOfNegativeDurations) {
  DurationHistogram histogram;
  histogram.observe(milliseconds(250));
  histogram.observe(milliseconds(500));
  histogram.observe(seconds(-1));
  EXPECT_DOUBLE_EQ(histogram.sum(), 0.75);
  EXPECT_EQ(histogram.bucket(0), 1U);
}

TEST(DurationHistogram, HasRisingBounds) {
  for (std::size_t i = 1; i < DurationHistogram::bounds.size(); ++i)
    EXPECT_LT(DurationHistogram::bounds[i - 1], DurationHistogram::bounds[i]);
}

TEST(Stats, CountsAnHttpAnswerUnderItsHandlerAndCode) {
  Stats stats;
  const auto code =
      static_cast<std::size_t>(std::find(http_codes.begin(), http_codes.end(), 304) - http_codes.begin());
  ASSERT_LT(code, http_codes.size());
  stats.count_http(Handler::metrics, 304);
  EXPECT_EQ(stats.http_requests[index_of(Handler::metrics)][code].value(), 1U);
  EXPECT_EQ(stats.http_requests[index_of(Handler::images)][code].value(), 0U);
}

TEST(Stats, CountsAnApiStatusOutsideTheTableAsTheFirstOfItsHundred) {
  Stats stats;
  const auto count_of = [&](int code) {
    for (std::size_t i = 0; i < api_codes.size(); ++i)
      if (api_codes[i] == code) return stats.api_requests[index_of(ApiCall::image_list)][i].value();
    return std::uint64_t{99};
  };
  stats.count_api(ApiCall::image_list, 404);
  stats.count_api(ApiCall::image_list, 418);
  stats.count_api(ApiCall::image_list, 204);
  stats.count_api(ApiCall::image_list, 999);
  EXPECT_EQ(count_of(404), 1U);
  EXPECT_EQ(count_of(400), 1U);
  EXPECT_EQ(count_of(200), 1U);
  EXPECT_EQ(count_of(502), 1U);
}

TEST(Stats, CountsAStatusOutsideTheTableAs500) {
  Stats stats;
  stats.count_http(Handler::page, 418);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < http_codes.size(); ++i) {
    const auto value = stats.http_requests[index_of(Handler::page)][i].value();
    EXPECT_EQ(value, http_codes[i] == 500 ? 1U : 0U) << http_codes[i];
    sum += value;
  }
  EXPECT_EQ(sum, 1U);
}

TEST(Stats, LosesNothingThatSeveralThreadsCount) {
  Stats stats;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&stats] {
      for (int i = 0; i < 1000; ++i) {
        stats.polls.add();
        stats.request_duration[index_of(Operation::ping)].observe(milliseconds(1));
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(stats.polls.value(), 4000U);
  EXPECT_EQ(stats.request_duration[index_of(Operation::ping)].bucket(0), 4000U);
  EXPECT_NEAR(stats.request_duration[index_of(Operation::ping)].sum(), 4.0, 1e-9);
}

}  // namespace
}  // namespace repodigest
