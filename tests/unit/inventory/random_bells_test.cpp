// Random histories of an engine that rings: once the questions are answered the inventory must be what a list
// and an inspect of everything give, and the next list must bring no further inspect.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "builders.h"

namespace repodigest::inventory {
namespace {

bool has_digest(const std::string& name) {
  return name.find('@') != std::string::npos;
}

/// The engine's own books, with the rules of moby's containerd store.
class Engine {
 public:
  bool shows_names_with_digest = false;  ///< as inspect does from version 28 on
  std::map<std::string, std::set<std::string>> names;

  [[nodiscard]] std::vector<engine::ImageRow> list() const {
    std::vector<engine::ImageRow> rows;
    for (const auto& [image, held] : names) {
      const Strings digests = digests_of(image, held);
      rows.push_back(
          row(image, {held.begin(), held.end()}, digests.empty() ? Strings() : Strings{digests.back()}));
    }
    return rows;
  }

  [[nodiscard]] Result<engine::ImageInspect> answer(const std::string& name) const {
    for (const auto& [image, held] : names) {
      if (image != name && held.count(name) == 0) continue;
      Strings tags(held.begin(), held.end());
      if (!shows_names_with_digest) std::erase_if(tags, has_digest);
      auto told = inspect(image, digests_of(image, held), tags);
      told.created = 1;
      told.size = 2;
      return told;
    }
    return not_found();
  }

 private:
  static Strings digests_of(const std::string& image, const std::set<std::string>& held) {
    Strings digests;
    for (const std::string& name : held)
      digests.push_back(has_digest(name) ? name : name.substr(0, name.find(':')) + "@" + image);
    return digests;
  }
};

class RandomBells : public testing::Test {
 protected:
  std::size_t below(std::size_t end) { return random_() % end; }
  std::string some_image() { return id("012345"[below(6)]); }
  std::string some_tag() { return std::string(1, "abc"[below(3)]) + ":" + "12"[below(2)]; }

  /// Takes `name` from whoever has it; nobody says so.
  void unname(const std::string& name) {
    for (auto& [image, held] : engine_.names) held.erase(name);
  }

  /// A change, and what it rings.
  void change() {
    const std::string image = some_image();
    std::string name = some_tag();
    switch (below(7)) {
      case 0: {  // load: an image with its names, which may have been another's
        for (std::size_t i = below(3); i > 0; --i) {
          name = some_tag();
          unname(name);
          engine_.names[image].insert(name);
        }
        engine_.names.try_emplace(image);
        bells_.push_back({image, ""});
        break;
      }
      case 1:  // pull, by tag or digest: the reference alone, which if it moves on at once tells of nobody
        if (below(2) == 0) name = name.substr(0, name.find(':')) + "@" + image;
        unname(name);
        engine_.names[image].insert(name);
        bells_.push_back({"", name});
        settle();
        break;
      case 2:
      case 3:  // tag
        if (engine_.names.count(image) == 0) break;
        unname(name);
        engine_.names[image].insert(name);
        bells_.push_back({image, name});
        break;
      case 4:
      case 5: {  // untag, of one of its names
        const auto found = engine_.names.find(image);
        if (found == engine_.names.end() || found->second.empty()) break;
        auto held = found->second.begin();
        std::advance(held, below(found->second.size()));
        bells_.push_back({image, *held, true});
        found->second.erase(held);
        break;
      }
      default:  // delete
        if (engine_.names.count(image) == 0) break;
        for (const std::string& held : engine_.names[image]) bells_.push_back({image, held, true});
        engine_.names.erase(image);
        bells_.push_back({image, ""});
    }
  }

  void ring() {
    for (const Bell& bell : std::exchange(bells_, {})) world_.inventory.ring(bell);
  }
  void ask() {
    const auto due = world_.inventory.next_rung();
    if (!due) return;
    if (below(8) == 0) {
      const bool made_out = world_.inventory.apply_rung(*due, server_error(), world_.now);
      if (!made_out) list();
      return;
    }
    const auto answer = engine_.answer(due->name);
    const bool nameless = answer.ok() && answer->repo_tags.empty() && answer->repo_digests.empty();
    const bool made_out = world_.inventory.apply_rung(*due, answer, world_.now);
    ASSERT_TRUE(made_out || nameless);
    if (!made_out) list();
  }
  void inspect_next() {
    if (const auto due = world_.inventory.next_due(world_.now))
      world_.inventory.apply_inspect(*due, engine_.answer(due->name), world_.now);
  }
  void list() { world_.list(engine_.list()); }

  void settle() {
    ring();
    for (int i = 0; i < 1000 && world_.inventory.rung_count() > 0; ++i) ask();
    while (world_.due_count() > 0) inspect_next();
  }

  /// Tags and counts of each image, as far as inspect shows them.
  static std::map<std::string, std::string> essence(const Snapshot& snapshot, bool all_names) {
    std::map<std::string, std::string> all;
    for (const auto& image : snapshot.images) {
      std::string& text = all[image->id];
      for (const std::string& tag : std::set<std::string>(image->repo_tags.begin(), image->repo_tags.end()))
        if (all_names || !has_digest(tag)) text += tag + " ";
      text += image->digests ? std::to_string(image->digests->raw_count) + "/" +
                                   std::to_string(image->digests->unique.size())
                             : "?";
    }
    return all;
  }

  void compare() {
    World fresh;
    fresh.inventory.set_identity(identity());
    fresh.list(engine_.list());
    while (const auto due = fresh.inventory.next_due(fresh.now))
      fresh.inventory.apply_inspect(*due, engine_.answer(due->name), fresh.now);
    ASSERT_EQ(essence(*world_.snapshot(), false), essence(*fresh.snapshot(), false));
    ASSERT_EQ(world_.snapshot()->totals.repo_digests, fresh.snapshot()->totals.repo_digests);

    if (below(2) == 0) return;
    list();
    ASSERT_EQ(world_.due_count(), 0U) << "an inspect though the bells told it all";
    ASSERT_EQ(world_.snapshot()->images.size(), fresh.snapshot()->images.size());
    for (std::size_t i = 0; i < fresh.snapshot()->images.size(); ++i)
      ASSERT_EQ(*world_.snapshot()->images[i], *fresh.snapshot()->images[i]);
    ASSERT_EQ(world_.snapshot()->totals, fresh.snapshot()->totals);
  }

  std::mt19937::result_type seed_ = std::random_device{}();
  std::mt19937 random_{seed_};
  Engine engine_;
  World world_;
  std::vector<Bell> bells_;
};

TEST_F(RandomBells, TellAsMuchAsAList) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  for (int history = 0; history < 20; ++history) {
    world_ = World();
    world_.inventory.set_identity(identity());
    engine_ = {};
    engine_.shows_names_with_digest = history % 2 == 0;
    bells_.clear();
    list();
    for (int i = 0; i < 100 && !HasFatalFailure(); ++i) {
      SCOPED_TRACE("history " + std::to_string(history) + ", step " + std::to_string(i));
      for (std::size_t changes = below(6); changes > 0; --changes) {
        change();
        if (below(4) == 0) ring();
        if (below(4) == 0) ask();
        if (below(8) == 0) inspect_next();
        if (below(16) == 0) list();
      }
      settle();
      compare();
    }
  }
}

}  // namespace
}  // namespace repodigest::inventory
