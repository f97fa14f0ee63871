// The lobby's part of who may come in: newcomers, handshakes, limits, users, and the headers that the config
// adds.
#include <sys/epoll.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "ascii.h"
#include "lobby.h"

namespace repodigest::web {
namespace {

/// How long to accept nobody after the system had no descriptor or memory for a connection.
constexpr Duration accept_pause = std::chrono::milliseconds(100);
/// So many may be above max_connections, only to be told so.
constexpr std::size_t turned_away_at_once = 64;
/// So many are accepted in one turn, before the others have theirs.
constexpr int max_accepts = 64;
/// Handshakes may take so much of one turn.
constexpr Duration max_handshake_time = std::chrono::milliseconds(5);

/// Whether a reply that begins with `text` has that header.
bool has_header(std::string_view text, std::string_view name) {
  for (auto at = text.find("\r\n"); at != std::string_view::npos; at = text.find("\r\n", at + 2)) {
    const auto line = text.substr(at + 2);
    if (line.starts_with("\r\n")) return false;
    if (line.size() > name.size() && line[name.size()] == ':' &&
        same_ignoring_case(line.substr(0, name.size()), name))
      return true;
  }
  return false;
}

}  // namespace

void Lobby::accept(const Listener& listener) {
  for (int i = 0; i < max_accepts; ++i) {
    Fd fd = listener.accept();
    if (fd) {
      admit(std::move(fd), listener.address().is_unix);
      continue;
    }
    // Anything else than these three is about the process, not about this one client; accept(2) can hand over
    // a client's network error too, and a short pause does no harm then.
    if (errno == EAGAIN) return;
    if (errno == EINTR || errno == ECONNABORTED) continue;
    return pause_accepting(errno);
  }
}

void Lobby::pause_accepting(int error) {
  if (const auto count = accept_trouble_.occurred(errno_text(error), now_))
    log::warn("cannot accept connections for now",
              {{"error", errno_text(error)}, {"count", std::to_string(*count)}});
  if (make_room()) return;  // the next turn accepts in its place
  watch_listeners(false);
  paused_until_ = now_ + accept_pause;
}

void Lobby::watch_listeners(bool on) {
  for (Listener& listener : listeners_) {
    epoll_event event{};
    event.events = on ? std::uint32_t{EPOLLIN} : 0U;
    event.data.ptr = &listener;
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listener.fd(), &event);
  }
}

void Lobby::admit(Fd fd, bool is_local) {
  const bool full = connections_ >= options_.max_connections && !make_room();
  if (full && connections_ >= options_.max_connections + turned_away_at_once &&
      !close_oldest(Stage::draining))
    return;  // closes it
  const auto policy = policy_for(is_local);
  TlsSession tls = policy && policy->tls ? policy->tls->begin(fd.get()) : nullptr;
  const bool shakes = tls != nullptr;
  if (full && shakes) return;  // no words without a handshake
  Guests& idle = guests(Stage::idle);
  HeadRules rules = desk_.rules;
  rules.over_tls = shakes;
  idle.emplace_back(std::move(fd), rules, std::move(tls));
  Guest& guest = idle.back();
  guest.is_local = is_local;
  guest.place = std::prev(idle.end());
  ++connections_;
  stats_.http_connections.fetch_add(1, std::memory_order_relaxed);
  epoll_event event{};
  event.data.ptr = &guest;
  event.events = EPOLLONESHOT;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, guest.connection.fd(), &event) != 0) return close(guest);
  if (full) return refuse(guest, too_many_connections);
  enter(guest, shakes ? Stage::shaking : Stage::idle);
  watch(guest, EPOLLIN);
}

std::shared_ptr<const access::Policy> Lobby::policy_for(bool is_local) {
  if (is_local || options_.keeper == nullptr) return nullptr;
  auto policy = options_.keeper->current();
  if (policy != policy_) {
    policy_ = policy;
    close_outdated();
  }
  return policy;
}

bool Lobby::is_outdated(const Guest& guest) const {
  if (guest.is_local || !policy_) return false;
  const ssl_st* const session = guest.connection.tls();
  if (session == nullptr) return policy_->tls.has_value();
  return !policy_->tls || !policy_->tls->began(*session);
}

void Lobby::close_outdated() {
  // Who has a request under way is answered first; who only listens (to events) could do so for days.
  for (const Stage stage : {Stage::shaking, Stage::idle, Stage::awaiting})
    for (auto guest = guests(stage).begin(); guest != guests(stage).end();) {
      Guest& each = *guest++;
      if (is_outdated(each)) close(each);
    }
}

void Lobby::shake_hands(Guest& guest) {
  // In the next turn: a signature can take milliseconds, and the others shall have their turn in between.
  if (handshake_time_ >= max_handshake_time) return watch(guest, guest.connection.awaited(EPOLLIN));
  const auto begin = std::chrono::steady_clock::now();
  const Progress progress = guest.connection.shake_hands();
  handshake_time_ += std::chrono::steady_clock::now() - begin;
  switch (progress) {
    case Progress::blocked:
      return watch(guest, guest.connection.awaited(EPOLLIN));
    case Progress::done:
      enter(guest, Stage::idle);
      return watch(guest, EPOLLIN);
    case Progress::gone:
      if (const auto count = handshake_trouble_.occurred(guest.connection.trouble(), now_))
        log::info("a TLS handshake failed", {{"peer", guest.connection.peer()},
                                             {"error", guest.connection.trouble()},
                                             {"count", std::to_string(*count)}});
      if (!guest.connection.fell_back_to_plain()) return close(guest);
      enter(guest, Stage::reading);  // it has sent a request, and is answered
      return refuse(guest, tls_wanted);
  }
}

void Lobby::submit(Guest& guest) {
  if (options_.max_requests > 0 && under_way_ >= options_.max_requests)
    return refuse(guest, too_many_requests);
  guest.policy = policy_for(guest.is_local);
  if (is_outdated(guest)) return guest.connection.tls() == nullptr ? refuse(guest, tls_wanted) : close(guest);
  Task task{&guest, guest.connection.take_head()};
  if (!guest.policy) return hand_over(std::move(task));

  const access::Policy& policy = *guest.policy;
  const bool is_head = task.head.request_line.starts_with("HEAD ");
  if (policy.throttle && !policy.throttle->take(now_)) return refuse(guest, too_often, is_head);
  if (policy.users.empty()) return hand_over(std::move(task));
  const auto authorization = task.head.header("Authorization");
  if (policy.users.knows(authorization)) return hand_over(std::move(task));
  if (!access::parse_basic(authorization)) return refuse(guest, unauthorized, is_head);
  if (!desk_.vet(std::move(task), guest.policy, guest.connection.host()))
    return refuse(guest, too_many_requests, is_head);
  ++under_way_;
  enter(guest, Stage::working);
}

void Lobby::let_in(Vetted vetted) {
  --under_way_;
  Guest& guest = *vetted.task.guest;
  if (vetted.verdict == Verdict::granted) return hand_over(std::move(vetted.task));
  refuse(guest, vetted.verdict == Verdict::refused ? unauthorized : too_many_requests,
         vetted.task.head.request_line.starts_with("HEAD "));
}

void Lobby::add_headers(const Guest& guest, std::vector<Bytes>& segments) {
  if (!guest.policy || guest.policy->headers.empty() || segments.empty() || !segments.front()) return;
  const std::string& begin = *segments.front();
  std::string lines;
  for (const auto& [name, value] : guest.policy->headers)
    if (!has_header(begin, name)) lines.append(name).append(": ").append(value).append("\r\n");
  if (lines.empty()) return;
  std::string more = begin;
  more.insert(more.find("\r\n") + 2, lines);
  segments.front() = std::make_shared<const std::string>(std::move(more));
}

}  // namespace repodigest::web
