// Percent-encoding as Go's net/url reads it.
#pragma once

#include <string>
#include <string_view>

namespace repodigest::facade {

/// What `text` means; every "%" in it has two hex digits behind it (web::RawRequest promises that). In a
/// query a "+" is a space, in a path it is itself (Go: url.QueryUnescape and url.PathUnescape).
enum class Part { path, query };
std::string percent_decoded(std::string_view text, Part part);

}  // namespace repodigest::facade
