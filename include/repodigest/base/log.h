// The log: one line an event on stderr, as logfmt or JSON. Values come from outside and are escaped.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "repodigest/base/clock.h"
#include "repodigest/base/mutex.h"
#include "repodigest/base/result.h"

namespace repodigest::log {

enum class Level { debug, info, warn, error };
enum class Format { logfmt, json };

using Fields = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// Sets level and format of the process. Default: info, logfmt. Any thread.
void configure(Level level, Format format);

/// Writes one line, or loses it if nobody reads stderr: it never waits longer than a fraction of a second.
/// `message` is a constant of ours; foreign text goes into fields. Any thread.
void write(Level level, std::string_view message, Fields fields = {});

inline void debug(std::string_view message, Fields fields = {}) {
  write(Level::debug, message, fields);
}
inline void info(std::string_view message, Fields fields = {}) {
  write(Level::info, message, fields);
}
inline void warn(std::string_view message, Fields fields = {}) {
  write(Level::warn, message, fields);
}
inline void error(std::string_view message, Fields fields = {}) {
  write(Level::error, message, fields);
}

/// The line without its end, as write() would print it; for tests. `time` is RFC 3339.
std::string format_line(Format format, std::string_view time, Level level, std::string_view message,
                        Fields fields);

/// Decides when a repeated trouble is worth a line: at once when it is new, then at most every ten minutes,
/// with the count of what was held back. Any thread.
class Repeated {
 public:
  static constexpr Duration interval = std::chrono::minutes(10);

  /// Counts one occurrence of the trouble `key` (one of a few: each is kept) at `now`. Returns
  /// how many occurrences the line to be written stands for (1 the first time), or nothing if it is to be
  /// held back. Two troubles that take turns are held back like one.
  std::optional<std::uint64_t> occurred(std::string_view key, SteadyTime now);
  /// The troubles are over, as far as one can know: what comes again within the ten minutes is held back all
  /// the same. Returns how many were held back since their last lines, and forgets those.
  std::uint64_t ended();

 private:
  struct Trouble {
    SteadyTime last_line;
    std::uint64_t held_back = 0;
  };
  Mutex mutex_;
  std::map<std::string, Trouble, std::less<>> troubles_ GUARDED_BY(mutex_);
};

}  // namespace repodigest::log
