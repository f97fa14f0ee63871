// A running web server with a few routes, for the tests of this room.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "policies.h"
#include "repodigest/base/cancel.h"
#include "repodigest/base/stats.h"
#include "repodigest/web/server.h"
#include "support/raw_client.h"
#include "support/temporary_folder.h"

namespace repodigest::web {

using support::RawClient;
using support::RawReply;

/// Waits until a condition holds, however slow the machine is; false after a minute.
template <typename Condition>
bool eventually(Condition condition) {
  const auto limit = Cancel().within(RawClient::patience);
  while (!condition()) {
    if (limit.ended()) return false;
    ::poll(nullptr, 0, 1);
  }
  return true;
}

/// What the process takes of memory now.
inline std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t size = 0;
  std::size_t resident = 0;
  statm >> size >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

inline std::string get(const std::string& target, const std::string& headers = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n";
}

/// How clients come in.
enum class Over { tcp, unix_socket, tls };

/// Serves until its end: on a free port of 127.0.0.1, or on a socket of its own folder.
class Serving {
 public:
  explicit Serving(ServerOptions options = {}, Over over = Over::tcp)
      : over_(over), server_(with_address(std::move(options)), routes(), stats_) {
    const auto started = server_.start();
    EXPECT_TRUE(started) << (started ? "" : started.error().text);
  }
  ~Serving() { release(); }
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

  [[nodiscard]] std::uint16_t port() const { return server_.bound().at(0).port; }
  [[nodiscard]] RawClient client() const {
    if (over_ == Over::unix_socket) return RawClient::unix_socket(server_.bound().at(0).path);
    RawClient client = RawClient::tcp(port());
    EXPECT_TRUE(over_ != Over::tls || client.shake_hands());
    return client;
  }
  /// One request on a connection of its own.
  [[nodiscard]] RawReply ask(const std::string& request) const {
    RawClient asking = client();
    EXPECT_TRUE(asking.send(request));
    return asking.read_reply(request.rfind("HEAD ", 0) == 0);
  }

  /// Lets every request of /hang go on.
  void release() { released_.raise(); }
  [[nodiscard]] int hanging() const { return hanging_; }
  [[nodiscard]] std::int64_t connections() const { return stats_.http_connections; }
  [[nodiscard]] std::uint64_t answers(Handler handler, int status) const {
    for (std::size_t i = 0; i < http_codes.size(); ++i)
      if (http_codes[i] == status) return stats_.http_requests[index_of(handler)][i].value();
    return 0;
  }
  Server& server() { return server_; }
  /// What /big answers.
  [[nodiscard]] const Bytes& big() const { return big_; }

 private:
  ServerOptions with_address(ServerOptions options) {
    if (over_ == Over::unix_socket)
      options.addresses.push_back({true, (folder_.path() / "web.sock").string(), "", 0});
    else if (options.addresses.empty())
      options.addresses.push_back({false, "", "127.0.0.1", 0});
    if (over_ == Over::tls) options.keeper = policies_.emplace().use("");
    return options;
  }

  static Bytes make_big() {
    static const Bytes big = [] {
      std::string bytes(20U << 20U, '\0');
      for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>((i * 2654435761U) >> 24U);
      return std::make_shared<const std::string>(std::move(bytes));
    }();
    return big;
  }

  Routes routes() {
    Routes routes;
    routes.exact("/", Handler::page, [](const Request&) { return Reply::text(200, "page"); });
    routes.exact("/query", Handler::summary, [](const Request& request) {
      std::string text = request.method + "|";
      for (const auto& [name, value] : request.query) text.append(name).append("=").append(value).append("|");
      return Reply::text(200, text);
    });
    routes.exact("/headers", Handler::summary, [](const Request& request) {
      std::string text;
      for (const auto& [name, value] : request.headers)
        text.append(name).append("=").append(value).append("\n");
      return Reply::text(200, text);
    });
    routes.prefix("/images/", Handler::image,
                  [](const Request& request) { return Reply::text(200, request.path); });
    routes.exact("/parts", Handler::images, [](const Request&) {
      Reply reply = Reply::text(200, "one,");
      reply.body.push_back(nullptr);
      reply.body.push_back(std::make_shared<const std::string>());
      reply.body.push_back(std::make_shared<const std::string>("two"));
      reply.content_type = "application/json";
      reply.headers.emplace_back("ETag", "\"tag\"");
      reply.headers.emplace_back("X-Broken", "a\r\nX-Injected: yes");
      return reply;
    });
    routes.exact("/unchanged", Handler::images, [](const Request&) {
      Reply reply;
      reply.status = 304;
      reply.headers.emplace_back("ETag", "\"tag\"");
      return reply;
    });
    routes.exact("/throw", Handler::engine,
                 [](const Request&) -> Reply { throw std::runtime_error("a secret of ours"); });
    routes.exact("/throw-number", Handler::engine, [](const Request&) -> Reply { throw 42; });
    routes.exact("/big", Handler::metrics, [this](const Request&) {
      Reply reply;
      reply.body.push_back(big_);
      return reply;
    });
    routes.exact("/copy", Handler::metrics, [this](const Request&) { return Reply::text(200, *big_); });
    // Says who answered, and what came with the request; at once only when asked to be quick.
    const auto said_by = [](const std::string& who, const Request& request) {
      return Reply::text(200, who + " " + request.method + " " + std::string(request.header("X-Manner")) +
                                  (request.query.empty() ? "" : "?"));
    };
    routes.exact(
        "/at-once", Handler::metrics,
        [said_by](const Request& request) { return said_by("worker", request); },
        [said_by](const Request& request) -> std::optional<Reply> {
          if (request.header("X-Manner") == "throw") throw std::runtime_error("a secret of ours");
          if (request.header("X-Manner") != "quick") return std::nullopt;
          return said_by("lobby", request);
        });
    routes.exact("/hang", Handler::ready, [this](const Request&) {
      ++hanging_;
      (void)Cancel(released_).wait(-1, 0);
      return Reply::text(200, "released");
    });
    return routes;
  }

  const Over over_;
  support::TemporaryFolder folder_;
  std::optional<Policies> policies_;
  Stats stats_;
  Bytes big_ = make_big();
  Wake released_;
  std::atomic<int> hanging_{0};
  Server server_;
};

}  // namespace repodigest::web
