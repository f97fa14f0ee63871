// The few text helpers that HTTP's grammar needs: tokens, ASCII case, optional white space, comma lists. Not
// <cctype>: the grammar is ASCII whatever the locale.
#pragma once

#include <strings.h>

#include <algorithm>
#include <string_view>

namespace repodigest::web {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_alphanumeric(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}
/// RFC 9110 5.6.2, tchar.
constexpr bool is_token_character(char c) {
  return is_alphanumeric(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

inline bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}

inline bool same_ignoring_case(std::string_view a, std::string_view b) {
  // A text of nothing may have no address, which strncasecmp must not be given.
  return a.size() == b.size() && (a.empty() || ::strncasecmp(a.data(), b.data(), a.size()) == 0);
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
