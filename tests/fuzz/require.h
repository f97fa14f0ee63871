// What every fuzz target needs: a way to say what must hold, and foreign bytes as texts.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace repodigest::fuzz {

/// Ends the process, and so the search, where a promise is broken.
inline void require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", promise);
  std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// The parts between the separators; one and more.
inline std::vector<std::string_view> split(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + separator.size());
  }
}

/// Calls `feed` with the text in pieces whose sizes hang on the text alone, so that a run can be repeated.
/// Each piece lies in memory of its own, so that a sanitizer sees who reads beyond it. Ends when `feed`
/// returns false.
inline void in_pieces(std::string_view text, const std::function<bool(std::string_view)>& feed) {
  const std::size_t chance = std::hash<std::string_view>{}(text);
  const std::size_t most = 1 + chance % 31;
  std::size_t size = 1 + (chance >> 8U) % (text.size() + 1);
  for (std::size_t at = 0; at < text.size(); size = 1 + (size * 7 + at) % most) {
    const auto part = text.substr(at, size);
    const std::vector<char> piece(part.begin(), part.end());
    if (!feed({piece.data(), piece.size()})) return;
    at += piece.size();
  }
}

/// Whether it is UTF-8 (RFC 3629), byte for byte.
inline bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = [&](std::size_t i) -> unsigned {
      return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
    };
    const unsigned lead = byte(0);
    const std::size_t more = lead < 0x80   ? 0
                             : lead < 0xC2 ? 4
                             : lead < 0xE0 ? 1
                             : lead < 0xF0 ? 2
                             : lead < 0xF5 ? 3
                                           : 4;
    if (more == 4) return false;
    for (std::size_t i = 1; i <= more; ++i)
      if (byte(i) >> 6U != 2) return false;
    if ((lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F) ||
        (lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F))
      return false;
    at += 1 + more;
  }
  return true;
}

}  // namespace repodigest::fuzz
