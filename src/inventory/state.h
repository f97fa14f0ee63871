// What an Inventory keeps: its images, how asking for each goes, and what bells ask. Private to this room:
// inventory.cpp answers questions and takes inspects, listing.cpp takes lists, bells.cpp what rings,
// containers.cpp who uses what, keeping.cpp is about what outlives this program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "agenda.h"
#include "entry.h"
#include "repodigest/inventory/inventory.h"

namespace repodigest::inventory {

/// What a bell, or the answer to one, left to be asked.
struct Question {
  std::string id;         // "" if not known
  std::string reference;  // "" if it is about the image alone
  bool removed = false;   // the reference no longer names the image
  unsigned tries = 0;     // in vain, of the kind that may pass
  [[nodiscard]] bool by_reference() const { return !reference.empty() && !removed; }
};

struct Inventory::State {
  /// The rank of the first image that is no suspect; no list is so long.
  static constexpr Agenda::Rank first_unsuspected = Agenda::Rank{1} << 40U;

  /// By the Id that each entry's image has, so that it is kept once.
  struct IdHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view id) const { return std::hash<std::string_view>()(id); }
    std::size_t operator()(const std::unique_ptr<Entry>& entry) const { return (*this)(entry->image->id); }
  };
  struct SameId {
    using is_transparent = void;
    static std::string_view id_of(std::string_view id) { return id; }
    static std::string_view id_of(const std::unique_ptr<Entry>& entry) { return entry->image->id; }
    template <typename One, typename Other>
    bool operator()(const One& one, const Other& other) const {
      return id_of(one) == id_of(other);
    }
  };

  explicit State(bool is_demo) : demo(is_demo) {}

  const bool demo;
  std::optional<engine::Identity> identity;
  bool engine_doubles = false;
  bool engine_repeats = false;  // an entry for each name (moby-48747)
  std::unordered_set<std::unique_ptr<Entry>, IdHash, SameId> entries;
  // As the list has them, newest first, then those that bells told of since; null: gone since.
  std::vector<Entry*> order;
  std::vector<Entry*> by_name;  // as the snapshot has them, but for the misplaced
  Entry::ListNumber lists = 0;
  bool listed = false;  // by the engine in `identity`
  Agenda agenda;
  std::deque<Question> questions;
  bool lost_questions = false;  // there were too many
  bool containers_known = false;
  std::unordered_map<std::string, std::vector<Container>> containers;  // by the Id of their image, sorted
  std::unordered_map<std::string, Remembered> remembered;              // by Id; until the next list
  std::uint64_t generation = 0;
  Totals totals;
  bool changed = true;  // since `latest`
  std::shared_ptr<const Snapshot> latest;

  /// Suspects come before the others, and each kind in the order of the list.
  [[nodiscard]] static Agenda::Rank rank(const Entry& entry) {
    return entry.position + (entry.image->suspect ? 0 : first_unsuspected);
  }
  [[nodiscard]] const Entry& at(Agenda::Rank rank) const { return *order[rank % first_unsuspected]; }

  /// Whether its counts are of another moment than its row, and a newer list has come that it can be compared
  /// with.
  [[nodiscard]] bool doubtful(const Entry& entry) const {
    return entry.doubtful_since && *entry.doubtful_since < lists;
  }

  /// Whether its digests can be of the same moment as its row.
  [[nodiscard]] bool agrees_with_row(const Entry& entry) const;

  /// Whether its inspect goes with its row, so that another run can use it.
  [[nodiscard]] static bool worth_keeping(const Entry& entry) {
    return entry.current && entry.row_known && !entry.doubtful_since;
  }

  /// The image of that Id; null if there is none.
  [[nodiscard]] Entry* find(std::string_view id) const;
  /// The same, or a new one.
  Entry& find_or_make(std::string_view id);
  void take(const engine::ImageList& list);
  void apply(Entry& entry, const engine::ImageRow& row);
  void drop_absent();
  void drop(Entry& entry);
  void forget_images();
  void plan();
  void schedule(const Entry& entry);
  void ask(const std::string& id, const std::string& reference = {}, bool removed = false);
  [[nodiscard]] bool answered(const Question& question, const engine::ImageInspect& answer);
  [[nodiscard]] bool unanswered(Question question, const Error& error);
  void take_away(const std::vector<std::string>& names, const std::string& except);
  [[nodiscard]] std::vector<Container> containers_of(const std::string& image) const;
  [[nodiscard]] const Remembered* remembered_as(const engine::ImageRow& row) const;
  void succeeded(Entry& entry, const engine::ImageInspect& inspect);
  void failed(Entry& entry, bool asked_by_tag, const Error& error, SteadyTime now);
  void replace(Entry& entry, Image image);
  void sort_by_name();
};

}  // namespace repodigest::inventory
