// The config file: YAML with the names of the flags.
#pragma once

#include <string>
#include <vector>

#include "repodigest/base/result.h"
#include "repodigest/cli/options.h"

namespace repodigest::cli {

struct FileSetting {
  const Option* option = nullptr;
  Values values;
  std::string where;  ///< "/etc/repodigest.yml:3:7: poll.interval"
};

/// Reads `content` of the file `path`: one mapping whose keys are flags' names, whole (`poll.interval: 30s`)
/// or nested (`poll: {interval: 30s}`). Errors: Reason::usage, with file, line and column: not YAML, larger
/// than 1 MiB, an unknown key, a key that stands twice, a value of the wrong type.
Result<std::vector<FileSetting>> read_config_file(const std::string& path, const std::string& content);

}  // namespace repodigest::cli
