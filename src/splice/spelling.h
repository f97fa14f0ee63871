// What a string of a document says, however it is spelt.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace repodigest::splice {

/// What a key means to the scanner.
enum class Key {
  other,
  list,  ///< RepoDigests: its value may be a list
  seal,  ///< Config, Labels: what is below is the user's own
};

/// The longest spelling a key other than Key::other can have: RepoDigests in `\u0000` escapes.
inline constexpr std::size_t longest_spelling = 6 * std::string_view("RepoDigests").size();

/// The meaning of a key as it stands between its quotes, of valid JSON. Any thread.
Key key_of(std::string_view spelling);

/// Appends what a string, as it stands between its quotes in valid JSON, decodes to: UTF-8, where \uD800
/// alone becomes the three bytes that UTF-8 would have for it, so that different strings stay different. Any
/// thread.
void append_decoded(std::string_view spelling, std::string& out);

}  // namespace repodigest::splice
