// What --help, --version and the man page say.
#pragma once

#include <string>

#include "repodigest/cli/config.h"

namespace repodigest::cli {

/// The text of --help for one command, at most 100 columns wide.
std::string help_text(Command command);

/// The options as the OPTIONS part of the man page (man(7) macros).
std::string man_options();

}  // namespace repodigest::cli
