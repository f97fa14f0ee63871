#include "body_parser.h"

#include <utility>

#include "repodigest/transport/transport.h"

namespace repodigest::engine {
namespace {

namespace dom = simdjson::dom;
namespace ondemand = simdjson::ondemand;

static_assert(transport::body_padding >= simdjson::SIMDJSON_PADDING);

/// Deeper nesting than any engine's body (under 10), and shallow enough for every reader after us.
constexpr std::size_t max_depth = 64;
/// A parser that has grown beyond this is not kept: such a body is rare, and its memory is not to stay.
constexpr std::size_t kept_capacity = std::size_t{4} << 20U;

bool is_padded(const std::string& body) {
  return body.capacity() - body.size() >= simdjson::SIMDJSON_PADDING;
}

simdjson::simdjson_result<dom::element> tree_of(std::string_view text, bool padded, std::size_t depth,
                                                dom::parser& parser) {
  if (parser.capacity() > kept_capacity) parser = dom::parser();
  // The limit stays when parse() makes the parser grow.
  if (parser.capacity() == 0)
    if (const auto error = parser.allocate(0, depth)) return error;
  return parser.parse(text.data(), text.size(), /*realloc_if_needed=*/!padded);
}

simdjson::simdjson_result<std::string_view> text_of(ondemand::value value) {
  ondemand::json_type type{};
  if (const auto error = value.type().get(type)) return error;
  if (type == ondemand::json_type::object) {
    ondemand::object object;
    if (const auto error = value.get_object().get(object)) return error;
    return object.raw_json();
  }
  if (type == ondemand::json_type::array) {
    ondemand::array array;
    if (const auto error = value.get_array().get(array)) return error;
    return array.raw_json();
  }
  return value.raw_json_token();
}

Error described(simdjson::error_code error, std::string_view source) {
  const std::string body(source);
  switch (error) {
    case simdjson::EMPTY:
      return parse_error(body + " is empty");
    case simdjson::UTF8_ERROR:
      return parse_error(body + " is not valid UTF-8");
    case simdjson::DEPTH_ERROR:
      return parse_error(body + " is nested deeper than " + std::to_string(max_depth) + " levels");
    case simdjson::CAPACITY:
    case simdjson::MEMALLOC:
      return parse_error("no memory to read " + body);
    default:
      return parse_error(body + " is not JSON: " + simdjson::error_message(error));
  }
}

}  // namespace

Error parse_error(std::string text) {
  return Error{.reason = Reason::parse, .text = std::move(text)};
}

Result<dom::element> BodyParser::parse(const std::string& body, std::string_view source) {
  dom::element element;
  if (const auto error = tree_of(body, is_padded(body), max_depth, whole_).get(element))
    return described(error, source);
  return element;
}

Status BodyParser::for_each_element(const std::string& body, std::string_view source,
                                    const std::function<Status(dom::element)>& take) {
  if (!is_padded(body)) {
    std::string padded;
    padded.reserve(body.size() + simdjson::SIMDJSON_PADDING);
    return for_each_element(padded.append(body), source, take);
  }
  ondemand::parser splitter;
  ondemand::document document;
  ondemand::array array;
  if (const auto error = splitter.iterate(body.data(), body.size(), body.capacity()).get(document))
    return described(error, source);
  if (const auto error = document.get_array().get(array)) return described(error, source);
  for (auto item : array) {
    ondemand::value value;
    std::string_view text;
    dom::element element;
    if (const auto error = item.get(value)) return described(error, source);
    if (const auto error = text_of(value).get(text)) return described(error, source);
    // What follows in the body is its padding, and the array around it is one of the levels.
    if (const auto error = tree_of(text, true, max_depth - 1, element_).get(element))
      return described(error, source);
    if (Status taken = take(element); !taken) return taken;
  }
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS)
    return described(simdjson::TAPE_ERROR, source);
  return {};
}

}  // namespace repodigest::engine
