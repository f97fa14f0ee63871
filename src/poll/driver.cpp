#include "repodigest/poll/driver.h"

#include <exception>
#include <utility>

#include "repodigest/cache/cache_file.h"
#include "to_status.h"

namespace repodigest::poll {
namespace {

constexpr Duration publish_interval = std::chrono::milliseconds(250);
constexpr Duration pause_after_exception = std::chrono::seconds(10);
constexpr Duration keep_interval = std::chrono::minutes(1);
// A single failed call says nothing about the containers.
constexpr std::size_t container_failures = 3;

}  // namespace

Driver::Driver(const Parts& parts, MachineOptions options, bool demo)
    : parts_(parts), options_(options), demo_(demo), machine_(options), inventory_(demo) {
  post_health();
}

void Driver::run(const Cancel& stop) {
  bool intact = true;
  Duration lost{};
  while (!stop.ended()) {
    try {
      if (!intact) start_afresh(lost);
      intact = true;
      step(stop);
    } catch (const std::exception& failure) {
      intact = false;
      const SteadyTime now = parts_.clock.now();
      lost = now - step_began_;
      journal_.broke_off(failure.what(), now);
      parts_.clock.wait(now + pause_after_exception, stop);
    }
  }
  try {
    if (intact) keep();
  } catch (const std::exception& failure) {
    journal_.broke_off(failure.what(), parts_.clock.now());
  }
}

void Driver::step(const Cancel& stop) {
  // Before the doorbell's state is read: what changes after that ends the next wait.
  if (parts_.doorbell != nullptr) parts_.doorbell->rung().clear();
  step_began_ = parts_.clock.now();
  const Step step = machine_.next(step_began_, facts(step_began_));
  switch (step.action) {
    case Step::Action::look:
      return look(step.count, stop);
    case Step::Action::take_bells:
      return take_bells();
    case Step::Action::ask_rung:
      return ask_rung(stop);
    case Step::Action::list:
      return list(stop);
    case Step::Action::containers:
      return list_containers(stop);
    case Step::Action::inspect:
      return inspect(stop);
    case Step::Action::wait:
      return wait(step.until, stop);
  }
}

Facts Driver::facts(SteadyTime now) const {
  return {.due_inspections = inventory_.due_count(now),
          .next_retry = inventory_.next_retry(),
          .rung = inventory_.rung_count(),
          .events = parts_.doorbell != nullptr ? parts_.doorbell->state() : StreamState{}};
}

void Driver::start_afresh(Duration lost) {
  Budget left = machine_.budget();
  left.spend(parts_.clock.now(), lost);
  machine_ = Machine(options_, left);
  inventory_ = inventory::Inventory(demo_);
  engine_.reset();
  confirmed_at_.reset();
  kept_generation_.reset();
  containers_failed_in_a_row_ = 0;
  health_ = {};
  publish(true);
  post_health();
}

void Driver::wait(SteadyTime until, const Cancel& stop) {
  publish(true);
  post_health();
  // Without a list it could be the list's turn, at which it broke off.
  if (!machine_.trouble() && parts_.store.current()->listed) journal_.recovered();
  if (!kept_at_ || parts_.clock.now() - *kept_at_ >= keep_interval) keep();
  parts_.clock.wait(until, parts_.doorbell != nullptr ? stop.also(parts_.doorbell->rung()) : stop);
}

void Driver::look(bool count, const Cancel& stop) {
  publish(true);  // what the inspects before it brought is not to wait for a list of minutes
  parts_.stats.polls.add();
  const auto sight = parts_.client.look(stop, count);
  if (stop.ended()) return;  // our own stop is no failure of the engine
  const SteadyTime now = parts_.clock.now();
  const Duration took = now - step_began_;
  if (sight.ok()) {
    const bool another = met(sight->identity);
    if (machine_.looked(now,
                        Seen{.another = another,
                             .announces_every_change = engine::announces_every_change(sight->identity),
                             .images = sight->images},
                        took, facts(now)))
      confirmed(now);
  } else {
    machine_.looked(now, sight.error(), took, facts(now));
    count_failure(sight.error());
  }
  post_health();
}

bool Driver::met(const engine::Identity& identity) {
  const auto change = inventory_.set_identity(identity);
  using enum EngineChange;
  if (change.version) parts_.stats.engine_changes[index_of(version)].add();
  if (change.store) parts_.stats.engine_changes[index_of(store)].add();
  if (change.engine_id) parts_.stats.engine_changes[index_of(engine_id)].add();
  journal_.answered(identity, change);
  const bool is_new = !engine_ || change.any();
  engine_ = identity;
  if (parts_.doorbell != nullptr) {
    if (is_new) parts_.doorbell->take();  // of another engine
    // The listener's own pause may be a long one after a restart of the engine.
    if (is_new || (!machine_.up() && parts_.doorbell->state().stream == Stream::down))
      parts_.doorbell->listen(identity.api_version);
  }
  if (is_new && parts_.cache != nullptr) inventory_.remember(parts_.cache->load(identity));
  if (change.any()) publish(true);
  return change.any();
}

void Driver::take_bells() {
  bool anything = false;
  for (const inventory::Bell& bell : parts_.doorbell->take()) {
    journal_.rang(bell);
    if (bell.id.empty() && bell.reference.empty())
      anything = true;
    else
      inventory_.ring(bell);
  }
  machine_.took_bells(anything);
}

void Driver::ask_rung(const Cancel& stop) {
  const auto question = inventory_.next_rung();
  if (!question) return;
  auto answer = parts_.client.inspect_image(question->name, stop);
  if (stop.ended()) return;
  const Status outcome = to_status(answer);
  const bool look_failed = !answer.ok() && parts_.client.last_look_failed();
  const SteadyTime now = parts_.clock.now();
  const bool made_out = look_failed || inventory_.apply_rung(*question, std::move(answer), now);
  if (machine_.asked_rung(now, outcome, now - step_began_, !made_out, look_failed)) {
    count_failure(outcome);
    post_health();
  }
  publish(inventory_.rung_count() == 0);
}

void Driver::list(const Cancel& stop) {
  publish(true);
  const auto before = parts_.store.current();
  const auto rows = parts_.client.list_images(stop);
  if (stop.ended()) return;
  const SteadyTime now = parts_.clock.now();
  const Duration took = now - step_began_;
  const Status outcome = to_status(rows);
  if (rows.ok()) {
    inventory_.apply_list(*rows, now);
    publish(true);
  }
  machine_.listed(now, outcome, took, parts_.store.current() != before);
  if (rows.ok()) {
    health_.ready = true;
    health_.list_duration = took;
    health_.last_list = parts_.clock.wall();
    confirmed(now);
  } else if (parts_.client.last_look_failed()) {
    machine_.look_failed(now, outcome.error());
  }
  count_failure(outcome);
  post_health();
}

void Driver::list_containers(const Cancel& stop) {
  auto containers = parts_.client.list_containers(stop);
  if (stop.ended()) return;
  const SteadyTime now = parts_.clock.now();
  machine_.listed_containers(now, now - step_began_);
  if (containers.ok()) {
    containers_failed_in_a_row_ = 0;
    journal_.containers_known();
    inventory_.set_containers(std::move(containers).value());
  } else if (const Error& error = containers.error(); parts_.client.last_look_failed()) {
    machine_.look_failed(now, error);
    count_failure(error);
    post_health();
  } else {
    // If it tells of the engine, another may be there, as whose nothing may be taken before a look.
    if (!concerns_one_image(error)) machine_.doubt_engine(now);
    const bool refused = error.status >= 400 && error.status < 500;
    journal_.containers_unknown(error, now);
    if (++containers_failed_in_a_row_ >= container_failures || refused)
      inventory_.set_containers(std::nullopt);
  }
  publish(false);
}

void Driver::inspect(const Cancel& stop) {
  const auto due = inventory_.next_due(step_began_);
  if (!due) return;
  auto answer = parts_.client.inspect_image(due->name, stop);
  if (stop.ended()) return;
  const Status outcome = to_status(answer);
  const bool look_failed = !answer.ok() && parts_.client.last_look_failed();
  const SteadyTime now = parts_.clock.now();
  if (!look_failed) inventory_.apply_inspect(*due, std::move(answer), now);
  if (machine_.inspected(now, outcome, now - step_began_, look_failed)) {
    count_failure(outcome);
    post_health();
  } else if (outcome.ok() && !machine_.trouble()) {
    journal_.recovered();
  }
  publish(false);
}

void Driver::keep() {
  // Before the first list nothing is known, and what an earlier run kept must not be replaced by that.
  if (parts_.cache == nullptr || !engine_ || !parts_.store.current()->listed) return;
  if (kept_generation_ == inventory_.generation()) return;
  kept_at_ = parts_.clock.now();
  if (const Status saved = parts_.cache->save(*engine_, inventory_.worth_keeping()); saved.ok()) {
    kept_generation_ = inventory_.generation();
    journal_.kept();
  } else {
    journal_.not_kept(parts_.cache->path(), saved.error(), *kept_at_);
  }
}

void Driver::confirmed(SteadyTime now) {
  confirmed_at_ = now;
  health_.last_confirmed = parts_.clock.wall();
}

void Driver::count_failure(const Status& outcome) {
  if (outcome.ok()) return;
  const Error& error = outcome.error();
  if (index_of(error.reason) < parts_.stats.poll_failures.size())
    parts_.stats.poll_failures[index_of(error.reason)].add();
  health_.last_error_at = parts_.clock.wall();
  journal_.failed(error, machine_.up(), parts_.clock.now());
}

void Driver::publish(bool at_once) {
  const SteadyTime now = parts_.clock.now();
  if (!at_once && published_at_ && now - *published_at_ < publish_interval) return;
  published_at_ = now;
  auto snapshot = inventory_.snapshot(parts_.clock.wall());
  if (snapshot == parts_.store.current()) return;
  journal_.published(*snapshot);
  parts_.store.publish(std::move(snapshot));
}

void Driver::post_health() {
  const SteadyTime now = parts_.clock.now();
  const Facts facts = this->facts(now);
  health_.up = machine_.up();
  health_.last_error = machine_.trouble();
  health_.poll_interval = machine_.effective_interval();
  health_.list_interval = machine_.list_interval(facts);
  health_.events = facts.events.stream;
  health_.budget = {.max_share = options_.max_engine_share,
                    .credit = machine_.budget().credit(now),
                    .reserve = machine_.budget().reserve(now)};
  if (confirmed_at_) health_.confirmed_until = machine_.fresh_until(*confirmed_at_, facts);
  parts_.board.set(health_);
}

}  // namespace repodigest::poll
