// The loops that most bytes of a document go through: runs of plain characters and of white space, many at a
// time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace repodigest::splice {

/// RFC 8259 section 2.
constexpr bool is_white(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/// Whether a string may hold it as it is, and it is a character by itself (ASCII).
constexpr bool is_plain(char c) {
  const auto byte = static_cast<unsigned char>(c);  // char is signed on some processors
  return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

/// For every processor, and for what is shorter than a vector of one that has them.
namespace portable {

inline std::uint64_t load(const char* p) {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

/// The byte in each byte of a word.
constexpr std::uint64_t all(unsigned byte) {
  return 0x0101010101010101U * byte;
}

/// The first byte from `p` on that is not plain, or `end`.
inline const char* skip_plain(const char* p, const char* end) {
  // Bit Twiddling Hacks (Anderson): "determine if a word has a byte less than n" and "has a zero byte".
  const auto has_below = [](std::uint64_t word, unsigned n) { return (word - all(n)) & ~word & all(0x80); };
  for (; end - p >= 8; p += 8) {
    const std::uint64_t word = load(p);
    if (((word & all(0x80)) | has_below(word, ' ') | has_below(word ^ all('"'), 1) |
         has_below(word ^ all('\\'), 1)) != 0)
      break;
  }
  while (p != end && is_plain(*p)) ++p;
  return p;
}

/// The first byte from `p` on that is not white space, or `end`.
inline const char* skip_white(const char* p, const char* end) {
  while (p != end && is_white(*p)) {
    ++p;
    while (end - p >= 8 && load(p) == all(' ')) p += 8;
  }
  return p;
}

}  // namespace portable

#if defined(__SSE2__)

inline const char* skip_plain(const char* p, const char* end) {
  for (; end - p >= 16; p += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    // Signed: what is not ASCII counts as less than a space.
    const __m128i special = _mm_or_si128(
        _mm_cmplt_epi8(bytes, _mm_set1_epi8(' ')),
        _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(special));
    if (mask != 0) return p + __builtin_ctz(mask);
  }
  return portable::skip_plain(p, end);
}

inline const char* skip_white(const char* p, const char* end) {
  if (p != end && !is_white(*p)) return p;  // compact documents have none
  for (; end - p >= 16; p += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const auto is = [bytes](char c) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)); };
    const __m128i white = _mm_or_si128(_mm_or_si128(is(' '), is('\n')), _mm_or_si128(is('\r'), is('\t')));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(white)) ^ 0xFFFFU;
    if (mask != 0) return p + __builtin_ctz(mask);
  }
  return portable::skip_white(p, end);
}

#else

using portable::skip_plain;
using portable::skip_white;

#endif

}  // namespace repodigest::splice
