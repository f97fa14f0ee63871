#include "repodigest/base/log.h"

#include <poll.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "repodigest/base/duration.h"

namespace repodigest::log {
namespace {

constexpr std::array<std::string_view, 4> level_names = {"debug", "info", "warn", "error"};

/// Writes lines to stderr, but loses them where nobody reads them: a pipe or terminal that is full would hold
/// up the polling, and the stopping, for as long as its reader pleases.
class StderrSink final : public spdlog::sinks::base_sink<std::mutex> {
 private:
  static constexpr int patience_milliseconds = 200;

  void sink_it_(const spdlog::details::log_msg& message) override {
    std::string text(message.payload.data(), message.payload.size());
    text += '\n';
    if (lost_ > 0) text = loss() + text;
    if (write_all(text))
      lost_ = 0;
    else
      ++lost_;
  }
  void flush_() override {}

  /// The line that tells of those that were lost; the first of them may stand there in part.
  [[nodiscard]] std::string loss() const;

  bool write_all(std::string_view text) {
    while (!text.empty()) {
      pollfd ready{STDERR_FILENO, POLLOUT, 0};
      const int count = ::poll(&ready, 1, lost_ > 0 ? 0 : patience_milliseconds);
      if (count < 0 && errno == EINTR) continue;
      if (count == 0) return false;
      // A ready pipe takes PIPE_BUF bytes at once; of more it could block (pipe(7)).
      const ssize_t written =
          ::write(STDERR_FILENO, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return true;  // closed, or its disk full: nothing that waiting would mend
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }

  std::uint64_t lost_ = 0;
};

struct Settings {
  std::atomic<Format> format = Format::logfmt;
  std::shared_ptr<spdlog::logger> sink =
      std::make_shared<spdlog::logger>("repodigest", std::make_shared<StderrSink>());
};

Settings& settings() {
  static Settings instance;
  return instance;
}

constexpr spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

/// A JSON string in which nothing can end the line or the string: what is not UTF-8 becomes U+FFFD, and
/// control characters are escaped, DEL and C1 among them, which JSON would allow but terminals obey.
std::string quoted(std::string_view value) {
  using nlohmann::json;
  const std::string strict = json(value).dump(-1, ' ', false, json::error_handler_t::replace);
  std::string out;
  for (std::size_t i = 0; i < strict.size(); ++i) {
    const auto byte = static_cast<unsigned char>(strict[i]);
    const bool c1 = byte == 0xC2 && static_cast<unsigned char>(strict[i + 1]) < 0xA0;
    if (byte != 0x7F && !c1) {
      out += strict[i];
      continue;
    }
    std::array<char, 8> escape{};
    const unsigned code = c1 ? static_cast<unsigned char>(strict[++i]) : byte;
    std::snprintf(escape.data(), escape.size(), "\\u%04x", code);
    out += escape.data();
  }
  return out;
}

bool needs_quotes(std::string_view value) {
  if (value.empty()) return true;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte == '"' || byte == '=' || byte == '\\' || byte >= 0x7F) return true;
  }
  return false;
}

void append_field(std::string& line, Format format, std::string_view key, std::string_view value) {
  if (format == Format::json) {
    line += line.size() > 1 ? "," : "";
    line += quoted(key) + ':' + quoted(value);
    return;
  }
  if (!line.empty()) line += ' ';
  line += key;
  line += '=';
  line += needs_quotes(value) ? quoted(value) : std::string(value);
}

}  // namespace

namespace {

std::string StderrSink::loss() const {
  const std::string count = std::to_string(lost_);
  return "\n" +
         format_line(settings().format, format_timestamp(system_clock().wall()), Level::warn,
                     "log lines were lost because nobody read them", {{"count", count}}) +
         "\n";
}

}  // namespace

void configure(Level level, Format format) {
  settings().format = format;
  settings().sink->set_level(to_spdlog(level));
}

std::string format_line(Format format, std::string_view time, Level level, std::string_view message,
                        Fields fields) {
  std::string line = format == Format::json ? "{" : "";
  append_field(line, format, "time", time);
  append_field(line, format, "level", level_names[static_cast<std::size_t>(level)]);
  append_field(line, format, "msg", message);
  for (const auto& [key, value] : fields) append_field(line, format, key, value);
  if (format == Format::json) line += '}';
  return line;
}

void write(Level level, std::string_view message, Fields fields) {
  const auto& current = settings();
  if (!current.sink->should_log(to_spdlog(level))) return;
  const std::string line =
      format_line(current.format, format_timestamp(system_clock().wall()), level, message, fields);
  current.sink->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

std::optional<std::uint64_t> Repeated::occurred(std::string_view key, SteadyTime now) {
  const MutexLock lock(mutex_);
  const auto known = troubles_.find(key);
  if (known == troubles_.end()) {
    troubles_.emplace(key, Trouble{now, 0});
    return 1;
  }
  Trouble& trouble = known->second;
  ++trouble.held_back;
  if (now - trouble.last_line < interval) return std::nullopt;
  trouble.last_line = now;
  return std::exchange(trouble.held_back, 0);
}

std::uint64_t Repeated::ended() {
  const MutexLock lock(mutex_);
  std::uint64_t held_back = 0;
  for (auto& [key, trouble] : troubles_) held_back += std::exchange(trouble.held_back, 0);
  return held_back;
}

}  // namespace repodigest::log
