// The images of one engine by Id: what the list says of them, what their inspects said, what is still to be
// asked.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "repodigest/base/clock.h"
#include "repodigest/base/result.h"
#include "repodigest/engine/image_list.h"
#include "repodigest/engine/types.h"
#include "repodigest/inventory/snapshot.h"

namespace repodigest::inventory {

/// An inspect that is due.
struct Due {
  std::string id;    ///< of the image it is for
  std::string name;  ///< what to ask by: a tag where there is one (cheaper for the engine), else the Id
};

/// What a new Identity means for what is known.
struct IdentityChange {
  bool version = false;
  bool store = false;
  bool engine_id = false;
  [[nodiscard]] bool any() const { return version || store || engine_id; }
};

/// Thread rule: one thread (the poll driver); what others read are its snapshots.
class Inventory {
 public:
  explicit Inventory(bool demo = false);
  ~Inventory();
  Inventory(Inventory&&) noexcept;
  Inventory& operator=(Inventory&&) noexcept;

  /// Who answered the latest look. Another version makes every inspect void: counts are dropped, not shown
  /// (CONTRACT). Another store or engine has images of its own: all are forgotten, as before the first list.
  /// The first identity is no change.
  IdentityChange set_identity(const engine::Identity& identity);

  /// A complete list. Rows of one Id are merged (24.0 sends one per name), images that are gone are dropped,
  /// and those whose cache key (Id, RepoTags, RepoDigests of the row, engine ID, version, store) is new or
  /// changed become pending; a changed image keeps its counts until it is inspected again. Images whose last
  /// inspect failed become due again when their retry time has come, and those of a 404 at once: if it is
  /// one again, the image is `not_inspectable`. Keeps the list, because a row that stands as in the list
  /// before then costs no more than their comparison.
  void apply_list(engine::ImageList list, SteadyTime now);

  /// How many inspects are due at `now`.
  [[nodiscard]] std::size_t due_count(SteadyTime now) const;
  /// The next inspect: suspects first, then in the order of the list. Nothing if none is due.
  [[nodiscard]] std::optional<Due> next_due(SteadyTime now) const;
  /// When the next failed inspect may be tried again; nothing if none waits.
  [[nodiscard]] std::optional<SteadyTime> next_retry() const;

  /// The answer to `due`; one that comes after its image is gone is ignored. By the kind of answer:
  /// - another Id, or a status from 300 to 499, to a question by tag: due again by Id at once;
  /// - a 404 by Id, a status from 500 on, or a connection that ended in the middle (interrupted): a change
  ///   was under way, so it stays due the first two times, and counts as failed from the third on;
  /// - other tags or digests than the image's row has: counts until the next list; if the row stays as it is,
  ///   the image is due again, until an answer goes with the row or says the same once more;
  /// - connect, permission, tls, api_version: says nothing about the image, which stays due: stop asking for
  /// now;
  /// - any other failure, and another Id to a question by Id (parse): counts as failed at once.
  /// A failed image is not pending; it waits a minute, then twice as long after each failure, an hour at
  /// most. A change of its row makes it start afresh.
  void apply_inspect(const Due& due, Result<engine::ImageInspect> answer, SteadyTime now);

  /// The current state as a snapshot; the same pointer as long as nothing changed. `wall` becomes changed_at
  /// if something did.
  std::shared_ptr<const Snapshot> snapshot(WallTime wall);

 private:
  struct Entry;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace repodigest::inventory
