// Carries out what the machine decides: asks the engine, feeds the inventory, publishes snapshots and health.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "repodigest/base/cancel.h"
#include "repodigest/base/clock.h"
#include "repodigest/base/result.h"
#include "repodigest/base/stats.h"
#include "repodigest/engine/client.h"
#include "repodigest/inventory/inventory.h"
#include "repodigest/inventory/snapshot.h"
#include "repodigest/poll/health.h"
#include "repodigest/poll/journal.h"
#include "repodigest/poll/machine.h"

namespace repodigest::poll {

/// Thread rule: made by one thread, run() by one thread; what others read is in the store and on the board.
class Driver {
 public:
  /// `client`, `store`, `board`, `stats` and `clock` outlive it. `demo` marks the snapshots.
  Driver(engine::Client& client, MachineOptions options, bool demo, inventory::SnapshotStore& store,
         HealthBoard& board, Stats& stats, const Clock& clock);

  /// Polls until `stop` ends. Never throws, never returns earlier because of the engine. If something below
  /// throws (no memory is left, for one), it starts afresh after a pause, with nothing known and nothing
  /// published.
  void run(const Cancel& stop);

 private:
  void step(const Cancel& stop);
  /// Forgets everything: what was under way when an exception came may be half done.
  void start_afresh();
  void look(const Cancel& stop);
  void list(const Cancel& stop);
  void inspect(const Cancel& stop);
  /// Publishes at most every 250 ms, or at once if wanted.
  void publish(bool at_once);
  void post_health();
  void count_failure(const Status& outcome);

  engine::Client& client_;
  inventory::SnapshotStore& store_;
  HealthBoard& board_;
  Stats& stats_;
  const Clock& clock_;
  const MachineOptions options_;
  const bool demo_;
  Machine machine_;
  inventory::Inventory inventory_;
  Journal journal_;
  Health health_;
  std::optional<SteadyTime> published_at_;
};

/// One complete look at the engine for a report, outside any interval: who it is, the list, and an inspect of
/// every image (those that change under way are retried). Errors: of the look, of the list, or of the first
/// inspect that shows the engine itself in trouble. Images that could not be inspected carry their failure in
/// the snapshot.
Result<std::shared_ptr<const inventory::Snapshot>> look_once(engine::Client& client, bool demo,
                                                             const Clock& clock, const Cancel& cancel);

/// The same for the named images only, without a list. A name that does not exist is the Error not_found.
Result<std::shared_ptr<const inventory::Snapshot>> look_once_at(engine::Client& client, bool demo,
                                                                const std::vector<std::string>& names,
                                                                const Clock& clock, const Cancel& cancel);

}  // namespace repodigest::poll
