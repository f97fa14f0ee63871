#include "option_setters.h"
#include "option_table.h"

namespace repodigest::cli {
namespace {

Set into_addresses(std::vector<web::ListenAddress> Config::*field) {
  return [field](Config& config, const Values& values) -> Status {
    std::vector<web::ListenAddress> addresses;
    for (const auto& text : values) {
      auto address = web::ListenAddress::parse(text);
      if (!address) return std::move(address).error();
      addresses.push_back(*std::move(address));
    }
    config.*field = std::move(addresses);
    return {};
  };
}

Status set_allowed_groups(Config& config, const Values& values) {
  std::vector<std::pair<std::string_view, facade::Group>> known;
  for (std::size_t i = 0; i < facade::group_names.size(); ++i)
    known.emplace_back(facade::group_names[i], static_cast<facade::Group>(i));
  facade::Groups groups;
  for (const auto& value : values)
    for (const auto& word : split_at_commas(value)) {
      const auto group = read_choice(trimmed(word), known);
      if (!group) return group.error();
      groups.add(*group);
    }
  config.docker_api_allow = groups;
  return {};
}

}  // namespace

std::vector<Option> make_web_options() {
  using Kind = Option::Kind;
  return {
      {.name = "web.listen-address",
       .group = Group::web,
       .kind = Kind::list,
       .placeholder = "<address>",
       .default_text = ":10474",
       .help = "Address to listen at: host:port, [::1]:port or unix:///path. Repeatable; separated by commas "
               "in the "
               "environment.",
       .set = into_addresses(&Config::web_listen_addresses)},
      {.name = "web.systemd-socket",
       .group = Group::web,
       .kind = Kind::toggle,
       .help = "Listen at the sockets that systemd passes (socket activation) in place of those addresses. "
               "One named docker-api (FileDescriptorName=) is the corrected Docker API's, all others are the "
               "web's.",
       .set = into(&Config::web_systemd_socket, read_bool)},
      {.name = "web.telemetry-path",
       .group = Group::web,
       .placeholder = "<path>",
       .default_text = "/metrics",
       .help = "Path of the metrics.",
       .set = into(&Config::web_telemetry_path, read_telemetry_path)},
      {.name = "web.external-url",
       .group = Group::web,
       .placeholder = "<url>",
       .help = "URL under which a reverse proxy serves this exporter; its path is the default of the route "
               "prefix. A path alone will do. Default: none.",
       .set = into(&Config::web_external_url, read_external_url)},
      {.name = "web.route-prefix",
       .group = Group::web,
       .placeholder = "<path>",
       .help =
           "Prefix of every path of the web server: / where the proxy takes the prefix away. Default: the "
           "path of the external URL, else /.",
       .set = into(&Config::web_route_prefix, read_route_prefix)},
      {.name = "web.api",
       .group = Group::web,
       .kind = Kind::negatable,
       .default_text = "true",
       .help = "Serve the JSON documents below /api/v1/.",
       .set = into(&Config::web_api, read_bool)},
      {.name = "web.ui",
       .group = Group::web,
       .kind = Kind::negatable,
       .default_text = "true",
       .help = "Serve the status page on /; off, there is only a list of links.",
       .set = into(&Config::web_ui, read_bool)},
      {.name = "web.disable-exporter-metrics",
       .group = Group::web,
       .kind = Kind::toggle,
       .help = "Leave out the metrics about the exporter itself (process_*, repodigest_exporter_*).",
       .set = into(&Config::web_disable_exporter_metrics, read_bool)},
      {.name = "web.config.file",
       .group = Group::web,
       .placeholder = "<file>",
       .help =
           "Prometheus' web config file: TLS, users, headers, rate limit; for all but unix sockets. Changes "
           "count at once. Default: none.",
       .set = into(&Config::web_config_file, read_text)},
      {.name = "web.enable-lifecycle",
       .group = Group::web,
       .kind = Kind::negatable,
       .default_text = "false",
       .help = "Let POST /-/reload do what SIGHUP does. Default: off.",
       .set = into(&Config::web_enable_lifecycle, read_bool)},
      {.name = "web.max-requests",
       .group = Group::web,
       .placeholder = "<n>",
       .default_text = "40",
       .help = "At most so many requests under way at once; over it 503. 0 is no limit.",
       .set = into_number(&Config::web_max_requests, 0)},
      {.name = "web.max-connections",
       .group = Group::web,
       .placeholder = "<n>",
       .default_text = "512",
       .help = "At most so many open connections; over it the oldest of those that are idle or slow is "
               "closed.",
       .set = into_number(&Config::web_max_connections, 1)},
      {.name = "docker-api.listen-address",
       .group = Group::docker_api,
       .kind = Kind::list,
       .placeholder = "<address>",
       .help =
           "Address to serve the corrected Docker API at, as for --web.listen-address; a unix socket, or "
           "TCP where --docker-api.web.config.file verifies client certificates. Default: none, it is off.",
       .set = into_addresses(&Config::docker_api_listen_addresses)},
      {.name = "docker-api.web.config.file",
       .group = Group::docker_api,
       .placeholder = "<file>",
       .help = "As --web.config.file, for its TCP addresses: who may scrape may not read what is in here.",
       .set = into(&Config::docker_api_web_config_file, read_text)},
      {.name = "docker-api.socket-mode",
       .group = Group::docker_api,
       .placeholder = "<mode>",
       .default_text = "0660",
       .help = "Permissions of its unix sockets: who may write there may ask.",
       .set = into(&Config::docker_api_socket_mode, read_mode)},
      {.name = "docker-api.socket-group",
       .group = Group::docker_api,
       .placeholder = "<group>",
       .help = "Group of its unix sockets, by name or number. Default: that of the process.",
       .set = into(&Config::docker_api_socket_group, read_text)},
      {.name = "docker-api.correct",
       .group = Group::docker_api,
       .kind = Kind::negatable,
       .default_text = "true",
       .help = "Make every RepoDigests list unique; off, answers are passed on as they are.",
       .set = into(&Config::docker_api_correct, read_bool)},
      {.name = "docker-api.allow",
       .group = Group::docker_api,
       .kind = Kind::list,
       .placeholder = "<groups>",
       .help = "Calls to allow beyond those about images: df, containers, export, events; several separated "
               "by commas. They can carry secrets of containers. Default: none.",
       .set = set_allowed_groups},
      {.name = "docker-api.insecure",
       .group = Group::docker_api,
       .kind = Kind::toggle,
       .help =
           "Let it listen on TCP without certificates, where whoever reaches it reads everything that the "
           "engine tells.",
       .set = into(&Config::docker_api_insecure, read_bool)}};
}

}  // namespace repodigest::cli
