// The states in which the exposition is looked at as a whole.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "repodigest/base/stats.h"
#include "repodigest/exposition/live.h"
#include "repodigest/exposition/text.h"
#include "repodigest/poll/health.h"
#include "samples.h"

namespace repodigest::exposition {

inline poll::Health good_health() {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  poll::Health health;
  health.up = true;
  health.ready = true;
  health.poll_interval = seconds(60);
  health.list_interval = seconds(3600);
  health.list_duration = milliseconds(2125);
  health.last_confirmed = WallTime(milliseconds(1795464000123));
  health.last_list = WallTime(milliseconds(1795463990500));
  return health;
}

/// With something of each kind.
inline void fill(Stats& stats) {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  stats.polls.add(7);
  stats.poll_failures[index_of(Reason::timeout)].add(2);
  stats.engine_busy[index_of(Caller::list)].add(milliseconds(2125));
  stats.engine_changes[index_of(EngineChange::version)].add();
  stats.events_connected = true;
  stats.events[index_of(EventAction::tag)].add(5);
  stats.events[index_of(EventAction::remove)].add(2);
  auto& inspects = stats.request_duration[index_of(Operation::image_inspect)];
  inspects.observe(milliseconds(1));
  inspects.observe(milliseconds(20));
  inspects.observe(seconds(400));
  stats.request_failures[index_of(Operation::image_inspect)][index_of(Reason::not_found)].add(3);
}

struct Scene {
  const char* name;
  std::shared_ptr<const inventory::Snapshot> snapshot;
  bool stale = false;
  bool up = true;
  LiveOptions options = {};

  /// What a scrape gets.
  [[nodiscard]] std::string written(Format format) const {
    Stats stats;
    fill(stats);
    poll::Health health = snapshot->listed ? good_health() : poll::Health();
    health.up = up;
    return render_text(*snapshot, stale, {}, format) + render_live(stats, health, options, format);
  }
};

inline std::vector<Scene> every_scene() {
  const auto nothing = std::make_shared<const inventory::Snapshot>();
  support::SnapshotBuilder first_list_pending;
  first_list_pending->listed = false;
  const auto full = support::every_kind().build();
  return {
      {"empty", nothing, false, false},
      {"first list pending", first_list_pending.build()},
      {"no images", support::SnapshotBuilder().build()},
      {"full", full},
      {"away", full, false, false},
      {"stale", full, true, true},
      {"with the corrected Docker API", full, false, true, {.docker_api = true}},
      {"the corrected Docker API alone", nothing, false, false, {.polling = false, .docker_api = true}},
      {"without the exporter's own", full, false, true, {.exporter_metrics = false}},
  };
}

}  // namespace repodigest::exposition
