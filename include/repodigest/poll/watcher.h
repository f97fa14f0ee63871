// Listens to the engine's events on a connection and a thread of its own, and rings.
#pragma once

#include <memory>
#include <thread>

#include "repodigest/base/cancel.h"
#include "repodigest/base/clock.h"
#include "repodigest/base/stats.h"
#include "repodigest/engine/events.h"
#include "repodigest/poll/doorbell.h"

namespace repodigest::poll {

/// What an event means for the inventory: every action of every engine is understood as "this reference or
/// this Id may have changed"; one that names neither, as "anything".
inventory::Bell bell_of(const engine::Event& event);

/// Keeps a stream open as the doorbell orders it. One that ends, or can't be opened, is tried again after a
/// pause that starts at a second, doubles and ends at a minute, with jitter; one that the engine, or a proxy
/// before it, refuses (a status from 400 on), after ten minutes. Says in the log when events come and when
/// they no longer do. Thread rule: made and destroyed by one thread; works on its own, which the destructor
/// ends and joins.
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

  engine::EventStream stream_;
  Doorbell& doorbell_;
  Stats& stats_;
  const Clock& clock_;
  const std::uint64_t seed_;
  const Wake stop_;
  std::thread thread_;
};

}  // namespace repodigest::poll
