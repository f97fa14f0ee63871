#include "values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

#include "repodigest/base/duration.h"
#include "repodigest/base/secret.h"

namespace repodigest::cli {
namespace {

bool all_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

/// Without the slashes at its ends.
std::string_view trimmed_of_slashes(std::string_view text) {
  while (text.starts_with('/')) text.remove_prefix(1);
  while (text.ends_with('/')) text.remove_suffix(1);
  return text;
}

std::string quoted(std::string_view text) {
  return "\"" + without_password(text) + "\"";
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

/// Whether it means the same to every client, behind a slash and as a relative link (RFC 3986 4.2, 5.2.4).
bool is_plain_path(std::string_view path) {
  if (path.empty() || !all_visible(path) || path.find_first_of("?#%\"':\\") != std::string_view::npos)
    return false;
  while (true) {
    const auto slash = path.find('/');
    const auto part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
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
  const std::string_view path = text.ends_with('/') ? text.substr(0, text.size() - 1) : text;
  if (text == "/") return usage_error("\"/\" is the landing page; choose another path");
  if (path.substr(0, 1) != "/" || !is_plain_path(path.substr(1)))
    return usage_error(quoted(text) +
                       " is not a path such as /metrics: it begins with / and has no space, quotes, "
                       "?, #, %, : or \\, and no part that is empty, . or ..");
  for (const std::string_view taken : {"/api", "/-"})
    if (text == taken || text.substr(0, taken.size() + 1) == std::string(taken) + "/")
      return usage_error(quoted(text) + " collides with " + std::string(taken) + "/; choose another path");
  return std::string(text);
}

Result<std::string> read_route_prefix(std::string_view text) {
  // Prometheus takes the slashes at both ends off and puts one before it (cmd/prometheus/main.go).
  const std::string_view path = trimmed_of_slashes(text);
  if (text.find("://") != std::string_view::npos)
    return usage_error(quoted(text) + " is a URL: give it as --web.external-url, or its path alone");
  if (!path.empty() && !is_plain_path(path))
    return usage_error(quoted(text) +
                       " is not a path such as /exporter: it has no space, quotes, ?, #, %, : or \\, and "
                       "no part that is empty, . or ..");
  return path.empty() ? std::string() : "/" + std::string(path);
}

Result<std::string> read_external_url(std::string_view text) {
  constexpr std::string_view forms = ": write it as https://proxy.example/exporter/ or /exporter/";
  const auto has_quote_at = [](char c) { return c == '"' || c == '\''; };
  if (text.empty() || has_quote_at(text.front()) || has_quote_at(text.back()))
    return usage_error(quoted(text) + " begins or ends with a quote" + std::string(forms));
  if (!all_visible(text)) return usage_error(quoted(text) + " has a space or a letter that no URL has");
  if (text.find_first_of("?#") != std::string_view::npos)
    return usage_error(quoted(text) + " has a query or a fragment, to which no path can be added" +
                       std::string(forms));
  if (text.front() == '/') return std::string(text);
  const auto scheme = text.substr(0, text.find("://"));
  if (scheme.size() == text.size()) return usage_error(quoted(text) + " has no scheme" + std::string(forms));
  if (scheme != "http" && scheme != "https")
    return usage_error(quoted(text) + " has a scheme that is neither http nor https" + std::string(forms));
  std::string_view authority = text.substr(scheme.size() + 3);
  authority = authority.substr(0, authority.find('/'));
  if (authority.empty() || authority.front() == ':')
    return usage_error(quoted(text) + " has no host" + std::string(forms));
  if (authority.find('@') != std::string_view::npos)
    return usage_error(quoted(text) + " has a user name, which everybody would read: leave it out");
  return std::string(text);
}

Result<std::string> path_of_external_url(std::string_view url) {
  const auto scheme_end = url.find("://");
  if (scheme_end != std::string_view::npos) url.remove_prefix(scheme_end + 3);
  auto prefix = read_route_prefix(url.substr(std::min(url.find('/'), url.size())));
  if (prefix) return prefix;
  return usage_error("its path " + prefix.error().text + "; or give --web.route-prefix beside it");
}

Result<std::string> read_daemon_url(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://", "unix://"})
    if (text.size() > scheme.size() && text.substr(0, scheme.size()) == scheme) return std::string(text);
  return usage_error(quoted(text) +
                     " is not a daemon's address: write it as http://host:10474 or unix:///path/to/socket");
}

}  // namespace repodigest::cli
