// Which containers are made from which image.
#include <algorithm>
#include <tuple>
#include <utility>

#include "state.h"

namespace repodigest::inventory {

void Inventory::set_containers(std::optional<std::vector<engine::Container>> all) {
  State& state = *state_;
  if (std::exchange(state.containers_known, all.has_value()) != all.has_value()) state.changed = true;
  std::unordered_map<std::string, std::vector<Container>> next;
  if (all)
    for (engine::Container& one : *all)
      next[std::move(one.image_id)].push_back({std::move(one.id), std::move(one.name), std::move(one.state)});
  for (auto& [image, containers] : next)
    std::sort(containers.begin(), containers.end(), [](const Container& one, const Container& other) {
      return std::tie(one.name, one.id, one.state) < std::tie(other.name, other.id, other.state);
    });
  state.containers = std::move(next);
  for (Entry* const entry : state.order) {
    if (entry == nullptr) continue;
    const auto found = state.containers.find(entry->image->id);
    const bool has_any = found != state.containers.end();
    if (has_any ? entry->image->containers == found->second : entry->image->containers.empty()) continue;
    Image image = *entry->image;
    image.containers = has_any ? found->second : std::vector<Container>();
    state.replace(*entry, std::move(image));
  }
}

std::vector<Container> Inventory::State::containers_of(const std::string& image) const {
  const auto found = containers.find(image);
  return found == containers.end() ? std::vector<Container>() : found->second;
}

}  // namespace repodigest::inventory
