// The web server: one lobby thread (epoll) keeps every connection that waits, reads heads under byte budgets
// and absolute deadlines, sends what clients take slowly; complete heads go to a few workers, where
// cpp-httplib parses and our routes answer, but for what is ready to be sent. Knows nothing of Docker.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "repodigest/access/keeper.h"
#include "repodigest/base/clock.h"
#include "repodigest/base/result.h"
#include "repodigest/base/stats.h"
#include "repodigest/web/message.h"
#include "repodigest/web/passage.h"

namespace repodigest::web {

/// One place to listen at.
struct ListenAddress {
  bool is_unix = false;
  std::string path;  ///< of a unix socket
  std::string host;  ///< "" listens on all addresses, IPv6 and IPv4
  std::uint16_t port = 0;
  /// A socket that listens there already, by another's hand (systemd's): it is used in place of a new one,
  /// and the path of a unix socket is not ours to remove. -1: there is none.
  int socket = -1;

  /// Reads `host:port`, `:port`, `[::1]:port`, `unix:///path`. Errors: Reason::usage.
  static Result<ListenAddress> parse(std::string_view text);
  /// Where a socket listens that another opened; it stays the caller's, and open until the server has
  /// started. Errors: usage (no socket, no stream socket, none that listens, none of TCP or unix).
  static Result<ListenAddress> of_socket(int socket);
  /// An abstract unix socket, which only of_socket() can give, is "unix://@name".
  [[nodiscard]] std::string text() const;
  /// Whether only this machine can reach it: a unix socket, 127.0.0.0/8 (as ::ffff:127.0.0.1
  /// too), ::1 or localhost.
  [[nodiscard]] bool loopback() const;
};

/// GET, HEAD and, at ServerOptions::post_path, POST.
using HandlerFunction = std::function<Reply(const Request&)>;
/// Answers a GET without a query from what is made already, within microseconds and without waiting for
/// anybody: it is called on the thread that serves all connections. Nothing where there is more to do: then
/// the HandlerFunction is called, on a worker.
using AtOnceFunction = std::function<std::optional<Reply>(const Request&)>;

/// Which path is answered by whom. Built before the server starts, immutable then.
class Routes {
 public:
  Routes() = default;
  /// All paths stand below `prefix`: "" or "/a/b", not ended by a slash. `/` and the bare prefix lead to
  /// `/a/b/` then, with 302: a permanent redirect would be kept by browsers after the prefix is gone.
  explicit Routes(std::string prefix);

  /// Answers exactly `path`. `at_once` spares what is asked for often the way to a worker and back, which can
  /// cost more than the answer.
  void exact(std::string path, Handler handler, HandlerFunction function, AtOnceFunction at_once = {});
  /// Answers every path that begins with `prefix` and is longer; the exact ones come first, then the longest
  /// prefix.
  void prefix(std::string prefix, Handler handler, HandlerFunction function);

  struct Route {
    std::string path;
    bool is_prefix = false;
    Handler handler = Handler::other;
    HandlerFunction function;
    AtOnceFunction at_once = {};
  };
  /// The route of a path, or null.
  [[nodiscard]] const Route* find(std::string_view path) const;

 private:
  std::string prefix_;
  std::vector<Route> routes_;
};

struct ServerOptions {
  std::vector<ListenAddress> addresses;
  std::string_view address_flag = "--web.listen-address";  ///< a literal: what error texts tell to change
  unsigned socket_mode = 0660;                             ///< of unix sockets
  std::optional<gid_t> socket_group = {};                  ///< of unix sockets; nothing: the process's own
  /// TLS, users, limits and headers for all but unix sockets; outlives the server. Null: plain, for
  /// everybody.
  access::Keeper* keeper = nullptr;
  std::string post_path = {};  ///< the only path that takes a POST, without a body; "" is none
  /// Over it the oldest connection is closed of those that do the same as most others: are idle, or slow with
  /// their handshake, their head, taking their reply; where all are being answered, the newcomer gets 503.
  std::size_t max_connections = 512;
  std::size_t max_requests = 40;  ///< waiting for or with a handler at once; over it 503; 0 is no limit
  std::size_t workers = 8;
  Duration head_timeout = std::chrono::seconds(5);   ///< from a request's first byte to its head's end
  Duration idle_timeout = std::chrono::minutes(2);   ///< of a kept connection without a request
  Duration send_timeout = std::chrono::seconds(30);  ///< from the reply's first byte to its last; of
                                                     ///< a Flow: from one byte taken to the next
  /// Called each so often on the thread that serves all connections, between two turns of its loop: it proves
  /// that the loop turns. It must not wait for anybody.
  std::function<void()> beat = {};
  Duration beat_interval = {};
  static constexpr std::size_t max_head_bytes = 16U << 10U;
};

/// Owns its listeners, its lobby thread and its workers. Thread rule: made, started and destroyed by one
/// thread.
class Server {
 public:
  /// `stats` outlives it.
  Server(ServerOptions options, Routes routes, Stats& stats);
  /// Passes requests on instead of routing them. What it refuses itself is said as Docker's API says it,
  /// {"message": …}, and counted by Passage::refused alone. Of `options` max_requests and workers do not
  /// count.
  Server(ServerOptions options, Passage passage, Stats& stats);
  /// As stop() without grace; then waits for handlers that still run, and joins.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds every address, then starts the threads; or says which address could not be had, and why, and
  /// starts nothing. SO_REUSEADDR only: a second daemon on a port is refused. A unix socket has
  /// its mode and group before anybody can connect, and replaces a dead one, never a living one, a file or a
  /// symlink. A socket that was handed over is taken as it is. Errors: connect (address in use and the like),
  /// permission.
  Status start();

  /// The addresses really bound (port 0 replaced by the one the system chose); empty before start().
  [[nodiscard]] const std::vector<ListenAddress>& bound() const;

  /// Listens no more (unix sockets are removed) and closes idle connections at once; requests and replies
  /// under way are finished until `grace` has passed; then everything is closed, and flows are told that they
  /// are gone. Returns within `grace` whatever clients do. A handler that still runs then cannot be ended:
  /// stop() leaves it, but the destructor waits for it, so a program that must end has to end without it.
  void stop(Duration grace);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace repodigest::web
