// The rows of the table of options.
#pragma once

#include <vector>

#include "repodigest/cli/options.h"

namespace repodigest::cli {

// In the order of --help. Those for web servers stand in a file of their own.
std::vector<Option> make_engine_options();
std::vector<Option> make_web_options();
std::vector<Option> make_other_options();

}  // namespace repodigest::cli
