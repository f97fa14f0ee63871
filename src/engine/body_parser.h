// Bodies as trees, by simdjson. For the decoder alone.
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "repodigest/base/result.h"

namespace repodigest::engine {

/// An error of Reason::parse.
Error parse_error(std::string text);

/// Validates what it is given whole: JSON, UTF-8, at most 64 levels deep. Keeps its memory between calls.
/// `source` is how errors name the body. A body without transport::body_padding is copied.
class BodyParser {
 public:
  /// A whole body; the element lives until the next call.
  Result<simdjson::dom::element> parse(const std::string& body, std::string_view source);

  /// Calls `take` with each element of the array that the body is, until it returns an error; an element
  /// lives for that call. Elements before a place that is not JSON are taken.
  ///
  /// simdjson's on-demand parser only finds where each element begins and ends, and each becomes a tree of
  /// its own: one of the whole array would be twice as large as the body and out of the processor's caches
  /// before it is read.
  Status for_each_element(const std::string& body, std::string_view source,
                          const std::function<Status(simdjson::dom::element)>& take);

 private:
  simdjson::dom::parser whole_;
  simdjson::dom::parser element_;
};

}  // namespace repodigest::engine
