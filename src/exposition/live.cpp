#include "repodigest/exposition/live.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "repodigest/base/build_info.h"
#include "repodigest/base/result.h"
#include "repodigest/exposition/process.h"

namespace repodigest::exposition {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Families = std::vector<MetricFamily>;
using Labels = std::vector<ClientMetric::Label>;

ClientMetric::Label label(std::string_view name, std::string_view value) {
  return {std::string(name), std::string(value)};
}

/// Of the 64-bit counts nothing is lost below 2^53; a counter gets there after centuries.
double as_double(std::uint64_t value) {
  return static_cast<double>(value);
}

double as_double(WallTime time) {
  return to_seconds(time.time_since_epoch());
}

MetricFamily& add_family(Families& families, MetricType type, const char* name, const char* help) {
  families.push_back({name, help, type, {}});
  return families.back();
}

void add_sample(MetricFamily& family, double value, Labels labels = {}) {
  ClientMetric metric;
  metric.label = std::move(labels);
  (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  family.metric.push_back(std::move(metric));
}

/// A family of one sample without labels.
void add_single(Families& families, MetricType type, const char* name, const char* help, double value) {
  add_sample(add_family(families, type, name, help), value);
}

/// The same, but left out while the value is unknown: no number is better than a made-up one.
void add_if_known(Families& families, MetricType type, const char* name, const char* help,
                  std::optional<double> value) {
  if (value) add_single(families, type, name, help, *value);
}

std::optional<double> if_known(std::optional<std::uint64_t> value) {
  if (!value) return std::nullopt;
  return as_double(*value);
}

std::optional<double> if_known(std::optional<WallTime> value) {
  if (!value) return std::nullopt;
  return as_double(*value);
}

void add_polls(Families& families, const Stats& stats, const poll::Health& health) {
  add_single(families, MetricType::Gauge, "docker_up",
             "Whether the engine answered the last light call (1) or not (0).", health.up ? 1 : 0);
  add_single(families, MetricType::Counter, "docker_polls_total",
             "Polls of the engine, quiet looks and failed ones included.", as_double(stats.polls.value()));
  MetricFamily& failures = add_family(families, MetricType::Counter, "docker_poll_failures_total",
                                      "Polls of the engine that failed, by reason.");
  for (std::size_t i = 0; i < reason_names.size(); ++i) {
    if (i == index_of(Reason::not_found)) continue;  // says something about one image, never about a poll
    add_sample(failures, as_double(stats.poll_failures[i].value()), {label("reason", reason_names[i])});
  }
  add_single(
      families, MetricType::Gauge, "docker_poll_interval_seconds",
      "Time between two polls in effect now, quiet looks included: the configured one, or the pause while "
      "the engine is away.",
      to_seconds(health.poll_interval));
  add_if_known(
      families, MetricType::Gauge, "docker_poll_last_success_timestamp_seconds",
      "When the inventory was last confirmed: by a complete list, or by a quiet look while the event "
      "stream is up.",
      if_known(health.last_confirmed));
  add_if_known(families, MetricType::Gauge, "docker_list_duration_seconds",
               "How long the engine took for the last complete list.",
               health.list_duration ? std::optional(to_seconds(*health.list_duration)) : std::nullopt);
  add_single(
      families, MetricType::Gauge, "docker_list_interval_seconds",
      "Time between two complete lists in effect now: that of the polls, or --poll.full-interval while "
      "events vouch for the inventory; longer where lists would cost more than "
      "--poll.max-engine-share.",
      to_seconds(health.list_interval));
  add_if_known(families, MetricType::Gauge, "docker_list_last_success_timestamp_seconds",
               "When the last complete list ended.", if_known(health.last_list));
}

void add_engine(Families& families, const Stats& stats) {
  MetricFamily& busy = add_family(families, MetricType::Counter, "docker_engine_busy_seconds_total",
                                  "Time with a request to the engine under way, by what asked; lists of "
                                  "containers count as look, the event stream does not count.");
  for (std::size_t i = 0; i < caller_names.size(); ++i)
    add_sample(busy, stats.engine_busy[i].seconds(), {label("caller", caller_names[i])});
  MetricFamily& changes = add_family(families, MetricType::Counter, "docker_engine_changes_total",
                                     "Changes of the engine seen between two answers, by what changed.");
  for (std::size_t i = 0; i < engine_change_names.size(); ++i)
    add_sample(changes, as_double(stats.engine_changes[i].value()), {label("what", engine_change_names[i])});
}

void add_events(Families& families, const Stats& stats) {
  add_single(families, MetricType::Gauge, "docker_events_connected",
             "Whether the engine's event stream is open (1) or not (0).",
             stats.events_connected.load(std::memory_order_relaxed) ? 1 : 0);
  MetricFamily& events = add_family(families, MetricType::Counter, "docker_events_total",
                                    "Events about images that the engine sent, by action.");
  for (std::size_t i = 0; i < event_action_names.size(); ++i)
    add_sample(events, as_double(stats.events[i].value()), {label("action", event_action_names[i])});
}

ClientMetric::Histogram histogram_of(const DurationHistogram& durations) {
  ClientMetric::Histogram histogram;
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < DurationHistogram::bounds.size(); ++i) {
    cumulative += durations.bucket(i);
    histogram.bucket.push_back({cumulative, DurationHistogram::bounds[i]});
  }
  cumulative += durations.bucket(DurationHistogram::bounds.size());
  histogram.bucket.push_back({cumulative, std::numeric_limits<double>::infinity()});
  histogram.sample_count = cumulative;
  histogram.sample_sum = durations.sum();
  return histogram;
}

void add_requests(Families& families, const Stats& stats) {
  MetricFamily& durations =
      add_family(families, MetricType::Histogram, "docker_api_request_duration_seconds",
                 "How long requests to the engine took, failed ones included, by operation.");
  for (std::size_t i = 0; i < operation_names.size(); ++i) {
    ClientMetric metric;
    metric.label = {label("operation", operation_names[i])};
    metric.histogram = histogram_of(stats.request_duration[i]);
    durations.metric.push_back(std::move(metric));
  }
  MetricFamily& failures = add_family(families, MetricType::Counter, "docker_api_request_failures_total",
                                      "Requests to the engine that failed, by operation and reason.");
  for (std::size_t i = 0; i < operation_names.size(); ++i)
    for (std::size_t j = 0; j < reason_names.size(); ++j)
      add_sample(failures, as_double(stats.request_failures[i][j].value()),
                 {label("operation", operation_names[i]), label("reason", reason_names[j])});
}

void add_exporter(Families& families, const Stats& stats) {
  add_sample(add_family(families, MetricType::Gauge, "repodigest_exporter_build_info",
                        "The build of this exporter; always 1."),
             1,
             {label("version", build_info::version()), label("revision", build_info::revision()),
              label("compiler", build_info::compiler())});
  MetricFamily& requests =
      add_family(families, MetricType::Counter, "repodigest_exporter_http_requests_total",
                 "HTTP requests that this exporter answered, by handler and status.");
  for (std::size_t i = 0; i < handler_names.size(); ++i) {
    for (std::size_t j = 0; j < http_codes.size(); ++j) {
      const std::uint64_t count = stats.http_requests[i][j].value();
      if (count == 0 && http_codes[j] != 200) continue;  // most pairs never happen
      add_sample(requests, as_double(count),
                 {label("handler", handler_names[i]), label("code", std::to_string(http_codes[j]))});
    }
  }
  add_single(families, MetricType::Gauge, "repodigest_exporter_http_connections",
             "Connections to this exporter that are open now.",
             static_cast<double>(stats.http_connections.load(std::memory_order_relaxed)));
  add_single(families, MetricType::Gauge, "repodigest_exporter_insecure_listener",
             "Whether this exporter listens beyond loopback without TLS or users (1) or not (0).",
             stats.insecure_listener.load(std::memory_order_relaxed) ? 1 : 0);
}

void add_process(Families& families, const ProcessUse& use) {
  add_if_known(families, MetricType::Counter, "process_cpu_seconds_total",
               "Total user and system CPU time spent in seconds.", use.cpu_seconds);
  add_if_known(families, MetricType::Gauge, "process_resident_memory_bytes", "Resident memory size in bytes.",
               if_known(use.resident_bytes));
  add_if_known(families, MetricType::Gauge, "process_virtual_memory_bytes", "Virtual memory size in bytes.",
               if_known(use.virtual_bytes));
  add_if_known(families, MetricType::Gauge, "process_open_fds", "Number of open file descriptors.",
               if_known(use.open_fds));
  add_if_known(families, MetricType::Gauge, "process_max_fds", "Maximum number of open file descriptors.",
               if_known(use.max_fds));
  add_if_known(families, MetricType::Gauge, "process_start_time_seconds",
               "Start time of the process since unix epoch in seconds.", use.start_time);
  add_if_known(families, MetricType::Gauge, "process_threads", "Number of threads of the process.",
               if_known(use.threads));
}

}  // namespace

std::string render_live(const Stats& stats, const poll::Health& health, const LiveOptions& options) {
  Families families;
  families.reserve(32);  // references to families are held while they are filled
  add_polls(families, stats, health);
  add_engine(families, stats);
  add_events(families, stats);
  add_requests(families, stats);
  if (options.exporter_metrics) {
    add_exporter(families, stats);
    add_process(families, process_use());
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace repodigest::exposition
