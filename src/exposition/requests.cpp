#include "requests.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
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

std::vector<MetricFamily> families_of(const Numbers& numbers) {
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
  return {std::move(durations), std::move(failures)};
}

/// OpenMetrics 1.0.0, "Numbers": a bound is a float, and has a point or an exponent.
std::string canonical(double bound) {
  if (std::isinf(bound)) return "+Inf";
  std::array<char, 32> text{};
  std::string number(text.data(), std::to_chars(text.data(), text.data() + text.size(), bound).ptr);
  if (number.find_first_of(".e") == std::string::npos) number += ".0";
  return number;
}

/// prometheus-cpp writes text only: the same samples as its serializer makes of a counter or a histogram.
void append_openmetrics(Output& out, const MetricFamily& family) {
  append_head(out, family.type == MetricType::Histogram ? Type::histogram : Type::counter, family.name,
              family.help);
  for (const ClientMetric& metric : family.metric) {
    std::vector<Label> labels;
    for (const ClientMetric::Label& one : metric.label) labels.emplace_back(one.name, one.value);
    const auto sample = [&](std::string_view suffix, auto value) {
      out.bytes.append(family.name).append(suffix);
      append_labels(out.bytes, labels);
      append_value(out.bytes, value);
    };
    if (family.type == MetricType::Counter) {
      sample("", metric.counter.value);
      continue;
    }
    sample("_count", metric.histogram.sample_count);
    sample("_sum", metric.histogram.sample_sum);
    for (const ClientMetric::Bucket& bucket : metric.histogram.bucket) {
      const std::string bound = canonical(bucket.upper_bound);
      labels.emplace_back("le", bound);
      sample("_bucket", bucket.cumulative_count);
      labels.pop_back();
    }
  }
}

std::string bytes_of(const std::vector<MetricFamily>& families, Format format) {
  if (format == Format::text) return prometheus::TextSerializer().Serialize(families);
  Output out{.format = format};
  for (const MetricFamily& family : families) append_openmetrics(out, family);
  return std::move(out.bytes);
}

/// The latest numbers in one format: a matter of the numbers alone, whosever they are.
class Latest {
 public:
  void append_to(Output& out, const Numbers& numbers) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (bytes_.empty() || !(numbers == numbers_)) {
      bytes_ = bytes_of(families_of(numbers), out.format);
      numbers_ = numbers;
    }
    out.bytes += bytes_;
  }

 private:
  Mutex mutex_;
  Numbers numbers_ GUARDED_BY(mutex_) = Numbers(Stats());
  std::string bytes_ GUARDED_BY(mutex_);
};

}  // namespace

void append_requests(Output& out, const Stats& stats) {
  static std::array<Latest, 2> latest;  // by format
  latest[index_of(out.format)].append_to(out, Numbers(stats));
}

}  // namespace repodigest::exposition
