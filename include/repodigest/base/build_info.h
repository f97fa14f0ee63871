// Which build this is.
#pragma once

#include <string_view>

namespace repodigest::build_info {

std::string_view version();   ///< "0.1.0"
std::string_view branch();    ///< of git at configure time, or "unknown"
std::string_view revision();  ///< git commit, or "unknown" outside a checkout
std::string_view date();  ///< of that commit, so that a build can be repeated: "2026-11-23T20:00:00+00:00"
std::string_view build_type();  ///< "Release"
std::string_view sanitizers();  ///< "address,undefined", mostly ""
std::string_view compiler();    ///< "g++ 12.2.0"
std::string_view platform();    ///< "linux/amd64"

}  // namespace repodigest::build_info
