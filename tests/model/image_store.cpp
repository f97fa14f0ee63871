#include "image_store.h"

#include <algorithm>
#include <utility>

namespace repodigest::model {
namespace {

constexpr std::size_t contents = 14;

/// "sha256:" and 64 hex digits that only `seed` decides.
std::string digest_of(std::uint64_t seed) {
  Dice dice(seed);
  std::string text = "sha256:";
  while (text.size() < 7 + 64)
    for (std::uint64_t word = dice.next(), i = 0; i < 16; ++i, word >>= 4U)
      text += "0123456789abcdef"[word & 15U];
  return text;
}

}  // namespace

/// The image of that content; made if it is not there. Every one of them has been somewhere before: the same
/// may come back after it was deleted.
Image& ImageStore::content(std::size_t which) {
  const std::string digest = digest_of(salt_ * 1000 + which);
  // An Id is the digest of the manifest with the containerd store, else that of the config.
  const std::string id = rules_.store == Store::containerd ? digest : digest_of(salt_ * 1000 + 500 + which);
  Image& image = images_[id];
  image.id = id;
  image.digest = digest;
  image.created = 1'700'000'000 + static_cast<std::int64_t>(which % 5);
  image.size = 1000 + static_cast<std::int64_t>(which);
  return image;
}

Image* ImageStore::any(Dice& dice) {
  std::vector<Image*> visible;
  for (auto& [id, image] : images_)
    if (!image.hidden) visible.push_back(&image);
  return visible.empty() ? nullptr : visible[dice.below(visible.size())];
}

std::string ImageStore::any_name(Dice& dice) const {
  static const Strings repositories = {"web", "team/app", "localhost:5000/ns/app"};
  static const Strings tags = {"a", "b", "latest", "1.0"};
  const std::string& repository = dice.one_of(repositories);
  const bool podman_has_hosts = rules_.store == Store::podman && repository != repositories.back();
  return (podman_has_hosts ? "localhost/" : "") + repository + ":" + dice.one_of(tags);
}

void ImageStore::move_name(const std::string& name, Image& image) {
  for (auto& [id, other] : images_) other.names.erase(name);
  image.names.insert(name);
  image.hidden = false;
}

ModelEvent ImageStore::event(std::string action, const Image& image, const std::string& name) const {
  const bool bare = rules_.store == Store::podman;
  std::string id = bare ? image.id.substr(image.id.find(':') + 1) : image.id;
  std::string told = name.empty() ? id : name;
  return {std::move(action), std::move(id), std::move(told)};
}

void ImageStore::remove(const std::string& id, ModelEvents& events) {
  const auto found = images_.find(id);
  const std::string parent = found->second.parent;
  events.push_back(event("delete", found->second));
  images_.erase(found);
  if (parent.empty() || images_.count(parent) == 0 || !images_.at(parent).hidden) return;
  const bool has_children = std::any_of(images_.begin(), images_.end(),
                                        [&](const auto& other) { return other.second.parent == parent; });
  if (!has_children) remove(parent, events);
}

void ImageStore::drop_if_nameless(const std::string& id, ModelEvents& events) {
  const Image& image = images_.at(id);
  if (image.names.empty() && image.digests.empty()) remove(id, events);
}

/// Without dropping the image.
void ImageStore::untag(const std::string& id, const std::string& name, ModelEvents& events) {
  Image& image = images_.at(id);
  image.names.erase(name);
  events.push_back(event("untag", image, rules_.untag_names_the_id ? "" : name));
  const std::string repository = repository_in(name);
  const bool has_others = std::any_of(image.names.begin(), image.names.end(),
                                      [&](const auto& other) { return repository_in(other) == repository; });
  if (has_others) return;
  // The last tag of a repository takes its digests with it (graphdriver).
  for (auto entry = image.digests.begin(); entry != image.digests.end();) {
    if (repository_in(*entry) != repository) {
      ++entry;
      continue;
    }
    entry = image.digests.erase(entry);
    events.push_back(event("untag", image));
  }
}

ModelEvents ImageStore::tag(Dice& dice) {
  Image* const image = any(dice);
  if (image == nullptr) return {};
  const std::string name = any_name(dice);
  move_name(name, *image);
  return {event("tag", *image, name)};
}

ModelEvents ImageStore::untag(const std::string& name) {
  ModelEvents events;
  const auto holder = std::find_if(images_.begin(), images_.end(),
                                   [&](const auto& one) { return one.second.names.count(name) > 0; });
  if (holder == images_.end()) return events;
  const std::string id = holder->first;
  untag(id, name, events);
  drop_if_nameless(id, events);
  return events;
}

ModelEvents ImageStore::untag_any(Dice& dice) {
  const Image* const image = any(dice);
  if (image == nullptr || image->names.empty()) return {};
  const auto name =
      std::next(image->names.begin(), static_cast<std::ptrdiff_t>(dice.below(image->names.size())));
  return untag(std::string(*name));
}

ModelEvents ImageStore::delete_any(Dice& dice) {
  Image* const image = any(dice);
  if (image == nullptr) return {};
  const std::string id = image->id;
  ModelEvents events;
  const std::set<std::string> names = image->names;
  for (const std::string& name : names) untag(id, name, events);
  remove(id, events);
  return events;
}

ModelEvents ImageStore::pull(Dice& dice) {
  Image& image = content(dice.below(contents));
  const std::string name = any_name(dice);
  move_name(name, image);
  if (rules_.store == Store::graphdriver) image.digests.insert(repository_in(name) + "@" + image.digest);
  if (rules_.store == Store::podman && dice.one_in(2)) return {{"pull", "", name}};
  if (!rules_.announces_pulls) return {};
  return {{"pull", name, repository_in(name)}};
}

ModelEvents ImageStore::pull_by_digest(Dice& dice) {
  Image& image = content(dice.below(contents));
  const std::string tag = any_name(dice);
  const std::string digested = repository_in(tag) + "@" + image.digest;
  const std::string pinned = tag + "@" + image.digest;
  const bool pins = dice.one_in(3);
  image.hidden = false;
  if (rules_.store == Store::graphdriver)
    image.digests.insert(digested);
  else
    image.names.insert(pins && rules_.store == Store::containerd ? pinned : digested);
  if (!rules_.announces_pulls) return {};
  return {{"pull", pins ? pinned : digested, repository_in(tag)}};
}

ModelEvents ImageStore::load(Dice& dice) {
  ModelEvents events;
  for (std::size_t i = 1 + dice.below(2); i > 0; --i) {
    const std::size_t names = dice.below(3);
    const std::size_t which = dice.below(contents);
    // Without names nothing that was loaded is to be seen, but for the event.
    if (names == 0 && !rules_.untagged_loads_visible) {
      events.push_back({"load", digest_of(salt_ * 1000 + which), digest_of(salt_ * 1000 + which)});
      continue;
    }
    Image& image = content(which);
    image.hidden = false;
    for (std::size_t j = 0; j < names; ++j) move_name(any_name(dice), image);
    if (rules_.store == Store::podman)
      events.push_back({"loadfromarchive", "", "/var/tmp/archive.tar"});
    else
      events.push_back(event("load", image));
  }
  return events;
}

ModelEvents ImageStore::import(Dice& dice) {
  Image& image = content(dice.below(contents));
  const std::string name = any_name(dice);
  move_name(name, image);
  ModelEvents events;
  if (rules_.import_announces_tag) events.push_back(event("tag", image, name));
  events.push_back(event("import", image));
  return events;
}

/// By the classic builder: on an intermediate image, with up to three names.
ModelEvents ImageStore::build(Dice& dice) {
  ModelEvents events;
  const std::size_t which = contents + 2 * (built_++ % 100);
  const std::string below = content(which).id;
  images_.at(below).hidden = images_.at(below).names.empty() && images_.at(below).digests.empty();
  Image& image = content(which + 1);
  image.parent = below;
  image.hidden = false;
  if (rules_.announces_creation) {
    events.push_back(event("create", images_.at(below)));
    events.push_back(event("create", image));
  }
  for (std::size_t i = 1 + dice.below(3); i > 0; --i) {
    const std::string name = any_name(dice);
    move_name(name, image);
    events.push_back(event("tag", image, name));
  }
  return events;
}

/// Dangling images only.
ModelEvents ImageStore::prune() {
  ModelEvents events;
  Strings dangling;
  for (const auto& [id, image] : images_)
    if (!image.hidden && image.names.empty() && image.digests.empty()) dangling.push_back(id);
  for (const std::string& id : dangling) remove(id, events);
  if (rules_.announces_prune) events.push_back({"prune", "", ""});
  return events;
}

ModelEvents ImageStore::push(Dice& dice) {
  Image* const image = any(dice);
  if (image == nullptr) return {};
  const auto tag = std::find_if(image->names.begin(), image->names.end(),
                                [](const std::string& name) { return !has_digest(name); });
  if (tag == image->names.end()) return {};
  if (rules_.store == Store::graphdriver) image->digests.insert(repository_in(*tag) + "@" + image->digest);
  if (!rules_.announces_pulls) return {};
  return {{"push", *tag, repository_in(*tag)}};
}

ModelEvents ImageStore::change(Dice& dice) {
  switch (dice.below(16)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return tag(dice);
    case 4:
    case 5:
    case 6:
      return untag_any(dice);
    case 7:
      return delete_any(dice);
    case 8:
    case 9:
      return pull(dice);
    case 10:
      return pull_by_digest(dice);
    case 11:
    case 12:
      return load(dice);
    case 13:
      return import(dice);
    case 14:
      return build(dice);
    default:
      return dice.one_in(2) ? prune() : push(dice);
  }
}

void ImageStore::change_beside_the_engine(Dice& dice) {
  if (rules_.store != Store::containerd) return;
  Image* const image = any(dice);
  if (image == nullptr) return;
  const std::string id = image->id;
  const std::string name = any_name(dice);
  // containerd keeps nothing that has no name.
  for (auto other = images_.begin(); other != images_.end();) {
    const bool loses =
        other->second.names.erase(name) > 0 && other->second.names.empty() && other->first != id;
    other = loses ? images_.erase(other) : std::next(other);
  }
  images_.at(id).names.insert(name);
}

const Image* ImageStore::find(const std::string& name) const {
  if (const auto found = images_.find(name); found != images_.end()) return &found->second;
  const std::size_t at = name.find('@');
  const std::string digested =
      at == std::string::npos ? ""
                              : repository_in(name) + name.substr(at);  // "repo:tag@sha256:…" without its tag
  for (const auto& [id, image] : images_) {
    if (image.names.count(name) > 0) return &image;
    if (digested.empty()) continue;
    if (rules_.store == Store::graphdriver && image.digests.count(digested) > 0) return &image;
    // Others are found by their digest, if a name of that repository is theirs.
    if (rules_.store != Store::graphdriver && digested == name && name.ends_with("@" + image.digest))
      for (const std::string& one : image.names)
        if (repository_in(one) == repository_in(name)) return &image;
  }
  return nullptr;
}

std::size_t ImageStore::name_count() const {
  std::size_t names = 0;
  for (const auto& [id, image] : images_) names += std::max<std::size_t>(1, image.names.size());
  return names;
}

std::size_t ImageStore::count() const {
  return rules_.counts_names ? name_count() : images_.size();
}

}  // namespace repodigest::model
