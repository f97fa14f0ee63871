// What the user wants: flags, environment and config file become one Config.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "repodigest/base/clock.h"
#include "repodigest/base/log.h"
#include "repodigest/base/result.h"
#include "repodigest/engine/endpoint.h"
#include "repodigest/exposition/text.h"
#include "repodigest/facade/facade.h"
#include "repodigest/web/server.h"

namespace repodigest::cli {

enum class Command { daemon, check, digest, dedupe, healthcheck };
enum class CheckFormat { table, json, prometheus, nagios };

/// Everything that can be set, with the defaults of the contract.
struct Config {
  Command command = Command::daemon;

  engine::EndpointOptions docker;
  std::string docker_api_version;  ///< "" is negotiated
  Duration docker_timeout = std::chrono::seconds(30);
  Duration docker_list_timeout = std::chrono::minutes(5);
  std::size_t docker_max_connections = 2;
  std::size_t docker_max_response_bytes = std::size_t{256} << 20U;
  bool demo = false;

  bool poll = true;  ///< off: nothing but the corrected Docker API
  Duration poll_interval = std::chrono::seconds(60);
  Duration poll_full_interval = std::chrono::hours(1);  ///< never below poll_interval after parse()
  bool poll_events = true;
  double poll_max_engine_share = 0.1;  ///< above 0, at most 1
  Duration poll_stale_after = std::chrono::minutes(5);
  bool poll_containers = true;
  std::string cache_file;  ///< "" is none

  exposition::SeriesOptions series;  ///< --metrics.per-image, --metrics.max-images

  std::vector<web::ListenAddress> web_listen_addresses;  ///< never empty after parse()
  bool web_systemd_socket = false;  ///< the daemon listens at what systemd passes to it instead of these
  std::string web_telemetry_path = "/metrics";  ///< below web_route_prefix
  std::string web_external_url;                 ///< "" is not known
  std::string web_route_prefix;  ///< "" or "/a/b": before every path; after parse() that of the
                                 ///< external URL where none was given
  bool web_api = true;
  bool web_ui = true;  ///< off: on `/` there is only a list of links
  bool web_disable_exporter_metrics = false;
  std::string web_config_file;  ///< "" is none
  bool web_enable_lifecycle = false;
  std::size_t web_max_requests = 40;
  std::size_t web_max_connections = 512;

  std::vector<web::ListenAddress> docker_api_listen_addresses;  ///< empty: no corrected Docker API
  std::string docker_api_web_config_file;                       ///< "" is none
  unsigned docker_api_socket_mode = 0660;
  std::string docker_api_socket_group;  ///< a name or a number; "" is the process's own
  bool docker_api_correct = true;
  facade::Groups docker_api_allow;
  bool docker_api_insecure = false;  ///< without it, or the web config file, parse() lets the daemon have no
                                     ///< TCP address above

  bool config_check = false;
  std::string config_file;
  log::Level log_level = log::Level::info;
  log::Format log_format = log::Format::logfmt;

  // check
  std::vector<std::string> check_images;
  CheckFormat check_format = CheckFormat::table;
  std::string check_output;  ///< "" is stdout
  std::size_t check_warning = 1;
  std::size_t check_critical = 10;
  // digest
  std::string digest_image;       ///< not empty after parse() of that command
  std::string digest_repository;  ///< "" is the image's own

  // dedupe
  std::vector<std::string> dedupe_files;  ///< "-" is stdin, and so is no file
  bool dedupe_count = false;

  // check and healthcheck
  /// Of a running daemon; "" asks the engine (check) or the daemon that the other values describe
  /// (healthcheck).
  std::string url;
};

/// By the name of each option: the texts that it got from its strongest source, its default's too; none if it
/// has neither.
using Settings = std::map<std::string, std::vector<std::string>>;

/// What came of reading the command line.
struct Parsed {
  std::optional<Config> config;  ///< nothing: print `output` and end with `exit_code`
  /// Help, version, "config ok", or what is wrong with a hint; ends with a newline. It belongs on stderr when
  /// exit_code is 1 or 2 and on stdout else: monitoring agents read the text of exit code 3 there.
  std::string output;
  /// 0 for help, version and a good --config.check; 2 for usage errors, but 3 (unknown) for those of
  /// `check --format=nagios`, and 1 for those of `healthcheck`.
  int exit_code = 0;
  /// One sentence each, to be logged once the log is configured: a variable that looks like one of ours and
  /// is none. It is no error, since container platforms put variables of that prefix into the environment.
  std::vector<std::string> warnings;
  Settings settings = {};  ///< with config
};

/// Reads flags, environment and the config file; flag > environment > config file > default. A variable of
/// Docker's own is part of the environment: it yields to the exporter's variable and beats the config file.
/// Those that engine::find_endpoint looks up itself stay unset in Config::docker. Of docker.host and
/// docker.context from different sources only the one from the stronger source is kept; both from the same
/// source are kept for find_endpoint to refuse. A variable's value is not looked at where a flag overrides
/// it; the config file is always checked whole. What only the daemon would stumble over (--no-poll with
/// nothing else to do, a Docker API on TCP without certificates) is refused for the daemon alone. Errors go
/// into Parsed::output as one line that names the flag, the variable, or the file with line and column.
/// Neither prints nor ends the program. Any thread; reads files and environment through `surroundings` only.
Parsed parse(int argc, const char* const* argv, const engine::Surroundings& surroundings);

/// Whether --docker-api.web.config.file may come to that policy: on TCP it must verify client certificates,
/// unless --docker-api.insecure. Errors: usage. Any thread.
Status allow_docker_api(const Config& config, const access::Policy& policy);

/// The text of --version: seven lines in the order of Prometheus' exporters (prometheus/common
/// version/info.go), with the compiler and the build type where they name Go's version.
std::string version_text();

}  // namespace repodigest::cli
