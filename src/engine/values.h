// How single values of an engine's body are read, and what is wrong with one that can't be. For the decoder
// alone; in a header so that a list of 100,000 rows pays no call for each.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "body_parser.h"

namespace repodigest::engine {

namespace dom = simdjson::dom;

/// What is wrong with a value, as the end of a sentence that begins with its key; nothing if it is good.
using Problem = std::optional<std::string>;

inline std::string_view kind_of(dom::element value) {
  switch (value.type()) {
    case dom::element_type::ARRAY:
      return "an array";
    case dom::element_type::OBJECT:
      return "an object";
    case dom::element_type::INT64:
    case dom::element_type::UINT64:
    case dom::element_type::DOUBLE:
      return "a number";
    case dom::element_type::STRING:
      return "a string";
    case dom::element_type::BOOL:
      return "a boolean";
    case dom::element_type::NULL_VALUE:
      return "null";
  }
  return "something else";
}

inline Problem is_not(dom::element value, std::string_view wanted) {
  return std::string("is ").append(kind_of(value)).append(", not ").append(wanted);
}

inline Problem read_string(dom::element value, std::string& into) {
  if (value.is_null()) return std::nullopt;
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return is_not(value, "a string");
  into = text;
  return std::nullopt;
}

/// What engines say of themselves in a word: it becomes labels and stands in log lines.
inline Problem read_word(dom::element value, std::string& into) {
  constexpr std::size_t longest = 256;
  if (Problem problem = read_string(value, into)) return problem;
  if (into.size() > longest) return "is longer than " + std::to_string(longest) + " bytes";
  return std::nullopt;
}

/// Go marshals a nil slice as null, which means the same as an empty one.
template <typename String>
Problem read_strings(dom::element value, std::vector<String>& into) {
  if (value.is_null()) return std::nullopt;
  dom::array array;
  if (value.get(array) != simdjson::SUCCESS) return is_not(value, "an array of strings");
  into.reserve(array.size());
  for (const dom::element element : array) {
    std::string_view text;
    if (element.get(text) != simdjson::SUCCESS)
      return "has " + std::string(kind_of(element)) + " at position " + std::to_string(into.size()) +
             ", not a string";
    into.emplace_back(text);
  }
  return std::nullopt;
}

inline Problem read_integer(dom::element value, std::int64_t& into) {
  if (value.is_null()) return std::nullopt;
  switch (value.get(into)) {
    case simdjson::SUCCESS:
      return std::nullopt;
    case simdjson::NUMBER_OUT_OF_RANGE:
      return "is out of range";
    default:
      return value.is_double() ? "is a number with a fraction or an exponent, not an integer"
                               : is_not(value, "an integer");
  }
}

inline Problem read_size(dom::element value, std::int64_t& into) {
  if (Problem problem = read_integer(value, into)) return problem;
  if (into < 0) return "is negative";
  return std::nullopt;
}

/// Go's zero time, 0001-01-01T00:00:00Z, in seconds: how engines say that an image has no time.
inline constexpr std::int64_t go_zero_time = -62135596800;

inline Problem read_unix_time(dom::element value, std::int64_t& into) {
  if (Problem problem = read_integer(value, into)) return problem;
  if (into == go_zero_time) into = 0;
  return std::nullopt;
}

/// RFC 3339 with an optional fraction, in seconds since 1970; 0 for the zero time and what is no timestamp.
inline std::int64_t parse_timestamp(const std::string& text) {
  std::tm time{};
  const char* at = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &time);
  if (at == nullptr) return 0;
  if (*at == '.') at += 1 + std::string_view(at + 1).find_first_not_of("0123456789");
  std::tm zone{};
  at = ::strptime(at, "%z", &zone);
  if (at == nullptr || *at != '\0') return 0;
  const std::int64_t seconds = ::timegm(&time) - zone.tm_gmtoff;
  return seconds == go_zero_time ? 0 : seconds;
}

inline Problem read_timestamp(dom::element value, std::int64_t& into) {
  std::string text;
  if (Problem problem = read_string(value, text)) return problem;
  into = parse_timestamp(text);
  return std::nullopt;
}

inline bool is_lower_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/// `algorithm:hex` as moby writes it (opencontainers/go-digest). Bare hex of a sha256, as podman's own API
/// has it, becomes the same.
inline Problem read_id(dom::element value, std::string& into) {
  std::string_view id;
  if (value.get(id) != simdjson::SUCCESS) return is_not(value, "a string");
  const std::size_t colon = id.find(':');
  const std::string_view algorithm = colon == std::string_view::npos ? "sha256" : id.substr(0, colon);
  const std::string_view hex = colon == std::string_view::npos ? id : id.substr(colon + 1);
  const bool length_fits =
      colon == std::string_view::npos ? hex.size() == 64 : hex.size() >= 32 && hex.size() <= 128;
  if (algorithm.empty() || algorithm.size() > 32 ||
      algorithm.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789+._-") != std::string_view::npos ||
      !length_fits || !std::all_of(hex.begin(), hex.end(), is_lower_hex))
    return "is not of the form sha256:<64 hex digits>";
  into.reserve(algorithm.size() + 1 + hex.size());
  into.append(algorithm).append(1, ':').append(hex);
  return std::nullopt;
}

}  // namespace repodigest::engine
