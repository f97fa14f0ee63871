// What of the polling is worth a line in the log: a change of state once, a repeated trouble at most every
// ten minutes.
#pragma once

#include <optional>
#include <string>

#include "repodigest/base/clock.h"
#include "repodigest/base/log.h"
#include "repodigest/base/result.h"
#include "repodigest/engine/types.h"
#include "repodigest/inventory/inventory.h"
#include "repodigest/inventory/snapshot.h"

namespace repodigest::poll {

/// Thread rule: one thread.
class Journal {
 public:
  /// A look was answered by this engine; `change` is what is different from before.
  void answered(const engine::Identity& identity, const inventory::IdentityChange& change);
  /// A poll failed. `up`: light calls are still answered.
  void failed(const Error& error, bool up, SteadyTime now);
  /// Polling works, whether it did before or not.
  void recovered();
  /// Something threw, and polling starts afresh. Does not throw itself.
  void broke_off(const char* what, SteadyTime now) noexcept;
  /// A bell was taken.
  void rang(const inventory::Bell& bell);
  /// The containers could not be listed, or could.
  void containers_unknown(const Error& error, SteadyTime now);
  void containers_known();
  /// The cache file could not be written, or could.
  void not_kept(const std::string& path, const Error& error, SteadyTime now);
  void kept();
  /// A snapshot was published.
  void published(const inventory::Snapshot& snapshot);

 private:
  std::optional<bool> up_;
  log::Repeated trouble_;
  log::Repeated exceptions_;
  log::Repeated container_trouble_;
  log::Repeated cache_trouble_;
  // The end of a trouble is only said if it was: what comes and goes does not fill the log with its going.
  bool said_trouble_ = false;
  bool said_no_containers_ = false;
  bool said_not_kept_ = false;
  bool duplicates_ = false;
};

}  // namespace repodigest::poll
