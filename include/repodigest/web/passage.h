// Requests that are answered by somebody else while their answers come: heads as they came go in, a flow of
// bytes goes out. The lobby keeps every socket here too; whoever answers never touches one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "repodigest/base/cancel.h"
#include "repodigest/base/result.h"
#include "repodigest/web/message.h"

namespace repodigest::web {

/// A request's head as it came. What two readers could understand differently was refused before.
struct RawRequest {
  std::string method;  ///< any token
  /// As received, of an absolute form what follows its authority: begins with "/", printable ASCII, two hex
  /// digits after every "%".
  std::string target;
  /// As received, in order; of an absolute form Host is its authority.
  std::vector<std::pair<std::string, std::string>> headers;
  /// A Content-Length above 0, a Transfer-Encoding or an Expect: nothing of the body is read, and the
  /// connection closes after the answer.
  bool has_body = false;
  /// Who asks, for the log: "uid=1000 pid=42" on a unix socket (SO_PEERCRED), "127.0.0.1:53122" on TCP.
  std::string peer;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

/// The room behind a Flow; the server's business.
class Channel;

/// Where one answer goes while it is made. Thread rule: one thread, that which answers.
class Flow {
 public:
  explicit Flow(std::shared_ptr<Channel> channel);
  ~Flow();
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  /// Sends the head, once. `headers` go out as they are, so they must hold end-to-end headers only;
  /// Connection, Content-Length and Transfer-Encoding are added here. `length`: of the body that follows;
  /// without it the body is chunked, or for an HTTP/1.0 client ends with the connection. The answer to a
  /// HEAD, a 204 and a 304 has no body: `length` is what its Content-Length says, what is written is left
  /// out. A header that could end its line is left out. Errors: as write(); http for a status that is no
  /// answer's (below 200, above 999) and for a second head.
  Status begin(int status, const Headers& headers, std::optional<std::uint64_t> length);

  /// Sends the body's next bytes. Waits while the client takes what came before (256 KiB may lie unsent), so
  /// that a slow client slows the source. Errors: interrupted when the client is gone (closed, half-closed,
  /// took nothing for send_timeout) or the server stops; those of `cancel` while it waits; http before
  /// begin(), after end(), or for more than `length`, which breaks the answer off.
  Status write(std::string_view piece, const Cancel& cancel);

  /// The answer is whole. A Flow that ends its life without this, or with less than `length`, breaks the
  /// connection off, so that no client takes a part for the whole (but one of HTTP/1.0 on a unix socket,
  /// which knows no reset); one that was never begun is answered 500.
  void end();

  /// Whether begin() was called.
  [[nodiscard]] bool begun() const;
  /// Raised when the client is gone or the server wants its threads back: give up whatever is under way.
  [[nodiscard]] const Wake& gone() const;

 private:
  std::shared_ptr<Channel> channel_;
};

/// Who answers the requests of a server without Routes. Its functions outlive the server's threads.
struct Passage {
  /// What becomes of a request: a Reply, sent at once, or the number of the lane that answers it. Called on
  /// the thread that serves all connections: microseconds, no waiting. A request with a body, or whose method
  /// is neither GET nor HEAD, must get a Reply (else, and if it throws, 500).
  std::function<std::variant<Reply, std::size_t>(const RawRequest&)> rule;
  /// Answers into the flow, on a thread of the request's lane. Must return soon after flow.gone() was raised.
  std::function<void(const RawRequest&, Flow&)> answer;
  /// What was refused by the server itself (400, 408, 431, 503, …) is told here, to be counted. As rule().
  std::function<void(int status)> refused;
  /// How many threads each lane has; they are started when they are needed.
  std::vector<std::size_t> lanes;
  /// How long a request may wait for a thread of its lane; then 503.
  Duration patience = std::chrono::seconds(10);
  /// How many may wait for each lane; over it 503 at once.
  std::size_t max_waiting = 64;
};

}  // namespace repodigest::web
