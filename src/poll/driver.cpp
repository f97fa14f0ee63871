#include "repodigest/poll/driver.h"

#include <exception>
#include <utility>

namespace repodigest::poll {
namespace {

constexpr Duration publish_interval = std::chrono::milliseconds(250);
constexpr Duration pause_after_exception = std::chrono::seconds(10);

Status to_status(const auto& result) {
  if (result.ok()) return {};
  return result.error();
}

}  // namespace

Driver::Driver(engine::Client& client, MachineOptions options, bool demo, inventory::SnapshotStore& store,
               HealthBoard& board, Stats& stats, const Clock& clock)
    : client_(client),
      store_(store),
      board_(board),
      stats_(stats),
      clock_(clock),
      options_(options),
      demo_(demo),
      machine_(options),
      inventory_(demo) {
  post_health();
}

void Driver::run(const Cancel& stop) {
  bool intact = true;
  while (!stop.ended()) {
    try {
      if (!intact) start_afresh();
      intact = true;
      step(stop);
    } catch (const std::exception& failure) {
      intact = false;
      journal_.broke_off(failure.what(), clock_.now());
      static_cast<void>(stop.until(clock_.now() + pause_after_exception).wait(-1, 0));
    }
  }
}

void Driver::step(const Cancel& stop) {
  const SteadyTime now = clock_.now();
  const Step step = machine_.next(now, {inventory_.due_count(now), inventory_.next_retry()});
  switch (step.action) {
    case Step::Action::look:
      look(stop);
      break;
    case Step::Action::list:
      list(stop);
      break;
    case Step::Action::inspect:
      inspect(stop);
      break;
    case Step::Action::wait:
      publish(true);
      if (!machine_.trouble()) journal_.recovered();
      // Ends at the time or at the stop; both are seen at the loop's head.
      static_cast<void>(stop.until(step.until).wait(-1, 0));
      break;
  }
}

void Driver::start_afresh() {
  machine_ = Machine(options_);
  inventory_ = inventory::Inventory(demo_);
  health_ = {};
  publish(true);
  post_health();
}

void Driver::look(const Cancel& stop) {
  publish(true);  // what the inspects before it brought is not to wait for a list of minutes
  stats_.polls.add();
  const auto sight = client_.look(stop);
  if (stop.ended()) return;  // our own stop is no failure of the engine
  if (sight.ok()) {
    const auto change = inventory_.set_identity(sight->identity);
    using enum EngineChange;
    if (change.version) stats_.engine_changes[index_of(version)].add();
    if (change.store) stats_.engine_changes[index_of(store)].add();
    if (change.engine_id) stats_.engine_changes[index_of(engine_id)].add();
    journal_.answered(sight->identity, change);
    machine_.looked(clock_.now(), {}, change.any());
    if (change.any()) publish(true);
  } else {
    machine_.looked(clock_.now(), sight.error());
    count_failure(sight.error());
  }
  post_health();
}

void Driver::list(const Cancel& stop) {
  const SteadyTime started = clock_.now();
  auto rows = client_.list_images(stop);
  if (stop.ended()) return;
  const SteadyTime ended = clock_.now();
  const Status outcome = to_status(rows);
  machine_.listed(ended, outcome, ended - started);
  if (!rows.ok() && client_.last_look_failed()) machine_.looked(ended, outcome);
  if (rows.ok()) {
    inventory_.apply_list(std::move(rows).value(), ended);
    publish(true);
    health_.ready = true;
    health_.list_duration = ended - started;
    health_.last_list = health_.last_confirmed = clock_.wall();
    health_.confirmed_until = machine_.fresh_until(ended);
  }
  count_failure(outcome);
  post_health();
}

void Driver::inspect(const Cancel& stop) {
  const auto due = inventory_.next_due(clock_.now());
  if (!due) return;
  auto answer = client_.inspect_image(due->name, stop);
  if (stop.ended()) return;
  const Status outcome = to_status(answer);
  const bool look_failed = !answer.ok() && client_.last_look_failed();
  const SteadyTime now = clock_.now();
  if (!look_failed) inventory_.apply_inspect(*due, std::move(answer), now);
  if (machine_.inspected(now, outcome, look_failed)) {
    count_failure(outcome);
    post_health();
  } else if (outcome.ok() && !machine_.trouble()) {
    journal_.recovered();
  }
  publish(false);
}

void Driver::count_failure(const Status& outcome) {
  if (outcome.ok()) return;
  const Error& error = outcome.error();
  if (index_of(error.reason) < stats_.poll_failures.size())
    stats_.poll_failures[index_of(error.reason)].add();
  health_.last_error_at = clock_.wall();
  journal_.failed(error, machine_.up(), clock_.now());
}

void Driver::publish(bool at_once) {
  const SteadyTime now = clock_.now();
  if (!at_once && published_at_ && now - *published_at_ < publish_interval) return;
  published_at_ = now;
  auto snapshot = inventory_.snapshot(clock_.wall());
  if (snapshot == store_.current()) return;
  journal_.published(*snapshot);
  store_.publish(std::move(snapshot));
}

void Driver::post_health() {
  health_.up = machine_.up();
  health_.last_error = machine_.trouble();
  health_.poll_interval = machine_.effective_interval();
  health_.list_interval = machine_.list_interval();
  board_.set(health_);
}

Result<std::shared_ptr<const inventory::Snapshot>> look_once(engine::Client& client, bool demo,
                                                             const Clock& clock, const Cancel& cancel) {
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
    inventory.apply_list(std::move(rows).value(), clock.now() + ahead);
    while (const auto due = inventory.next_due(clock.now() + ahead)) {
      auto answer = client.inspect_image(due->name, cancel);
      if (machine.inspected(clock.now(), to_status(answer), client.last_look_failed())) return answer.error();
      inventory.apply_inspect(*due, std::move(answer), clock.now() + ahead);
    }
  }
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
