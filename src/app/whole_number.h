// Numbers in variables that others set.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace repodigest::app {

/// The decimal number that `text` is from its first to its last character; nothing else, and nothing too
/// large.
template <typename Number>
std::optional<Number> whole_number(std::string_view text) {
  Number value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace repodigest::app
