// What an engine's body says, read from nlohmann's tree: the rules of engine/decode.h said again, and how a
// target holds them against each other.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json_tree.h"
#include "repodigest/base/result.h"
#include "repodigest/transport/transport.h"
#include "require.h"

namespace repodigest::fuzz {

using Kind = Json::Kind;

/// The reading of one object. Once something is wrong, `good` stays false.
struct ObjectReading {
  const Json& object;
  bool good = true;

  explicit ObjectReading(const Json& json) : object(json), good(json.is(Kind::object)) {}

  /// The value of a key that may stand there once; null if it isn't there or is null.
  const Json* value(std::string_view key, bool required = false) {
    if (!good) return nullptr;
    const std::size_t count = object.count(key);
    good = count == 1 || (count == 0 && !required);
    const Json* const found = object.find(key);
    return good && found != nullptr && !found->is(Kind::null) ? found : nullptr;
  }
  std::string word(std::string_view key, bool required = false) {
    const Json* const found = value(key, required);
    if (found == nullptr) return "";
    good = found->is(Kind::string) && found->string.size() <= 256;
    return good ? found->string : "";
  }
  std::vector<std::string> strings(std::string_view key) {
    std::vector<std::string> texts;
    const Json* const found = value(key);
    if (found == nullptr) return texts;
    good = found->is(Kind::array);
    for (const auto& [none, entry] : found->members) {
      good = good && entry.is(Kind::string);
      texts.push_back(entry.string);
    }
    return texts;
  }
  std::int64_t integer(std::string_view key) {
    const Json* const found = value(key);
    if (found == nullptr) return 0;
    if (found->is(Kind::integer)) return found->integer;
    good = found->is(Kind::natural) && found->natural <= INT64_MAX;
    return good ? static_cast<std::int64_t>(found->natural) : 0;
  }
  std::int64_t size(std::string_view key) {
    const std::int64_t size = integer(key);
    good = good && size >= 0;
    return size;
  }
  std::string id(std::string_view key) {
    const Json* const found = value(key, true);
    const std::string full = found != nullptr && found->is(Kind::string) ? full_id(found->string) : "";
    good = good && !full.empty();
    return full;
  }

  /// "" if it is none.
  static std::string full_id(const std::string& id) {
    const auto only = [](std::string_view text, std::string_view letters) {
      return text.find_first_not_of(letters) == std::string_view::npos;
    };
    const std::string full = id.find(':') == std::string::npos && id.size() == 64 ? "sha256:" + id : id;
    const auto colon = full.find(':');
    if (colon == std::string::npos || colon == 0 || colon > 32) return "";
    const std::string_view hex = std::string_view(full).substr(colon + 1);
    if (!only(full.substr(0, colon), "0123456789abcdefghijklmnopqrstuvwxyz+._-") ||
        !only(hex, "0123456789abcdef") || hex.size() < 32 || hex.size() > 128)
      return "";
    return full;
  }
};

/// Decodes a body whose spare bytes hold what would end its JSON well, and again one that has none to spare,
/// and holds what comes of it against the reading of nlohmann's tree by `expect`. Returns what was decoded.
template <typename Decode, typename Expect, typename Same>
void hold_against(std::string_view text, Decode decode, Expect expect, Same same) {
  std::string roomy;
  roomy.reserve(text.size() + transport::body_padding);
  roomy.append(text).append(transport::body_padding, ']');
  roomy.resize(text.size());
  auto decoded = decode(roomy);
  std::string tight(text);
  tight.shrink_to_fit();
  auto again = decode(tight);
  require(decoded.ok() == again.ok(), "spare bytes behind a body make no difference");
  if (decoded.ok()) {
    require(same(*decoded, *again), "spare bytes behind a body make no difference to what is decoded");
  } else {
    require(decoded.error().reason == Reason::parse && decoded.error().text == again.error().text,
            "an error is one of parsing, and the same each time");
  }

  const JsonText json = JsonReader::read(text);
  if (decoded.ok()) {
    require(json.root.has_value(), "nothing is taken that another parser refuses");
    require(json.depth <= 64, "nothing is taken that is deeper than 64 levels");
    const auto expected = expect(*json.root);
    require(expected.has_value(), "nothing is taken that has a wrong type, or a key twice");
    require(same(*decoded, *expected), "what is decoded is what another parser reads");
  } else if (json.root && !json.odd && !json.large_number && json.depth < 64) {
    require(!expect(*json.root), "what another parser reads is taken");
  }
}

/// The same for what has ==.
template <typename Decode, typename Expect>
void hold_against(std::string_view text, Decode decode, Expect expect) {
  hold_against(text, decode, expect, [](const auto& one, const auto& other) { return one == other; });
}

}  // namespace repodigest::fuzz
