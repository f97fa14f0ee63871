// A recorded engine on a real socket: HTTP/1.1 as Go's server speaks it, with faults on demand. It shares no
// code with the rooms it tests (transport, web). `--demo` polls it, so it is linked into the program too.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "repodigest/base/result.h"
#include "support/fault.h"
#include "support/recording.h"

namespace repodigest::support {

/// Serves from the moment it is made until stop(), with a thread per connection. Patterns are globs of the
/// path without /v1.NN and query, where `*` matches slashes too: "/images/json", "/images/*/json", "*".
/// Thread rule: any thread, but the destructor.
class ReplayEngine {
 public:
  static constexpr std::uint64_t always = std::numeric_limits<std::uint64_t>::max();

  /// Errors: Reason::connect with the address and why it cannot be listened on. A socket file that is left
  /// from before is replaced.
  static Result<std::unique_ptr<ReplayEngine>> on_unix_socket(Recording recording,
                                                              const std::filesystem::path& socket);
  /// On 127.0.0.1; port 0 takes a free one.
  static Result<std::unique_ptr<ReplayEngine>> on_loopback(Recording recording, std::uint16_t port = 0);
  ~ReplayEngine();
  ReplayEngine(const ReplayEngine&) = delete;
  ReplayEngine& operator=(const ReplayEngine&) = delete;

  /// As --docker.host takes it: "unix:///tmp/x/docker.sock", "tcp://127.0.0.1:12345".
  [[nodiscard]] const std::string& host() const { return host_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }  ///< 0 on a unix socket

  /// Another engine answers from the next request on, also on connections that are open: add
  /// drop_connections() for what really happens when an engine is replaced.
  void replace(Recording recording);
  /// Changes what is on the engine between two requests.
  void change(const std::function<void(Recording&)>& edit);

  /// The next `count` requests to paths that match get this fault. Faults made earlier come first.
  void fail(std::string pattern, Fault fault, std::uint64_t count = always);
  /// Forgets all faults; what hangs goes on hanging.
  void heal();
  /// Lets everything that hangs now go on with its answer.
  void release();

  /// Closes every connection at once, in the middle of whatever it is doing.
  void drop_connections();
  /// New connections are refused (a unix socket's file stays), open ones live on.
  void refuse();
  /// Listens again at the same address. Errors: as on_unix_socket().
  Status accept_again();

  /// Sends an event to every open stream: GET /events is answered with one that stays open and is quiet until
  /// then. fail("/events", …) refuses it.
  void ring(const std::string& json_line);
  /// Ends every open stream in good order, with its last chunk. An engine that stops does not: for that,
  /// drop_connections().
  void end_events();
  /// Waits until exactly `count` streams are open: what rings from then on goes to them.
  [[nodiscard]] bool wait_until_listened_to(std::size_t count,
                                            std::chrono::seconds patience = std::chrono::seconds(30)) const;

  /// Requests so far to paths that match, failed ones included.
  [[nodiscard]] std::uint64_t asked(std::string_view pattern) const;
  /// The head of the last request to a path that matches, as it came (lines with CRLF, no blank one); "" if
  /// there was none.
  [[nodiscard]] std::string last_request(std::string_view pattern) const;
  /// Connections taken so far.
  [[nodiscard]] std::uint64_t connections() const;
  /// Waits until asked(pattern) is at least `count`; false if that took longer than `patience`.
  [[nodiscard]] bool wait_until_asked(std::string_view pattern, std::uint64_t count,
                                      std::chrono::seconds patience = std::chrono::seconds(30)) const;
  /// Waits until exactly `count` answers hang; 0 waits until the last one was released or given up.
  [[nodiscard]] bool wait_until_hanging(std::size_t count,
                                        std::chrono::seconds patience = std::chrono::seconds(30)) const;

  /// Ends all connections and threads and removes the socket file. May be called again.
  void stop();

 private:
  class Server;
  ReplayEngine(std::unique_ptr<Server> server, std::string host, std::uint16_t port);

  std::unique_ptr<Server> server_;
  std::string host_;
  std::uint16_t port_ = 0;
};

}  // namespace repodigest::support
