#include "worker.h"

#include <httplib.h>
#include <poll.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "connection.h"
#include "reply_head.h"
#include "repodigest/base/log.h"

namespace repodigest::web {
namespace {

/// What cpp-httplib takes for a socket: it reads a request line from it and writes a reply's head to it.
class HeadStream final : public httplib::Stream {
 public:
  explicit HeadStream(std::string input) : input_(std::move(input)) {}

  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  ssize_t read(char* data, std::size_t size) override {
    const auto count = input_.copy(data, size, position_);
    position_ += count;
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* data, std::size_t size) override {
    written_.append(data, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override { get_remote_ip_and_port(ip, port); }
  socket_t socket() const override { return INVALID_SOCKET; }

  std::string take_written() { return std::move(written_); }

 private:
  const std::string input_;
  std::size_t position_ = 0;
  std::string written_;
};

/// A request line as cpp-httplib 0.11.4 reads it: it takes one "?" alone, though a query may have more of
/// them (RFC 3986 3.4).
std::string readable(std::string line) {
  const auto query = line.find('?');
  if (query == std::string::npos) return line;
  for (auto more = line.find('?', query + 1); more != std::string::npos; more = line.find('?', more))
    line.replace(more, 1, "%3F");
  return line;
}

/// What stands behind the first "?" of a target.
std::string query_of(std::string_view line) {
  const auto target = line.substr(0, line.rfind(' '));
  return std::string(target.substr(std::min(target.find('?'), target.size() - 1) + 1));
}

}  // namespace

/// cpp-httplib as a reader of request lines and a writer of reply heads; it never listens. It is given the
/// request line alone: its readers of headers, ranges and bodies, its compression and its regex routes are
/// where 0.11.4 can be hurt (a bad Range is answered 416 before any handler, `%0d%0a` in a header's value is
/// decoded, REMOTE_ADDR can be forged), and bodies need no copy into it. One per thread.
class Dialogue final : private httplib::Server {
 public:
  Dialogue(const Routes& routes, Stats& stats) : routes_(routes), stats_(stats) {
    set_pre_routing_handler([this](const httplib::Request& line, httplib::Response& response) {
      if (!reply_) reply_ = call_route(request_from(line));
      response.status = reply_->status;
      return HandlerResponse::Handled;
    });
    // The last word before the head is written: the library's own additions (Keep-Alive, Accept-Ranges) are
    // not true of this server.
    set_post_routing_handler([this](const httplib::Request& line, httplib::Response& response) {
      if (!reply_) {
        reply_ = Reply::text(response.status, "the request line cannot be read\n");
        head_.keep_alive = false;
      }
      set_headers(response, line.version == "HTTP/1.0");
    });
  }

  Answer answer(Task task) {
    reply_.reset();
    handler_ = repodigest::Handler::other;
    return finish(std::move(task));
  }

  /// The answer if the route has it ready; else `task` is as before.
  std::optional<Answer> answer_at_once(Task& task) {
    const auto path = plain_target(task.head.request_line);
    const auto* const route = path.empty() ? nullptr : routes_.find(path);
    if (route == nullptr || !route->at_once) return std::nullopt;
    Request request{"GET", std::string(path), {}, std::move(task.head.headers)};
    reply_ = guarded(request, [&]() -> std::optional<Reply> { return route->at_once(request); });
    task.head.headers = std::move(request.headers);
    if (!reply_) return std::nullopt;
    handler_ = route->handler;
    return finish(std::move(task));
  }

  /// For when anything in here failed.
  Answer refused(Guest* guest, bool is_head) {
    stats_.count_http(handler_, internal_error.status);
    return {guest,
            {std::make_shared<const std::string>(reply_to(internal_error, is_head, Wording::text))},
            false};
  }

 private:
  /// The target of a GET that means what it is, letter for letter; else "".
  static std::string_view plain_target(std::string_view line) {
    constexpr std::string_view method = "GET ";
    if (!line.starts_with(method)) return {};
    line.remove_prefix(method.size());
    const auto target = line.substr(0, line.find(' '));
    return target.find_first_of("%?#+") == std::string_view::npos ? target : std::string_view();
  }

  /// The whole answer; with reply_, if that is known already.
  Answer finish(Task task) {
    head_ = std::move(task.head);
    HeadStream stream(readable(head_.request_line) + "\r\n\r\n");
    bool closed = false;
    process_request(stream, !head_.keep_alive, closed, nullptr);

    const bool is_head = head_.request_line.starts_with("HEAD ");
    std::string written = stream.take_written();
    // Taken out, lest a worker that rests keep the document of an inventory that has changed.
    const std::optional<Reply> reply = std::exchange(reply_, std::nullopt);
    if (!reply || written.empty()) return refused(task.guest, is_head);
    stats_.count_http(handler_, reply->status);
    Answer answer{task.guest, {}, head_.keep_alive};
    answer.segments.push_back(std::make_shared<const std::string>(std::move(written)));
    if (!is_head && !is_without_content(reply->status))
      answer.segments.insert(answer.segments.end(), reply->body.begin(), reply->body.end());
    return answer;
  }

  Request request_from(const httplib::Request& line) {
    Request request;
    request.method = line.method;
    request.path = line.path;
    request.query.assign(line.params.begin(), line.params.end());
    request.headers = std::move(head_.headers);
    request.raw_query = query_of(head_.request_line);
    return request;
  }

  Reply call_route(Request request) {
    const auto* const route = routes_.find(request.path);
    if (route == nullptr) return Reply::text(404, "not found\n");
    handler_ = route->handler;
    if (route->is_prefix) request.rest = request.path.substr(route->path.size());
    return *guarded(request, [&]() -> std::optional<Reply> { return route->function(request); });
  }

  /// What `call` gives, or 500.
  template <typename Call>
  static std::optional<Reply> guarded(const Request& request, Call call) {
    std::string what = "not a std::exception";
    try {
      return call();
    } catch (const std::exception& error) {
      what = error.what();
    } catch (...) {  // NOLINT(bugprone-empty-catch): `what` says it
    }
    log::error("a request could not be answered", {{"path", request.path}, {"error", what}});
    return Reply::text(500, "internal error\n");
  }

  void set_headers(httplib::Response& response, bool is_http_1_0) const {
    response.headers.clear();
    // set_header leaves out what has a line end in it.
    for (const auto& [name, value] : reply_->headers) response.set_header(name, value);
    response.set_header("Date", std::string(http_date()));
    response.set_header("Cache-Control", "no-store");
    response.set_header("X-Content-Type-Options", "nosniff");
    if (!head_.keep_alive)
      response.set_header("Connection", "close");
    else if (is_http_1_0)
      response.set_header("Connection", "keep-alive");
    if (is_without_content(reply_->status)) return;
    std::size_t size = 0;
    for (const Bytes& bytes : reply_->body) size += bytes ? bytes->size() : 0;
    response.set_header("Content-Type", reply_->content_type);
    response.set_header("Content-Length", std::to_string(size));
  }

  const Routes& routes_;
  Stats& stats_;
  Head head_;
  std::optional<Reply> reply_;
  repodigest::Handler handler_ = repodigest::Handler::other;  // httplib::Server has a Handler of its own
};

Workers::Workers(const Routes& routes, Stats& stats)
    : routes_(routes), stats_(stats), at_once_(std::make_unique<Dialogue>(routes, stats)) {}

Workers::~Workers() {
  stop(SteadyTime{});
  for (std::thread& thread : threads_) thread.join();
}

void Workers::start(std::size_t count, Done done) {
  done_ = std::move(done);
  threads_.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    {
      const MutexLock lock(mutex_);
      ++running_;
    }
    try {
      threads_.emplace_back([this] { run(); });
    } catch (...) {
      const MutexLock lock(mutex_);
      --running_;
      throw;
    }
  }
}

Taken Workers::take(Task task, const Connection& connection) {
  // Of requests that came together only the last: a client that sends thousands must not hold up the others.
  if (!connection.has_received())
    if (auto answer = at_once_->answer_at_once(task)) return std::move(*answer);
  {
    const MutexLock lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  changed_.notify_one();
  return Pending();
}

std::string Workers::refuse(const Refusal& refusal, bool without_body) {
  stats_.count_http(Handler::other, refusal.status);
  return reply_to(refusal, without_body, Wording::text);
}

void Workers::stop(SteadyTime deadline) {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    tasks_.clear();
    if (running_ == 0) return;
  }
  changed_.notify_all();
  (void)Cancel().until(deadline).wait(all_ended_.fd(), POLLIN);
}

void Workers::run() {
  Dialogue dialogue(routes_, stats_);
  while (true) {
    Task task;
    {
      const MutexLock lock(mutex_);
      while (tasks_.empty() && !stopping_) changed_.wait(mutex_);
      if (stopping_) {
        if (--running_ == 0) all_ended_.raise();
        return;
      }
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    Guest* const guest = task.guest;
    try {
      done_(dialogue.answer(std::move(task)));
    } catch (const std::exception& error) {
      log::error("a request could not be answered", {{"error", error.what()}});
      done_(dialogue.refused(guest, true));
    }
  }
}

}  // namespace repodigest::web
