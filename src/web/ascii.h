// The few text helpers that HTTP's grammar needs: ASCII case, optional white space, comma lists.
#pragma once

#include <strings.h>

#include <string_view>

namespace repodigest::web {

inline bool same_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

/// Without the spaces and tabs at its ends (RFC 9110 5.6.3, OWS).
inline std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// Takes what stands before the next `separator` (or all) from the front of `rest`, trimmed.
inline std::string_view take_item(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  const auto item = trimmed(rest.substr(0, end));
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return item;
}

}  // namespace repodigest::web
