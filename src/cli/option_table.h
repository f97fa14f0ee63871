// The rows of the table of options.
#pragma once

#include <vector>

#include "repodigest/cli/options.h"

namespace repodigest::cli {

/// In the order of --help.
std::vector<Option> make_options();

}  // namespace repodigest::cli
