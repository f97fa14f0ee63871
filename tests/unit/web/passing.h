// A running server of a passage whose answers each test writes itself.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "repodigest/base/mutex.h"
#include "repodigest/web/passage.h"
#include "serving.h"
#include "support/temporary_folder.h"

namespace repodigest::web {

/// What arrives until `end` has come, and not a byte more; less if the server closes before.
inline std::string read_until(const RawClient& client, std::string_view end) {
  std::string bytes;
  for (char c = 0; !bytes.ends_with(end) && !Cancel().within(RawClient::patience).wait(client.fd(), POLLIN) &&
                   ::recv(client.fd(), &c, 1, 0) == 1;)
    bytes += c;
  return bytes;
}

/// The body that a chunked one carries, or "not chunked: …".
inline std::string unchunked(std::string_view wire) {
  std::string body;
  while (true) {
    const auto line = wire.find("\r\n");
    const auto size = std::strtoull(std::string(wire.substr(0, line)).c_str(), nullptr, 16);
    if (line == std::string_view::npos || wire.size() < line + 4 + size ||
        wire.substr(line + 2 + size, 2) != "\r\n")
      return "not chunked: " + std::string(wire.substr(0, 100));
    if (size == 0) return wire.size() == line + 4 ? body : "more behind the last chunk";
    body += wire.substr(line + 2, size);
    wire.remove_prefix(line + 4 + size);
  }
}

/// Replies at once to what begins with /reply, has a body or another method than GET and HEAD. /streams… goes
/// to lane 1, all else to lane 0. Listens on 127.0.0.1 and on a unix socket.
class Passing {
 public:
  using AnswerFunction = std::function<void(const RawRequest&, Flow&)>;
  /// Answers by the target's part before "?"; what is not there is 404.
  using Answers = std::map<std::string, AnswerFunction, std::less<>>;

  explicit Passing(Answers answers = {}, Passage limits = small_lanes(), ServerOptions options = {})
      : answers_(std::move(answers)),
        server_(with_addresses(std::move(options)), with_functions(std::move(limits)), stats_) {
    const auto started = server_.start();
    EXPECT_TRUE(started) << (started ? "" : started.error().text);
  }
  ~Passing() { release(); }
  Passing(const Passing&) = delete;
  Passing& operator=(const Passing&) = delete;

  /// One thread each, and one may wait for it.
  static Passage small_lanes() {
    Passage passage;
    passage.lanes = {1, 1};
    passage.max_waiting = 1;
    passage.patience = std::chrono::hours(24);
    return passage;
  }

  [[nodiscard]] RawClient client() const { return RawClient::tcp(port()); }
  [[nodiscard]] RawClient unix_client() const { return RawClient::unix_socket(path()); }
  [[nodiscard]] std::uint16_t port() const { return server_.bound().at(0).port; }
  [[nodiscard]] std::string path() const { return (folder_.path() / "api.sock").string(); }
  /// One request on a connection of its own, whose answer has a length.
  [[nodiscard]] RawReply ask(const std::string& request) const {
    RawClient asking = client();
    EXPECT_TRUE(asking.send(request));
    return asking.read_reply(request.starts_with("HEAD "));
  }

  /// For answers: waits until release(), or until the flow's client is gone.
  void wait(const Flow& flow) {
    ++waiting_;
    (void)Cancel(released_).also(flow.gone()).wait(-1, 0);
    if (flow.gone().raised()) ++left_;
  }
  /// For answers: waits until release(), whatever happens.
  void hang() {
    ++waiting_;
    (void)Cancel(released_).wait(-1, 0);
  }
  void release() { released_.raise(); }
  [[nodiscard]] const Wake& released() const { return released_; }
  /// How many answers came to wait() or hang().
  [[nodiscard]] int waiting() const { return waiting_; }
  /// How many of them found their client gone.
  [[nodiscard]] int left() const { return left_; }

  /// The targets that reached an answer.
  [[nodiscard]] std::vector<std::string> answered() {
    const MutexLock lock(mutex_);
    return answered_;
  }
  /// The requests that reached the rule, the last one.
  [[nodiscard]] RawRequest ruled() {
    const MutexLock lock(mutex_);
    return ruled_;
  }
  /// The statuses that Passage::refused was told.
  [[nodiscard]] std::vector<int> refused() {
    const MutexLock lock(mutex_);
    return refused_;
  }
  [[nodiscard]] std::int64_t connections() const { return stats_.http_connections; }
  Server& server() { return server_; }

 private:
  ServerOptions with_addresses(ServerOptions options) const {
    options.addresses = {{false, "", "127.0.0.1", 0}, {true, path(), "", 0}};
    return options;
  }

  Passage with_functions(Passage passage) {
    passage.rule = [this](const RawRequest& request) -> std::variant<Reply, std::size_t> {
      {
        const MutexLock lock(mutex_);
        ruled_ = request;
      }
      const std::string_view target = request.target;
      if (target.starts_with("/throw")) throw std::runtime_error("a secret of ours");
      if (target.starts_with("/lane-of-nobody")) return std::size_t{7};
      if (target.starts_with("/any-method")) return std::size_t{0};
      const bool is_plain = !request.has_body && (request.method == "GET" || request.method == "HEAD");
      if (!is_plain || target.starts_with("/reply")) {
        Reply reply = Reply::text(403, request.method + " " + request.target);
        reply.headers.emplace_back("X-Rule", "yes");
        reply.headers.emplace_back("X-Broken", "a\r\nX-Injected: yes");
        return reply;
      }
      return std::size_t{target.starts_with("/streams") ? 1U : 0U};
    };
    passage.answer = [this](const RawRequest& request, Flow& flow) {
      {
        const MutexLock lock(mutex_);
        answered_.push_back(request.target);
      }
      const auto found = answers_.find(std::string_view(request.target).substr(0, request.target.find('?')));
      if (found != answers_.end()) return found->second(request, flow);
      (void)flow.begin(404, {}, 0);
      flow.end();
    };
    passage.refused = [this](int status) {
      const MutexLock lock(mutex_);
      refused_.push_back(status);
    };
    return passage;
  }

  const support::TemporaryFolder folder_;
  const Answers answers_;
  Stats stats_;
  Wake released_;
  std::atomic<int> waiting_{0};
  std::atomic<int> left_{0};
  Mutex mutex_;
  std::vector<std::string> answered_ GUARDED_BY(mutex_);
  RawRequest ruled_ GUARDED_BY(mutex_);
  std::vector<int> refused_ GUARDED_BY(mutex_);
  Server server_;
};

/// Answers with these pieces, with a length or without.
inline Passing::AnswerFunction says(std::vector<std::string> pieces,
                                    std::optional<std::uint64_t> length = {}) {
  return [pieces = std::move(pieces), length](const RawRequest&, Flow& flow) {
    EXPECT_FALSE(flow.begun());
    EXPECT_TRUE(flow.begin(200, {{"Content-Type", "application/json"}}, length));
    EXPECT_TRUE(flow.begun());
    for (const std::string& piece : pieces) EXPECT_TRUE(flow.write(piece, Cancel()));
    flow.end();
  };
}

}  // namespace repodigest::web
