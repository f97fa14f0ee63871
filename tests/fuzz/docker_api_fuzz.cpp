// What clients ask the corrected Docker API for: what may pass is what a list of paths allows, and of events
// none but those of images can be asked for. A target, as web's strict reader lets it pass.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>

#include "facade/headers.h"
#include "facade/json.h"
#include "facade/query.h"
#include "facade/rules.h"
#include "require.h"

namespace repodigest::fuzz {
namespace {

using facade::Group;
using facade::Groups;

bool is_target(std::string_view text) {
  static const std::regex form("/(?:[!-\"$&-~]|%[0-9a-fA-F]{2})*");
  return std::regex_match(text.begin(), text.end(), form);
}

/// As Go's url.PathUnescape and QueryUnescape.
std::string decoded(std::string_view text, bool plus_is_blank) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += plus_is_blank && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

/// The paths that pass, as a person would list them; with a name of any parts that are no dots.
std::optional<ApiCall> listed(std::string_view target, bool all) {
  static const std::string version = "(?:/v[0-9]+\\.[0-9]+)?";
  static const std::string part = "/(?!\\.{1,2}(?:/|$))[ !\"$&-.0-:<->@-\\[\\]-~]+";
  struct Rule {
    std::regex form;
    ApiCall call;
    bool always;
  };
  static const std::vector<Rule> rules = [] {
    std::vector<Rule> made;
    const auto add = [&](const std::string& form, ApiCall call, bool always) {
      made.push_back({std::regex(version + form), call, always});
    };
    add("/_ping", ApiCall::ping, true);
    add("/version", ApiCall::version, true);
    add("/info", ApiCall::info, true);
    add("/events", ApiCall::events, true);
    add("/images/json", ApiCall::image_list, true);
    add("/images/get", ApiCall::image_export, false);
    add("/system/df", ApiCall::system_df, false);
    add("/containers/json", ApiCall::container_list, false);
    add("/containers" + part + "/json", ApiCall::container_inspect, false);
    add("/images(?:" + part + ")+/json", ApiCall::image_inspect, true);
    add("/images(?:" + part + ")+/history", ApiCall::image_history, true);
    add("/images(?:" + part + ")+/get", ApiCall::image_export, false);
    return made;
  }();
  const std::string path = decoded(target.substr(0, target.find('?')), false);
  for (const Rule& rule : rules)
    if ((rule.always || all) && std::regex_match(path, rule.form)) return rule.call;
  return std::nullopt;
}

void check_rules(std::string_view target) {
  Groups all;
  for (const Group group : {Group::df, Group::containers, Group::export_images, Group::all_events})
    all.add(group);
  for (const bool open : {false, true}) {
    const auto permit = facade::permit("GET", target, open ? all : Groups());
    const auto expected = listed(target, open);
    require(permit.has_value() == expected.has_value(), "what passes is what the list has");
    if (permit) require(permit->call == *expected, "it passes as what it is");
    require(facade::permit("HEAD", target, open ? all : Groups()) == permit, "HEAD passes as GET does");
    require(!facade::permit("POST", target, open ? all : Groups()), "nothing that writes passes");
  }
  static const std::regex shown("(?:/(?:[a-z_]+|\\{name\\}))+|/|");
  require(std::regex_match(facade::path_class(target), shown), "no foreign text is told");
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs pairs_of(std::string_view target) {
  Pairs pairs;
  const auto mark = target.find('?');
  if (mark == std::string_view::npos) return pairs;
  for (const auto pair : split(target.substr(mark + 1), "&")) {
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    pairs.emplace_back(decoded(pair.substr(0, equals), true),
                       decoded(pair.substr(std::min(equals + 1, pair.size())), true));
  }
  return pairs;
}

void check_events(std::string_view target) {
  const auto narrowed = facade::narrowed_to_images(target);
  if (!narrowed) {
    require(narrowed.error().status == 400 || narrowed.error().status == 403,
            "an error has a status to answer");
    return;
  }
  require(is_target(*narrowed), "what goes to the engine can stand in a request");
  require(narrowed->substr(0, narrowed->find('?')) == target.substr(0, target.find('?')), "the path stays");
  Pairs asked = pairs_of(target);
  Pairs goes = pairs_of(*narrowed);
  const auto is_filters = [](const auto& pair) { return pair.first == "filters"; };
  require(std::count_if(goes.begin(), goes.end(), is_filters) == 1, "there is one filters");
  const auto filters = nlohmann::json::parse(std::find_if(goes.begin(), goes.end(), is_filters)->second);
  const auto& type = filters.at("type");
  require(type == nlohmann::json{{"image", true}} || type == nlohmann::json::array({"image"}),
          "it asks for events of images alone");
  std::erase_if(asked, is_filters);
  std::erase_if(goes, is_filters);
  require(asked == goes, "all other parameters stay");
  const auto again = facade::narrowed_to_images(*narrowed);
  require(again.ok() && *again == *narrowed, "what is narrowed stays as it is");
}

/// Any bytes as filters, as if they had been encoded well; and as a message.
void check_filters(std::string_view text) {
  const auto filters = facade::image_filters(text);
  if (filters) {
    const auto document = nlohmann::json::parse(*filters);
    const auto& type = document.at("type");
    require(type == nlohmann::json{{"image", true}} || type == nlohmann::json::array({"image"}),
            "filters name images alone");
    require(*facade::image_filters(*filters) == *filters, "they stay as they are");
  }
  const auto message = nlohmann::json::parse(facade::message_body(text));
  if (is_utf8(text)) require(message.at("message") == std::string(text), "a message reads back as it was");
}

/// Lines of "name: value" as headers.
void check_headers(std::string_view text) {
  web::Headers headers;
  for (const auto line : split(text, "\n")) {
    const auto colon = std::min(line.find(':'), line.size());
    headers.emplace_back(line.substr(0, colon), line.substr(std::min(colon + 1, line.size())));
  }
  for (const auto& kept :
       {facade::for_engine(headers, true), facade::for_engine(headers, false), facade::for_client(headers)})
    for (const auto& [name, value] : kept)
      for (const auto* hop :
           {"Connection", "Transfer-Encoding", "Content-Length", "Upgrade", "Proxy-Authorization"})
        require(!facade::same_ignoring_case(name, hop), "what is for one hop ends there");
  for (const auto& [name, value] : facade::for_engine(headers, true))
    for (const auto* secret : {"Authorization", "Cookie", "X-Registry-Auth"})
      require(!facade::same_ignoring_case(name, secret), "credentials go no further");
}

}  // namespace
}  // namespace repodigest::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace repodigest::fuzz;
  const std::string_view text = text_of(data, size);
  check_filters(text);
  check_headers(text);
  if (!is_target(text)) return 0;
  check_rules(text);
  check_events(text);
  return 0;
}
