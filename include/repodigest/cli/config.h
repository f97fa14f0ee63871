// What the user wants: flags, environment and config file become one Config.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "repodigest/base/clock.h"
#include "repodigest/base/log.h"
#include "repodigest/base/result.h"
#include "repodigest/engine/endpoint.h"
#include "repodigest/exposition/text.h"
#include "repodigest/web/server.h"

namespace repodigest::cli {

enum class Command { daemon, check, healthcheck };
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

  Duration poll_interval = std::chrono::seconds(60);
  Duration poll_stale_after = std::chrono::minutes(5);

  exposition::SeriesOptions series;  ///< --metrics.per-image, --metrics.max-images

  std::vector<web::ListenAddress> web_listen_addresses;  ///< never empty after parse()
  std::string web_telemetry_path = "/metrics";
  bool web_api = true;
  bool web_disable_exporter_metrics = false;
  std::size_t web_max_requests = 40;
  std::size_t web_max_connections = 512;

  bool config_check = false;
  std::string config_file;
  log::Level log_level = log::Level::info;
  log::Format log_format = log::Format::logfmt;

  // check
  std::vector<std::string> check_images;
  CheckFormat check_format = CheckFormat::table;
  std::string check_output;  ///< "" is stdout
  std::size_t check_warning = 1;
  std::size_t check_critical = 1;
  // check and healthcheck
  std::string
      url;  ///< of a running daemon; "" asks the engine (check) or the daemon of the own flags (healthcheck)
};

/// What came of reading the command line.
struct Parsed {
  std::optional<Config> config;  ///< nothing: print `output` and end with `exit_code`
  std::string output;            ///< help, version, or what is wrong with a hint
  int exit_code = 0;             ///< 0 for help, version and a good --config.check; 2 for usage errors
};

/// Reads flags, then environment, then the config file; flag > environment > config file > default. Errors go
/// into Parsed::output as text that names the flag, variable or file with line. Any thread; reads files and
/// environment through `surroundings` only.
Parsed parse(int argc, const char* const* argv, const engine::Surroundings& surroundings);

/// The text of --version: seven lines in the order of Prometheus' exporters (prometheus/common
/// version/info.go).
std::string version_text();

}  // namespace repodigest::cli
