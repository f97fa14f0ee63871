// The dashboards of dashboards/, as the tests read them.
#pragma once

#include <cctype>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "support/program.h"

namespace repodigest::stack {

using nlohmann::json;

inline std::string dashboard_text(const std::string& name) {
  return support::read_file(REPODIGEST_SOURCE_DIR "/dashboards/" + name + ".json");
}

/// Panels of all rows, the rows themselves (they show nothing) left out.
inline std::vector<json> panels_of(const json& dashboard) {
  std::vector<json> panels;
  for (const json& panel : dashboard.at("panels")) {
    if (panel.at("type") != "row") panels.push_back(panel);
    for (const json& inner : panel.value("panels", json::array())) panels.push_back(inner);
  }
  return panels;
}

inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

/// A query as Grafana sends it when all hosts are chosen.
inline std::string expanded(const std::string& expression) {
  return replaced(replaced(replaced(expression, "$__rate_interval", "1m"), "$job", ".+"), "$instance", ".+");
}

/// A selector of a query: the metric's name, what stands in its braces ("" without any) and right before it.
struct Selector {
  std::string metric;
  std::string matchers;
  std::string before;
};

/// The selectors of a query. No parser: it takes for a metric whatever is named as ours and Prometheus' own
/// are. That the whole is PromQL, Prometheus says.
inline std::vector<Selector> selectors_of(const std::string& query) {
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  std::vector<Selector> selectors;
  bool quoted = false;
  for (std::size_t at = 0; at < query.size();) {
    if (query[at] == '"') quoted = !quoted;
    if (quoted || !is_word(query[at])) {
      ++at;
      continue;
    }
    const std::size_t begin = at;
    while (at < query.size() && is_word(query[at])) ++at;
    const std::string word = query.substr(begin, at - begin);
    const bool ours = word == "up" || word.starts_with("docker_") || word.starts_with("process_") ||
                      word.starts_with("scrape_") || word.starts_with("repodigest_exporter_");
    const bool braces = at < query.size() && query[at] == '{';
    if (!ours && !braces) continue;
    const std::size_t end = braces ? query.find('}', at) : at;
    selectors.push_back({.metric = word,
                         .matchers = braces ? query.substr(at + 1, end - at - 1) : "",
                         .before = query.substr(0, begin)});
    at = end;
  }
  return selectors;
}

}  // namespace repodigest::stack
