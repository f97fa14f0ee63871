// What the program counts about itself: atomics that every room adds to, and that exposition reads per
// scrape.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "repodigest/base/clock.h"
#include "repodigest/base/result.h"

namespace repodigest {

/// A number that only grows. Any thread.
class Counter {
 public:
  void add(std::uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Accumulated time. Any thread.
class TimeCounter {
 public:
  void add(Duration amount) {
    nanoseconds_.add(static_cast<std::uint64_t>(amount.count() > 0 ? amount.count() : 0));
  }
  [[nodiscard]] double seconds() const { return static_cast<double>(nanoseconds_.value()) * 1e-9; }

 private:
  Counter nanoseconds_;
};

/// A histogram of durations with fixed bounds. Any thread; a reader may see an observation half counted.
class DurationHistogram {
 public:
  /// Upper bounds in seconds: from a graphdriver inspect (0.2 ms) to a list of 30,000 images (five minutes).
  static constexpr std::array<double, 16> bounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                    0.5,   1,      2.5,   5,    10,    30,   100, 300};

  void observe(Duration duration);
  /// Observations at most bounds[index]'s bucket and above the one before; index bounds.size() is what is
  /// larger.
  [[nodiscard]] std::uint64_t bucket(std::size_t index) const { return buckets_[index].value(); }
  [[nodiscard]] double sum() const { return sum_.seconds(); }

 private:
  std::array<Counter, bounds.size() + 1> buckets_;
  TimeCounter sum_;
};

/// Calls to the engine; the names are values of the label `operation`.
enum class Operation { ping, version, info, image_list, image_inspect, container_list };
inline constexpr std::array<std::string_view, 6> operation_names = {
    "ping", "version", "info", "image_list", "image_inspect", "container_list"};

/// Who asks the engine; the names are values of the label `caller`.
enum class Caller { look, list, inspect, facade };
inline constexpr std::array<std::string_view, 4> caller_names = {"look", "list", "inspect", "facade"};

/// What events of type image say; the names are values of the label `action`. `other` is every action that
/// this program has no name for (podman has some of its own).
enum class EventAction { pull, push, tag, untag, remove, load, save, import, create, build, prune, other };
inline constexpr std::array<std::string_view, 12> event_action_names = {
    "pull", "push", "tag", "untag", "delete", "load", "save", "import", "create", "build", "prune", "other"};

/// What can change about an engine; the names are values of the label `what`.
enum class EngineChange { version, store, engine_id };
inline constexpr std::array<std::string_view, 3> engine_change_names = {"version", "store", "engine_id"};

/// Our own HTTP handlers; the names are values of the label `handler`. `other` is everything without a route.
enum class Handler { page, metrics, images, image, summary, engine, healthy, ready, reload, other };
inline constexpr std::array<std::string_view, 10> handler_names = {
    "page", "metrics", "images", "image", "summary", "engine", "healthy", "ready", "reload", "other"};

/// Calls of the corrected Docker API; the names are values of the label `operation`. `other` is all that is
/// refused.
enum class ApiCall {
  ping,
  version,
  info,
  image_list,
  image_inspect,
  image_history,
  image_export,
  events,
  system_df,
  container_list,
  container_inspect,
  other
};
inline constexpr std::array<std::string_view, 12> api_call_names = {
    "ping",         "version", "info",      "image_list",     "image_inspect",     "image_history",
    "image_export", "events",  "system_df", "container_list", "container_inspect", "other"};

/// The statuses that the corrected Docker API is known to answer, the engine's own and ours; the label
/// `code`. 499 is no answer: the client hung up before there was one (nginx's number for it).
inline constexpr std::array<int, 21> api_codes = {200, 301, 304, 400, 401, 403, 404, 405, 408, 409, 413,
                                                  414, 429, 431, 499, 500, 501, 502, 503, 504, 505};

/// The statuses our web room can answer; the label `code`.
inline constexpr std::array<int, 17> http_codes = {200, 302, 304, 400, 401, 403, 404, 405, 408,
                                                   409, 413, 414, 429, 431, 500, 503, 505};

/// The position of an enumerator in its table of names.
template <typename Enum>
constexpr std::size_t index_of(Enum value) {
  return static_cast<std::size_t>(value);
}

/// What is read again while the program runs.
enum class Reloaded { config, web_config, docker_api_web_config };

/// How the last readings ended. Any thread.
class Reloads {
 public:
  void succeeded(Reloaded what, WallTime now) {
    good_[static_cast<std::size_t>(what)].store(true, std::memory_order_relaxed);
    last_success_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  void failed(Reloaded what) {
    good_[static_cast<std::size_t>(what)].store(false, std::memory_order_relaxed);
  }
  /// Whether nothing is out of date because what would replace it is broken.
  [[nodiscard]] bool all_good() const {
    return std::all_of(good_.begin(), good_.end(),
                       [](const auto& good) { return good.load(std::memory_order_relaxed); });
  }
  /// Before the first one: 1970.
  [[nodiscard]] WallTime last_success() const {
    return WallTime(WallTime::duration(last_success_.load(std::memory_order_relaxed)));
  }

 private:
  std::array<std::atomic<bool>, 3> good_ = {true, true, true};
  std::atomic<WallTime::rep> last_success_{0};
};

/// All of it. One per process, shared by reference; outlives every thread that counts.
struct Stats {
  Counter polls;
  std::array<Counter, reason_names.size()> poll_failures;
  std::array<TimeCounter, caller_names.size()> engine_busy;
  std::array<Counter, engine_change_names.size()> engine_changes;
  std::array<Counter, event_action_names.size()> events;
  std::atomic<bool> events_connected{false};
  std::array<DurationHistogram, operation_names.size()> request_duration;
  std::array<std::array<Counter, reason_names.size()>, operation_names.size()> request_failures;
  std::array<std::array<Counter, http_codes.size()>, handler_names.size()> http_requests;
  std::atomic<std::int64_t> http_connections{0};
  std::atomic<bool> insecure_listener{false};
  Reloads reloads;
  std::array<std::array<Counter, api_codes.size()>, api_call_names.size()> api_requests;
  Counter api_entries_removed;

  /// Counts one answer of ours. A status outside http_codes counts as 500, so that the sum stays right.
  void count_http(Handler handler, int status);
  /// Counts one answer of the corrected Docker API. A status outside api_codes, of the engine's or of a
  /// proxy's own making, counts as the first of its hundred that is in there (418 as 400, 204 as 200), one
  /// that is no HTTP status as 502.
  void count_api(ApiCall call, int status);
};

}  // namespace repodigest
