#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "daemon_client.h"
#include "deliver.h"
#include "repodigest/app/commands.h"
#include "repodigest/app/engine_access.h"
#include "repodigest/base/stats.h"
#include "repodigest/exposition/json.h"
#include "repodigest/exposition/live.h"
#include "repodigest/exposition/text.h"
#include "repodigest/poll/driver.h"
#include "repodigest/poll/health.h"
#include "report.h"

namespace repodigest::app {
namespace {

using cli::CheckFormat;

constexpr int exit_no_answer = 3;
constexpr int exit_usage = 2;

/// What was found out: the document of /api/v1/images, and the same as Prometheus text.
struct Findings {
  std::string json;
  std::string prometheus;
};

std::string prometheus_text(const inventory::Snapshot& snapshot, const Stats& stats,
                            const poll::Health& health, const cli::Config& config) {
  return exposition::render_text(snapshot, false, config.series) +
         exposition::render_live(stats, health, {.exporter_metrics = false});
}

/// Whether light calls were made and all of them answered.
bool is_up(const Stats& stats) {
  std::uint64_t calls = 0;
  for (const Operation light : {Operation::ping, Operation::version, Operation::info}) {
    const auto& durations = stats.request_duration[index_of(light)];
    for (std::size_t i = 0; i <= DurationHistogram::bounds.size(); ++i) calls += durations.bucket(i);
    for (const auto& failures : stats.request_failures[index_of(light)])
      if (failures.value() > 0) return false;
  }
  return calls > 0;
}

/// The reason of the only list of containers, in brackets.
std::string why_no_containers(const Stats& stats) {
  const auto& failures = stats.request_failures[index_of(Operation::container_list)];
  for (std::size_t i = 0; i < failures.size(); ++i)
    if (failures[i].value() > 0) return " (" + std::string(reason_names[i]) + ")";
  return "";
}

/// Nothing about images, and docker_up 0 if the engine is away.
std::string prometheus_without_answer(const Error& error, Stats& stats, const cli::Config& config) {
  if (index_of(error.reason) < stats.poll_failures.size()) stats.poll_failures[index_of(error.reason)].add();
  poll::Health health;
  health.up = is_up(stats);
  return prometheus_text({}, stats, health, config);
}

Result<Findings> ask_engine(const cli::Config& config, const engine::Surroundings& surroundings,
                            Stats& stats) {
  const Clock& clock = system_clock();
  auto access = EngineAccess::make(config, surroundings, stats, clock);
  if (!access.ok()) return access.error();
  for (const auto& warning : access->warnings())
    std::fprintf(stderr, "warning: %s\n", printable(warning).c_str());
  stats.polls.add();
  const auto snapshot =
      config.check_images.empty()
          ? poll::look_once(access->client(), config.demo, config.poll_containers, clock, Cancel())
          : poll::look_once_at(access->client(), config.demo, config.check_images, clock, Cancel());
  if (!snapshot.ok()) return snapshot.error();
  if (config.check_images.empty() && config.poll_containers && !(*snapshot)->containers_known)
    std::fprintf(stderr, "warning: the engine's containers could not be listed%s: they are not counted\n",
                 why_no_containers(stats).c_str());
  poll::Health health;
  health.up = health.ready = true;
  health.last_confirmed = health.last_list = clock.wall();
  return Findings{exposition::render_images(**snapshot, false),
                  prometheus_text(**snapshot, stats, health, config)};
}

/// The body of a path of the daemon, or why there is none.
Result<std::string> fetch(const transport::Endpoint& endpoint, const std::string& path,
                          const cli::Config& config) {
  auto answer =
      ask_daemon(endpoint, path, config.docker_max_response_bytes, Cancel().within(config.docker_timeout));
  if (!answer.ok()) return answer.error();
  if (answer->status == 200) return std::move(answer->body);
  const Reason reason = answer->status == 404 ? Reason::not_found : Reason::http;
  if (answer->status == 401)
    return Error{reason,
                 endpoint.text() +
                     " wants a user and a password: let the exporter listen at a unix socket too "
                     "(--web.listen-address=unix:///path), where its mode and group say who may "
                     "ask, and name that with --url",
                 answer->status};
  return Error{reason,
               endpoint.text() + path + " answered with status " + std::to_string(answer->status) + ": " +
                   answer->body.substr(0, 200),
               answer->status};
}

/// The series of a daemon's /metrics that speak of the engine: those of the daemon itself are not the host's.
std::string without_self_metrics(std::string_view text) {
  std::string kept;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
    const auto line = text.substr(0, end);
    auto name = line;
    for (const std::string_view comment : {"# HELP ", "# TYPE "})
      if (name.substr(0, comment.size()) == comment) name.remove_prefix(comment.size());
    if (name.substr(0, 8) != "process_" && name.substr(0, 20) != "repodigest_exporter_") kept += line;
    text.remove_prefix(end);
  }
  return kept;
}

Result<Findings> ask_running_daemon(const cli::Config& config) {
  if (config.check_format == CheckFormat::prometheus && !config.check_images.empty())
    return Error{Reason::usage,
                 "a daemon's series are about all images: leave out the images, --url or "
                 "--format=prometheus"};
  const auto endpoint = daemon_endpoint(config);
  if (!endpoint.ok()) return endpoint.error();
  Findings findings;
  if (config.check_format == CheckFormat::prometheus) {
    auto metrics = fetch(*endpoint, config.web_telemetry_path, config);
    if (!metrics.ok()) return metrics.error();
    findings.prometheus = without_self_metrics(*metrics);
  }
  const bool all = config.check_images.empty();
  auto document = fetch(*endpoint, all ? "/api/v1/images" : "/api/v1/images?limit=0", config);
  if (!document.ok()) return document.error();
  findings.json = std::move(document).value();
  std::vector<std::string> images;
  for (const auto& name : config.check_images) {
    auto image = fetch(*endpoint, "/api/v1/images/" + transport::encode_path(name), config);
    if (!image.ok()) return image.error();
    images.push_back(std::move(image).value());
  }
  if (all) return findings;
  auto chosen = with_images(findings.json, images);
  if (!chosen.ok()) return chosen.error();
  findings.json = std::move(chosen).value();
  return findings;
}

Status deliver(const cli::Config& config, const std::string& text) {
  return config.check_output.empty() ? write_stdout(text) : write_file(config.check_output, text);
}

/// Delivers what can be said without an answer, and tells why on stderr.
int end_without_answer(const cli::Config& config, const Error& error, Stats& stats) {
  const bool usage = error.reason == Reason::usage;
  std::string text;
  if (config.check_format == CheckFormat::nagios) text = as_nagios_unknown(error.text);
  if (config.check_format == CheckFormat::prometheus && !usage)
    text = prometheus_without_answer(error, stats, config);
  if (config.check_format != CheckFormat::nagios)
    std::fprintf(stderr, "repodigest_exporter: %s\n", printable(error.text).c_str());
  if (const Status delivered = text.empty() ? Status() : deliver(config, text); !delivered.ok())
    std::fprintf(stderr, "repodigest_exporter: %s\n", delivered.error().text.c_str());
  return usage && config.check_format != CheckFormat::nagios ? exit_usage : exit_no_answer;
}

std::string in_format(const cli::Config& config, const Findings& findings, const Report& report) {
  switch (config.check_format) {
    case CheckFormat::table:
      return as_table(report, !config.check_images.empty());
    case CheckFormat::json:
      return findings.json.empty() || findings.json.back() == '\n' ? findings.json : findings.json + "\n";
    case CheckFormat::prometheus:
      return findings.prometheus;
    case CheckFormat::nagios:
      return as_nagios(report, config.check_warning, config.check_critical);
  }
  return {};
}

int exit_code(const cli::Config& config, const Report& report) {
  if (config.check_format == CheckFormat::nagios && report.with_duplicates >= config.check_critical) return 2;
  if (report.with_duplicates >= std::min(config.check_warning, config.check_critical)) return 1;
  return 0;
}

}  // namespace

int run_check(const cli::Config& config, const engine::Surroundings& surroundings) {
  // A closed pipe and a limit of files are exit 3, not a death.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  Stats stats;
  const auto findings =
      config.url.empty() ? ask_engine(config, surroundings, stats) : ask_running_daemon(config);
  if (!findings.ok()) return end_without_answer(config, findings.error(), stats);
  const auto report = read_report(findings->json);
  if (!report.ok()) return end_without_answer(config, report.error(), stats);
  if (report->stale)
    return end_without_answer(
        config, {Reason::timeout, "the daemon's data is stale: its engine does not answer"}, stats);
  // Images without an answer could hide what was asked for: "no duplicates" would be more than was seen.
  const bool incomplete = report->unknown > 0 && exit_code(config, *report) == 0;
  const Error not_all{Reason::interrupted, std::to_string(report->unknown) + " of " +
                                               std::to_string(report->images) +
                                               " images have not been inspected: ask again later"};
  if (incomplete && config.check_format == CheckFormat::nagios)
    return end_without_answer(config, not_all, stats);
  if (const Status delivered = deliver(config, in_format(config, *findings, *report)); !delivered.ok()) {
    std::fprintf(stderr, "repodigest_exporter: %s\n", delivered.error().text.c_str());
    return exit_no_answer;
  }
  if (incomplete) std::fprintf(stderr, "repodigest_exporter: %s\n", not_all.text.c_str());
  return incomplete ? exit_no_answer : exit_code(config, *report);
}

}  // namespace repodigest::app
