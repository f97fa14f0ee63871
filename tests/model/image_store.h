// The images of one modelled engine, and what its clients do to them: each change by the rules of its version
// and store, with the events that it makes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "dice.h"
#include "rules.h"

namespace repodigest::model {

/// An event of type image as the engine makes it.
struct ModelEvent {
  std::string action;
  std::string id;    ///< Actor.ID
  std::string name;  ///< Actor.Attributes.name
};
using ModelEvents = std::vector<ModelEvent>;

/// Thread rule: one thread.
class ImageStore {
 public:
  /// Empty; `salt` makes its Ids its own.
  ImageStore(Rules rules, std::uint64_t salt) : rules_(std::move(rules)), salt_(salt) {}

  /// Another version on the same data.
  void set_rules(Rules rules) { rules_ = std::move(rules); }
  [[nodiscard]] const Rules& rules() const { return rules_; }

  /// One change through the engine's API, at random. Returns its events, in their order.
  ModelEvents change(Dice& dice);
  /// Gives some image some tag.
  ModelEvents tag(Dice& dice);
  /// Pulls some content as "repo@sha256:…" or, one in three, as "repo:tag@sha256:…".
  ModelEvents pull_by_digest(Dice& dice);
  /// Takes that name away, from whoever has it.
  ModelEvents untag(const std::string& name);
  /// One by another client of containerd, of which no event tells. Nothing with other stores.
  void change_beside_the_engine(Dice& dice);

  /// By Id.
  [[nodiscard]] const std::map<std::string, Image>& images() const { return images_; }
  /// The image that an Id or a name leads to; null if none.
  [[nodiscard]] const Image* find(const std::string& name) const;
  /// What /info counts.
  [[nodiscard]] std::size_t count() const;
  [[nodiscard]] std::size_t name_count() const;

 private:
  Image& content(std::size_t which);
  [[nodiscard]] Image* any(Dice& dice);
  std::string any_name(Dice& dice) const;
  /// Takes the name from who has it and gives it to `image`. Who loses its last one stays, dangling.
  void move_name(const std::string& name, Image& image);
  ModelEvent event(std::string action, const Image& image, const std::string& name = "") const;
  void untag(const std::string& id, const std::string& name, ModelEvents& events);
  void drop_if_nameless(const std::string& id, ModelEvents& events);
  void remove(const std::string& id, ModelEvents& events);

  ModelEvents untag_any(Dice& dice);
  ModelEvents delete_any(Dice& dice);
  ModelEvents pull(Dice& dice);
  ModelEvents load(Dice& dice);
  ModelEvents import(Dice& dice);
  ModelEvents build(Dice& dice);
  ModelEvents prune();
  ModelEvents push(Dice& dice);

  Rules rules_;
  std::uint64_t salt_;
  std::map<std::string, Image> images_;
  std::size_t built_ = 0;
};

}  // namespace repodigest::model
