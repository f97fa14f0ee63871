#include "repodigest/poll/watcher.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

#include "jitter.h"

namespace repodigest::poll {
namespace {

constexpr Duration first_pause = std::chrono::seconds(1);
constexpr Duration longest_pause = std::chrono::minutes(1);
/// A stream that lived so long was no failure: the next pause is the first again.
constexpr Duration long_life = std::chrono::minutes(1);
constexpr Duration pause_after_refusal = std::chrono::minutes(10);

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// The full Id that `text` is; "" if it is none. Podman's have no algorithm. A tag may be 64 hex digits too,
/// and a repository's name may not.
std::string id_in(std::string_view text) {
  constexpr std::string_view algorithm = "sha256:";
  constexpr std::size_t digits = 64;
  const bool named = text.starts_with(algorithm);
  const std::string_view hex = named ? text.substr(algorithm.size()) : text;
  if (hex.size() != digits || !is_hex(hex)) return "";
  return std::string(algorithm).append(hex);
}

/// The reference that `text` is; "" if it is none: an Id, a file, or a repository alone, which may stand for
/// all of its tags (with the graphdriver, moby 26.1.5 and 28.5.2 name a push of all tags so).
std::string reference_in(std::string_view text) {
  constexpr std::size_t longest = 1024;  // repository, tag and digest have 255, 128 and 135 bytes at most
  const std::size_t slash = text.rfind('/');
  const std::size_t last_part = slash == std::string_view::npos ? 0 : slash + 1;
  const std::size_t mark = text.find_first_of(":@", last_part);
  if (text.size() > longest || text.starts_with('/') || mark == std::string_view::npos ||
      mark + 1 == text.size() || !id_in(text).empty())
    return "";
  return std::string(text);
}

}  // namespace

inventory::Bell bell_of(const engine::Event& event) {
  const EventAction action = event.action;
  inventory::Bell bell;
  bell.id = id_in(event.id);
  // What other actions have as name is the Id again, a repository alone, or a name that is gone.
  if (action == EventAction::tag || action == EventAction::untag) bell.reference = reference_in(event.name);
  if (bell.id.empty() && bell.reference.empty()) bell.reference = reference_in(event.id);  // pull, push
  if (event.id.empty()) {
    // Podman: its pull has the reference as name, its build the Id, and its load a file's path.
    bell.id = id_in(event.name);
    if (bell.id.empty() && action != EventAction::load) bell.reference = reference_in(event.name);
  }
  bell.removed = action == EventAction::untag && !bell.reference.empty();
  return bell;
}

Watcher::Watcher(engine::EventStream stream, Doorbell& doorbell, Stats& stats, const Clock& clock,
                 std::uint64_t seed)
    : stream_(std::move(stream)), doorbell_(doorbell), stats_(stats), clock_(clock), random_(seed) {
  thread_ = std::thread([this] { run(); });
}

Watcher::~Watcher() {
  stop_.raise();
  thread_.join();
}

void Watcher::run() {
  while (!stop_.raised()) {
    Doorbell::Order order;
    try {
      // In this order: a listen() in between raises it again, and then all of this begins anew.
      doorbell_.ordered().clear();
      order = doorbell_.order();
      if (order.order == 0)
        static_cast<void>(interruption().wait(-1, 0));
      else
        follow(order);
    } catch (const std::exception& exception) {
      stats_.events_connected = false;
      doorbell_.ended(order.order);
      broke_off(exception.what());
      clock_.wait(clock_.now() + first_pause, interruption());
    }
  }
}

void Watcher::follow(const Doorbell::Order& order) {
  if (std::exchange(latest_order_, order.order) != order.order) pause_ = Duration::zero();
  doorbell_.connecting(order.order);
  std::optional<SteadyTime> opened_at;
  const Error why = stream_.follow(
      order.api_version,
      [&] {
        opened_at = clock_.now();
        stats_.events_connected = true;
        doorbell_.opened(order.order);
        opened();
      },
      [&](const engine::Event& event) {
        stats_.events[index_of(event.action)].add();
        doorbell_.ring(bell_of(event), clock_.now());
      },
      interruption());
  stats_.events_connected = false;
  if (interruption().ended()) return;  // it was us; what comes next is tried at once

  doorbell_.ended(order.order);
  const SteadyTime now = clock_.now();
  const Duration lived = opened_at ? now - *opened_at : Duration::zero();
  if (lived >= log::Repeated::interval) trouble_.ended();
  ended(why, now);
  if (lived >= long_life) pause_ = Duration::zero();
  pause_ = std::clamp(2 * pause_, first_pause, longest_pause);
  const bool refused = why.status >= 400 && why.status < 500;
  clock_.wait(now + (refused ? pause_after_refusal : jittered(pause_, random_)), interruption());
}

Cancel Watcher::interruption() const {
  return Cancel(stop_).also(doorbell_.ordered());
}

void Watcher::opened() {
  if (std::exchange(said_to_be_down_, false)) log::info("the engine's events are heard again");
}

void Watcher::ended(const Error& why, SteadyTime now) {
  // The key leaves the text out: one that differs a little each time must not defeat the limit. The coming of
  // a stream that comes and goes is only said if its going was.
  const std::string key = std::string(name_of(why.reason)) + "/" + std::to_string(why.status);
  const auto count = trouble_.occurred(key, now);
  if (!count) return;
  said_to_be_down_ = true;
  log::warn("the engine's events are not heard",
            {{"reason", name_of(why.reason)}, {"error", why.text}, {"times", std::to_string(*count)}});
}

void Watcher::broke_off(const char* what) noexcept {
  try {
    const auto count = trouble_.occurred("exception", clock_.now());
    if (!count) return;
    said_to_be_down_ = true;
    log::error("listening to the engine's events broke off and starts afresh",
               {{"error", what}, {"times", std::to_string(*count)}});
  } catch (const std::exception&) {
    return;  // without the memory for a line it is more important to go on
  }
}

}  // namespace repodigest::poll
