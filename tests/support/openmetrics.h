// What others' parsers of OpenMetrics say about ours.
#pragma once

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "support/feed_command.h"
#include "support/temporary_folder.h"

namespace repodigest::support {

inline bool have_openmetrics_parser() {
  return succeeds("/usr/bin/python3 -c 'import prometheus_client.openmetrics.parser'");
}
constexpr const char* no_openmetrics_parser =
    "THERE IS NO STRICT PARSER OF OPENMETRICS HERE: what it says was not tested (Debian: "
    "python3-prometheus-client)";

/// Whether prometheus_client's parser, which checks all that the specification demands, takes the text.
inline bool python_takes(const std::string& openmetrics) {
  return feed_command(
             "/usr/bin/python3 -c '"
             "import sys, prometheus_client.openmetrics.parser as parser\n"
             "text = sys.stdin.buffer.read().decode()\n"  // all of it: who feeds it must not meet a closed
                                                          // pipe
             "sys.exit(0 if list(parser.text_string_to_metric_families(text)) else \"no families\")'",
             openmetrics) == 0;
}

/// Whether Prometheus' own parser takes the text and can store all of it.
inline bool promtool_takes(const std::string& openmetrics) {
  const TemporaryFolder folder;
  std::ofstream file(folder.path() / "metrics");
  std::istringstream lines(openmetrics);
  for (std::string line; std::getline(lines, line);)
    file << line << (line.starts_with('#') ? "\n" : " 1795464000\n");  // it wants to know when
  file.close();
  return succeeds("promtool tsdb create-blocks-from openmetrics " + (folder.path() / "metrics").string() +
                  " " + (folder.path() / "blocks").string());
}

}  // namespace repodigest::support
