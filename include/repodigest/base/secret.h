// What must not be said.
#pragma once

#include <string>
#include <string_view>

namespace repodigest {

/// A URL as a message may quote it, with *** in place of the password before its host (RFC 3986 3.2.1). It
/// need not be a good one: that is what such a message complains of. Any thread.
std::string without_password(std::string_view url);

}  // namespace repodigest
