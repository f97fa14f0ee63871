#include "json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "headers.h"

namespace repodigest::facade {
namespace {

using nlohmann::json;

template <typename Check>
bool all(const json& values, Check check) {
  return std::all_of(values.begin(), values.end(), check);
}

bool is_set(const json& value) {
  return value.is_object() && all(value, [](const json& entry) { return entry.is_boolean(); });
}
bool is_list(const json& value) {
  return value.is_array() && all(value, [](const json& entry) { return entry.is_string(); });
}

/// Whether types were named, and image was not among them.
bool excludes_images(const json& types) {
  if (types.empty()) return false;
  if (types.is_object()) return !types.value("image", false);
  return std::find(types.begin(), types.end(), "image") == types.end();
}

}  // namespace

std::string message_body(std::string_view message) {
  // A message may quote what an engine or a client sent, so it need not be UTF-8.
  return json{{"message", message}}.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<std::string> image_filters(std::string_view filters) {
  json parsed = json::object();
  // The library takes a NUL for the end of its input.
  if (filters.find('\0') != std::string_view::npos)
    parsed = nullptr;
  else if (!filters.empty())
    parsed = json::parse(filters, nullptr, /*allow_exceptions=*/false);
  const bool sets = parsed.is_object() && all(parsed, is_set);
  if (!sets && !(parsed.is_object() && all(parsed, is_list)))
    return Error{Reason::parse,
                 "the filters must be of the form {\"type\":{\"image\":true}} or {\"type\":[\"image\"]}",
                 400};
  for (const auto& [key, values] : parsed.items())
    if (key != "type" && same_ignoring_case(key, "type"))  // podman's filters know no case
      return Error{Reason::parse, "the filter `type` must be written in small letters", 400};

  json& types = parsed["type"];
  if (excludes_images(types)) return Error{Reason::permission, "events of other types than image", 403};
  types = sets ? json{{"image", true}} : json::array({"image"});
  return parsed.dump();
}

}  // namespace repodigest::facade
