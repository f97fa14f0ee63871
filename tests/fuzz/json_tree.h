// A JSON text as nlohmann's lexer reads it, with all that its own document forgets: keys that stand twice,
// how deep it goes, integers that no 64 bits hold.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace repodigest::fuzz {

struct Json {
  enum class Kind { null, boolean, integer, natural, real, string, array, object };
  Kind kind = Kind::null;
  std::int64_t integer = 0;   ///< of integer: below 0
  std::uint64_t natural = 0;  ///< of natural: from 0 on
  std::string string = {};
  std::vector<std::pair<std::string, Json>> members = {};  ///< of array and object; an array's keys are ""

  [[nodiscard]] bool is(Kind other) const { return kind == other; }
  [[nodiscard]] std::size_t count(std::string_view key) const {
    return static_cast<std::size_t>(std::count_if(members.begin(), members.end(),
                                                  [&](const auto& member) { return member.first == key; }));
  }
  /// The first of that key, as of an object; null if there is none.
  [[nodiscard]] const Json* find(std::string_view key) const {
    if (kind != Kind::object) return nullptr;
    const auto found =
        std::find_if(members.begin(), members.end(), [&](const auto& member) { return member.first == key; });
    return found == members.end() ? nullptr : &found->second;
  }
};

/// What nlohmann takes, and whether anybody might see it differently.
struct JsonText {
  std::optional<Json> root;   ///< nothing: it takes it for no JSON
  std::size_t depth = 0;      ///< of arrays and objects
  bool large_number = false;  ///< an integer of more than 64 bits
  /// It skips a byte order mark, and ends at a zero byte.
  bool odd = false;
};

class JsonReader {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  static JsonText read(std::string_view text) {
    JsonReader reader;
    reader.text_.odd = text.starts_with('\xEF') || text.find('\0') != std::string_view::npos;
    reader.text_.root = Json{};
    reader.open_.push_back(&*reader.text_.root);
    if (!nlohmann::json::sax_parse(text, &reader)) reader.text_.root.reset();
    return std::move(reader.text_);
  }

  bool null() { return put({}); }
  bool boolean(bool) { return put({.kind = Json::Kind::boolean}); }
  bool number_integer(number_integer_t value) {
    if (value == 0) return number_unsigned(0);  // it was -0
    return put({.kind = Json::Kind::integer, .integer = value});
  }
  bool number_unsigned(number_unsigned_t value) {
    return put({.kind = Json::Kind::natural, .natural = value});
  }
  bool number_float(number_float_t, const string_t& digits) {
    if (digits.find_first_of(".eE") == std::string::npos) text_.large_number = true;
    return put({.kind = Json::Kind::real});
  }
  bool string(string_t& value) { return put({.kind = Json::Kind::string, .string = value}); }
  bool binary(binary_t&) { return false; }
  bool start_object(std::size_t) { return begin(Json::Kind::object); }
  bool start_array(std::size_t) { return begin(Json::Kind::array); }
  bool key(string_t& value) {
    key_ = value;
    return true;
  }
  bool end_object() { return end(); }
  bool end_array() { return end(); }
  static bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) {
    return false;
  }

 private:
  Json* place() {
    Json* const parent = open_.back();
    if (open_.size() == 1) return parent;
    return &parent->members
                .emplace_back(parent->is(Json::Kind::object) ? std::exchange(key_, {}) : "", Json())
                .second;
  }
  bool put(Json value) {
    *place() = std::move(value);
    return true;
  }
  bool begin(Json::Kind kind) {
    Json* const at = place();
    at->kind = kind;
    // What is open does not move: only the innermost grows.
    open_.push_back(at);
    text_.depth = std::max(text_.depth, open_.size() - 1);
    return true;
  }
  bool end() {
    open_.pop_back();
    return true;
  }

  JsonText text_;
  std::vector<Json*> open_;
  std::string key_;
};

}  // namespace repodigest::fuzz
