#include "repodigest/base/duration.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <ctime>

namespace repodigest {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};

constexpr std::int64_t day_ms = 24LL * 3600 * 1000;
constexpr std::array<Unit, 7> units = {{{"y", 365 * day_ms},
                                        {"w", 7 * day_ms},
                                        {"d", day_ms},
                                        {"h", 3'600'000},
                                        {"m", 60'000},
                                        {"s", 1000},
                                        {"ms", 1}}};

Error bad_duration(std::string_view text, std::string_view why) {
  return {Reason::usage, "\"" + std::string(text) + "\" is not a duration: " + std::string(why) +
                             "; write it as 500ms, 30s, 5m or 1h30m"};
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  if (text.empty()) return bad_duration(text, "it is empty");
  if (text == "0") return Duration::zero();
  constexpr std::int64_t limit_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(Duration::max()).count();
  std::int64_t total_ms = 0;
  std::size_t next_unit = 0;
  for (std::string_view rest = text; !rest.empty();) {
    std::int64_t number = 0;
    const auto [end, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (failure == std::errc::result_out_of_range) return bad_duration(text, "it is too long");
    // from_chars takes a sign, of -0 too.
    if (failure != std::errc() || rest.front() == '-') return bad_duration(text, "a number is missing");
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    const std::size_t letters = std::min(rest.find_first_of("0123456789"), rest.size());
    const std::string_view name = rest.substr(0, letters);
    while (next_unit < units.size() && units[next_unit].name != name) ++next_unit;
    if (next_unit == units.size())
      return bad_duration(
          text, name.empty() ? "a unit is missing" : "units are y, w, d, h, m, s and ms, in this order");
    if (number > (limit_ms - total_ms) / units[next_unit].milliseconds)
      return bad_duration(text, "it is too long");
    total_ms += number * units[next_unit].milliseconds;
    ++next_unit;
    rest.remove_prefix(letters);
  }
  return Duration(std::chrono::milliseconds(total_ms));
}

std::string format_duration(Duration duration) {
  auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  if (rest == 0) return "0s";
  std::string text = rest < 0 ? "-" : "";
  if (rest < 0) rest = -rest;
  for (const auto& unit : units) {
    if (unit.name == "y" || unit.name == "w") continue;  // 400d reads better than 1y5w
    if (rest < unit.milliseconds) continue;
    text += std::to_string(rest / unit.milliseconds);
    text += unit.name;
    rest %= unit.milliseconds;
  }
  return text;
}

std::string format_timestamp(WallTime time) {
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const auto fraction = static_cast<int>(((milliseconds % 1000) + 1000) % 1000);
  const auto seconds = static_cast<std::time_t>((milliseconds - fraction) / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> buffer{};
  const auto length = std::strftime(buffer.data(), buffer.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::string text(buffer.data(), length);
  std::snprintf(buffer.data(), buffer.size(), ".%03dZ", fraction);
  return text + buffer.data();
}

}  // namespace repodigest
