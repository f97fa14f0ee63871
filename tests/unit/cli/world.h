// A command line, an environment and files that exist only for one test.
#pragma once

#include <initializer_list>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "repodigest/cli/config.h"

namespace repodigest::cli {

struct World {
  std::map<std::string, std::string> variables;
  std::map<std::string, std::string> files;

  [[nodiscard]] engine::Surroundings surroundings() const {
    engine::Surroundings around;
    around.variable = [this](const std::string& name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      if (found == variables.end()) return std::nullopt;
      return found->second;
    };
    around.variable_names = [this] {
      std::vector<std::string> names;
      for (const auto& [name, value] : variables) names.push_back(name);
      return names;
    };
    around.read_file = [this](const std::string& path) -> Result<std::string> {
      const auto found = files.find(path);
      if (found == files.end())
        return Error{Reason::connect, "cannot read " + path + ": no such file or directory"};
      return found->second;
    };
    around.exists = [this](const std::string& path) { return files.count(path) > 0; };
    return around;
  }

  [[nodiscard]] Parsed parse(const std::vector<std::string>& arguments) const {
    std::vector<const char*> argv = {"repodigest_exporter"};
    for (const auto& argument : arguments) argv.push_back(argument.c_str());
    return cli::parse(static_cast<int>(argv.size()), argv.data(), surroundings());
  }

  /// With a config file of that content.
  [[nodiscard]] Parsed parse_with_file(const std::string& content,
                                       std::vector<std::string> arguments = {}) const {
    World world = *this;
    world.files["/etc/r.yml"] = content;
    arguments.emplace_back("--config.file=/etc/r.yml");
    return world.parse(arguments);
  }
};

/// Every value of a Config as text, but for where the config file is.
inline std::string described(const Config& config) {
  std::ostringstream out;
  const auto optional = [&](const char* name, const auto& value) {
    out << name << '=';
    if (value)
      out << *value;
    else
      out << "(unset)";
    out << '\n';
  };
  out << "command=" << static_cast<int>(config.command) << '\n';
  optional("docker.host", config.docker.host);
  optional("docker.context", config.docker.context);
  optional("docker.cert-path", config.docker.cert_path);
  optional("docker.tls-verify", config.docker.tls_verify);
  out << "docker.api-version=" << config.docker_api_version << '\n'
      << "docker.timeout=" << config.docker_timeout.count() << '\n'
      << "docker.list-timeout=" << config.docker_list_timeout.count() << '\n'
      << "docker.max-connections=" << config.docker_max_connections << '\n'
      << "docker.max-response-bytes=" << config.docker_max_response_bytes << '\n'
      << "demo=" << config.demo << '\n'
      << "poll=" << config.poll << '\n'
      << "poll.interval=" << config.poll_interval.count() << '\n'
      << "poll.full-interval=" << config.poll_full_interval.count() << '\n'
      << "poll.events=" << config.poll_events << '\n'
      << "poll.max-engine-share=" << config.poll_max_engine_share << '\n'
      << "poll.stale-after=" << config.poll_stale_after.count() << '\n'
      << "poll.containers=" << config.poll_containers << '\n'
      << "cache.file=" << config.cache_file << '\n'
      << "metrics.per-image=" << static_cast<int>(config.series.per_image) << '\n'
      << "metrics.max-images=" << config.series.max_images << '\n'
      << "web.telemetry-path=" << config.web_telemetry_path << '\n'
      << "web.systemd-socket=" << config.web_systemd_socket << '\n'
      << "web.external-url=" << config.web_external_url << '\n'
      << "web.route-prefix=" << config.web_route_prefix << '\n'
      << "web.api=" << config.web_api << '\n'
      << "web.ui=" << config.web_ui << '\n'
      << "web.disable-exporter-metrics=" << config.web_disable_exporter_metrics << '\n'
      << "web.config.file=" << config.web_config_file << '\n'
      << "web.enable-lifecycle=" << config.web_enable_lifecycle << '\n'
      << "web.max-requests=" << config.web_max_requests << '\n'
      << "web.max-connections=" << config.web_max_connections << '\n'
      << "docker-api.web.config.file=" << config.docker_api_web_config_file << '\n'
      << "docker-api.socket-mode=" << config.docker_api_socket_mode << '\n'
      << "docker-api.socket-group=" << config.docker_api_socket_group << '\n'
      << "docker-api.correct=" << config.docker_api_correct << '\n'
      << "docker-api.insecure=" << config.docker_api_insecure << '\n'
      << "config.check=" << config.config_check << '\n'
      << "log.level=" << static_cast<int>(config.log_level) << '\n'
      << "log.format=" << static_cast<int>(config.log_format) << '\n'
      << "url=" << config.url << '\n'
      << "format=" << static_cast<int>(config.check_format) << '\n'
      << "output=" << config.check_output << '\n'
      << "warning=" << config.check_warning << '\n'
      << "critical=" << config.check_critical << '\n'
      << "repository=" << config.digest_repository << '\n'
      << "count=" << config.dedupe_count << '\n'
      << "digest of=" << config.digest_image << '\n';
  for (std::size_t i = 0; i < facade::group_names.size(); ++i)
    if (config.docker_api_allow.has(static_cast<facade::Group>(i)))
      out << "docker-api.allow=" << facade::group_names[i] << '\n';
  for (const auto& address : config.docker_api_listen_addresses)
    out << "docker-api.listen-address=" << address.text() << '\n';
  for (const auto& file : config.dedupe_files) out << "FILE=" << file << '\n';
  for (const auto& address : config.web_listen_addresses)
    out << "web.listen-address=" << address.text() << '\n';
  for (const auto& image : config.check_images) out << "IMAGE=" << image << '\n';
  return out.str();
}

}  // namespace repodigest::cli
