// The reports of `check`: from the JSON document of /api/v1/images, whether a daemon or our own look made it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "repodigest/base/result.h"

namespace repodigest::app {

struct ReportRow {
  std::string name;
  std::string id;
  bool inspected = false;
  bool inspectable = true;
  std::size_t raw = 0;
  std::size_t unique = 0;
  bool duplicate = false;
  std::string anomalies;  ///< "duplicate, list_mismatch"
};

struct Report {
  std::string engine;  ///< "docker-host, Docker 27.3.1, image store containerd"; "" if unknown
  bool stale = false;
  std::size_t images = 0;
  std::size_t unknown = 0;  ///< not inspected, though they could be
  std::size_t raw = 0;
  std::size_t unique = 0;
  std::size_t with_duplicates = 0;
  std::vector<ReportRow> rows;
};

/// Reads the document of /api/v1/images. Errors: Reason::parse if it isn't one.
Result<Report> read_report(std::string_view document);

/// A document of /api/v1/images whose `images` are these documents of /api/v1/images/{name}. Errors:
/// Reason::parse if one of them isn't what it should be.
Result<std::string> with_images(std::string_view document, const std::vector<std::string>& images);

/// Columns for a person: engine, the images with anomalies (all if `all_rows`), the sums.
std::string as_table(const Report& report, bool all_rows);

/// One line as monitoring-plugins want it, e.g. "REPODIGESTS WARNING - … | dup=5;1;10 raw=155 unique=22".
std::string as_nagios(const Report& report, std::size_t warning, std::size_t critical);
std::string as_nagios_unknown(std::string_view why);

/// "1 image", "2 images".
std::string counted(std::size_t count, std::string_view one, std::string_view many);

/// Foreign text without anything a terminal could obey: control characters become '?', line ends spaces.
std::string printable(std::string_view text);

}  // namespace repodigest::app
