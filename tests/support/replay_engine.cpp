#include "support/replay_engine.h"

#include <arpa/inet.h>
#include <fnmatch.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "repodigest/base/cancel.h"
#include "repodigest/base/fd.h"
#include "repodigest/base/mutex.h"
#include "support/replay_events.h"
#include "support/replay_wire.h"

namespace repodigest::support {

namespace {

using replay::chunk;
using replay::compose;
using replay::compose_stream;
using replay::Request;
using replay::Wire;

constexpr std::size_t max_request_head = 64U << 10U;

constexpr std::size_t max_heads_kept = 32;

constexpr std::string_view events_path = "/events";

/// A target with the same version of the API whose recorded answer has the headers, or the refusal, that a
/// stream of events has too.
std::string beside_events(const Request& request) {
  const std::string path = request.target.substr(0, request.target.find('?'));
  return path.substr(0, path.size() - events_path.size()) + "/version";
}

bool matches(std::string_view pattern, const std::string& path) {
  return fnmatch(std::string(pattern).c_str(), path.c_str(), 0) == 0;
}

Error cannot_listen(const std::string& host, int error_number) {
  return Error{Reason::connect, "cannot listen on " + host + ": " + errno_text(error_number)};
}

}  // namespace

class ReplayEngine::Server {
 public:
  Server(Recording recording, const sockaddr* address, socklen_t address_size)
      : address_size_(address_size), recording_(std::move(recording)) {
    std::memcpy(&address_, address, address_size);
  }

  Status listen(const std::string& host);
  void refuse();
  void stop();
  [[nodiscard]] std::uint16_t port() const {
    return ntohs(reinterpret_cast<const sockaddr_in*>(&address_)->sin_port);
  }

  void change(const std::function<void(Recording&)>& edit) {
    const MutexLock lock(mutex_);
    edit(recording_);
  }
  void fail(std::string pattern, Fault fault, std::uint64_t count) {
    const MutexLock lock(mutex_);
    faults_.push_back({std::move(pattern), std::move(fault), count});
  }
  void heal() {
    const MutexLock lock(mutex_);
    faults_.clear();
  }
  void release() {
    const MutexLock lock(mutex_);
    release_->raise();
    release_ = std::make_shared<Wake>();
  }
  replay::EventStreams& events() { return events_; }
  void drop_connections() {
    const MutexLock lock(mutex_);
    for (const Connection& connection : connections_)
      if (connection.socket) ::shutdown(connection.socket.get(), SHUT_RDWR);
  }
  [[nodiscard]] std::uint64_t asked(std::string_view pattern) const {
    const MutexLock lock(mutex_);
    return count(pattern);
  }
  [[nodiscard]] std::string last_request(std::string_view pattern) const {
    const MutexLock lock(mutex_);
    const auto last = std::find_if(heads_.rbegin(), heads_.rend(),
                                   [&](const auto& head) { return matches(pattern, head.first); });
    return last == heads_.rend() ? std::string() : last->second;
  }
  [[nodiscard]] std::uint64_t connections() const {
    const MutexLock lock(mutex_);
    return taken_;
  }
  [[nodiscard]] bool wait_until_asked(std::string_view pattern, std::uint64_t least,
                                      std::chrono::seconds patience) const {
    const MutexLock lock(mutex_);
    return wait(patience, [&]() REQUIRES(mutex_) { return count(pattern) >= least; });
  }
  [[nodiscard]] bool wait_until_hanging(std::size_t exactly, std::chrono::seconds patience) const {
    const MutexLock lock(mutex_);
    return wait(patience, [&]() REQUIRES(mutex_) { return hanging_ == exactly; });
  }

 private:
  struct Connection {
    Fd socket;
    std::thread thread;
    bool ended = false;
  };
  struct PlannedFault {
    std::string pattern;
    Fault fault;
    std::uint64_t left;
  };

  void accept_all(int listener);
  void serve(Connection& connection);
  /// One request from `socket`; `buffer` holds what was read and not yet used. Nothing at its end.
  std::optional<Request> read_request(int socket, std::string& buffer) const;
  /// Answers, and says whether the connection may go on.
  bool answer(int socket, const Request& request);
  bool send(int socket, std::string_view bytes) const;
  bool send_slowly(int socket, std::string_view bytes, Duration pause) const;
  /// Waits for release; false if the client or the server went first.
  bool hang(int socket, const Wake& released);
  void join_ended();

  [[nodiscard]] std::uint64_t count(std::string_view pattern) const REQUIRES(mutex_) {
    std::uint64_t sum = 0;
    for (const auto& [path, times] : asked_)
      if (matches(pattern, path)) sum += times;
    return sum;
  }
  template <typename Condition>
  bool wait(std::chrono::seconds patience, Condition condition) const REQUIRES(mutex_) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition())
      if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) return condition();
    return true;
  }

  sockaddr_storage address_{};
  socklen_t address_size_;
  Wake stop_;
  Wake refuse_;
  std::thread acceptor_;
  Fd listener_;

  replay::EventStreams events_;
  mutable Mutex mutex_;
  mutable std::condition_variable_any changed_;
  Recording recording_ GUARDED_BY(mutex_);
  std::vector<PlannedFault> faults_ GUARDED_BY(mutex_);
  std::shared_ptr<Wake> release_ GUARDED_BY(mutex_) = std::make_shared<Wake>();
  std::map<std::string, std::uint64_t> asked_ GUARDED_BY(mutex_);
  std::deque<std::pair<std::string, std::string>> heads_
      GUARDED_BY(mutex_);  ///< of the last requests, by path
  std::uint64_t taken_ GUARDED_BY(mutex_) = 0;
  std::size_t hanging_ GUARDED_BY(mutex_) = 0;
  std::list<Connection> connections_ GUARDED_BY(mutex_);
};

Status ReplayEngine::Server::listen(const std::string& host) {
  if (listener_) return {};
  Fd listener(::socket(address_.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener) return cannot_listen(host, errno);
  auto* const address = reinterpret_cast<sockaddr*>(&address_);
  if (address_.ss_family == AF_UNIX) {
    ::unlink(reinterpret_cast<sockaddr_un*>(address)->sun_path);
  } else {
    const int on = 1;
    ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  }
  if (::bind(listener.get(), address, address_size_) != 0 || ::listen(listener.get(), SOMAXCONN) != 0)
    return cannot_listen(host, errno);
  // A port that was left to the system is ours from here on, for accept_again() too.
  if (address_.ss_family == AF_INET && ::getsockname(listener.get(), address, &address_size_) != 0)
    return cannot_listen(host, errno);
  listener_ = std::move(listener);
  refuse_.clear();
  acceptor_ = std::thread([this] { accept_all(listener_.get()); });
  return {};
}

void ReplayEngine::Server::refuse() {
  refuse_.raise();
  if (acceptor_.joinable()) acceptor_.join();
  listener_.reset();
}

void ReplayEngine::Server::stop() {
  refuse();
  stop_.raise();
  std::list<Connection> connections;
  {
    const MutexLock lock(mutex_);
    connections.swap(connections_);  // keeps the elements where their threads know them
  }
  for (Connection& connection : connections) connection.thread.join();
  if (address_.ss_family == AF_UNIX) ::unlink(reinterpret_cast<sockaddr_un*>(&address_)->sun_path);
}

void ReplayEngine::Server::accept_all(int listener) {
  const Cancel until_refused(refuse_);
  while (!until_refused.wait(listener, POLLIN)) {
    Fd socket(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) continue;
    const int on = 1;
    if (address_.ss_family == AF_INET) ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    join_ended();
    const MutexLock lock(mutex_);
    ++taken_;
    Connection& connection = connections_.emplace_back();
    connection.socket = std::move(socket);
    connection.thread = std::thread([this, &connection] { serve(connection); });
    changed_.notify_all();
  }
}

void ReplayEngine::Server::join_ended() {
  std::list<Connection> ended;
  {
    const MutexLock lock(mutex_);
    for (auto it = connections_.begin(); it != connections_.end();) {
      const auto next = std::next(it);
      if (it->ended) ended.splice(ended.end(), connections_, it);
      it = next;
    }
  }
  for (Connection& connection : ended) connection.thread.join();
}

void ReplayEngine::Server::serve(Connection& connection) {
  const int socket = connection.socket.get();
  std::string buffer;
  while (const auto request = read_request(socket, buffer))
    if (!answer(socket, *request)) break;
  const MutexLock lock(mutex_);
  connection.socket.reset();
  connection.ended = true;
}

std::optional<Request> ReplayEngine::Server::read_request(int socket, std::string& buffer) const {
  constexpr std::string_view blank_line = "\r\n\r\n";
  while (true) {
    if (const auto end = buffer.find(blank_line); end != std::string::npos) {
      auto request = replay::parse_request(std::string_view(buffer).substr(0, end + 2));
      buffer.erase(0, end + blank_line.size());
      return request;
    }
    if (buffer.size() > max_request_head || Cancel(stop_).wait(socket, POLLIN)) return std::nullopt;
    std::array<char, 4096> piece;
    const auto got = ::recv(socket, piece.data(), piece.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) return std::nullopt;
    buffer.append(piece.data(), static_cast<std::size_t>(got));
  }
}

bool ReplayEngine::Server::answer(int socket, const Request& request) {
  const bool asks_for_events = request.method == "GET" && request.path == events_path;
  Answer recorded;
  Fault fault;
  std::shared_ptr<Wake> released;
  {
    const MutexLock lock(mutex_);
    ++asked_[request.path];
    heads_.emplace_back(request.path, request.head);
    if (heads_.size() > max_heads_kept) heads_.pop_front();
    recorded = recording_.answer(request.method, asks_for_events ? beside_events(request) : request.target);
    const auto planned = std::find_if(faults_.begin(), faults_.end(), [&](const PlannedFault& candidate) {
      return matches(candidate.pattern, request.path);
    });
    if (planned != faults_.end()) {
      fault = planned->fault;
      if (planned->left != always && --planned->left == 0) faults_.erase(planned);
    }
    released = release_;
    changed_.notify_all();
  }
  // What Go's server says to a client that names the socket's path as its host.
  if (request.bad_host)
    fault = Fault::raw_bytes(
        "HTTP/1.1 400 Bad Request: malformed Host header\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Connection: close\r\n\r\n"
        "400 Bad Request: malformed Host header");

  std::optional<replay::EventStreams::Stream> stream;
  if (asks_for_events && recorded.status == 200 && !fault.says_something_else()) stream.emplace(events_);
  const Wire wire =
      stream ? compose_stream(std::move(recorded)) : compose(std::move(recorded), request, fault);
  const auto go_out = [&](std::string_view bytes) {
    return fault.pause > Duration::zero() ? send_slowly(socket, bytes, fault.pause) : send(socket, bytes);
  };
  std::string_view rest = wire.bytes;
  if (fault.then != Fault::Then::go_on) {
    const std::size_t stop_at = std::min(fault.bytes + (fault.of_the_body ? wire.head_size : 0), rest.size());
    if (!go_out(rest.substr(0, stop_at))) return false;
    if (fault.then == Fault::Then::reset) {
      const linger at_once{.l_onoff = 1, .l_linger = 0};
      ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    if (fault.then != Fault::Then::hang) return false;
    if (!hang(socket, *released)) return false;
    rest.remove_prefix(stop_at);
  }
  if (!go_out(rest)) return false;
  if (stream) {
    using End = replay::EventStreams::Stream::End;
    const auto send_event = [&](std::string_view line) { return go_out(chunk(std::string(line) + "\n")); };
    return stream->run(socket, stop_, send_event) == End::ended && go_out(chunk({}));
  }
  for (std::uint64_t left = wire.filler_size; left > 0;) {
    const auto piece = std::min<std::uint64_t>(left, wire.filler.size());
    if (!go_out(std::string_view(wire.filler).substr(0, piece))) return false;
    left -= piece;
  }
  return !wire.closing;
}

bool ReplayEngine::Server::send(int socket, std::string_view bytes) const {
  while (!bytes.empty()) {
    const auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (Cancel(stop_).wait(socket, POLLOUT)) return false;
    } else if (errno != EINTR) {
      return false;
    }
    // A client that always reads must not keep this thread from stopping.
    if (stop_.raised()) return false;
  }
  return true;
}

bool ReplayEngine::Server::send_slowly(int socket, std::string_view bytes, Duration pause) const {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (!send(socket, bytes.substr(i, 1))) return false;
    // Ended by the pause: go on. By the client's end or ours: give up.
    if (Cancel(stop_).within(pause).wait(socket, POLLRDHUP) != Reason::timeout) return false;
  }
  return true;
}

bool ReplayEngine::Server::hang(int socket, const Wake& released) {
  const auto count = [this](std::size_t now) {
    const MutexLock lock(mutex_);
    hanging_ += now;
    changed_.notify_all();
  };
  count(1);
  const auto ended = Cancel(stop_).also(released).wait(socket, POLLRDHUP);
  count(std::size_t{0} - 1);
  return ended.has_value() && !stop_.raised();
}

ReplayEngine::ReplayEngine(std::unique_ptr<Server> server, std::string host, std::uint16_t port)
    : server_(std::move(server)), host_(std::move(host)), port_(port) {}

ReplayEngine::~ReplayEngine() {
  stop();
}

Result<std::unique_ptr<ReplayEngine>> ReplayEngine::on_unix_socket(Recording recording,
                                                                   const std::filesystem::path& socket) {
  const std::string host = "unix://" + socket.string();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.native().size() >= sizeof address.sun_path) return cannot_listen(host, ENAMETOOLONG);
  socket.native().copy(address.sun_path, sizeof address.sun_path - 1);
  auto server = std::make_unique<Server>(std::move(recording), reinterpret_cast<const sockaddr*>(&address),
                                         socklen_t{sizeof address});
  if (auto listening = server->listen(host); !listening) return std::move(listening).error();
  return std::unique_ptr<ReplayEngine>(new ReplayEngine(std::move(server), host, 0));
}

Result<std::unique_ptr<ReplayEngine>> ReplayEngine::on_loopback(Recording recording, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  auto server = std::make_unique<Server>(std::move(recording), reinterpret_cast<const sockaddr*>(&address),
                                         socklen_t{sizeof address});
  if (auto listening = server->listen("tcp://127.0.0.1:" + std::to_string(port)); !listening)
    return std::move(listening).error();
  const std::uint16_t taken = server->port();
  return std::unique_ptr<ReplayEngine>(
      new ReplayEngine(std::move(server), "tcp://127.0.0.1:" + std::to_string(taken), taken));
}

void ReplayEngine::replace(Recording recording) {
  server_->change([&](Recording& current) { current = std::move(recording); });
}
void ReplayEngine::change(const std::function<void(Recording&)>& edit) {
  server_->change(edit);
}
void ReplayEngine::fail(std::string pattern, Fault fault, std::uint64_t count) {
  server_->fail(std::move(pattern), std::move(fault), count);
}
void ReplayEngine::heal() {
  server_->heal();
}
void ReplayEngine::release() {
  server_->release();
}
void ReplayEngine::drop_connections() {
  server_->drop_connections();
}
void ReplayEngine::refuse() {
  server_->refuse();
}
Status ReplayEngine::accept_again() {
  return server_->listen(host_);
}
void ReplayEngine::ring(const std::string& json_line) {
  server_->events().ring(json_line);
}
void ReplayEngine::end_events() {
  server_->events().end();
}
bool ReplayEngine::wait_until_listened_to(std::size_t count, std::chrono::seconds patience) const {
  return server_->events().wait_until_open(count, patience);
}
std::uint64_t ReplayEngine::asked(std::string_view pattern) const {
  return server_->asked(pattern);
}
std::string ReplayEngine::last_request(std::string_view pattern) const {
  return server_->last_request(pattern);
}
std::uint64_t ReplayEngine::connections() const {
  return server_->connections();
}
bool ReplayEngine::wait_until_asked(std::string_view pattern, std::uint64_t count,
                                    std::chrono::seconds patience) const {
  return server_->wait_until_asked(pattern, count, patience);
}
bool ReplayEngine::wait_until_hanging(std::size_t count, std::chrono::seconds patience) const {
  return server_->wait_until_hanging(count, patience);
}
void ReplayEngine::stop() {
  server_->stop();
}

}  // namespace repodigest::support
