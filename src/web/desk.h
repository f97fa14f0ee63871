// Where the lobby takes requests: to routes and their workers, or to a passage and its lanes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "head.h"
#include "repodigest/access/keeper.h"
#include "repodigest/base/clock.h"
#include "repodigest/web/message.h"

namespace repodigest::web {

class Channel;
class Connection;
struct Guest;  ///< a connection in the lobby; here only a name for whose request it is

struct Task {
  Guest* guest = nullptr;
  Head head;
};

struct Answer {
  Guest* guest = nullptr;
  std::vector<Bytes> segments;  ///< the reply's head, then its body
  bool keep_alive = false;
};

/// A worker has the request; Lobby::answered() follows.
struct Pending {};

/// What became of a request.
/// With a Channel, the answer comes through it.
using Taken = std::variant<Answer, Pending, std::shared_ptr<Channel>>;

/// Called on the lobby's thread, without waiting for anybody.
struct Desk {
  HeadRules rules;
  /// Has somebody find out whether a request's Authorization is right (Lobby::vetted() follows); false: too
  /// many wait already.
  std::function<bool(Task, std::shared_ptr<const access::Policy>, std::string host)> vet = {};
  /// Takes a request that came on a connection.
  std::function<Taken(Task, const Connection&)> take;
  /// Words the whole reply to a request that is refused, and counts it. `without_body` where it was a HEAD.
  std::function<std::string(const Refusal&, bool without_body)> refuse;
  /// Takes a request back whose answer has not been begun to be made: it never will; false if it is too late.
  std::function<bool(const Channel&)> withdraw = {};
  /// After this time with a channel and without a thread a request is withdrawn and refused.
  Duration patience = {};
};

}  // namespace repodigest::web
