#include "repodigest/exposition/live.h"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <type_traits>

#include "lines.h"
#include "repodigest/base/build_info.h"
#include "repodigest/base/result.h"
#include "repodigest/exposition/process.h"
#include "requests.h"

namespace repodigest::exposition {
namespace {

using enum Type;

template <typename Value>
void append_number(std::string& out, Value value) {
  if constexpr (std::is_floating_point_v<Value>)
    append_value(out, value);
  else
    append_value(out, static_cast<std::uint64_t>(value));
}

/// One family: its head is written at once, its samples as they come.
class Family {
 public:
  Family(Output& out, Type type, std::string_view name, std::string_view help)
      : out_(out.bytes), name_(name) {
    append_head(out, type, name, help);
  }
  template <typename Value>
  void sample(Value value, std::initializer_list<Label> labels = {}) {
    out_ += name_;
    append_labels(out_, labels);
    append_number(out_, value);
  }

 private:
  std::string& out_;
  std::string_view name_;
};

/// A family of one sample without labels.
template <typename Value>
void add_single(Output& out, Type type, std::string_view name, std::string_view help, Value value) {
  Family(out, type, name, help).sample(value);
}

/// The same, but left out while the value is unknown: no number is better than a made-up one.
template <typename Value>
void add_if_known(Output& out, Type type, std::string_view name, std::string_view help,
                  std::optional<Value> value) {
  if (value) add_single(out, type, name, help, *value);
}

std::optional<double> if_known(std::optional<WallTime> time) {
  if (!time) return std::nullopt;
  return to_seconds(time->time_since_epoch());
}

void add_polls(Output& out, const Stats& stats, const poll::Health& health) {
  add_single(out, gauge, "docker_up", "Whether the engine answered the last light call (1) or not (0).",
             health.up ? 1 : 0);
  add_single(out, counter, "docker_polls_total", "Polls of the engine, quiet looks and failed ones included.",
             stats.polls.value());
  Family failures(out, counter, "docker_poll_failures_total", "Polls of the engine that failed, by reason.");
  for (std::size_t i = 0; i < reason_names.size(); ++i) {
    if (i == index_of(Reason::not_found)) continue;  // says something about one image, never about a poll
    failures.sample(stats.poll_failures[i].value(), {{"reason", reason_names[i]}});
  }
  add_single(
      out, gauge, "docker_poll_interval_seconds",
      "Time between two polls in effect now, quiet looks included: the configured one, or the pause while "
      "the engine is away.",
      to_seconds(health.poll_interval));
  add_if_known(
      out, gauge, "docker_poll_last_success_timestamp_seconds",
      "When the inventory was last confirmed: by a complete list, or by a quiet look while the event "
      "stream is up.",
      if_known(health.last_confirmed));
  add_if_known(out, gauge, "docker_list_duration_seconds",
               "How long the engine took for the last complete list.",
               health.list_duration ? std::optional(to_seconds(*health.list_duration)) : std::nullopt);
  add_single(
      out, gauge, "docker_list_interval_seconds",
      "Time between two complete lists in effect now: that of the polls, or --poll.full-interval while "
      "events vouch for the inventory; longer where lists would cost more than "
      "--poll.max-engine-share.",
      to_seconds(health.list_interval));
  add_if_known(out, gauge, "docker_list_last_success_timestamp_seconds", "When the last complete list ended.",
               if_known(health.last_list));
}

void add_busy(Output& out, const Stats& stats) {
  Family busy(out, counter, "docker_engine_busy_seconds_total",
              "Time with a request to the engine under way, by what asked; lists of "
              "containers count as look, the event stream does not count.");
  for (std::size_t i = 0; i < caller_names.size(); ++i)
    busy.sample(stats.engine_busy[i].seconds(), {{"caller", caller_names[i]}});
}

void add_changes(Output& out, const Stats& stats) {
  Family changes(out, counter, "docker_engine_changes_total",
                 "Changes of the engine seen between two answers, by what changed.");
  for (std::size_t i = 0; i < engine_change_names.size(); ++i)
    changes.sample(stats.engine_changes[i].value(), {{"what", engine_change_names[i]}});
}

void add_events(Output& out, const Stats& stats) {
  add_single(out, gauge, "docker_events_connected",
             "Whether the engine's event stream is open (1) or not (0).",
             stats.events_connected.load(std::memory_order_relaxed) ? 1 : 0);
  Family events(out, counter, "docker_events_total", "Events about images that the engine sent, by action.");
  for (std::size_t i = 0; i < event_action_names.size(); ++i)
    events.sample(stats.events[i].value(), {{"action", event_action_names[i]}});
}

void add_exporter(Output& out, const Stats& stats) {
  Family(out, info, "repodigest_exporter_build_info", "The build of this exporter; always 1.")
      .sample(1, {{"version", build_info::version()},
                  {"revision", build_info::revision()},
                  {"compiler", build_info::compiler()}});
  Family requests(out, counter, "repodigest_exporter_http_requests_total",
                  "HTTP requests that this exporter answered, by handler and status.");
  for (std::size_t i = 0; i < handler_names.size(); ++i) {
    for (std::size_t j = 0; j < http_codes.size(); ++j) {
      const std::uint64_t count = stats.http_requests[i][j].value();
      if (count == 0 && http_codes[j] != 200) continue;  // most pairs never happen
      requests.sample(count, {{"handler", handler_names[i]}, {"code", std::to_string(http_codes[j])}});
    }
  }
  add_single(out, gauge, "repodigest_exporter_config_last_reload_successful",
             "Whether the last readings of the config file and the web config files were good (1), or one "
             "was broken and its old state stays (0).",
             stats.reloads.all_good() ? 1 : 0);
  add_single(out, gauge, "repodigest_exporter_config_last_reload_success_timestamp_seconds",
             "When one of them was last read and good.",
             to_seconds(stats.reloads.last_success().time_since_epoch()));
  add_single(out, gauge, "repodigest_exporter_http_connections",
             "Connections to this exporter that are open now.",
             static_cast<double>(stats.http_connections.load(std::memory_order_relaxed)));
  add_single(out, gauge, "repodigest_exporter_insecure_listener",
             "Whether this exporter listens beyond loopback without TLS or users (1) or not (0).",
             stats.insecure_listener.load(std::memory_order_relaxed) ? 1 : 0);
}

/// Whether an answer of that kind is to be expected: then it is there from the start. The server itself and
/// what is refused count as `other`.
bool is_expected(ApiCall call, int code) {
  switch (code) {
    case 200:
    case 500:
    case 502:
    case 504:
      return call != ApiCall::other;
    case 403:
      return call == ApiCall::other;
    case 404:
      return call == ApiCall::image_inspect || call == ApiCall::image_history ||
             call == ApiCall::image_export || call == ApiCall::container_inspect;
    default:
      return code == 400 || code == 503;
  }
}

void add_docker_api(Output& out, const Stats& stats) {
  Family requests(out, counter, "repodigest_exporter_docker_api_requests_total",
                  "Requests to the corrected Docker API that were answered, by call and status (499: the "
                  "client hung up before); what is refused is of the call other.");
  for (std::size_t i = 0; i < api_call_names.size(); ++i) {
    for (std::size_t j = 0; j < api_codes.size(); ++j) {
      const std::uint64_t count = stats.api_requests[i][j].value();
      if (count == 0 && !is_expected(static_cast<ApiCall>(i), api_codes[j])) continue;
      requests.sample(count, {{"operation", api_call_names[i]}, {"code", std::to_string(api_codes[j])}});
    }
  }
  add_single(out, counter, "repodigest_exporter_docker_api_entries_removed_total",
             "Duplicate entries that the corrected Docker API left out of RepoDigests lists.",
             stats.api_entries_removed.value());
}

void add_process(Output& out, const ProcessUse& use) {
  add_if_known(out, counter, "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
               use.cpu_seconds);
  add_if_known(out, gauge, "process_resident_memory_bytes", "Resident memory size in bytes.",
               use.resident_bytes);
  add_if_known(out, gauge, "process_virtual_memory_bytes", "Virtual memory size in bytes.",
               use.virtual_bytes);
  add_if_known(out, gauge, "process_open_fds", "Number of open file descriptors.", use.open_fds);
  add_if_known(out, gauge, "process_max_fds", "Maximum number of open file descriptors.", use.max_fds);
  add_if_known(out, gauge, "process_start_time_seconds",
               "Start time of the process since unix epoch in seconds.", use.start_time);
  add_if_known(out, gauge, "process_threads", "Number of threads of the process.", use.threads);
}

}  // namespace

std::string render_live(const Stats& stats, const poll::Health& health, const LiveOptions& options,
                        Format format) {
  Output out{.format = format};
  out.bytes.reserve(std::size_t{48} << 10U);  // about twice what it is
  if (options.polling) add_polls(out, stats, health);
  add_busy(out, stats);
  if (options.polling) {
    add_changes(out, stats);
    add_events(out, stats);
    append_requests(out, stats);
  }
  if (options.exporter_metrics) {
    add_exporter(out, stats);
    if (options.docker_api) add_docker_api(out, stats);
    add_process(out, process_use());
  }
  if (format == Format::openmetrics) out.bytes += "# EOF\n";
  return std::move(out.bytes);
}

}  // namespace repodigest::exposition
