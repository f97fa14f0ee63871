// What an Inventory keeps: its images, how asking for each goes, and the latest list. Private to this room:
// inventory.cpp answers questions and takes inspects, listing.cpp takes lists.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "agenda.h"
#include "repodigest/inventory/inventory.h"

namespace repodigest::inventory {

/// An image and how asking for it goes.
struct Inventory::Entry {
  /// What went wrong since its row last changed.
  struct Trouble {
    bool ask_by_id = false;                  // its tag led to another image, or to none
    bool not_inspectable = false;            // 404 in spite of a newer list that has it
    std::optional<std::uint64_t> first_404;  // the number of the latest list when it came
    unsigned tries = 0;                      // in vain, of the kind that may pass
    unsigned failures = 0;                   // recorded ones: they make the pauses grow
    std::optional<SteadyTime> retry_at;
  };

  std::shared_ptr<const Image> image;  // null only while its first row is being applied
  std::vector<std::string> row_digests;
  std::uint64_t list = 0;     // the number of the latest list that has it
  std::size_t position = 0;   // in that list's order of Ids
  std::size_t first_row = 0;  // in that list
  std::size_t last_row = 0;   // another one where several rows have its Id
  bool unchanged = false;     // its row is that of the list before, and nothing is to be done about it
  bool current = false;       // image->digests were inspected since its row last changed
  bool misplaced = true;      // its place in State::by_name is to be found
  // The number of the latest list when an inspect came that does not go with its row: a tag came or went
  // between the two. If it is gone again by the next list, the row is as before, but the counts are not.
  std::optional<std::uint64_t> doubtful_since;
  Trouble trouble;
};

struct Inventory::State {
  explicit State(bool is_demo) : demo(is_demo) {}

  const bool demo;
  std::optional<engine::Identity> identity;
  bool engine_doubles = false;
  std::unordered_map<std::string, Entry> entries;  // by Id; its nodes never move
  std::vector<Entry*> order;                       // as the list has them, newest first
  std::vector<Entry*> by_name;                     // as the snapshot has them, but for the misplaced
  std::uint64_t lists = 0;
  bool listed = false;                // by the engine in `identity`
  engine::ImageList list;             // the latest one of that engine
  std::vector<Entry*> row_entries;    // whose each of its rows is
  std::vector<std::size_t> next_row;  // after each of its rows the next of the same Id; 0: none
  Agenda agenda;
  Totals totals;
  bool changed = true;  // since `latest`
  std::shared_ptr<const Snapshot> latest;

  /// Suspects come before the others, and each kind in the order of the list.
  [[nodiscard]] Agenda::Rank rank(const Entry& entry) const {
    return entry.position + (entry.image->suspect ? 0 : order.size());
  }
  [[nodiscard]] const Entry& at(Agenda::Rank rank) const { return *order[rank % order.size()]; }

  /// Whether its counts are of another moment than its row, and a newer list has come that it can be compared
  /// with.
  [[nodiscard]] bool doubtful(const Entry& entry) const {
    return entry.doubtful_since && *entry.doubtful_since < lists;
  }

  std::vector<Entry*> take(engine::ImageList next);
  [[nodiscard]] engine::ImageRow merged_row(const Entry& entry) const;
  void apply(Entry& entry, engine::ImageRow row);
  void drop_absent();
  void forget_images();
  void plan();
  void succeeded(Entry& entry, const engine::ImageInspect& inspect);
  void failed(Entry& entry, bool asked_by_tag, const Error& error, SteadyTime now);
  void replace(Entry& entry, Image image);
  void sort_by_name();
};

}  // namespace repodigest::inventory
