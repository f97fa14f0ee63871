// Durations: taken as Prometheus' regular expression takes them, and written so that they read the same.
#include <cstdint>
#include <cstring>
#include <regex>

#include "repodigest/base/duration.h"
#include "require.h"

namespace repodigest::fuzz {
namespace {

using Wide = __int128;

/// Milliseconds; nothing if it is no duration (prometheus/common model/time.go) or one of over 292 years.
std::optional<std::int64_t> reference(const std::string& text) {
  static const std::regex form(
      R"((?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?)");
  constexpr std::int64_t day = 86'400'000;
  constexpr std::int64_t units[] = {365 * day, 7 * day, day, 3'600'000, 60'000, 1000, 1};
  constexpr Wide limit = INT64_MAX / 1'000'000;
  if (text == "0") return 0;
  std::smatch parts;
  if (text.empty() || !std::regex_match(text, parts, form)) return std::nullopt;
  Wide sum = 0;
  for (std::size_t i = 0; i < 7; ++i) {
    Wide number = 0;
    for (const char c : parts[i + 1].str()) number = std::min<Wide>(number * 10 + (c - '0'), limit + 1);
    sum += number * units[i];
  }
  if (sum > limit) return std::nullopt;
  return static_cast<std::int64_t>(sum);
}

void check_text(std::string_view text) {
  const auto duration = parse_duration(text);
  const auto expected = reference(std::string(text));
  require(duration.ok() == expected.has_value(), "a duration is what Prometheus takes for one");
  if (!duration) {
    require(duration.error().reason == Reason::usage && duration.error().text.find(text) != std::string::npos,
            "an error shows what was not understood");
    return;
  }
  require(*duration == std::chrono::milliseconds(*expected), "a duration is the sum of its parts");
  const std::string written = format_duration(*duration);
  const auto again = parse_duration(written);
  require(again.ok() && *again == *duration, "what is written reads the same");
  require(format_duration(*again) == written, "and is written the same");
}

void check_number(std::int64_t nanoseconds) {
  const Duration duration{nanoseconds};
  const std::string written = format_duration(duration);
  const auto again = parse_duration(written.substr(written.starts_with('-') ? 1 : 0));
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(duration);
  require(again.ok() && *again == std::chrono::abs(milliseconds), "any duration can be written and read");
  require(written.starts_with('-') == (milliseconds.count() < 0), "a sign says that it is negative");
  const std::string time = format_timestamp(WallTime(duration));
  static const std::regex form(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)");
  require(std::regex_match(time, form), "any time can be written");
}

}  // namespace
}  // namespace repodigest::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace repodigest::fuzz;
  check_text(text_of(data, size));
  std::int64_t number = 0;
  std::memcpy(&number, data, std::min(size, sizeof number));
  check_number(number);
  return 0;
}
