#include <utility>

#include "repodigest/poll/driver.h"
#include "to_status.h"

namespace repodigest::poll {

Result<std::shared_ptr<const inventory::Snapshot>> look_once(engine::Client& client, bool demo,
                                                             bool containers, const Clock& clock,
                                                             const Cancel& cancel) {
  const auto sight = client.look(cancel);
  if (!sight.ok()) return sight.error();
  inventory::Inventory inventory(demo);
  inventory.set_identity(sight->identity);
  const auto not_found = [&] {
    return inventory.snapshot(clock.wall())->totals.inspections_failed[index_of(Reason::not_found)];
  };
  // A 404 means that the image is gone, or that it can't be inspected: a second list tells which. The pauses
  // between retries are the daemon's; a report doesn't wait for them.
  Machine machine({});  // to tell an engine in trouble from an image
  for (const Duration ahead : {Duration::zero(), Duration(std::chrono::hours(1))}) {
    if (ahead > Duration::zero() && not_found() == 0) break;
    auto rows = client.list_images(cancel);
    if (!rows.ok()) return rows.error();
    inventory.apply_list(*rows, clock.now() + ahead);
    while (const auto due = inventory.next_due(clock.now() + ahead)) {
      auto answer = client.inspect_image(due->name, cancel);
      if (machine.inspected(clock.now(), to_status(answer), Duration::zero(), client.last_look_failed()))
        return answer.error();
      inventory.apply_inspect(*due, std::move(answer), clock.now() + ahead);
    }
  }
  if (containers)
    if (auto all = client.list_containers(cancel); all.ok()) inventory.set_containers(std::move(all).value());
  return inventory.snapshot(clock.wall());
}

Result<std::shared_ptr<const inventory::Snapshot>> look_once_at(engine::Client& client, bool demo,
                                                                const std::vector<std::string>& names,
                                                                const Clock& clock, const Cancel& cancel) {
  const auto sight = client.look(cancel);
  if (!sight.ok()) return sight.error();
  std::vector<engine::ImageInspect> answers;
  std::vector<engine::ImageRow> rows;
  for (const auto& name : names) {
    auto answer = client.inspect_image(name, cancel);
    if (!answer.ok()) return answer.error();
    rows.push_back({answer->id, answer->repo_tags, answer->repo_digests, answer->created, answer->size});
    answers.push_back(std::move(answer).value());
  }
  inventory::Inventory inventory(demo);
  inventory.set_identity(sight->identity);
  inventory.apply_list(rows, clock.now());
  for (auto& answer : answers) {
    const inventory::Due due{answer.id, answer.id};
    inventory.apply_inspect(due, std::move(answer), clock.now());
  }
  return inventory.snapshot(clock.wall());
}

}  // namespace repodigest::poll
