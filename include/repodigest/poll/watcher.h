// Listens to the engine's events on a connection and a thread of its own, and rings.
#pragma once

#include <cstdint>
#include <random>
#include <thread>

#include "repodigest/base/cancel.h"
#include "repodigest/base/clock.h"
#include "repodigest/base/log.h"
#include "repodigest/base/stats.h"
#include "repodigest/engine/events.h"
#include "repodigest/poll/doorbell.h"

namespace repodigest::poll {

/// What an event means for the inventory: every action of every engine is understood as "this reference or
/// this Id may have changed"; one that names neither, as "anything" (a prune, a load by podman, a push of all
/// tags).
inventory::Bell bell_of(const engine::Event& event);

/// Keeps a stream open as the doorbell orders it. One that ends, or can't be opened, is tried again after a
/// pause that starts at a second, doubles and ends at a minute, with jitter, and that starts anew after a
/// stream that lived a minute; one that the engine, or a proxy before it, refuses (a status from 400 to 499),
/// after ten minutes. A new order cuts any pause and any stream. Says in the log when events no longer come
/// and when they are back. Thread rule: made and destroyed by one thread; works on its own, which the
/// destructor ends and joins.
class Watcher {
 public:
  /// `doorbell`, `stats` and `clock` outlive it.
  Watcher(engine::EventStream stream, Doorbell& doorbell, Stats& stats, const Clock& clock,
          std::uint64_t seed);
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

 private:
  void run();
  /// One stream of `order`, and the pause after it.
  void follow(const Doorbell::Order& order);
  /// Ends with the watcher, or when there is a new order.
  [[nodiscard]] Cancel interruption() const;
  /// For the log.
  void opened();
  void ended(const Error& why, SteadyTime now);
  void broke_off(const char* what) noexcept;

  engine::EventStream stream_;
  Doorbell& doorbell_;
  Stats& stats_;
  const Clock& clock_;
  const Wake stop_;
  // Of the thread alone.
  std::minstd_rand random_;
  std::uint64_t latest_order_ = 0;
  Duration pause_{};
  log::Repeated trouble_;
  bool said_to_be_down_ = false;
  std::thread thread_;
};

}  // namespace repodigest::poll
