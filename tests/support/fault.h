// What can go wrong with an engine's answer, as a value: what is said instead, and how it goes out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "repodigest/base/clock.h"

namespace repodigest::support {

/// One trouble. Made by name; the parts may be combined by hand.
struct Fault {
  // What is said instead.
  std::optional<int> status = std::nullopt;
  std::optional<std::string> body = std::nullopt;
  std::optional<std::pair<std::string, std::string>> header =
      std::nullopt;                                            ///< replaces the one of that name
  std::optional<std::uint64_t> content_length = std::nullopt;  ///< whatever the body's length is
  std::int64_t content_length_error = 0;                       ///< added to the true length
  std::optional<std::string> raw = std::nullopt;  ///< the whole answer; the connection closes behind it
  bool endless = false;  ///< chunks until the client hangs up; behind `raw`: blanks, as they are

  // How it goes out.
  enum class Then { go_on, close, reset, hang };  ///< reset: as close, with RST; TCP only
  Then then = Then::go_on;                        ///< what happens after `bytes`
  std::size_t bytes = 0;                          ///< of the whole answer, or of its body
  bool of_the_body = false;                       ///< `bytes` counts from the body's first
  Duration pause{};                               ///< not zero: one byte, this pause, one byte, …

  /// Whether it replaces what is said, not only how it goes out.
  [[nodiscard]] bool says_something_else() const {
    return status || body || header || content_length || content_length_error != 0 || raw || endless;
  }

  static Fault closed_before_answer() { return closed_after(0); }
  static Fault closed_after(std::size_t bytes) { return {.then = Then::close, .bytes = bytes}; }
  static Fault reset_after(std::size_t bytes) { return {.then = Then::reset, .bytes = bytes}; }
  /// Hangs until released, stopped, or until the client hangs up; released, the rest of the answer follows.
  static Fault hanging_before_head() { return hanging_after(0); }
  static Fault hanging_after(std::size_t bytes) { return {.then = Then::hang, .bytes = bytes}; }
  static Fault hanging_in_body_after(std::size_t bytes) {
    return {.then = Then::hang, .bytes = bytes, .of_the_body = true};
  }
  static Fault slow(Duration pause) { return {.pause = pause}; }

  /// Says `excess` bytes more than it sends, and closes.
  static Fault content_length_too_long(std::uint32_t excess) { return {.content_length_error = excess}; }
  /// Says `lack` bytes fewer than it sends.
  static Fault content_length_too_short(std::uint32_t lack) {
    return {.content_length_error = -std::int64_t{lack}};
  }
  /// Says a length and keeps it: the body, then blanks (JSON to a reader that waits for its end) until the
  /// length is reached or the client hangs up.
  static Fault promising(std::uint64_t length) { return {.content_length = length}; }
  /// The body, then chunks of blanks until the client hangs up.
  static Fault endless_chunks() { return {.endless = true}; }

  static Fault answering(int status, std::string body) { return {.status = status, .body = std::move(body)}; }
  /// The right status and headers, another body: null, deep nesting, invalid UTF-8.
  static Fault with_body(std::string body) { return {.body = std::move(body)}; }
  static Fault with_header(std::string name, std::string value) {
    return {.header = std::pair(std::move(name), std::move(value))};
  }
  /// Any bytes instead of HTTP.
  static Fault raw_bytes(std::string bytes) { return {.raw = std::move(bytes)}; }
  /// Any bytes instead of HTTP, then blanks until the client hangs up.
  static Fault endless_after(std::string bytes) { return {.raw = std::move(bytes), .endless = true}; }
};

}  // namespace repodigest::support
