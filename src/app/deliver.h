// Brings a report to its reader: stdout, or a file that appears whole or not at all.
#pragma once

#include <string>
#include <string_view>

#include "repodigest/base/result.h"

namespace repodigest::app {

/// Writes everything to stdout. Errors: interrupted (closed pipe, full disk).
Status write_stdout(std::string_view text);

/// Writes `path` as replace_file() does, mode 0644, as node_exporter's textfile collector needs; but what is
/// no regular file (/dev/null, /dev/stdout, a pipe) stays and is written into, unless a stranger put it in a
/// folder that everybody may write to. Errors: permission, connect (disk full and the like).
Status write_file(const std::string& path, std::string_view text);

}  // namespace repodigest::app
