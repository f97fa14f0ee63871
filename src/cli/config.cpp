#include "repodigest/cli/config.h"

#include <algorithm>
#include <map>

#include "command_line.h"
#include "config_file.h"
#include "help.h"
#include "repodigest/access/keeper.h"
#include "repodigest/base/secret.h"
#include "repodigest/cli/options.h"
#include "values.h"

namespace repodigest::cli {
namespace {

/// Where a value came from, the weakest first.
enum class Source { defaults, file, environment, flag };

/// A value that was found, and how an error about it begins.
struct Found {
  Source source = Source::defaults;
  Values values;
  std::string where;
};

/// The address at which others could reach the corrected Docker API and do as they please; null for none.
const web::ListenAddress* open_docker_api(const Config& config) {
  const auto& addresses = config.docker_api_listen_addresses;
  const auto tcp =
      std::find_if(addresses.begin(), addresses.end(), [](const auto& address) { return !address.is_unix; });
  return tcp == addresses.end() || config.docker_api_insecure ? nullptr : &*tcp;
}

/// What the daemon cannot mean about the corrected Docker API.
Status refuse_docker_api(const Config& config) {
  // Among the sockets that systemd passes there may be one for it.
  if (!config.poll && config.docker_api_listen_addresses.empty() && !config.web_systemd_socket)
    return usage_error(
        "--no-poll leaves nothing to do: add --docker-api.listen-address, or leave it out to poll");
  const auto* const tcp = open_docker_api(config);
  // What is in the file is found out where it is read.
  if (tcp == nullptr || !config.docker_api_web_config_file.empty()) return {};
  return usage_error("--docker-api.listen-address: " + tcp->text() +
                     " is TCP without certificates: whoever reaches it reads everything that the engine "
                     "tells; use unix:///path, give certificates with --docker-api.web.config.file, or add "
                     "--docker-api.insecure if that is meant");
}

/// What is odd about it, but may be meant.
std::vector<std::string> docker_api_warnings(const Config& config) {
  const auto& addresses = config.docker_api_listen_addresses;
  const bool has_socket =
      std::any_of(addresses.begin(), addresses.end(), [](const auto& address) { return address.is_unix; });
  if (!has_socket || (config.docker_api_socket_mode & 0002U) == 0) return {};
  return {"--docker-api.socket-mode lets every user of this machine read everything that the engine tells"};
}

/// What a message may say of values: any of them may be a URL that was meant for another setting.
std::string without_passwords_of(const Values& values, std::string text) {
  for (const std::string& value : values) {
    const std::string shown = without_password(value);
    if (shown == value) continue;
    for (auto at = text.find(value); at != std::string::npos; at = text.find(value, at + shown.size()))
      text.replace(at, value.size(), shown);
  }
  return text;
}

/// Sets one option after the other to what its strongest source says.
class Merger {
 public:
  Merger(const CommandLine& line, const engine::Surroundings& surroundings)
      : line_(line), surroundings_(surroundings) {}

  Result<Config> merge() {
    config_.command = line_.command;
    if (line_.command == Command::check) config_.check_images = line_.operands;
    if (line_.command == Command::digest) config_.digest_image = line_.operands.front();
    if (line_.command == Command::dedupe) config_.dedupe_files = line_.operands;
    if (auto status = read_file(); !status) return std::move(status).error();
    for (const auto& option : options())
      if (auto status = set(option); !status) return std::move(status).error();
    keep_the_stronger(*find_option("docker.host"), config_.docker.host, *find_option("docker.context"),
                      config_.docker.context);
    if (auto status = default_route_prefix(); !status) return std::move(status).error();
    config_.poll_full_interval = std::max(config_.poll_full_interval, config_.poll_interval);
    if (config_.command == Command::daemon)
      if (auto status = refuse_docker_api(config_); !status) return std::move(status).error();
    return std::move(config_);
  }

  /// After merge().
  [[nodiscard]] Settings settings() const {
    Settings settings;
    for (const auto& [option, found] : sources_) settings[option->name] = found.values;
    return settings;
  }

 private:
  /// As in Prometheus and Alertmanager: whoever names the URL alone has a proxy that keeps its path.
  Status default_route_prefix() {
    if (!sources_.at(find_option("web.route-prefix")).values.empty()) return {};
    auto prefix = path_of_external_url(config_.web_external_url);
    if (!prefix)
      return usage_error(sources_.at(find_option("web.external-url")).where + ": " + prefix.error().text);
    config_.web_route_prefix = *std::move(prefix);
    return {};
  }

  [[nodiscard]] std::optional<std::string> variable(const std::string& name) const {
    auto value = surroundings_.variable(name);
    if (value && value->empty()) return std::nullopt;
    return value;
  }

  Status read_file() {
    const auto& option = *find_option("config.file");
    if (auto status = set(option); !status) return status;
    if (config_.config_file.empty()) return {};
    const auto content = surroundings_.read_file(config_.config_file);
    if (!content) return usage_error(sources_.at(&option).where + ": " + content.error().text);
    auto settings = read_config_file(config_.config_file, *content);
    if (!settings) return std::move(settings).error();
    for (auto& setting : *settings) {
      Config scratch;  // a value that is overridden must be right all the same
      if (auto status = apply(scratch, *setting.option, setting.values, setting.where); !status)
        return status;
      file_[setting.option] = std::move(setting);
    }
    return {};
  }

  Status set(const Option& option) {
    const Found& found = sources_[&option] = find(option);
    return found.values.empty() ? Status() : apply(config_, option, found.values, found.where);
  }

  [[nodiscard]] Found find(const Option& option) const {
    if (const auto flag = line_.values.find(&option); flag != line_.values.end())
      return {Source::flag, flag->second, "--" + option.name};
    if (const auto own = variable(option.variable()))
      return {Source::environment, option.kind == Option::Kind::list ? split_at_commas(*own) : Values{*own},
              option.variable()};
    if (!option.docker_variable.empty())
      if (const auto dockers = variable(option.docker_variable))
        return {Source::environment, option.found_by_engine ? Values{} : Values{*dockers},
                option.docker_variable};
    if (const auto file = file_.find(&option); file != file_.end())
      return {Source::file, file->second.values, file->second.where};
    return {Source::defaults, option.default_text.empty() ? Values{} : Values{option.default_text},
            "--" + option.name};
  }

  static Status apply(Config& config, const Option& option, const Values& values, const std::string& where) {
    auto status = option.set(config, values);
    if (status) return status;
    return usage_error(where + ": " + without_passwords_of(values, status.error().text));
  }

  /// Host and context are two ways to say one thing: the one from the stronger source counts.
  void keep_the_stronger(const Option& left, std::optional<std::string>& left_value, const Option& right,
                         std::optional<std::string>& right_value) const {
    const Source left_source = sources_.at(&left).source;
    const Source right_source = sources_.at(&right).source;
    if (left_source < right_source) left_value.reset();
    if (right_source < left_source) right_value.reset();
  }

  const CommandLine& line_;
  const engine::Surroundings& surroundings_;
  Config config_;
  std::map<const Option*, FileSetting> file_;
  std::map<const Option*, Found> sources_;
};

/// Kubernetes gives every container variables for each service, and a service may be named like the program:
/// …_SERVICE_HOST, …_SERVICE_PORT(_name), …_PORT, …_PORT_10474_TCP(_…).
bool is_service_variable(std::string_view name) {
  const std::string_view rest = name.substr(variable_prefix.size());
  return rest.substr(0, 8) == "SERVICE_" || rest == "PORT" || rest.substr(0, 5) == "PORT_";
}

std::vector<std::string> unknown_variables(const engine::Surroundings& surroundings) {
  std::vector<std::string> warnings;
  if (!surroundings.variable_names) return warnings;
  const auto behind_prefix = [](const std::string& name) { return name.substr(variable_prefix.size()); };
  std::vector<std::string> known;
  for (const auto& option : options()) known.push_back(behind_prefix(option.variable()));
  for (const auto& name : surroundings.variable_names()) {
    if (name.substr(0, variable_prefix.size()) != variable_prefix || is_service_variable(name)) continue;
    const std::string rest = behind_prefix(name);
    if (std::find(known.begin(), known.end(), rest) == known.end())
      warnings.push_back("the variable " + name + " means nothing to this program and is ignored" +
                         did_you_mean(rest, known, std::string(variable_prefix)));
  }
  return warnings;
}

/// Who reads the answer: what is wrong is told to each in his way.
enum class Reader {
  person,      ///< exit code 2
  nagios,      ///< a monitoring agent: 3, "unknown"
  supervisor,  ///< of containers, which knows 0 and 1 (Docker keeps 2 for itself)
};

/// As far as can be told when something else is wrong.
Reader reader_of(const CommandLine& line, const engine::Surroundings& surroundings) {
  if (line.command == Command::healthcheck) return Reader::supervisor;
  if (line.command != Command::check) return Reader::person;
  const auto* const option = find_option("format");
  const auto flag = line.values.find(option);
  const auto format =
      flag != line.values.end() ? flag->second.back() : surroundings.variable(option->variable());
  return format == "nagios" ? Reader::nagios : Reader::person;
}

Parsed refusal(Reader reader, std::string text) {
  const bool nagios = reader == Reader::nagios;
  // What was typed may hold anything; the answer is one line, and what follows a bar is performance data to
  // Nagios.
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7F || (nagios && c == '|')) c = '?';
  text = (nagios ? "REPODIGESTS UNKNOWN - " : "repodigest_exporter: ") + text +
         " (see repodigest_exporter --help)\n";
  const int exit_code = nagios ? 3 : reader == Reader::supervisor ? 1 : 2;
  return {std::nullopt, std::move(text), exit_code, {}};
}

/// What --config.check answers once everything was read.
Parsed checked(const Config& config, const engine::Surroundings& surroundings,
               std::vector<std::string> warnings, Reader reader) {
  const auto endpoint = engine::find_endpoint(config.docker, surroundings);
  if (!endpoint) return refusal(reader, endpoint.error().text);
  Status status;
  if (!config.web_config_file.empty()) status = access::check_web_config(config.web_config_file);
  if (status && !config.docker_api_web_config_file.empty())
    status = access::check_web_config(config.docker_api_web_config_file, [&](const access::Policy& policy) {
      return allow_docker_api(config, policy);
    });
  if (!status) return refusal(reader, status.error().text);
  warnings.insert(warnings.end(), endpoint->warnings.begin(), endpoint->warnings.end());
  std::string output;
  for (const auto& warning : warnings) output += "warning: " + warning + '\n';
  return {std::nullopt, output + "config ok\n", 0, {}};
}

}  // namespace

Status allow_docker_api(const Config& config, const access::Policy& policy) {
  if (open_docker_api(config) == nullptr || policy.verifies_clients) return {};
  return usage_error(config.docker_api_web_config_file +
                     " does not verify client certificates, so whoever reaches the Docker API on TCP would "
                     "read everything that the engine tells: set client_auth_type to "
                     "RequireAndVerifyClientCert and client_ca_file, or add --docker-api.insecure if that is "
                     "meant");
}

Parsed parse(int argc, const char* const* argv, const engine::Surroundings& surroundings) {
  const CommandLine line = read_command_line(argc, argv);
  if (line.help) return {std::nullopt, help_text(line.command), 0, {}};
  if (line.help_man) return {std::nullopt, man_options(), 0, {}};
  if (line.version) return {std::nullopt, version_text(), 0, {}};

  const Reader reader = reader_of(line, surroundings);
  if (!line.mistake.empty()) return refusal(reader, line.mistake);
  Merger merger(line, surroundings);
  auto config = merger.merge();
  if (!config) return refusal(reader, config.error().text);
  auto warnings = unknown_variables(surroundings);
  if (config->command == Command::daemon)
    for (auto& warning : docker_api_warnings(*config)) warnings.push_back(std::move(warning));
  if (config->config_check) return checked(*config, surroundings, std::move(warnings), reader);
  return {*std::move(config), "", 0, std::move(warnings), merger.settings()};
}

}  // namespace repodigest::cli
