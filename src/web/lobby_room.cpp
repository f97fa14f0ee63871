// The lobby's part of who must go: for a newcomer, or for memory.
#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lobby.h"
#include "repodigest/base/memory.h"

namespace repodigest::web {
namespace {

/// So much memory may be kept for nothing but replies that clients take slowly,
constexpr std::size_t max_kept = std::size_t{64} << 20U;
/// or for so many of them, where they are very large.
constexpr std::size_t always_kept = 4;
/// So many connections are a crowd, which leaves a heap full of holes behind.
constexpr std::size_t crowd = 16;
/// How long after most of a crowd has gone its memory is given back.
constexpr Duration tidy_delay = std::chrono::seconds(1);

}  // namespace

bool Lobby::make_room() {
  // The oldest of those who do the same as most others: whoever holds connections to shut others out does it
  // with many, and a newcomer, or the few who are slow for good reasons, are never among the oldest of many.
  Guests* most = &guests(Stage::idle);
  for (const Stage stage : {Stage::shaking, Stage::reading, Stage::sending, Stage::draining}) {
    // Those above the limit have just been told that there is no room, and shall hear it.
    if (stage == Stage::draining && connections_ > options_.max_connections) continue;
    if (guests(stage).size() > most->size()) most = &guests(stage);
  }
  if (most->empty()) return false;
  Guest& oldest = most->front();
  if (oldest.stage == Stage::sending)
    abort(oldest);
  else
    close(oldest);
  return true;
}

bool Lobby::close_oldest(Stage stage) {
  Guests& waiting = guests(stage);
  if (waiting.empty()) return false;
  close(waiting.front());
  return true;
}

void Lobby::bound_memory_of_replies() {
  Guests& sending = guests(Stage::sending);
  std::size_t unsent = 0;
  for (const Guest& each : sending) unsent += each.connection.unsent();
  if (unsent <= max_kept) return;

  // What others keep too (the whole inventory, for whoever asks next) is not freed by the end of a client.
  std::unordered_map<const std::string*, long> senders;
  for (const Guest& each : sending)
    for (const Bytes& bytes : each.connection.kept()) ++senders[bytes.get()];
  const auto kept_for = [&](const Guest& guest) {
    std::size_t size = 0;
    for (const Bytes& bytes : guest.connection.kept())
      if (const long count = senders[bytes.get()]; bytes.use_count() == count)
        size += bytes->size() / static_cast<std::size_t>(count);
    return size;
  };
  std::size_t kept = 0;
  for (const Guest& each : sending) kept += kept_for(each);

  // The oldest give way, but not those whose replies are small beside the others'.
  const std::size_t average = kept / sending.size();
  std::vector<std::pair<Guest*, std::size_t>> large;
  for (Guest& each : sending)
    if (const auto size = kept_for(each); size >= average) large.emplace_back(&each, size);
  for (std::size_t i = 0; i + always_kept < large.size() && kept > max_kept; ++i) {
    kept -= large[i].second;
    abort(*large[i].first);
  }
}

void Lobby::tidy_up() {
  most_ = std::max(most_, connections_);
  if (!tidy_at_ && most_ >= crowd && connections_ <= most_ / 4) tidy_at_ = now_ + tidy_delay;
  if (!tidy_at_ || *tidy_at_ > now_) return;
  tidy_at_.reset();
  most_ = connections_;
  give_back_free_memory();
}

}  // namespace repodigest::web
