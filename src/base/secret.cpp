#include "repodigest/base/secret.h"

#include <algorithm>

namespace repodigest {

std::string without_password(std::string_view url) {
  constexpr std::string_view end_of_scheme = "://";
  const auto scheme = url.find(end_of_scheme);
  const auto begin = scheme == std::string_view::npos ? 0 : scheme + end_of_scheme.size();
  const auto colon = std::min(url.find(':', begin), url.size());
  // The last one: whoever writes a password into a URL may have forgotten to encode what stands in it.
  const auto at = url.rfind('@');
  const bool is_path = url.substr(begin).starts_with('/');
  if (at == std::string_view::npos || at < colon || is_path) return std::string(url);
  return std::string(url.substr(0, colon)) + ":***" + std::string(url.substr(at));
}

}  // namespace repodigest
