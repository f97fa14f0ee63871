// The images of one engine by Id: what the list says of them, what their inspects said, what is still to be
// asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "repodigest/base/clock.h"
#include "repodigest/base/result.h"
#include "repodigest/engine/image_list.h"
#include "repodigest/engine/types.h"
#include "repodigest/inventory/snapshot.h"

namespace repodigest::inventory {

/// An event: something may have changed about a reference or an image. With neither, about anything: that is
/// for the caller, who lists then.
struct Bell {
  std::string id;         ///< full: "sha256:…"; or ""
  std::string reference;  ///< "repository:tag" or "repository@sha256:…"; or ""
  bool removed =
      false;  ///< the reference no longer names the image (untag), so that it is of no use to ask by it
  friend bool operator==(const Bell&, const Bell&) = default;
};

/// What is worth keeping over a restart of this program: an inspect, and the row it goes with.
struct Remembered {
  std::string id;
  std::vector<std::string> row_tags;  ///< RepoTags and RepoDigests of its list row: with the Id the cache key
  std::vector<std::string> row_digests;
  std::vector<std::string> repo_digests;  ///< of its inspect, duplicates and all
  friend bool operator==(const Remembered&, const Remembered&) = default;
};

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
  /// one again, the image is `not_inspectable`. A row that stands as in the list before costs no more than
  /// its comparison with what is known. Questions that bells left stay open: they may be younger.
  void apply_list(const engine::ImageList& list, SteadyTime now);

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

  /// Something rang. A bell that is not asked about yet is not kept twice.
  void ring(const Bell& bell);
  /// How many questions the bells have left open, those about images that lost a name included.
  [[nodiscard]] std::size_t rung_count() const;
  /// The next of them, in the order they rang. Due::id is "" for a reference whose image is not known.
  [[nodiscard]] std::optional<Due> next_rung() const;
  /// The answer to next_rung(). The image has the names and digests that the answer has; who held one of
  /// these names has lost it, and is the next question. A reference that leads nowhere is taken from who held
  /// it; an Id that does (404) is gone from the inventory, unless it was `not_inspectable`. What the list
  /// said of such an image counts no longer: the next list tells anew, without another inspect if it goes
  /// with this one. An image that no list had and that has no names is left to the next list too: return
  /// false, because it may be one of those that lists leave out. Failures that may pass leave the question
  /// open two times; others, and the third, give it up and return false: only a list helps then, and an
  /// inspect of whom it may be about. connect, permission, tls and api_version leave it open and return true.
  bool apply_rung(const Due& due, Result<engine::ImageInspect> answer, SteadyTime now);

  /// Which containers there are; nothing: not known (any more).
  void set_containers(std::optional<std::vector<engine::Container>> containers);

  /// Every inspect that is as its row is, for a cache on disk.
  [[nodiscard]] std::vector<Remembered> worth_keeping() const;
  /// Grows whenever worth_keeping() may have changed.
  [[nodiscard]] std::uint64_t generation() const;
  /// What an earlier run kept of this engine, version and store: images whose row in the next list is still
  /// as it was then need no inspect. After that list it is forgotten.
  void remember(std::vector<Remembered> images);

  /// The current state as a snapshot; the same pointer as long as nothing changed. `wall` becomes changed_at
  /// if something did.
  std::shared_ptr<const Snapshot> snapshot(WallTime wall);

 private:
  struct Entry;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace repodigest::inventory
