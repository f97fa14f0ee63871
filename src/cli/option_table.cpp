#include "option_table.h"

#include <string_view>
#include <utility>

#include "option_setters.h"
#include "repodigest/base/duration.h"

namespace repodigest::cli {
namespace {

auto& docker_host(Config& config) {
  return config.docker.host;
}
auto& docker_context(Config& config) {
  return config.docker.context;
}
auto& docker_cert_path(Config& config) {
  return config.docker.cert_path;
}
auto& docker_tls_verify(Config& config) {
  return config.docker.tls_verify;
}
auto& per_image(Config& config) {
  return config.series.per_image;
}
auto& max_images(Config& config) {
  return config.series.max_images;
}

}  // namespace

std::vector<Option> make_engine_options() {
  using Kind = Option::Kind;
  using exposition::PerImage;
  return {
      {.name = "docker.host",
       .group = Group::docker,
       .placeholder = "<url>",
       .docker_variable = "DOCKER_HOST",
       .found_by_engine = true,
       .help =
           "Where the engine is: unix://, tcp://, http:// or https://. Default: that of the current context, "
           "else unix:///var/run/docker.sock, else the rootless $XDG_RUNTIME_DIR/docker.sock.",
       .set = into(docker_host, read_text)},
      {.name = "docker.context",
       .group = Group::docker,
       .placeholder = "<name>",
       .docker_variable = "DOCKER_CONTEXT",
       .found_by_engine = true,
       .help = "Docker context to take the engine's address and certificates from. Host and context from the "
               "same "
               "source are refused. Default: the current one of the Docker config.",
       .set = into(docker_context, read_text)},
      {.name = "docker.cert-path",
       .group = Group::docker,
       .placeholder = "<dir>",
       .docker_variable = "DOCKER_CERT_PATH",
       .found_by_engine = true,
       .help = "Directory with ca.pem, cert.pem and key.pem; makes tcp:// speak TLS.",
       .set = into(docker_cert_path, read_text)},
      {.name = "docker.tls-verify",
       .group = Group::docker,
       .kind = Kind::negatable,
       .docker_variable = "DOCKER_TLS_VERIFY",
       .found_by_engine = true,
       .help = "Verify the engine's certificate. Default: on, wherever TLS is spoken.",
       .set = into(docker_tls_verify, read_bool)},
      {.name = "docker.api-version",
       .group = Group::docker,
       .placeholder = "<version>",
       .docker_variable = "DOCKER_API_VERSION",
       .help = "API version to speak, such as 1.45. Default: negotiated with the engine.",
       .set = into(&Config::docker_api_version, read_api_version)},
      {.name = "docker.timeout",
       .group = Group::docker,
       .placeholder = "<duration>",
       .default_text = "30s",
       .help = "Deadline of one light call.",
       .set = into(&Config::docker_timeout, read_positive_duration)},
      {.name = "docker.list-timeout",
       .group = Group::docker,
       .placeholder = "<duration>",
       .default_text = "5m",
       .help = "Deadline of a list of all images.",
       .set = into(&Config::docker_list_timeout, read_positive_duration)},
      {.name = "docker.max-connections",
       .group = Group::docker,
       .placeholder = "<n>",
       .default_text = "2",
       .help = "At most so many connections to the engine at once, beside those of the corrected Docker API. "
               "The poller uses one, its event stream another: with 1 there are no events.",
       .set = into_number(&Config::docker_max_connections, 1)},
      {.name = "docker.max-response-bytes",
       .group = Group::docker,
       .placeholder = "<size>",
       .default_text = "256MiB",
       .help =
           "Largest list that is read (other answers: 16MiB). A number of bytes, or with KiB, MiB or GiB.",
       .set = into(&Config::docker_max_response_bytes, read_bytes)},
      {.name = "demo",
       .group = Group::docker,
       .kind = Kind::toggle,
       .help = "Poll the embedded recorded engine instead of a real one.",
       .set = into(&Config::demo, read_bool)},
      {.name = "poll",
       .group = Group::polling,
       .kind = Kind::negatable,
       .default_text = "true",
       .help = "Ask the engine for its images; off, there is nothing but the corrected Docker API.",
       .set = into(&Config::poll, read_bool)},
      {.name = "poll.interval",
       .group = Group::polling,
       .placeholder = "<duration>",
       .default_text = "60s",
       .help = "How often the engine is asked: lightly while its events vouch for what is known, else for a "
               "list of all images.",
       .set = into(&Config::poll_interval, read_positive_duration)},
      {.name = "poll.full-interval",
       .group = Group::polling,
       .placeholder = "<duration>",
       .default_text = "1h",
       .help = "How often all images are listed while events vouch for what is known; at least the interval.",
       .set = into(&Config::poll_full_interval, read_positive_duration)},
      {.name = "poll.events",
       .group = Group::polling,
       .kind = Kind::negatable,
       .default_text = "true",
       .help = "Listen to the engine's events, so that changes are seen at once and lists are rare.",
       .set = into(&Config::poll_events, read_bool)},
      {.name = "poll.max-engine-share",
       .group = Group::polling,
       .placeholder = "<share>",
       .default_text = "0.1",
       .help = "Share of the time that the engine may be kept busy, above 0 and at most 1; lists and "
               "inspections wait for it.",
       .set = into(&Config::poll_max_engine_share, read_share)},
      {.name = "poll.stale-after",
       .group = Group::polling,
       .placeholder = "<duration>",
       .default_text = "5m",
       .help = "An inventory that was not confirmed for so long, and for at least two intervals, is stale: "
               "its series "
               "end.",
       .set = into(&Config::poll_stale_after, parse_duration)},
      {.name = "poll.containers",
       .group = Group::polling,
       .kind = Kind::negatable,
       .default_text = "true",
       .help = "Ask for containers too, to show which were made from images with duplicates.",
       .set = into(&Config::poll_containers, read_bool)},
      {.name = "cache.file",
       .group = Group::polling,
       .placeholder = "<file>",
       .help = "Keeps what was inspected, so that a restart does not ask the engine again. Default: none.",
       .set = into(&Config::cache_file, read_text)},
      {.name = "metrics.per-image",
       .group = Group::metrics,
       .placeholder = "<which>",
       .default_text = "all",
       .help = "Images that get series of their own: all, anomalous or none.",
       .set = into_choice<decltype(&per_image), PerImage>(
           per_image,
           {{"all", PerImage::all}, {"anomalous", PerImage::anomalous}, {"none", PerImage::none}})},
      {.name = "metrics.max-images",
       .group = Group::metrics,
       .placeholder = "<n>",
       .default_text = "5000",
       .help = "At most so many images get series of their own: those with duplicates first, then other "
               "anomalies.",
       .set = into_number(max_images, 0)}};
}

std::vector<Option> make_other_options() {
  using Kind = Option::Kind;
  const auto level_choices =
      std::vector<std::pair<std::string_view, log::Level>>{{"debug", log::Level::debug},
                                                           {"info", log::Level::info},
                                                           {"warn", log::Level::warn},
                                                           {"error", log::Level::error}};
  return {
      {.name = "config.file",
       .group = Group::configuration,
       .placeholder = "<file>",
       .in_config_file = false,
       .help = "YAML file with the same names: \"poll.interval: 30s\", or nested \"poll: {interval: 30s}\".",
       .set = into(&Config::config_file, read_text)},
      {.name = "config.check",
       .group = Group::configuration,
       .kind = Kind::toggle,
       .in_config_file = false,
       .help =
           "Read and check flags, environment and config file, say \"config ok\" or what is wrong, and end.",
       .set = into(&Config::config_check, read_bool)},
      {.name = "log.level",
       .group = Group::logging,
       .placeholder = "<level>",
       .default_text = "info",
       .help = "Least level that is logged: debug, info, warn or error.",
       .set = into_choice(&Config::log_level, level_choices)},
      {.name = "log.format",
       .group = Group::logging,
       .placeholder = "<format>",
       .default_text = "logfmt",
       .help = "How a line looks: logfmt or json. The log goes to stderr.",
       .set = into_choice<decltype(&Config::log_format), log::Format>(
           &Config::log_format, {{"logfmt", log::Format::logfmt}, {"json", log::Format::json}})},
      {.name = "url",
       .group = Group::running_daemon,
       .placeholder = "<url>",
       .help =
           "Ask the daemon that runs at http://host:10474 or unix:///path. Default: check asks the engine, "
           "healthcheck the daemon that these flags and variables describe.",
       .set = into(&Config::url, read_daemon_url)},
      {.name = "format",
       .group = Group::check,
       .placeholder = "<format>",
       .default_text = "table",
       .help = "How the report looks: table, json, prometheus or nagios.",
       .set = into_choice<decltype(&Config::check_format), CheckFormat>(
           &Config::check_format, {{"table", CheckFormat::table},
                                   {"json", CheckFormat::json},
                                   {"prometheus", CheckFormat::prometheus},
                                   {"nagios", CheckFormat::nagios}})},
      {.name = "output",
       .group = Group::check,
       .placeholder = "<file>",
       .help = "Write the report to this file, whole or not at all. Default: stdout.",
       .set = into(&Config::check_output, read_text)},
      {.name = "warning",
       .group = Group::check,
       .placeholder = "<n>",
       .default_text = "1",
       .help = "Images with duplicates from which on the exit code is 1.",
       .set = into_number(&Config::check_warning, 0)},
      {.name = "critical",
       .group = Group::check,
       .placeholder = "<n>",
       .default_text = "10",
       .help =
           "Images with duplicates from which on the state is critical (exit code 2 in the nagios format).",
       .set = into_number(&Config::check_critical, 0)},
      {.name = "repository",
       .group = Group::digest,
       .placeholder = "<repository>",
       .help = "The repository whose digest is wanted, such as registry.example.com/team/app. Default: that "
               "of IMAGE; any, where IMAGE is an Id.",
       .set = into(&Config::digest_repository, read_text)},
      {.name = "count",
       .group = Group::dedupe,
       .kind = Kind::toggle,
       .help = "Say on stderr how many entries were left out of how many lists.",
       .set = into(&Config::dedupe_count, read_bool)},
  };
}

}  // namespace repodigest::cli
