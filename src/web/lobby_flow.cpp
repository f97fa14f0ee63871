// The lobby's part of answers that come through a channel.
#include <sys/epoll.h>

#include <utility>

#include "lobby.h"

namespace repodigest::web {
namespace {

/// So many portions of one flow are sent in one turn, before the others have theirs.
constexpr int max_portions = 4;

}  // namespace

void Lobby::begin_flow(Guest& guest, std::shared_ptr<Channel> channel) {
  guest.channel = std::move(channel);
  guest.head_is_due = true;
  enter(guest, Stage::queued);
  watch(guest, EPOLLRDHUP);
}

void Lobby::forward(Guest& guest) {
  Channel& channel = *guest.channel;
  for (int i = 0; i < max_portions; ++i) {
    const auto before = guest.connection.unsent();
    const auto progress = guest.connection.send();
    if (progress == Progress::gone) return close(guest);
    if (progress == Progress::blocked) {
      const auto left = guest.connection.unsent();
      channel.unsent(left);
      // Each sign of life renews the deadline: a flow may take days.
      if (guest.stage != Stage::streaming || i > 0 || left < before) enter_streaming(guest);
      return watch(guest, guest.connection.awaited(EPOLLOUT) | EPOLLRDHUP);
    }
    const Channel::Portion portion = channel.take();
    if (portion.standing != Standing::open) return end_flow(guest, portion);
    if (!portion.bytes) {
      if (portion.begun) enter(guest, Stage::awaiting);
      return watch(guest, EPOLLRDHUP);
    }
    std::vector<Bytes> segments = {portion.bytes};
    if (std::exchange(guest.head_is_due, false)) add_headers(guest, segments);
    guest.connection.reply(std::move(segments));
  }
  enter_streaming(guest);
  watch(guest, EPOLLOUT | EPOLLRDHUP);
}

void Lobby::enter_streaming(Guest& guest) {
  guest.untaken = guest.connection.untaken();
  enter(guest, Stage::streaming);
}

void Lobby::give_up_unless_taking(Guest& guest) {
  // The socket becomes ready only when much of its buffer (megabytes, on TCP) is free again: a slow client
  // may need longer for that, and yet take something all the time.
  if (guest.connection.untaken() >= guest.untaken) return abort(guest);
  enter_streaming(guest);
}

void Lobby::end_flow(Guest& guest, const Channel::Portion& portion) {
  if (portion.standing == Standing::broken) {
    if (!portion.begun) return refuse(guest, internal_error);
    return portion.needs_reset ? abort(guest) : close(guest);
  }
  guest.last_reply = !portion.keep_alive;
  std::exchange(guest.channel, nullptr)->forget_guest();
  after_reply(guest);
}

void Lobby::lose_patience(Guest& guest) {
  if (desk_.withdraw(*guest.channel)) return refuse(guest, too_many_requests);
  enter(guest, Stage::awaiting);
}

void Lobby::abandon_flow(Guest& guest) {
  const auto channel = std::exchange(guest.channel, nullptr);
  (void)desk_.withdraw(*channel);
  channel->abandon();
}

}  // namespace repodigest::web
