// A request and a reply as our handlers see them: plain values, no HTTP library in sight.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace repodigest::web {

struct Request {
  std::string method;                                      ///< GET, HEAD (or what a route of its own allows)
  std::string path;                                        ///< percent-decoded, without query
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded, sorted by name; equal names in order
  std::vector<std::pair<std::string, std::string>> headers;  ///< as received
  std::string rest = {};                                     ///< of the path, behind that of a prefix route
  std::string raw_query = {};                                ///< as received, without its "?"

  /// The first header of that name (any case), or "". A view into this request.
  [[nodiscard]] std::string_view header(std::string_view name) const;
  /// All of them, joined by commas: of a header that is a list (RFC 9110 5.3).
  [[nodiscard]] std::string list(std::string_view name) const;
  /// The value of a query parameter; nothing if absent. The first one counts.
  [[nodiscard]] std::optional<std::string_view> parameter(std::string_view name) const;
};

/// Ready bytes that may be shared between replies and must not change any more.
using Bytes = std::shared_ptr<const std::string>;

struct Reply {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers;  ///< besides Content-Type and Content-Length
  std::vector<Bytes> body;                                   ///< sent one after the other, never copied

  static Reply text(int status, std::string text);
  /// {"error": message} with that status.
  static Reply json_error(int status, std::string_view message);
};

/// Whether an Accept-Encoding allows gzip (RFC 9110 12.5.3: a q of 0 forbids it, `*` counts if gzip is not
/// named).
bool accepts_gzip(std::string_view accept_encoding);
/// Whether an If-None-Match names this ETag (RFC 9110 13.1.2: weak comparison, `*`).
bool etag_matches(std::string_view if_none_match, std::string_view etag);

}  // namespace repodigest::web
