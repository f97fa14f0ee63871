#include "spelling.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace repodigest::splice {
namespace {

/// Four hexadecimal digits.
std::uint32_t unit_at(std::string_view digits) {
  std::uint32_t unit = 0;
  std::from_chars(digits.data(), digits.data() + 4, unit, 16);
  return unit;
}

/// The code point whose `\u` stands at `at`, which is moved behind it; two escapes if they are a pair of
/// surrogates.
std::uint32_t take_escaped(std::string_view text, std::size_t& at) {
  const std::uint32_t first = unit_at(text.substr(at + 2));
  at += 6;
  if (first < 0xD800 || first > 0xDBFF || !text.substr(at).starts_with("\\u")) return first;
  const std::uint32_t second = unit_at(text.substr(at + 2));
  if (second < 0xDC00 || second > 0xDFFF) return first;
  at += 6;
  return 0x10000 + ((first - 0xD800) << 10U) + (second - 0xDC00);
}

void append_utf8(std::uint32_t point, std::string& out) {
  const auto add = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  const auto add_rest = [&](unsigned shift) { add(0x80U | ((point >> shift) & 0x3FU)); };
  if (point < 0x80) {
    add(point);
  } else if (point < 0x800) {
    add(0xC0U | (point >> 6U));
    add_rest(0);
  } else if (point < 0x10000) {
    add(0xE0U | (point >> 12U));
    add_rest(6);
    add_rest(0);
  } else {
    add(0xF0U | (point >> 18U));
    add_rest(12);
    add_rest(6);
    add_rest(0);
  }
}

Key meaning_of(std::string_view key) {
  if (key == "RepoDigests") return Key::list;
  if (key == "Config" || key == "Labels") return Key::seal;
  return Key::other;
}

}  // namespace

Key key_of(std::string_view spelling) {
  if (spelling.size() > longest_spelling) return Key::other;
  if (spelling.find('\\') == std::string_view::npos) return meaning_of(spelling);
  std::string key;
  append_decoded(spelling, key);
  return meaning_of(key);
}

void append_decoded(std::string_view spelling, std::string& out) {
  constexpr std::string_view letters = "\"\\/bfnrt";
  constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
  for (std::size_t at = 0; at < spelling.size();) {
    if (spelling[at] != '\\') {
      const std::size_t plain_end = std::min(spelling.find('\\', at), spelling.size());
      out.append(spelling, at, plain_end - at);
      at = plain_end;
    } else if (spelling[at + 1] == 'u') {
      append_utf8(take_escaped(spelling, at), out);
    } else {
      out += meanings[letters.find(spelling[at + 1])];
      at += 2;
    }
  }
}

}  // namespace repodigest::splice
