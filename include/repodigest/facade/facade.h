// The corrected Docker API: a read-only door to the engine through which every RepoDigests list comes unique.
// What is asked goes to the engine as it came, what it answers goes back as it comes; nothing is kept.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "repodigest/base/clock.h"
#include "repodigest/base/result.h"
#include "repodigest/base/stats.h"
#include "repodigest/transport/transport.h"
#include "repodigest/web/server.h"

namespace repodigest::facade {

/// Calls that are open only if asked for; the names are the values of --docker-api.allow.
enum class Group { df, containers, export_images, all_events };
inline constexpr std::array<std::string_view, 4> group_names = {"df", "containers", "export", "events"};

/// A set of groups. A value.
class Groups {
 public:
  constexpr void add(Group group) { bits_ |= bit(group); }
  [[nodiscard]] constexpr bool has(Group group) const { return (bits_ & bit(group)) != 0; }
  friend constexpr bool operator==(Groups, Groups) = default;

 private:
  static constexpr unsigned bit(Group group) { return 1U << static_cast<unsigned>(group); }
  unsigned bits_ = 0;
};

struct Options {
  bool correct = true;  ///< --docker-api.correct; off: a narrow window that changes nothing
  Groups allow;         ///< --docker-api.allow
  Duration timeout = std::chrono::seconds(30);      ///< of a light call; of the head of an event stream
  Duration list_timeout = std::chrono::minutes(5);  ///< of /images/json, /system/df, /containers/json; of the
                                                    ///< head of an export, whose body may take any time
  std::size_t max_list_bytes = std::size_t{256}
                               << 20U;  ///< of these three; other answers 16 MiB, exports any
  // Under way at the engine at once; the rest waits. Lists and exports have calls of their own, since they
  // may last as long as their clients please.
  static constexpr std::size_t max_light_calls = 2;
  static constexpr std::size_t max_heavy_calls = 2;
  static constexpr std::size_t max_event_streams = 16;
};

/// Opens a connection of its own to the engine: one Transport per call under way.
using Connect = std::function<std::unique_ptr<transport::Transport>()>;

/// Owns its web::Server and its connections to the engine, which the poller never waits for. Thread rule:
/// made, started, stopped and destroyed by one thread.
class Facade {
 public:
  /// `stats` and `clock` outlive it. `serving` says where to listen, with which mode and group.
  Facade(web::ServerOptions serving, Options options, Connect connect, Stats& stats, const Clock& clock);
  ~Facade();
  Facade(const Facade&) = delete;
  Facade& operator=(const Facade&) = delete;

  /// As web::Server::start().
  Status start();
  [[nodiscard]] const std::vector<web::ListenAddress>& bound() const;
  /// Ends event streams at once and gives calls under way `grace`; returns within it.
  void stop(Duration grace);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace repodigest::facade
