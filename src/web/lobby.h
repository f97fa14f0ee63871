// Where connections wait. One thread owns every socket: it accepts, collects heads, hands the complete ones
// to the desk and sends what they answer as fast as each client takes it, so that a client can keep nobody
// waiting but itself. Every wait has an absolute deadline, every buffer a bound.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "channel.h"
#include "connection.h"
#include "desk.h"
#include "doorman.h"
#include "listener.h"
#include "repodigest/base/cancel.h"
#include "repodigest/base/log.h"
#include "repodigest/base/mutex.h"
#include "repodigest/base/stats.h"

namespace repodigest::web {

/// What a guest is doing. All guests of a state have the same time for it, so each state's list is in the
/// order of its deadlines.
enum class Stage {
  shaking,    ///< in the handshake of TLS
  idle,       ///< nothing of a request has arrived
  reading,    ///< part of a head has arrived
  working,    ///< a worker or the doorman has its request; its socket is not watched
  sending,    ///< its reply is on the way
  queued,     ///< its request waits for a thread of its lane, or has had one for less than the patience
  awaiting,   ///< all that came through its channel is sent
  streaming,  ///< some of what came through its channel is not sent yet
  draining,   ///< the last reply is sent; waiting for the client to read it and close, lest it be lost to a
              ///< reset
  closed,     ///< to be forgotten at the end of the turn
};

/// A connection and its place in the lobby.
struct Guest {
  Guest(Fd fd, const HeadRules& rules, TlsSession tls) : connection(std::move(fd), rules, std::move(tls)) {}

  Connection connection;
  bool is_local = false;  ///< came over a unix socket, where mode and group say who may ask
  std::shared_ptr<const access::Policy> policy = {};  ///< of its request; null: everybody may ask
  bool head_is_due = false;                           ///< nothing of the answer that flows has been sent
  std::shared_ptr<Channel> channel;                   ///< where its answer comes from, if it has one
  std::uint32_t watched = 0;                          ///< the events that epoll will tell of, once
  Stage stage = Stage::idle;
  SteadyTime deadline{};
  bool last_reply = false;
  std::size_t untaken = 0;  ///< in `streaming`: when its deadline was set
  std::list<Guest>::iterator place;
};

/// Thread rule: run() on one thread; answered(), vetted(), flowed() and stop() from any; the rest before
/// run().
class Lobby {
 public:
  /// `options` and `stats` outlive it, and so does what `desk` calls. Throws std::system_error if there is no
  /// descriptor left.
  Lobby(const ServerOptions& options, std::vector<Listener> listeners, Stats& stats, Desk desk);
  Lobby(const Lobby&) = delete;
  Lobby& operator=(const Lobby&) = delete;

  /// Serves until stop() and then until the last reply is taken or the deadline has come.
  void run();
  void answered(Answer answer);
  /// The doorman's verdict.
  void vetted(Vetted vetted);
  /// Channel::News.
  void flowed(std::shared_ptr<Channel> channel);
  void stop(SteadyTime deadline);

 private:
  using Guests = std::list<Guest>;

  void turn();
  [[nodiscard]] int milliseconds_to_wait() const;
  void expire();
  void beat();
  void begin_stop(SteadyTime deadline);

  void on_ready(Guest& guest, std::uint32_t events);
  void receive(Guest& guest);
  void examine(Guest& guest);
  void hand_over(Task task);
  void complete(Answer answer);
  void reply(Answer answer);
  void refuse(Guest& guest, const Refusal& refusal);
  void refuse(Guest& guest, const Refusal& refusal, bool is_head);
  void send(Guest& guest);
  void after_reply(Guest& guest);
  void drain(Guest& guest);

  // In lobby_gate.cpp.
  void accept(const Listener& listener);
  void admit(Fd fd, bool is_local);
  void pause_accepting(int error);
  void watch_listeners(bool on);
  std::shared_ptr<const access::Policy> policy_for(bool is_local);
  [[nodiscard]] bool is_outdated(const Guest& guest) const;
  void close_outdated();
  void shake_hands(Guest& guest);
  void submit(Guest& guest);
  void let_in(Vetted vetted);
  static void add_headers(const Guest& guest, std::vector<Bytes>& segments);

  // In lobby_flow.cpp.
  void begin_flow(Guest& guest, std::shared_ptr<Channel> channel);
  void forward(Guest& guest);
  void end_flow(Guest& guest, const Channel::Portion& portion);
  void enter_streaming(Guest& guest);
  void give_up_unless_taking(Guest& guest);
  void lose_patience(Guest& guest);
  void abandon_flow(Guest& guest);

  // In lobby_room.cpp.
  bool make_room();
  bool close_oldest(Stage stage);
  void bound_memory_of_replies();
  void tidy_up();

  Guests& guests(Stage stage) { return guests_[static_cast<std::size_t>(stage)]; }
  void enter(Guest& guest, Stage stage);
  void watch(Guest& guest, std::uint32_t events) const;
  void close(Guest& guest);
  void abort(Guest& guest);

  const ServerOptions& options_;
  std::vector<Listener> listeners_;
  Stats& stats_;
  const Desk desk_;
  Fd epoll_;
  Wake wake_;

  SteadyTime now_{};  ///< of this turn
  std::array<Guests, 10> guests_;
  std::size_t connections_ = 0;  ///< all but the closed
  std::size_t most_ = 0;         ///< of them, since the memory of a crowd was last given back
  std::optional<SteadyTime> tidy_at_;
  std::size_t under_way_ = 0;  ///< requests that the workers and the doorman have
  std::optional<SteadyTime> paused_until_;
  std::optional<SteadyTime> stop_deadline_;
  SteadyTime next_beat_ = SteadyTime::max();
  log::Repeated accept_trouble_;
  log::Repeated handshake_trouble_;
  std::shared_ptr<const access::Policy> policy_;  ///< of those who are not local, when somebody last asked
  Duration handshake_time_{};                     ///< that handshakes took in this turn

  Mutex mutex_;
  std::vector<Answer> answers_ GUARDED_BY(mutex_);
  std::vector<Vetted> vetted_ GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<Channel>> flows_ GUARDED_BY(mutex_);
  std::optional<SteadyTime> stop_asked_ GUARDED_BY(mutex_);
};

}  // namespace repodigest::web
