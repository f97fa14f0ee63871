#include "channel.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

#include "ascii.h"

namespace repodigest::web {
namespace {

Error client_gone() {
  return {Reason::interrupted, "the client is gone, or the server stops"};
}

/// Whether a header says what the server alone can say.
bool is_framing(std::string_view name) {
  return same_ignoring_case(name, "Connection") || same_ignoring_case(name, "Content-Length") ||
         same_ignoring_case(name, "Transfer-Encoding");
}

}  // namespace

Status Channel::begin(int status, const Headers& headers, std::optional<std::uint64_t> length) {
  // A 1xx would be followed by another head, and anything else is no HTTP.
  if (status < 200 || status > 999)
    return Error{Reason::http, "cannot answer with status " + std::to_string(status)};
  auto framing = Framing::none;
  if (!manner_.is_head && !is_without_content(status)) {
    if (length)
      framing = Framing::length;
    else
      framing = manner_.is_http_1_0 ? Framing::until_close : Framing::chunked;
  }
  const bool keep_alive = manner_.keep_alive && framing != Framing::until_close;
  ReplyHead head(status);
  for (const auto& [name, value] : headers)
    if (!is_framing(name)) head.add(name, value);
  head.add_connection(keep_alive, manner_.is_http_1_0);
  if (framing == Framing::chunked) head.add("Transfer-Encoding", "chunked");
  if (length && status != 204) head.add("Content-Length", std::to_string(*length));
  bool lobby_waited = false;
  {
    const MutexLock lock(mutex_);
    if (abandoned_) return client_gone();
    if (framing_) return Error{Reason::http, "the answer has begun already"};
    framing_ = framing;
    length_left_ = length.value_or(0);
    keep_alive_ = keep_alive;
    pending_ = std::move(head).text();
    lobby_waited = std::exchange(lobby_waits_, false);
  }
  tell(lobby_waited);
  return {};
}

Status Channel::write(std::string_view piece, const Cancel& cancel) {
  while (!piece.empty()) {
    bool lobby_waited = false;
    int room = -1;
    {
      const MutexLock lock(mutex_);
      if (abandoned_) return client_gone();
      if (!framing_) return Error{Reason::http, "the answer has not begun"};
      if (standing_ != Standing::open) return Error{Reason::http, "the answer is over"};
      if (*framing_ == Framing::none) return {};
      if (*framing_ == Framing::length && piece.size() > length_left_) {
        lobby_waited = finish(Standing::broken);
      } else if (all_unsent() < max_unsent) {
        const auto part = piece.substr(0, max_unsent - all_unsent());
        append(part);
        piece.remove_prefix(part.size());
        lobby_waited = std::exchange(lobby_waits_, false);
      } else {
        if (!room_) room_.emplace();
        room_->clear();
        room = room_->fd();
        writer_waits_ = true;
      }
    }
    tell(lobby_waited);
    if (room < 0) continue;
    if (const auto reason = cancel.wait(room, POLLIN))
      return Error{*reason, "gave up while the client took nothing"};
  }
  return {};
}

void Channel::end() {
  bool lobby_waited = false;
  {
    const MutexLock lock(mutex_);
    if (standing_ != Standing::open) return;
    const bool whole = framing_ && (*framing_ != Framing::length || length_left_ == 0);
    if (whole && *framing_ == Framing::chunked) pending_ += "0\r\n\r\n";
    lobby_waited = finish(whole ? Standing::whole : Standing::broken);
  }
  tell(lobby_waited);
}

void Channel::leave() {
  bool lobby_waited = false;
  {
    const MutexLock lock(mutex_);
    if (standing_ != Standing::open) return;
    lobby_waited = finish(Standing::broken);
  }
  tell(lobby_waited);
}

bool Channel::begun() {
  const MutexLock lock(mutex_);
  return framing_.has_value();
}

void Channel::append(std::string_view piece) {
  if (*framing_ == Framing::chunked) {
    std::array<char, 2 * sizeof piece.size()> digits{};
    const auto end = std::to_chars(digits.begin(), digits.end(), piece.size(), 16).ptr;
    pending_.append(digits.begin(), end).append("\r\n").append(piece).append("\r\n");
  } else {
    if (*framing_ == Framing::length) length_left_ -= piece.size();
    pending_ += piece;
  }
}

bool Channel::finish(Standing standing) {
  standing_ = standing;
  return std::exchange(lobby_waits_, false);
}

void Channel::tell(bool lobby_waited) {
  if (lobby_waited) news_(shared_from_this());
}

Channel::Portion Channel::take() {
  const MutexLock lock(mutex_);
  Portion portion;
  portion.begun = framing_.has_value();
  portion.keep_alive = keep_alive_;
  portion.needs_reset = framing_ == Framing::until_close;
  // What came before the break is worth reading, but not where a reset would overtake it.
  if (!pending_.empty() && !(standing_ == Standing::broken && portion.needs_reset)) {
    portion.bytes = std::make_shared<const std::string>(std::exchange(pending_, {}));
  } else {
    portion.standing = standing_;
    lobby_waits_ = standing_ == Standing::open;
  }
  in_flight_ = portion.bytes ? portion.bytes->size() : 0;
  give_room();
  return portion;
}

void Channel::unsent(std::size_t left) {
  const MutexLock lock(mutex_);
  in_flight_ = left;
  give_room();
}

void Channel::give_room() {
  // Half of it at once, so that a slow client does not wake the writer for each packet.
  if (!writer_waits_ || all_unsent() > max_unsent / 2) return;
  writer_waits_ = false;
  room_->raise();
}

void Channel::abandon() {
  guest_ = nullptr;
  {
    const MutexLock lock(mutex_);
    abandoned_ = true;
    lobby_waits_ = false;
    if (writer_waits_) room_->raise();
  }
  gone_.raise();
}

Flow::Flow(std::shared_ptr<Channel> channel) : channel_(std::move(channel)) {}

Flow::~Flow() {
  channel_->leave();
}

Status Flow::begin(int status, const Headers& headers, std::optional<std::uint64_t> length) {
  return channel_->begin(status, headers, length);
}

Status Flow::write(std::string_view piece, const Cancel& cancel) {
  return channel_->write(piece, cancel);
}

void Flow::end() {
  channel_->end();
}

bool Flow::begun() const {
  return channel_->begun();
}

const Wake& Flow::gone() const {
  return channel_->gone();
}

}  // namespace repodigest::web
