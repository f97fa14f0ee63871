#include "repodigest/digest/digest.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>

namespace repodigest::digest {
namespace {

constexpr std::string_view placeholder_entry = "<none>@<none>";
constexpr std::size_t max_path_size = 255;
constexpr std::size_t max_tag_size = 128;

// Not <cctype>: the grammar is of ASCII alone, whatever the locale says.
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
constexpr bool is_letter(char c) {
  return is_lower(c) || (c >= 'A' && c <= 'Z');
}
constexpr bool is_alphanumeric(char c) {
  return is_letter(c) || is_digit(c);
}
constexpr bool is_lower_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f');
}

bool is_digest(std::string_view text) {
  const auto is_hex_after = [text](std::string_view algorithm, std::size_t digits) {
    return text.size() == algorithm.size() + digits && text.starts_with(algorithm) &&
           std::all_of(text.begin() + static_cast<std::ptrdiff_t>(algorithm.size()), text.end(),
                       is_lower_hex);
  };
  return is_hex_after("sha256:", 64) || is_hex_after("sha512:", 128);
}

/// Tag: `[\w][\w.-]{0,127}`.
bool is_tag(std::string_view text) {
  const auto is_word = [](char c) { return is_alphanumeric(c) || c == '_'; };
  return !text.empty() && text.size() <= max_tag_size && is_word(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return is_word(c) || c == '.' || c == '-'; });
}

/// Path component: `[a-z0-9]+` parts between separators, each of which is `.`, `_`, `__` or one or more `-`.
bool is_path_component(std::string_view text) {
  const auto is_part = [](char c) { return is_lower(c) || is_digit(c); };
  const auto is_separator = [](std::string_view s) {
    return s == "." || s == "_" || s == "__" || s.find_first_not_of('-') == std::string_view::npos;
  };
  if (text.empty() || !is_part(text.front()) || !is_part(text.back())) return false;
  for (auto at = text.begin(); at != text.end();) {
    const auto part_end = std::find_if_not(at, text.end(), is_part);
    at = std::find_if(part_end, text.end(), is_part);
    if (!is_separator({part_end, at})) return false;
  }
  return true;
}

/// Domain: dotted labels of letters, digits and inner dashes, or an IPv6 address in brackets; then a port or
/// not.
bool is_domain(std::string_view text) {
  std::size_t host_end = 0;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || close == 1) return false;
    const bool is_address = std::all_of(
        text.begin() + 1, text.begin() + static_cast<std::ptrdiff_t>(close),
        [](char c) { return is_digit(c) || c == ':' || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); });
    if (!is_address) return false;
    host_end = close + 1;
  } else {
    host_end = std::min(text.find(':'), text.size());
    char before = '.';
    for (const char c : text.substr(0, host_end)) {
      const bool fits =
          is_alphanumeric(c) || (c == '-' && before != '.') || (c == '.' && is_alphanumeric(before));
      if (!fits) return false;
      before = c;
    }
    if (!is_alphanumeric(before)) return false;
  }
  const std::string_view port = text.substr(host_end);
  return port.empty() ||
         (port.size() > 1 && port.front() == ':' && std::all_of(port.begin() + 1, port.end(), is_digit));
}

/// Repository: `[domain/]component[/component…]`.
bool is_repository(std::string_view text) {
  const std::size_t slash = text.find('/');
  // A first component that could be either counts as the domain, as in the greedy regular expression.
  if (slash != std::string_view::npos && is_domain(text.substr(0, slash))) text.remove_prefix(slash + 1);
  if (text.size() > max_path_size) return false;
  while (true) {
    const std::size_t end = std::min(text.find('/'), text.size());
    if (!is_path_component(text.substr(0, end))) return false;
    if (end == text.size()) return true;
    text.remove_prefix(end + 1);
  }
}

/// Where the `:tag` of a name without digest begins; its size if it has none. The colon of a port stands
/// before a slash.
std::size_t tag_position(std::string_view name) {
  const std::size_t colon = name.rfind(':');
  if (colon == std::string_view::npos || name.find('/', colon) != std::string_view::npos) return name.size();
  return colon;
}

std::optional<Anomaly> anomaly_of(EntryKind kind) {
  switch (kind) {
    case EntryKind::canonical:
      return std::nullopt;
    case EntryKind::tagged:
      return Anomaly::tagged_digest;
    case EntryKind::bare:
      return Anomaly::bare_digest;
    case EntryKind::placeholder:
      return Anomaly::placeholder;
    case EntryKind::malformed:
      return Anomaly::malformed;
  }
  return Anomaly::malformed;
}

}  // namespace

std::vector<std::string_view> Anomalies::names() const {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < anomaly_names.size(); ++i)
    if (has(static_cast<Anomaly>(i))) names.push_back(anomaly_names[i]);
  return names;
}

Entry parse_entry(std::string_view entry) {
  if (entry == placeholder_entry) return {EntryKind::placeholder, {}, {}, {}};
  if (is_digest(entry)) return {EntryKind::bare, {}, {}, entry};
  const std::size_t at = entry.find('@');
  if (at == std::string_view::npos) return {};
  const std::string_view name = entry.substr(0, at);
  const std::string_view digest = entry.substr(at + 1);
  const std::size_t colon = tag_position(name);
  const std::string_view repository = name.substr(0, colon);
  if (!is_digest(digest) || !is_repository(repository)) return {};
  if (colon == name.size()) return {EntryKind::canonical, repository, {}, digest};
  const std::string_view tag = name.substr(colon + 1);
  if (!is_tag(tag)) return {};
  return {EntryKind::tagged, repository, tag, digest};
}

std::string_view repository_of(std::string_view name) {
  name = name.substr(0, name.find('@'));
  return name.substr(0, tag_position(name));
}

std::string_view familiar_name(std::string_view name) {
  for (const std::string_view domain : {"docker.io/", "index.docker.io/"}) {
    if (!name.starts_with(domain)) continue;
    name.remove_prefix(domain.size());
    break;
  }
  constexpr std::string_view official = "library/";
  if (name.starts_with(official) && name.find('/', official.size()) == std::string_view::npos)
    name.remove_prefix(official.size());
  return name;
}

Analysis analyse(std::span<const std::string> repo_digests) {
  Analysis analysis;
  analysis.raw_count = repo_digests.size();
  std::vector<std::string_view> unique;
  std::unordered_map<std::string_view, std::uint32_t> counts;
  std::unordered_map<std::string_view, std::string_view> digest_of_repository;
  for (const std::string& text : repo_digests) {
    if (++counts[text] > 1) continue;
    unique.push_back(text);
    const Entry entry = parse_entry(text);
    if (const auto anomaly = anomaly_of(entry.kind)) analysis.anomalies.add(*anomaly);
    if (entry.repository.empty()) continue;
    const auto known = digest_of_repository.try_emplace(entry.repository, entry.digest).first;
    if (known->second != entry.digest) analysis.anomalies.add(Anomaly::several_digests);
  }
  analysis.unique = unique;
  if (unique.size() == analysis.raw_count) return analysis;
  analysis.anomalies.add(Anomaly::duplicate);
  const auto stands_again = [&](std::string_view text) { return counts[text] > 1; };
  const auto repeated = std::count_if(unique.begin(), unique.end(), stands_again);
  analysis.duplicates.reserve(static_cast<std::size_t>(repeated));
  for (std::uint32_t i = 0; i < unique.size(); ++i)
    if (const std::uint32_t count = counts[unique[i]]; count > 1) analysis.duplicates.push_back({i, count});
  return analysis;
}

std::vector<std::string> digests_of(const Texts& repo_digests, std::string_view repository) {
  std::vector<std::string> found;
  std::unordered_set<std::string> seen;
  for (const std::string_view text : repo_digests) {
    const Entry entry = parse_entry(text);
    if (entry.repository.empty()) continue;
    if (!repository.empty() && familiar_name(entry.repository) != familiar_name(repository)) continue;
    std::string plain = std::string(entry.repository) + "@" + std::string(entry.digest);
    if (seen.insert(plain).second) found.push_back(std::move(plain));
  }
  return found;
}

Anomalies anomalies_of_entries(const Texts& repo_digests) {
  Anomalies anomalies;
  for (const std::string_view text : repo_digests)
    if (const auto anomaly = anomaly_of(parse_entry(text).kind)) anomalies.add(*anomaly);
  return anomalies;
}

}  // namespace repodigest::digest
