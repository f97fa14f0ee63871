// A real Prometheus, for the tests that are asked by it and ask it.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "deploy/tools.h"
#include "support/feed_command.h"
#include "support/program.h"
#include "support/temporary_folder.h"

namespace repodigest::stack {

using nlohmann::json;

/// Whoever answers Prometheus' HTTP API.
class QueryApi {
 public:
  [[nodiscard]] std::uint16_t port() const { return endpoint_.port; }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(endpoint_.port); }

  [[nodiscard]] std::string body(const std::string& target) const {
    transport::Request request;
    request.target = target;
    request.max_body_bytes = std::size_t{1} << 28U;
    auto answer =
        transport::make_transport(endpoint_)->call(request, Cancel().within(std::chrono::seconds(30)));
    return answer.ok() && answer->status == 200 ? std::move(answer->body) : "";
  }
  /// The elements that a query answers now (each with "metric" and "value"); none while it can't be asked.
  [[nodiscard]] json elements(const std::string& query) const {
    const json answer =
        json::parse(body("/api/v1/query?query=" + transport::encode_path(query)), nullptr, false);
    return answer.is_discarded() ? json::array() : answer.at("data").at("result");
  }
  /// The values by one label.
  [[nodiscard]] std::map<std::string, double> values(const std::string& query,
                                                     const std::string& label) const {
    std::map<std::string, double> values;
    for (const json& one : elements(query))
      values[one.at("metric").value(label, "")] = std::stod(one.at("value").at(1).get<std::string>());
    return values;
  }
  /// The value of a query that answers exactly one element.
  [[nodiscard]] std::optional<double> value(const std::string& query) const {
    const json all = elements(query);
    if (all.size() != 1) return std::nullopt;
    return std::stod(all.at(0).at("value").at(1).get<std::string>());
  }
  /// Waits until a query has that value.
  [[nodiscard]] bool wait_for(const std::string& query, double wanted,
                              std::chrono::seconds patience = std::chrono::seconds(30)) const {
    return support::eventually([&] { return value(query) == wanted; }, patience);
  }

 protected:
  explicit QueryApi(std::uint16_t port = 0) {
    endpoint_.kind = transport::Endpoint::Kind::tcp;
    endpoint_.host = "127.0.0.1";
    endpoint_.port = port;
  }
  void found_at(std::uint16_t port) { endpoint_.port = port; }

 private:
  transport::Endpoint endpoint_;
};

/// With a database of its own. It takes some five seconds to begin with its targets, so there is one for a
/// whole suite.
class Prometheus : public QueryApi {
 public:
  /// `scrape_configs` are lines of that section of its config, which is the last but for sections that they
  /// begin; each target is scraped every second.
  explicit Prometheus(const std::string& scrape_configs, const std::string& program = "prometheus")
      : process_([&] {
          const auto config = folder_.path() / "prometheus.yml";
          std::ofstream(config) << "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n"
                                << scrape_configs;
          return command(program, config, {});
        }()) {
    found_at(support::logged_port(process_, "Listening on"));
  }
  enum class Mode { server, agent };
  /// With a config file. An agent can't be asked anything but what it scrapes.
  explicit Prometheus(const std::filesystem::path& config, Mode mode = Mode::server)
      : process_(command("prometheus", config,
                         mode == Mode::agent ? std::vector<std::string>{"--enable-feature=agent"}
                                             : std::vector<std::string>{})) {
    found_at(support::logged_port(process_, "Listening on"));
  }

  /// Whether there is one on this machine.
  static bool is_here(const std::string& program = "prometheus") {
    return support::succeeds(program + " --version");
  }

  /// Why the last scrape of a job's one target failed: "" if it did not, or there was none yet.
  [[nodiscard]] std::string last_error(const std::string& job) const {
    const json answer = json::parse(body("/api/v1/targets?state=active"), nullptr, false);
    if (answer.is_discarded()) return "";
    for (const json& target : answer.at("data").at("activeTargets"))
      if (target.at("labels").at("job") == job) return target.at("lastError").get<std::string>();
    return "";
  }
  [[nodiscard]] std::string log() const { return process_.errors(); }

  [[nodiscard]] pid_t pid() const { return process_.pid(); }

 private:
  [[nodiscard]] std::vector<std::string> command(const std::string& program,
                                                 const std::filesystem::path& config,
                                                 std::vector<std::string> flags) const {
    const bool agent = !flags.empty();
    flags.insert(flags.begin(), {program, "--config.file=" + config.string(),
                                 (agent ? "--storage.agent.path=" : "--storage.tsdb.path=") +
                                     (folder_.path() / "data").string(),
                                 "--web.listen-address=127.0.0.1:0"});
    return flags;
  }

  support::TemporaryFolder folder_;
  support::Process process_;
};

/// The path of a Prometheus 3 from a later Debian, which is downloaded once; a name of nothing if it can't be
/// had.
inline std::string prometheus_3() {
  const std::string path =
      deploy::unpacked("prometheus-sid", "prometheus/sid").value_or("") + "/usr/bin/prometheus";
  return support::succeeds("'" + path + "' --version 2>&1 | grep -q 'version 3'") ? path : "no-prometheus-3";
}

}  // namespace repodigest::stack
