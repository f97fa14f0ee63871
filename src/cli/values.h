// How the texts of options become values. Errors: Reason::usage, saying what was not understood.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "repodigest/base/clock.h"
#include "repodigest/base/result.h"

namespace repodigest::cli {

Error usage_error(std::string text);

/// The parts between the commas; one and more.
std::vector<std::string> split_at_commas(const std::string& text);

/// Without the blanks around it.
std::string_view trimmed(std::string_view text);

Result<bool> read_bool(std::string_view text);
/// A whole number from `least` on.
Result<std::size_t> read_number(std::string_view text, std::size_t least);
/// A size: bytes, or a number with KiB, MiB or GiB behind it; at least one byte.
Result<std::size_t> read_bytes(std::string_view text);
/// A number above 0 and at most 1.
Result<double> read_share(std::string_view text);
/// A duration that is longer than zero.
Result<Duration> read_positive_duration(std::string_view text);
/// A text that is not empty.
Result<std::string> read_text(std::string_view text);
/// An API version, "1.45"; a "v" before it is dropped, as Docker's own client does with DOCKER_API_VERSION
/// (moby v27.3.1 client/options.go WithVersionFromEnv).
Result<std::string> read_api_version(std::string_view text);
/// The permissions of a file: three octal digits, or four that begin with 0.
Result<unsigned> read_mode(std::string_view text);
/// A path for the metrics that collides with no other path of the web server.
Result<std::string> read_telemetry_path(std::string_view text);
/// What stands before every path of the web server: "/a/b" of "/a/b", "a/b/" and the like; "" of "/".
Result<std::string> read_route_prefix(std::string_view text);
/// The URL of the web server as others see it: http://…, https://…, or its path alone.
Result<std::string> read_external_url(std::string_view text);
/// The path of such a URL, as a route prefix. Errors: it cannot be one.
Result<std::string> path_of_external_url(std::string_view url);
/// The address of a running daemon: http://…, https://… or unix://….
Result<std::string> read_daemon_url(std::string_view text);

/// One of a few words.
template <typename Enum>
Result<Enum> read_choice(std::string_view text,
                         const std::vector<std::pair<std::string_view, Enum>>& choices) {
  std::string words;
  for (const auto& [word, value] : choices) {
    if (text == word) return value;
    words += words.empty() ? "" : ", ";
    words += word;
  }
  return usage_error("\"" + std::string(text) + "\" is none of " + words);
}

}  // namespace repodigest::cli
