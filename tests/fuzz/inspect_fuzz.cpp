// GET /images/{name}/json: an image as nlohmann reads it, and nothing that it refuses; and what an error's
// body is cut down to for the log.
#include <chrono>
#include <cstdint>
#include <regex>

#include "bodies.h"
#include "repodigest/engine/decode.h"

namespace repodigest::fuzz {
namespace {

/// RFC 3339 in seconds since 1970, where nobody could read it otherwise; nothing where leap seconds, odd
/// offsets, blanks or short fields leave room for opinions.
std::optional<std::int64_t> plain_time(const std::string& text) {
  static const std::regex form(
      R"((\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|([+-])(\d\d):(\d\d)))");
  std::smatch parts;
  if (text.size() > 64 || !std::regex_match(text, parts, form)) return std::nullopt;
  const auto number = [&](std::size_t i) { return std::stoi("0" + parts[i].str()); };
  const std::chrono::year_month_day day{std::chrono::year(number(1)),
                                        std::chrono::month(static_cast<unsigned>(number(2))),
                                        std::chrono::day(static_cast<unsigned>(number(3)))};
  if (!day.ok() || number(4) > 23 || number(5) > 59 || number(6) > 59 || number(8) > 11 || number(9) > 59)
    return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(day).time_since_epoch().count();
  const std::int64_t offset = (number(8) * 60 + number(9)) * 60;
  const std::int64_t seconds = days * 86400 + number(4) * 3600 + number(5) * 60 + number(6) +
                               (parts[7].str() == "-" ? offset : -offset);
  return seconds == -62135596800 ? 0 : seconds;  // year 1: how Go says that there is no time
}

bool begins_like_a_time(const std::string& text) {
  static const std::regex form(R"(\s*\d{1,4}-\s*\d{1,2}-\s*\d{1,2}T[\s\S]*)");
  return std::regex_match(text.substr(0, 40), form);
}

/// An image, and what its time must be; nothing: that is left open.
struct Expected {
  engine::ImageInspect image;
  std::optional<std::int64_t> created;
};

std::optional<Expected> expected(const Json& root) {
  ObjectReading object(root);
  Expected expected;
  expected.image = {.id = object.id("Id"),
                    .repo_tags = object.strings("RepoTags"),
                    .repo_digests = object.strings("RepoDigests"),
                    .size = object.size("Size")};
  const Json* const created = object.value("Created");
  object.good = object.good && (created == nullptr || created->is(Kind::string));
  if (!object.good) return std::nullopt;
  const std::string text = created == nullptr ? "" : created->string;
  expected.created = begins_like_a_time(text) ? plain_time(text) : 0;
  return expected;
}

bool same(engine::ImageInspect one, const engine::ImageInspect& other) {
  return one == other;
}
bool same(engine::ImageInspect one, const Expected& other) {
  if (other.created) require(one.created == *other.created, "a timestamp is read as it is meant");
  one.created = 0;
  return one == other.image;
}

void check_message(const std::string& message) {
  require(message.size() <= 200 + std::string_view("…").size(), "what an error says is short");
  require(is_utf8(message), "what an error says is UTF-8");
  for (const char c : message)
    require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F,
            "what an error says has no control characters");
}

}  // namespace
}  // namespace repodigest::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace repodigest;
  static engine::Decoder decoder;
  const std::string_view text = fuzz::text_of(data, size);
  fuzz::hold_against(
      text, [](const std::string& body) { return decoder.image_inspect(body); }, fuzz::expected,
      [](const auto& one, const auto& other) { return fuzz::same(one, other); });
  fuzz::check_message(decoder.error_message(std::string(text)));
  return 0;
}
