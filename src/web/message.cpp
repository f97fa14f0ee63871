#include "repodigest/web/message.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "ascii.h"

namespace repodigest::web {
namespace {

/// Whether the parameters of a list item ("gzip;q=0") forbid it.
bool has_zero_weight(std::string_view parameters) {
  while (!parameters.empty()) {
    auto value = take_item(parameters, ';');
    const auto name = take_item(value, '=');
    if (same_ignoring_case(name, "q"))
      return trimmed(value).find_first_not_of("0.") == std::string_view::npos;
  }
  return false;
}

}  // namespace

std::string_view Request::header(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(), [name](const auto& header) {
    return same_ignoring_case(header.first, name);
  });
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

std::string Request::list(std::string_view name) const {
  std::string all;
  for (const auto& [known, value] : headers)
    if (same_ignoring_case(known, name)) all.append(all.empty() ? "" : ", ").append(value);
  return all;
}

std::optional<std::string_view> Request::parameter(std::string_view name) const {
  const auto found =
      std::find_if(query.begin(), query.end(), [name](const auto& pair) { return pair.first == name; });
  if (found == query.end()) return std::nullopt;
  return found->second;
}

Reply Reply::text(int status, std::string text) {
  Reply reply;
  reply.status = status;
  reply.body.push_back(std::make_shared<const std::string>(std::move(text)));
  return reply;
}

Reply Reply::json_error(int status, std::string_view message) {
  // A message may quote what a client sent, so it need not be UTF-8.
  const nlohmann::json document = {{"error", message}};
  Reply reply = text(status, document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  reply.content_type = "application/json";
  return reply;
}

bool accepts_gzip(std::string_view accept_encoding) {
  bool others = false;
  while (!accept_encoding.empty()) {
    auto parameters = take_item(accept_encoding, ',');
    const auto coding = take_item(parameters, ';');
    // RFC 9110 8.4.1.3: x-gzip is the same.
    if (same_ignoring_case(coding, "gzip") || same_ignoring_case(coding, "x-gzip"))
      return !has_zero_weight(parameters);
    if (coding == "*") others = !has_zero_weight(parameters);
  }
  return others;
}

bool etag_matches(std::string_view if_none_match, std::string_view etag) {
  const auto opaque = [](std::string_view tag) { return tag.substr(0, 2) == "W/" ? tag.substr(2) : tag; };
  if (trimmed(if_none_match) == "*") return true;
  while (true) {
    const auto begin = if_none_match.find_first_not_of(", \t");
    if (begin == std::string_view::npos) return false;
    if_none_match = opaque(if_none_match.substr(begin));
    if (if_none_match.empty() || if_none_match.front() != '"') return false;
    const auto end = if_none_match.find('"', 1);  // a comma may stand inside
    if (end == std::string_view::npos) return false;
    if (if_none_match.substr(0, end + 1) == opaque(etag)) return true;
    if_none_match.remove_prefix(end + 1);
  }
}

}  // namespace repodigest::web
