// What stands on the command line, before any of it is understood.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "repodigest/base/result.h"
#include "repodigest/cli/config.h"
#include "repodigest/cli/options.h"

namespace repodigest::cli {

struct CommandLine {
  Command command = Command::daemon;
  bool help = false;
  bool help_man = false;
  bool version = false;
  std::map<const Option*, Values> values;
  std::vector<std::string> operands;  ///< the images or files behind the command
  std::string
      mistake;  ///< the first thing that is no flag, command, image or file; or a value that is missing
};

CommandLine read_command_line(int argc, const char* const* argv);

/// "; did you mean PREFIXcandidate?" for the candidate nearest to `typed`, or "" if none is near.
std::string did_you_mean(std::string_view typed, const std::vector<std::string>& candidates,
                         const std::string& prefix = "");

}  // namespace repodigest::cli
