#include "rules.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "percent.h"

namespace repodigest::facade {
namespace {

/// The fixed parts of moby's routes (api/server/router), those that write included: by them is told what was
/// refused.
constexpr auto api_words = std::to_array<std::string_view>(
    {"_ping",   "archive", "attach",     "auth",       "build",     "cancel",       "changes", "checkpoints",
     "commit",  "configs", "connect",    "containers", "copy",      "create",       "df",      "disable",
     "enable",  "events",  "disconnect", "exec",       "export",    "distribution", "get",     "grpc",
     "history", "images",  "info",       "init",       "join",      "json",         "kill",    "leave",
     "load",    "logs",    "networks",   "nodes",      "pause",     "plugins",      "prune",   "privileges",
     "pull",    "push",    "rename",     "resize",     "restart",   "search",       "secrets", "services",
     "session", "set",     "start",      "stats",      "stop",      "swarm",        "system",  "tag",
     "tasks",   "top",     "unlock",     "unpause",    "unlockkey", "update",       "upgrade", "version",
     "volumes", "wait",    "ws"});

constexpr auto methods = std::to_array<std::string_view>(
    {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"});

/// More parts than any route has.
constexpr std::size_t max_parts_told = 6;

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

/// "v1.47".
bool is_version(std::string_view part) {
  const auto dot = part.find('.');
  return part.starts_with('v') && dot != std::string_view::npos && is_digits(part.substr(1, dot - 1)) &&
         is_digits(part.substr(dot + 1));
}

bool is_refused_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte > 0x7e || std::string_view("%?#\\;").find(c) != std::string_view::npos;
}

/// What stands between the slashes of the decoded path, without a version at its front.
std::vector<std::string> parts_of(std::string_view target) {
  const std::string path = percent_decoded(target.substr(0, target.find('?')), Part::path);
  std::vector<std::string> parts;
  for (std::size_t begin = 1; begin <= path.size();) {
    const auto end = std::min(path.find('/', begin), path.size());
    parts.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  if (parts.size() > 1 && is_version(parts.front())) parts.erase(parts.begin());
  return parts;
}

bool is_plain(const std::string& part) {
  return !part.empty() && part != "." && part != ".." &&
         std::none_of(part.begin(), part.end(), is_refused_byte);
}

/// Whether `parts` are exactly these words.
bool is(const std::vector<std::string>& parts, std::initializer_list<std::string_view> words) {
  return std::equal(parts.begin(), parts.end(), words.begin(), words.end());
}

std::optional<Permit> image_call(const std::vector<std::string>& parts, Groups allowed) {
  // /images/{name}/…: a name may hold slashes, and parts that look like words of the API.
  if (parts.size() < 3 || parts.front() != "images") return std::nullopt;
  if (parts.back() == "json") return Permit{ApiCall::image_inspect, Manner::light};
  if (parts.back() == "history") return Permit{ApiCall::image_history, Manner::light};
  if (parts.back() == "get" && allowed.has(Group::export_images))
    return Permit{ApiCall::image_export, Manner::bulk};
  return std::nullopt;
}

}  // namespace

std::optional<Permit> permit(std::string_view method, std::string_view target, Groups allowed) {
  if (method != "GET" && method != "HEAD") return std::nullopt;
  const auto parts = parts_of(target);
  if (!std::all_of(parts.begin(), parts.end(), is_plain)) return std::nullopt;
  if (is(parts, {"_ping"})) return Permit{ApiCall::ping, Manner::light};
  if (is(parts, {"version"})) return Permit{ApiCall::version, Manner::light};
  if (is(parts, {"info"})) return Permit{ApiCall::info, Manner::light};
  if (is(parts, {"events"})) return Permit{ApiCall::events, Manner::stream};
  if (is(parts, {"images", "json"})) return Permit{ApiCall::image_list, Manner::list};
  if (is(parts, {"images", "get"}) && allowed.has(Group::export_images))
    return Permit{ApiCall::image_export, Manner::bulk};
  if (is(parts, {"system", "df"}) && allowed.has(Group::df)) return Permit{ApiCall::system_df, Manner::list};
  if (allowed.has(Group::containers) && !parts.empty() && parts.front() == "containers") {
    if (is(parts, {"containers", "json"})) return Permit{ApiCall::container_list, Manner::list};
    if (parts.size() == 3 && parts.back() == "json") return Permit{ApiCall::container_inspect, Manner::light};
  }
  return image_call(parts, allowed);
}

std::string_view shown_method(std::string_view method) {
  const auto* const known = std::find(methods.begin(), methods.end(), method);
  return known == methods.end() ? std::string_view("{method}") : *known;
}

std::string path_class(std::string_view target) {
  constexpr std::string_view name = "/{name}";
  std::string shown;
  const auto parts = parts_of(target);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool is_known =
        i < max_parts_told && std::find(api_words.begin(), api_words.end(), parts[i]) != api_words.end();
    if (is_known)
      shown.append("/").append(parts[i]);
    else if (!std::string_view(shown).ends_with(name))
      shown.append(name);
  }
  return parts == std::vector<std::string>{""} ? "/" : shown;
}

}  // namespace repodigest::facade
