// Carries out what the machine decides: asks the engine, feeds the inventory, publishes snapshots and health.
#pragma once

#include <cstddef>
#include <cstdint>
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
#include "repodigest/poll/doorbell.h"
#include "repodigest/poll/health.h"
#include "repodigest/poll/journal.h"
#include "repodigest/poll/machine.h"

namespace repodigest::cache {
class CacheFile;
}

namespace repodigest::poll {

/// Thread rule: made by one thread, run() by one thread; what others read is in the store and on the board.
class Driver {
 public:
  /// What it works with; all of it outlives it.
  struct Parts {
    engine::Client& client;
    inventory::SnapshotStore& store;
    HealthBoard& board;
    Stats& stats;
    const Clock& clock;
    Doorbell* doorbell = nullptr;       ///< null: no events
    cache::CacheFile* cache = nullptr;  ///< null: nothing survives a restart
  };
  /// `demo` marks the snapshots.
  Driver(const Parts& parts, MachineOptions options, bool demo);

  /// Polls until `stop` ends. Never throws, never returns earlier because of the engine. If something below
  /// throws (no memory is left, for one), it starts afresh after a pause, with nothing known and nothing
  /// published.
  void run(const Cancel& stop);

 private:
  void step(const Cancel& stop);
  /// Forgets everything but what was spent, `lost` included: what was under way when an exception came may be
  /// half done.
  void start_afresh(Duration lost);
  void wait(SteadyTime until, const Cancel& stop);
  void look(bool count, const Cancel& stop);
  /// A look was answered; returns whether by another engine than before.
  bool met(const engine::Identity& identity);
  void take_bells();
  void ask_rung(const Cancel& stop);
  void list(const Cancel& stop);
  void list_containers(const Cancel& stop);
  void inspect(const Cancel& stop);
  /// Writes the cache file if there is something new to keep.
  void keep();
  void confirmed(SteadyTime now);
  /// Publishes at most every 250 ms, or at once if wanted.
  void publish(bool at_once);
  void post_health();
  void count_failure(const Status& outcome);
  [[nodiscard]] Facts facts(SteadyTime now) const;

  const Parts parts_;
  const MachineOptions options_;
  const bool demo_;
  Machine machine_;
  inventory::Inventory inventory_;
  Journal journal_;
  Health health_;
  SteadyTime step_began_{};
  std::optional<engine::Identity> engine_;  // of the latest good look
  std::optional<SteadyTime> confirmed_at_;
  std::optional<SteadyTime> published_at_;
  std::size_t containers_failed_in_a_row_ = 0;
  std::optional<std::uint64_t> kept_generation_;  // of the inventory
  std::optional<SteadyTime> kept_at_;
};

/// One complete look at the engine for a report, outside any interval: who it is, the list, and an inspect of
/// every image (those that change under way are retried). Errors: of the look, of the list, or of the first
/// inspect that shows the engine itself in trouble. Images that could not be inspected carry their failure in
/// the snapshot. `containers` asks for these too; if they can't be had, they are not known.
Result<std::shared_ptr<const inventory::Snapshot>> look_once(engine::Client& client, bool demo,
                                                             bool containers, const Clock& clock,
                                                             const Cancel& cancel);

/// The same for the named images only, without a list. A name that does not exist is the Error not_found.
Result<std::shared_ptr<const inventory::Snapshot>> look_once_at(engine::Client& client, bool demo,
                                                                const std::vector<std::string>& names,
                                                                const Clock& clock, const Cancel& cancel);

}  // namespace repodigest::poll
