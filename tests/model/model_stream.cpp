#include "model_stream.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "answers.h"
#include "repodigest/poll/watcher.h"

namespace repodigest::model {
namespace {

using namespace std::chrono_literals;

constexpr Duration first_pause = 1s;
constexpr Duration longest_pause = 1min;
constexpr Duration pause_after_refusal = 10min;

}  // namespace

ModelStream::ModelStream(std::uint64_t seed, bool cut, World& world, poll::Doorbell& doorbell,
                         SimulatedClock& clock)
    : dice_(seed, 3),
      world_(world),
      doorbell_(doorbell),
      clock_(clock),
      refused_(!world.tame() && dice_.one_in(8)) {
  if (!world_.tame()) plan_trouble();
  if (cut) plan_cut();
}

void ModelStream::look_at_the_doorbell() {
  const std::uint64_t order = doorbell_.order().order;
  if (order == order_) return;
  order_ = order;
  pause_ = first_pause;
  connect();
}

void ModelStream::connect() {
  open_since_.reset();
  silent_ = false;
  doorbell_.connecting(order_);
  const bool slow = !world_.tame() && dice_.one_in(10);
  const bool fails = world_.restless() && (!world_.tame() || openings_ > 0) && dice_.one_in(6);
  const Attempt how = refused_ ? Attempt::refused : fails ? Attempt::failed : Attempt::answered;
  clock_.in(dice_.up_to(slow ? Duration(20s) : Duration(20ms)),
            [this, attempt = ++attempt_, how] { arrive(attempt, how); });
}

void ModelStream::arrive(std::uint64_t attempt, Attempt how) {
  if (attempt != attempt_) return;
  if (how == Attempt::refused) return end(pause_after_refusal);
  if (how == Attempt::failed || world_.away())
    return end(std::exchange(pause_, std::min(2 * pause_, longest_pause)));
  clock_.trace("stream opened");
  open_since_ = clock_.now();
  ++openings_;
  pause_ = first_pause;
  decoder_.emplace();
  doorbell_.opened(order_);
}

void ModelStream::end(Duration pause) {
  clock_.trace("stream ended");
  open_since_.reset();
  silent_ = false;
  doorbell_.ended(order_);
  clock_.in(pause, [this, attempt = ++attempt_] {
    if (attempt == attempt_) connect();
  });
}

void ModelStream::restarted() {
  if (!open_since_) return;
  if (dice_.one_in(4))
    silent_ = true;  // half-open: whoever is there now has never heard of it
  else
    end(pause_);
}

void ModelStream::plan_trouble() {
  clock_.in(dice_.up_to(15min), [this] {
    if (!world_.restless()) return;
    plan_trouble();
    if (!open_since_) return;
    if (dice_.one_in(2)) return end(pause_);
    silent_ = true;
    // At last the system finds out; or never.
    if (dice_.one_in(4)) return;
    clock_.in(dice_.up_to(10min), [this, attempt = attempt_] {
      if (attempt == attempt_) end(pause_);
    });
  });
}

void ModelStream::plan_cut() {
  clock_.in(dice_.up_to(6min), [this] {
    if (!world_.restless()) return;
    plan_cut();
    if (open_since_) end(pause_);
  });
}

void ModelStream::send(const ModelEvent& event) {
  if (event.action == "prune" || event.action == "create" || event.action == "load") ++unplaceable_;
  clock_.trace("event ", event.action, ' ', event.id, ' ', event.name, open_since_ ? "" : " (no stream)",
               silent_ ? " (silent)" : "");
  if (!open_since_ || silent_) return;
  const Duration lateness = dice_.one_in(4) ? dice_.up_to(1s) : dice_.up_to(2ms);
  // In the order they were sent.
  last_arrival_ = std::max(last_arrival_, clock_.now() + lateness);
  for (int times = dice_.one_in(10) ? 2 : 1; times > 0; --times)
    clock_.at(last_arrival_, [this, line = event_line(world_.rules(), event), attempt = attempt_] {
      if (attempt == attempt_ && open_since_ && !silent_) deliver(line);
    });
}

void ModelStream::deliver(const std::string& line) {
  const auto ring = [this](const engine::Event& event) {
    doorbell_.ring(poll::bell_of(event), clock_.now());
  };
  const std::string_view all = line;
  const std::size_t cut = dice_.below(all.size());
  for (const std::string_view piece : {all.substr(0, cut), all.substr(cut)})
    if (!decoder_->feed(piece, ring)) throw std::logic_error("the model's event is none: " + line);
}

}  // namespace repodigest::model
