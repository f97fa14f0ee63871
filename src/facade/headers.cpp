#include "headers.h"

#include <strings.h>

#include <algorithm>
#include <initializer_list>

namespace repodigest::facade {
namespace {

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [name](std::string_view other) { return same_ignoring_case(name, other); });
}

bool begins_with(std::string_view name, std::string_view beginning) {
  return same_ignoring_case(name.substr(0, beginning.size()), beginning);
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// What the Connection headers name besides close and keep-alive.
std::vector<std::string_view> named_by_connection(const web::Headers& headers) {
  std::vector<std::string_view> names;
  for (const auto& [name, value] : headers) {
    if (!same_ignoring_case(name, "Connection")) continue;
    for (std::string_view rest = value; !rest.empty();) {
      const auto comma = std::min(rest.find(','), rest.size());
      names.push_back(trimmed(rest.substr(0, comma)));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return names;
}

/// The headers that are for this hop, and its body, alone.
template <typename Refused>
web::Headers end_to_end(const web::Headers& headers, Refused refused) {
  const auto named = named_by_connection(headers);
  web::Headers kept;
  kept.reserve(headers.size());
  for (const auto& header : headers) {
    const std::string_view name = header.first;
    if (is_one_of(name, {"Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
                         "Content-Length"}) ||
        begins_with(name, "Proxy-") || refused(name))
      continue;
    if (std::none_of(named.begin(), named.end(),
                     [name](std::string_view other) { return same_ignoring_case(name, other); }))
      kept.push_back(header);
  }
  return kept;
}

}  // namespace

bool same_ignoring_case(std::string_view a, std::string_view b) {
  // A text of nothing may have no address, which strncasecmp must not be given.
  return a.size() == b.size() && (a.empty() || ::strncasecmp(a.data(), b.data(), a.size()) == 0);
}

web::Headers for_engine(const web::Headers& received, bool correct) {
  auto headers = end_to_end(received, [correct](std::string_view name) {
    return is_one_of(name, {"Host", "Expect", "Authorization", "Cookie"}) ||
           begins_with(name, "X-Registry-") ||
           (correct && is_one_of(name, {"Accept-Encoding", "Range", "If-Range"}));
  });
  if (correct) headers.emplace_back("Accept-Encoding", "identity");
  return headers;
}

web::Headers for_client(const web::Headers& answered) {
  return end_to_end(answered, [](std::string_view) { return false; });
}

}  // namespace repodigest::facade
