// The recording that is linked into the program (CMakeLists.txt here says which files).
#pragma once

#include <string_view>
#include <utility>
#include <vector>

namespace repodigest::support {

/// File name and content, by name. The views live as long as the program.
std::vector<std::pair<std::string_view, std::string_view>> embedded_files();

}  // namespace repodigest::support
