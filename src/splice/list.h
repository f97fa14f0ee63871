// One list, whole.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace repodigest::splice {

/// Makes a list unique. `list`: a valid JSON array of nothing but strings, from [ to ]. Appends it to `out`
/// without the entries that stand before, and returns how many these are. Time: n log n whatever the entries
/// are (hashes can be made to collide). Memory: 24 bytes an entry. Any thread.
std::size_t append_unique(std::string_view list, std::string& out);

}  // namespace repodigest::splice
