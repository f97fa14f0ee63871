#include "repodigest/base/stats.h"

#include <algorithm>

namespace repodigest {

void DurationHistogram::observe(Duration duration) {
  const auto* bound = std::lower_bound(bounds.begin(), bounds.end(), to_seconds(duration));
  buckets_[static_cast<std::size_t>(bound - bounds.begin())].add();
  sum_.add(duration);
}

void Stats::count_http(Handler handler, int status) {
  const auto* code = std::find(http_codes.begin(), http_codes.end(), status);
  if (code == http_codes.end()) code = std::find(http_codes.begin(), http_codes.end(), 500);
  http_requests[index_of(handler)][static_cast<std::size_t>(code - http_codes.begin())].add();
}

void Stats::count_api(ApiCall call, int status) {
  const auto* code = std::find(api_codes.begin(), api_codes.end(), status);
  if (code == api_codes.end())
    code = std::find_if(api_codes.begin(), api_codes.end(),
                        [status](int known) { return known / 100 == status / 100; });
  if (code == api_codes.end()) code = std::find(api_codes.begin(), api_codes.end(), 502);
  api_requests[index_of(call)][static_cast<std::size_t>(code - api_codes.begin())].add();
}

}  // namespace repodigest
