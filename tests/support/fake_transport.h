// A transport without a socket: answers by target, as the test says. For tests of what calls the engine.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "repodigest/transport/transport.h"

namespace repodigest::support {

/// The engine behind a FakeTransport: kept by the test, changed between calls. Thread rule: one thread
/// at a time.
class FakeEngine {
 public:
  struct Answer {
    int status = 200;
    std::string body = {};
    std::vector<std::pair<std::string, std::string>> headers = {};
    std::optional<Error> error = std::nullopt;  ///< instead of an answer; the connection is closed then
    std::function<void()> before = nullptr;     ///< run while the call is under way: the clock goes on
    /// Of stream(): the body comes in these pieces; a call gets them joined to `body`.
    std::vector<std::string> pieces = {};
    std::function<void()> after_pieces = nullptr;  ///< of stream(): run while the stream is still open
    bool endless = false;  ///< of stream(): behind its pieces it stays open until the caller gives it up
  };

  /// Answers `target` so from now on.
  void set(std::string target, Answer answer) { standing_[std::move(target)] = std::move(answer); }
  /// Answers the next call of `target` so, before the standing answer; several stand in line.
  void once(const std::string& target, Answer answer) { queued_[target].push_back(std::move(answer)); }
  /// The next call opens a new connection, as after a restart of the engine.
  void drop_connection() { connected_ = false; }
  /// The same, for use while a call is under way: the one after it opens a new connection.
  void drop_connection_after_answer() { drop_after_answer_ = true; }
  /// Every call opens a new connection, as behind a proxy that closes each.
  void keep_alive(bool keeps) { keeps_alive_ = keeps; }

  /// What was asked since the last call of this function, in order.
  std::vector<std::string> take_targets() { return std::exchange(targets_, {}); }
  /// The latest request as it was given to the transport.
  [[nodiscard]] const transport::Request& last_request() const { return last_request_; }
  /// How long from then the latest call was allowed to take.
  [[nodiscard]] std::optional<Duration> last_timeout() const { return last_timeout_; }

 private:
  friend class FakeTransport;

  Result<transport::Response> call(const transport::Request& request, const Cancel& cancel) {
    auto answer = begin(request, cancel);
    if (!answer) return std::move(answer).error();
    for (const std::string& piece : answer->pieces) answer->body += piece;
    if (answer->body.size() > request.max_body_bytes)
      return fail({Reason::too_large, "the body is larger than its cap", 0});
    auto response = head_of(*answer);
    response.body = std::move(answer->body);
    response.body.reserve(response.body.size() + transport::body_padding);
    return response;
  }

  Status stream(const transport::Request& request, const transport::Receiver& receiver,
                const Cancel& cancel) {
    auto answer = begin(request, cancel);
    if (!answer) return std::move(answer).error();
    if (auto taken = receiver.head(head_of(*answer)); !taken) return fail(taken.error());
    if (!answer->body.empty()) answer->pieces.insert(answer->pieces.begin(), std::move(answer->body));
    for (const std::string& piece : answer->pieces)
      if (auto taken = receiver.piece(piece); !taken) return fail(taken.error());
    if (answer->after_pieces) answer->after_pieces();
    if (answer->endless) return fail({cancel.wait(-1, 0).value_or(Reason::interrupted), "it was given up"});
    return {};
  }

  /// Notes the request and picks its answer; an Error if there is none.
  Result<Answer> begin(const transport::Request& request, const Cancel& cancel) {
    targets_.push_back(request.target);
    last_request_ = request;
    if (cancel.deadline()) last_timeout_ = *cancel.deadline() - std::chrono::steady_clock::now();
    if (const auto ended = cancel.ended()) return fail({*ended, "the call ended", 0});

    Answer answer{.status = 404, .body = R"({"message":"page not found"})"};
    if (auto queue = queued_.find(request.target); queue != queued_.end() && !queue->second.empty()) {
      answer = std::move(queue->second.front());
      queue->second.pop_front();
    } else if (auto standing = standing_.find(request.target); standing != standing_.end()) {
      answer = standing->second;
    }
    if (answer.before) answer.before();
    if (answer.error) return fail(std::move(*answer.error));
    return answer;
  }

  transport::Response head_of(Answer& answer) {
    transport::Response response;
    response.status = answer.status;
    response.headers = std::move(answer.headers);
    response.new_connection = !std::exchange(connected_, keeps_alive_);
    if (std::exchange(drop_after_answer_, false)) connected_ = false;
    return response;
  }

  Error fail(Error error) {
    connected_ = false;
    return error;
  }

  std::map<std::string, Answer> standing_;
  std::map<std::string, std::deque<Answer>> queued_;
  std::vector<std::string> targets_;
  transport::Request last_request_;
  std::optional<Duration> last_timeout_;
  bool connected_ = false;
  bool keeps_alive_ = true;
  bool drop_after_answer_ = false;
};

/// Calls a FakeEngine, which outlives it.
class FakeTransport final : public transport::Transport {
 public:
  explicit FakeTransport(FakeEngine& engine) : engine_(engine) {}
  Result<transport::Response> call(const transport::Request& request, const Cancel& cancel) override {
    return engine_.call(request, cancel);
  }
  Status stream(const transport::Request& request, const transport::Receiver& receiver,
                const Cancel& cancel) override {
    return engine_.stream(request, receiver, cancel);
  }

 private:
  FakeEngine& engine_;
};

}  // namespace repodigest::support
