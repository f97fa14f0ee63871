#include "repodigest/poll/doorbell.h"

#include <algorithm>
#include <utility>

namespace repodigest::poll {

void Doorbell::listen(std::string api_version) {
  const MutexLock lock(mutex_);
  ++order_.order;
  order_.api_version = std::move(api_version);
  set_stream(Stream::connecting);
  ordered_.raise();
}

StreamState Doorbell::state() const {
  const MutexLock lock(mutex_);
  return state_;
}

std::vector<inventory::Bell> Doorbell::take() {
  const MutexLock lock(mutex_);
  state_.rang_at.reset();
  return std::exchange(bells_, {});
}

Doorbell::Order Doorbell::order() const {
  const MutexLock lock(mutex_);
  return order_;
}

void Doorbell::opened(std::uint64_t order) {
  const MutexLock lock(mutex_);
  if (order != order_.order) return;
  ++state_.openings;
  set_stream(Stream::up);
}

void Doorbell::ended(std::uint64_t order) {
  const MutexLock lock(mutex_);
  if (order == order_.order) set_stream(Stream::down);
}

void Doorbell::connecting(std::uint64_t order) {
  const MutexLock lock(mutex_);
  if (order == order_.order) set_stream(Stream::connecting);
}

void Doorbell::ring(inventory::Bell bell, SteadyTime now) {
  const MutexLock lock(mutex_);
  if (const auto same = std::find(bells_.begin(), bells_.end(), bell); same != bells_.end()) {
    std::rotate(same, same + 1, bells_.end());
  } else if (bells_.size() == max_bells) {
    bells_.assign(1, inventory::Bell{});
  } else {
    bells_.push_back(std::move(bell));
  }
  if (state_.rang_at) return;  // the poller knows of it, and a storm must not wake it for each bell
  state_.rang_at = now;
  rung_.raise();
}

void Doorbell::set_stream(Stream stream) {
  state_.stream = stream;
  rung_.raise();
}

}  // namespace repodigest::poll
