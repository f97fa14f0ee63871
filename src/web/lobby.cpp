#include "lobby.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <exception>
#include <memory>
#include <system_error>
#include <utility>

namespace repodigest::web {
namespace {

/// How long a client may take to read the last reply and close.
constexpr Duration drain_timeout = std::chrono::seconds(1);

SteadyTime steady_now() {
  return std::chrono::steady_clock::now();
}

/// Does one thing of a turn, so that its failure (out of memory, in effect) takes nothing from the others.
/// Whoever it hit is not watched any more and ends at its deadline.
template <typename Step>
void guarded(Step step) {
  try {
    step();
  } catch (const std::exception& error) {
    log::error("the web server could not serve a connection", {{"error", error.what()}});
  }
}

}  // namespace

Lobby::Lobby(const ServerOptions& options, std::vector<Listener> listeners, Stats& stats, Desk desk)
    : options_(options),
      listeners_(std::move(listeners)),
      stats_(stats),
      desk_(std::move(desk)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &wake_;
  bool watched = epoll_.valid() && ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.fd(), &event) == 0;
  for (Listener& listener : listeners_) {
    event.data.ptr = &listener;
    watched = watched && ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener.fd(), &event) == 0;
  }
  if (!watched) throw std::system_error(errno, std::generic_category(), "cannot set up epoll");
}

void Lobby::answered(Answer answer) {
  {
    const MutexLock lock(mutex_);
    answers_.push_back(std::move(answer));
  }
  wake_.raise();
}

void Lobby::vetted(Vetted vetted) {
  {
    const MutexLock lock(mutex_);
    vetted_.push_back(std::move(vetted));
  }
  wake_.raise();
}

void Lobby::flowed(std::shared_ptr<Channel> channel) {
  {
    const MutexLock lock(mutex_);
    flows_.push_back(std::move(channel));
  }
  wake_.raise();
}

void Lobby::stop(SteadyTime deadline) {
  {
    const MutexLock lock(mutex_);
    stop_asked_ = deadline;
  }
  wake_.raise();
}

void Lobby::run() {
  now_ = steady_now();
  if (options_.beat) next_beat_ = now_;
  while (!stop_deadline_ || (connections_ > 0 && now_ < *stop_deadline_)) turn();
  for (Guests& each : guests_)
    while (!each.empty() && each.front().stage != Stage::closed) abort(each.front());
  guests(Stage::closed).clear();
}

void Lobby::turn() {
  std::array<epoll_event, 64> events{};
  const int count =
      ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), milliseconds_to_wait());
  now_ = steady_now();
  handshake_time_ = Duration::zero();
  bool woken = false;
  for (int i = 0; i < count; ++i) {
    void* const who = events[static_cast<std::size_t>(i)].data.ptr;
    const auto listener = std::find_if(listeners_.begin(), listeners_.end(),
                                       [who](const Listener& each) { return who == &each; });
    if (who == &wake_)
      woken = true;
    else if (listener != listeners_.end())
      guarded([&] { accept(*listener); });
    else
      guarded([&] { on_ready(*static_cast<Guest*>(who), events[static_cast<std::size_t>(i)].events); });
  }
  if (woken) {
    wake_.clear();
    std::vector<Answer> answers;
    std::vector<Vetted> vetted;
    std::vector<std::shared_ptr<Channel>> flows;
    std::optional<SteadyTime> stop_asked;
    {
      const MutexLock lock(mutex_);
      answers.swap(answers_);
      vetted.swap(vetted_);
      flows.swap(flows_);
      stop_asked = stop_asked_;
    }
    if (stop_asked && !stop_deadline_) begin_stop(*stop_asked);
    for (Answer& answer : answers) guarded([&] { complete(std::move(answer)); });
    for (Vetted& one : vetted) guarded([&] { let_in(std::move(one)); });
    for (const auto& channel : flows)
      if (Guest* const guest = channel->guest()) guarded([&] { forward(*guest); });
  }
  guarded([&] { expire(); });
  if (next_beat_ <= now_) guarded([&] { beat(); });
  guests(Stage::closed).clear();
  tidy_up();
}

int Lobby::milliseconds_to_wait() const {
  auto next = next_beat_;
  for (const Guests& each : guests_)
    if (!each.empty()) next = std::min(next, each.front().deadline);
  if (paused_until_) next = std::min(next, *paused_until_);
  if (tidy_at_) next = std::min(next, *tidy_at_);
  if (stop_deadline_) next = std::min(next, *stop_deadline_);
  if (next == SteadyTime::max()) return -1;
  // Rounded up, so that it doesn't spin through the last fraction of a millisecond.
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - steady_now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, INT_MAX));
}

void Lobby::expire() {
  const auto first_due = [this](Stage stage) {
    Guests& waiting = guests(stage);
    return !waiting.empty() && waiting.front().deadline <= now_ ? &waiting.front() : nullptr;
  };
  while (Guest* guest = first_due(Stage::shaking)) close(*guest);
  while (Guest* guest = first_due(Stage::idle)) close(*guest);
  while (Guest* guest = first_due(Stage::reading)) refuse(*guest, too_slow);
  while (Guest* guest = first_due(Stage::sending)) abort(*guest);
  while (Guest* guest = first_due(Stage::queued)) lose_patience(*guest);
  while (Guest* guest = first_due(Stage::streaming)) give_up_unless_taking(*guest);
  while (Guest* guest = first_due(Stage::draining)) close(*guest);
  if (paused_until_ && *paused_until_ <= now_) {
    paused_until_.reset();
    watch_listeners(true);
  }
}

void Lobby::beat() {
  next_beat_ = now_ + options_.beat_interval;
  options_.beat();
}

void Lobby::begin_stop(SteadyTime deadline) {
  stop_deadline_ = deadline;
  paused_until_.reset();
  listeners_.clear();
  while (close_oldest(Stage::shaking) || close_oldest(Stage::idle) || close_oldest(Stage::reading)) {
  }
}

void Lobby::on_ready(Guest& guest, std::uint32_t events) {
  guest.watched = 0;
  switch (guest.stage) {
    case Stage::shaking:
      return shake_hands(guest);
    case Stage::idle:
    case Stage::reading:
      return receive(guest);
    case Stage::sending:
      return send(guest);
    case Stage::draining:
      return drain(guest);
    case Stage::queued:
    case Stage::awaiting:
    case Stage::streaming:
      // Whoever sends no more is gone too, as in Go's net/http: a client that is killed says just that.
      if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) return close(guest);
      return forward(guest);
    case Stage::working:
    case Stage::closed:  // by an earlier event of this turn
      return;
  }
}

void Lobby::receive(Guest& guest) {
  switch (guest.connection.receive()) {
    case Progress::gone:
      return close(guest);
    case Progress::blocked:
      return watch(guest, guest.connection.awaited(EPOLLIN));
    case Progress::done:
      if (guest.stage == Stage::idle) enter(guest, Stage::reading);
      return examine(guest);
  }
}

void Lobby::examine(Guest& guest) {
  switch (guest.connection.read_head()) {
    case HeadReader::Verdict::incomplete:
      if (guest.connection.has_decrypted()) return receive(guest);
      return watch(guest, EPOLLIN);
    case HeadReader::Verdict::refused:
      return refuse(guest, guest.connection.reader().refusal());
    case HeadReader::Verdict::complete:
      return submit(guest);
  }
}

void Lobby::hand_over(Task task) {
  Guest& guest = *task.guest;
  Taken taken = desk_.take(std::move(task), guest.connection);
  if (auto* const channel = std::get_if<std::shared_ptr<Channel>>(&taken))
    return begin_flow(guest, std::move(*channel));
  auto* const answer = std::get_if<Answer>(&taken);
  if (answer != nullptr && !guest.connection.has_received()) return reply(std::move(*answer));
  // In the next turn: a client that sends thousands at once must not hold up the others.
  if (answer != nullptr) answered(std::move(*answer));
  ++under_way_;
  enter(guest, Stage::working);
}

void Lobby::complete(Answer answer) {
  --under_way_;
  reply(std::move(answer));
}

void Lobby::reply(Answer answer) {
  Guest& guest = *answer.guest;
  enter(guest, Stage::sending);  // first: should memory run out from here on, it has a deadline
  guest.last_reply = !answer.keep_alive;
  add_headers(guest, answer.segments);
  guest.connection.reply(std::move(answer.segments));
  send(guest);
  if (guest.stage == Stage::sending) bound_memory_of_replies();
}

void Lobby::refuse(Guest& guest, const Refusal& refusal) {
  refuse(guest, refusal, guest.channel ? guest.channel->is_head() : guest.connection.reader().is_head());
}

void Lobby::refuse(Guest& guest, const Refusal& refusal, bool is_head) {
  if (guest.channel) abandon_flow(guest);
  if (!guest.policy) guest.policy = policy_for(guest.is_local);  // it never got as far as a request
  guest.last_reply = true;
  std::vector<Bytes> segments = {std::make_shared<const std::string>(desk_.refuse(refusal, is_head))};
  add_headers(guest, segments);
  guest.connection.reply(std::move(segments));
  enter(guest, Stage::sending);
  send(guest);
}

void Lobby::send(Guest& guest) {
  switch (guest.connection.send()) {
    case Progress::gone:
      return close(guest);
    case Progress::blocked:
      return watch(guest, guest.connection.awaited(EPOLLOUT));
    case Progress::done:
      return after_reply(guest);
  }
}

void Lobby::after_reply(Guest& guest) {
  if (guest.last_reply || stop_deadline_ || is_outdated(guest)) {
    guest.connection.end_sending();
    enter(guest, Stage::draining);
    return watch(guest, EPOLLIN);
  }
  if (guest.connection.has_received()) {
    enter(guest, Stage::reading);
    return examine(guest);
  }
  enter(guest, Stage::idle);
  watch(guest, EPOLLIN);
}

void Lobby::drain(Guest& guest) {
  if (guest.connection.discard() == Progress::gone) return close(guest);
  watch(guest, EPOLLIN);
}

void Lobby::enter(Guest& guest, Stage stage) {
  Guests& from = guests(guest.stage);
  Guests& to = guests(stage);
  to.splice(to.end(), from, guest.place);
  guest.stage = stage;
  switch (stage) {
    case Stage::idle:
      guest.deadline = now_ + options_.idle_timeout;
      break;
    case Stage::shaking:
    case Stage::reading:
      guest.deadline = now_ + options_.head_timeout;
      break;
    case Stage::sending:
      guest.deadline = now_ + options_.send_timeout;
      break;
    case Stage::draining:
      guest.deadline = now_ + drain_timeout;
      break;
    case Stage::queued:
      guest.deadline = desk_.patience < SteadyTime::max() - now_ ? now_ + desk_.patience : SteadyTime::max();
      break;
    case Stage::streaming:
      guest.deadline = now_ + options_.send_timeout;
      break;
    case Stage::working:
    case Stage::awaiting:
    case Stage::closed:
      guest.deadline = SteadyTime::max();
      break;
  }
}

void Lobby::watch(Guest& guest, std::uint32_t events) const {
  if (guest.watched == events) return;
  // One shot: a guest is told of once and then not again until its stage asks, so that a closed socket of a
  // guest in `working` cannot make the loop spin.
  epoll_event event{};
  event.events = events | EPOLLONESHOT;
  event.data.ptr = &guest;
  (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, guest.connection.fd(), &event);
  guest.watched = events;
}

void Lobby::close(Guest& guest) {
  if (guest.channel) abandon_flow(guest);
  guest.connection.close();
  --connections_;
  stats_.http_connections.fetch_sub(1, std::memory_order_relaxed);
  enter(guest, Stage::closed);
}

void Lobby::abort(Guest& guest) {
  guest.connection.abort();
  close(guest);
}

}  // namespace repodigest::web
