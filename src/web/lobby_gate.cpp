// The lobby's part of who may come in: handshakes, limits, users, and the headers that the config adds.
#include <sys/epoll.h>

#include <memory>
#include <string>
#include <utility>

#include "ascii.h"
#include "lobby.h"

namespace repodigest::web {
namespace {

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

std::shared_ptr<const access::Policy> Lobby::policy_for(bool is_local) const {
  return is_local || options_.keeper == nullptr ? nullptr : options_.keeper->current();
}

void Lobby::shake_hands(Guest& guest) {
  switch (guest.connection.shake_hands()) {
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
      return guest.connection.fell_back_to_plain() ? refuse(guest, tls_wanted) : close(guest);
  }
}

void Lobby::submit(Guest& guest) {
  if (options_.max_requests > 0 && under_way_ >= options_.max_requests)
    return refuse(guest, too_many_requests);
  guest.policy = policy_for(guest.is_local);
  Task task{&guest, guest.connection.take_head()};
  if (!guest.policy) return hand_over(std::move(task));

  const access::Policy& policy = *guest.policy;
  const bool is_head = task.head.request_line.starts_with("HEAD ");
  if (policy.throttle && !policy.throttle->take(now_)) return refuse(guest, too_often, is_head);
  if (policy.users.empty()) return hand_over(std::move(task));
  const auto authorization = task.head.header("Authorization");
  if (policy.users.knows(authorization)) return hand_over(std::move(task));
  if (!access::parse_basic(authorization)) return refuse(guest, unauthorized, is_head);
  if (!desk_.vet(std::move(task), guest.policy)) return refuse(guest, too_many_requests, is_head);
  ++under_way_;
  enter(guest, Stage::working);
}

void Lobby::let_in(Vetted vetted) {
  --under_way_;
  Guest& guest = *vetted.task.guest;
  if (vetted.granted) return hand_over(std::move(vetted.task));
  refuse(guest, unauthorized, vetted.task.head.request_line.starts_with("HEAD "));
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
