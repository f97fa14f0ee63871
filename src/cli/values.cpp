#include "values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

#include "repodigest/base/duration.h"

namespace repodigest::cli {
namespace {

std::string quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

/// The number at the beginning of `text`, which is shortened by it; or why there is none.
Result<std::size_t> take_number(std::string_view& text) {
  std::size_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure == std::errc::result_out_of_range) return usage_error(quoted(text) + " is too large");
  if (failure != std::errc()) return usage_error(quoted(text) + " is not a whole number");
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

Error usage_error(std::string text) {
  return {Reason::usage, std::move(text)};
}

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::string_view trimmed(std::string_view text) {
  const auto begin = std::min(text.find_first_not_of(' '), text.size());
  return text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

Result<bool> read_bool(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  for (const auto* const yes : {"true", "yes", "on", "1"})
    if (lower == yes) return true;
  for (const auto* const no : {"false", "no", "off", "0"})
    if (lower == no) return false;
  return usage_error(quoted(text) + " is neither true nor false");
}

Result<std::size_t> read_number(std::string_view text, std::size_t least) {
  std::string_view rest = text;
  auto number = take_number(rest);
  if (!number) return number;
  if (!rest.empty()) return usage_error(quoted(text) + " is not a whole number");
  if (*number < least) return usage_error(quoted(text) + " is too small: at least " + std::to_string(least));
  return number;
}

Result<std::size_t> read_bytes(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, unsigned>, 4> units = {
      {{"", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}}};
  std::string_view rest = text;
  auto number = take_number(rest);
  const auto* const unit =
      std::find_if(units.begin(), units.end(), [&](const auto& known) { return known.first == rest; });
  if (!number || unit == units.end())
    return usage_error(quoted(text) + " is not a size: write it as 268435456, 64KiB, 256MiB or 1GiB");
  if (*number == 0) return usage_error(quoted(text) + " is too small: at least 1");
  if (*number > (std::numeric_limits<std::size_t>::max() >> unit->second))
    return usage_error(quoted(text) + " is too large");
  return *number << unit->second;
}

Result<double> read_share(std::string_view text) {
  double share = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), share);
  if (failure != std::errc() || end != text.data() + text.size() || !std::isfinite(share))
    return usage_error(quoted(text) + " is not a number such as 0.1");
  if (share <= 0) return usage_error(quoted(text) + " is too small: it must be above 0");
  if (share > 1) return usage_error(quoted(text) + " is too large: at most 1");
  return share;
}

Result<Duration> read_positive_duration(std::string_view text) {
  auto duration = parse_duration(text);
  if (duration && *duration <= Duration::zero()) return usage_error(quoted(text) + " must be longer than 0");
  return duration;
}

Result<std::string> read_text(std::string_view text) {
  if (text.empty()) return usage_error("it is empty");
  return std::string(text);
}

Result<std::string> read_api_version(std::string_view text) {
  std::string_view version = text;
  if (version.substr(0, 1) == "v") version.remove_prefix(1);
  const std::size_t dot = version.find('.');
  if (dot == std::string_view::npos || !is_digits(version.substr(0, dot)) ||
      !is_digits(version.substr(dot + 1)))
    return usage_error(quoted(text) + " is not an API version: write it as 1.45");
  return std::string(version);
}

Result<unsigned> read_mode(std::string_view text) {
  std::string_view digits = text;
  if (digits.size() == 4 && digits.front() == '0') digits.remove_prefix(1);
  unsigned mode = 0;
  const auto* const end = digits.data() + digits.size();
  const auto [rest, failure] = std::from_chars(digits.data(), end, mode, 8);
  if (digits.size() != 3 || failure != std::errc() || rest != end)
    return usage_error(quoted(text) + " is not a file mode: write it as 0660, three octal digits behind a 0");
  return mode;
}

Result<std::string> read_telemetry_path(std::string_view text) {
  const bool visible = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (text.substr(0, 1) != "/" || !visible || text.find_first_of("?#%") != std::string_view::npos)
    return usage_error(quoted(text) + " is not a path: it begins with / and has no space, ?, # or %");
  if (text == "/") return usage_error("\"/\" is the landing page; choose another path");
  for (const std::string_view taken : {"/api", "/-"})
    if (text == taken || text.substr(0, taken.size() + 1) == std::string(taken) + "/")
      return usage_error(quoted(text) + " collides with " + std::string(taken) + "/; choose another path");
  return std::string(text);
}

Result<std::string> read_daemon_url(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://", "unix://"})
    if (text.size() > scheme.size() && text.substr(0, scheme.size()) == scheme) return std::string(text);
  return usage_error(quoted(text) +
                     " is not a daemon's address: write it as http://host:10474 or unix:///path/to/socket");
}

}  // namespace repodigest::cli
