#include "query.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "headers.h"
#include "json.h"
#include "percent.h"
#include "repodigest/transport/transport.h"

namespace repodigest::facade {

Result<std::string> narrowed_to_images(std::string_view target) {
  const auto mark = std::min(target.find('?'), target.size());
  std::string_view rest = target.substr(std::min(mark + 1, target.size()));
  if (rest.find(';') != std::string_view::npos)
    return Error{Reason::parse, "a semicolon in a query must be written %3B", 400};

  std::optional<std::string> filters;
  std::string before;  // what stands before the first filters, and behind it
  std::string behind;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('&'), rest.size());
    const auto pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    const std::string key = percent_decoded(pair.substr(0, equals), Part::query);
    // podman's reader of queries knows no case, and takes either of the two.
    if (key != "filters" && same_ignoring_case(key, "filters"))
      return Error{Reason::parse, "the parameter `filters` must be written in small letters", 400};
    if (key == "filters") {
      if (!filters) filters = percent_decoded(pair.substr(std::min(equals + 1, pair.size())), Part::query);
    } else if (filters) {
      behind.append("&").append(pair);
    } else {
      before.append(pair).append("&");
    }
  }
  const auto narrowed = image_filters(filters.value_or(""));
  if (!narrowed) return narrowed.error();
  return std::string(target.substr(0, mark)) + "?" + before + "filters=" + transport::encode_path(*narrowed) +
         behind;
}

}  // namespace repodigest::facade
