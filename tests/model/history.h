// One history: the whole of polling (driver, machine, client, inventory, doorbell) in a modelled world, and
// what must hold in it at every moment and at its end.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model_engine.h"
#include "model_stream.h"
#include "repodigest/inventory/snapshot.h"
#include "repodigest/poll/driver.h"
#include "repodigest/poll/health.h"
#include "simulated_clock.h"
#include "world.h"

namespace repodigest::model {

/// Thread rule: one thread. Failures are GoogleTest's.
class History {
 public:
  /// The world is the same with and without events. Three seeds in eight give a tame one.
  History(std::uint64_t seed, bool with_events);

  void run();

  /// The last snapshot that was published.
  [[nodiscard]] std::shared_ptr<const inventory::Snapshot> last() const { return store_.current(); }

 private:
  /// The published snapshot, if it is another than before, says only what the engine that it names has said.
  void judge_publication();
  /// Polling takes no more of the engine's time than it may.
  void judge_spending();
  /// In a tame world, some seconds after a burst: what is published is what is so, and hardly a list was
  /// needed.
  void judge_settled(bool again);
  /// In a tame world, an interval after a burst, and lists being quick: what is published is what is so, with
  /// events or without, new images without names too.
  void judge_listed(bool again);
  /// Whether every change rings.
  [[nodiscard]] bool hears_all() const { return with_events_ && world_.rules().announces_every_change(); }
  /// Why the published snapshot is not what is so; nothing if it is. By bells alone, names with a digest may
  /// be others than in the list, and new images without names are not known yet.
  enum class Names { of_the_list, by_bells };
  [[nodiscard]] std::optional<std::string> difference(Names names) const;
  [[nodiscard]] std::optional<std::string> difference_of(const inventory::Image& image, Names names) const;
  [[nodiscard]] std::size_t nameless_and_unknown() const;
  [[nodiscard]] std::optional<std::string> trouble() const;
  /// After the unrest: looks again and again whether all is as it should be; twice in a row ends the history.
  void look_whether_all_is_well(bool was_well);

  const bool with_events_;
  SimulatedClock clock_;
  World world_;
  ModelEngine engine_;
  poll::Doorbell doorbell_;
  std::optional<ModelStream> stream_;
  Stats stats_;
  inventory::SnapshotStore store_;
  poll::HealthBoard board_;
  Wake stop_;
  const SteadyTime start_;
  poll::MachineOptions options_;
  std::shared_ptr<const inventory::Snapshot> judged_;
  std::vector<const inventory::Image*> judged_images_;  // of judged_, sorted
};

}  // namespace repodigest::model
