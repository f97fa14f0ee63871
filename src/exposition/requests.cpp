#include "requests.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "repodigest/base/mutex.h"
#include "repodigest/base/result.h"

namespace repodigest::exposition {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

/// Everything of the Stats that the two families show.
struct Numbers {
  struct Requests {
    std::array<std::uint64_t, DurationHistogram::bounds.size() + 1> buckets{};
    double sum = 0;
    std::array<std::uint64_t, reason_names.size()> failures{};
    friend bool operator==(const Requests&, const Requests&) = default;
  };
  std::array<Requests, operation_names.size()> by_operation{};
  friend bool operator==(const Numbers&, const Numbers&) = default;

  explicit Numbers(const Stats& stats) {
    for (std::size_t i = 0; i < by_operation.size(); ++i) {
      Requests& requests = by_operation[i];
      for (std::size_t j = 0; j < requests.buckets.size(); ++j)
        requests.buckets[j] = stats.request_duration[i].bucket(j);
      requests.sum = stats.request_duration[i].sum();
      for (std::size_t j = 0; j < requests.failures.size(); ++j)
        requests.failures[j] = stats.request_failures[i][j].value();
    }
  }
};

ClientMetric::Label label(std::string_view name, std::string_view value) {
  return {std::string(name), std::string(value)};
}

ClientMetric::Histogram histogram_of(const Numbers::Requests& requests) {
  ClientMetric::Histogram histogram;
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < requests.buckets.size(); ++i) {
    cumulative += requests.buckets[i];
    const bool is_last = i == DurationHistogram::bounds.size();
    histogram.bucket.push_back(
        {cumulative, is_last ? std::numeric_limits<double>::infinity() : DurationHistogram::bounds[i]});
  }
  histogram.sample_count = cumulative;
  histogram.sample_sum = requests.sum;
  return histogram;
}

std::string text_of(const Numbers& numbers) {
  MetricFamily durations{"docker_api_request_duration_seconds",
                         "How long requests to the engine took, failed ones included, by operation.",
                         MetricType::Histogram,
                         {}};
  MetricFamily failures{"docker_api_request_failures_total",
                        "Requests to the engine that failed, by operation and reason.",
                        MetricType::Counter,
                        {}};
  for (std::size_t i = 0; i < numbers.by_operation.size(); ++i) {
    const Numbers::Requests& requests = numbers.by_operation[i];
    const ClientMetric::Label operation = label("operation", operation_names[i]);
    ClientMetric& duration = durations.metric.emplace_back();
    duration.label = {operation};
    duration.histogram = histogram_of(requests);
    for (std::size_t j = 0; j < requests.failures.size(); ++j) {
      ClientMetric& failure = failures.metric.emplace_back();
      failure.label = {operation, label("reason", reason_names[j])};
      // Nothing is lost below 2^53; a counter gets there after centuries.
      failure.counter.value = static_cast<double>(requests.failures[j]);
    }
  }
  return prometheus::TextSerializer().Serialize({std::move(durations), std::move(failures)});
}

/// The text of the latest numbers: a matter of the numbers alone, whosever they are.
class Latest {
 public:
  void append_to(std::string& out, const Numbers& numbers) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (text_.empty() || !(numbers == numbers_)) {
      text_ = text_of(numbers);
      numbers_ = numbers;
    }
    out += text_;
  }

 private:
  Mutex mutex_;
  Numbers numbers_ GUARDED_BY(mutex_) = Numbers(Stats());
  std::string text_ GUARDED_BY(mutex_);
};

}  // namespace

void append_requests(std::string& out, const Stats& stats) {
  static Latest latest;
  latest.append_to(out, Numbers(stats));
}

}  // namespace repodigest::exposition
