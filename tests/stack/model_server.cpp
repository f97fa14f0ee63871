#include "model_server.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "model/answers.h"

namespace repodigest::stack {
namespace {

/// Answers are far smaller than what a socket takes at once, and exporters read what they asked for: a send
/// never blocks the others for long.
void send(const Fd& socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string head(const model::Rules& rules, const std::string& status) {
  return "HTTP/1.1 " + status + "\r\nApi-Version: " + rules.api_version + "\r\nServer: Docker/" +
         rules.version + " (linux)\r\nContent-Type: application/json\r\n";
}

std::string reply(const model::Rules& rules, const std::string& status, const std::string& body) {
  return head(rules, status) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

ModelServer::ModelServer(std::vector<ServedEngine> engines) : count_(engines.size()) {
  const MutexLock lock(mutex_);
  hosts_.reserve(count_);
  for (ServedEngine& engine : engines) hosts_.emplace_back(std::move(engine));
  for (std::size_t i = 0; i < count_; ++i) listen(i);
  thread_ = std::thread([this] { run(); });
}

ModelServer::~ModelServer() {
  {
    const MutexLock lock(mutex_);
    ended_ = true;
  }
  changed_.raise();
  thread_.join();
}

std::string ModelServer::path(std::size_t engine) const {
  return (folder_.path() / std::to_string(engine)).string();
}

std::string ModelServer::host(std::size_t engine) const {
  return "unix://" + path(engine);
}

void ModelServer::listen(std::size_t engine) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path(engine).copy(address.sun_path, sizeof address.sun_path - 1);
  ::unlink(address.sun_path);
  Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener || ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener.get(), 16) != 0)
    throw std::runtime_error("the model server cannot listen on " + path(engine));
  hosts_[engine].listener = std::move(listener);
}

void ModelServer::stop(std::size_t engine) {
  const MutexLock lock(mutex_);
  hosts_[engine].listener.reset();
  hosts_[engine].connections.clear();
  changed_.raise();
}

void ModelServer::start(std::size_t engine, const std::string& version) {
  const MutexLock lock(mutex_);
  model::ImageStore& store = hosts_[engine].engine.store;
  store.set_rules(model::rules_of(version, store.rules().store));
  listen(engine);
  changed_.raise();
}

void ModelServer::hold_inspects(std::size_t engine, std::size_t but) {
  const MutexLock lock(mutex_);
  hosts_[engine].holds = true;
  hosts_[engine].unheld = but;
}

void ModelServer::let_inspects_go(std::size_t engine) {
  const MutexLock lock(mutex_);
  hosts_[engine].holds = false;
  for (Connection& connection : hosts_[engine].connections)
    send(connection.socket, std::exchange(connection.held, ""));
}

void ModelServer::with(std::size_t engine, const std::function<void(ServedEngine&)>& what) {
  const MutexLock lock(mutex_);
  what(hosts_[engine].engine);
}

void ModelServer::run() {
  while (true) {
    std::vector<pollfd> watched = {{changed_.fd(), POLLIN, 0}};
    {
      const MutexLock lock(mutex_);
      changed_.clear();
      if (ended_) return;
      for (const Host& host : hosts_) {
        if (host.listener) watched.push_back({host.listener.get(), POLLIN, 0});
        for (const Connection& one : host.connections) watched.push_back({one.socket.get(), POLLIN, 0});
      }
    }
    ::poll(watched.data(), watched.size(), -1);
    // Descriptors may have changed hands since: what was closed and made anew is waited for again.
    if (watched.front().revents != 0) continue;
    std::set<int> readable;
    for (const pollfd& one : watched)
      if (one.revents != 0) readable.insert(one.fd);
    const MutexLock lock(mutex_);
    for (Host& host : hosts_) serve(host, readable);
  }
}

void ModelServer::serve(Host& host, const std::set<int>& readable) {
  for (auto one = host.connections.begin(); one != host.connections.end();)
    one = readable.contains(one->socket.get()) && !read(host, *one) ? host.connections.erase(one)
                                                                    : std::next(one);
  if (!host.listener || !readable.contains(host.listener.get())) return;
  Fd socket(::accept4(host.listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (socket) host.connections.push_back({std::move(socket), "", ""});
}

bool ModelServer::read(Host& host, Connection& connection) {
  std::array<char, 4096> buffer{};
  const auto got = ::recv(connection.socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN;  // another one may have had that number before
  if (got == 0) return false;
  connection.received.append(buffer.data(), static_cast<std::size_t>(got));
  for (std::size_t end = 0; (end = connection.received.find("\r\n\r\n")) != std::string::npos;) {
    const std::string line = connection.received.substr(0, connection.received.find("\r\n"));
    connection.received.erase(0, end + 4);
    const std::size_t first = line.find(' ');
    const std::size_t second = line.rfind(' ');
    if (first == std::string::npos || first == second) return false;
    answer(host, connection, line.substr(first + 1, second - first - 1));
  }
  return true;
}

void ModelServer::answer(Host& host, Connection& connection, const std::string& target) {
  const ServedEngine& engine = host.engine;
  const model::Rules& rules = engine.store.rules();
  const auto say = [&](const std::string& body) { send(connection.socket, reply(rules, "200 OK", body)); };
  const auto refuse = [&](const std::string& status, const std::string& message) {
    send(connection.socket, reply(rules, status, model::message_body(message)));
  };
  std::string path = target.substr(0, target.find('?'));
  if (path == "/_ping") return say("OK");
  if (path.starts_with("/v")) {
    const std::size_t slash = path.find('/', 1);
    if (slash != std::string::npos) {
      const std::string spoken = path.substr(2, slash - 2);
      path.erase(0, slash);
      if (model::is_too_new(spoken, rules))
        return refuse("400 Bad Request", model::too_new_message(spoken, rules));
    }
  }
  if (path == "/version") return say(model::version_body(rules));
  if (path == "/info") return say(model::info_body(rules, engine.id, engine.store.count()));
  if (path == "/images/json") return say(model::list_body(rules, model::rows_of(engine.store)));
  if (path == "/containers/json") return say(model::containers_body(engine.containers));
  if (path == "/events")
    return send(connection.socket, head(rules, "200 OK") + "Transfer-Encoding: chunked\r\n\r\n");
  constexpr std::string_view before = "/images/";
  constexpr std::string_view behind = "/json";
  if (!path.starts_with(before) || !path.ends_with(behind) || path.size() <= before.size() + behind.size())
    return refuse("404 Not Found", "page not found");
  const std::string name = path.substr(before.size(), path.size() - before.size() - behind.size());
  const model::Image* const image = engine.store.find(name);
  if (image == nullptr) return refuse("404 Not Found", "No such image: " + name);
  const std::string body = model::inspect_body(rules, *image, rules.inspect(*image));
  if (host.holds && host.unheld == 0)
    connection.held = reply(rules, "200 OK", body);
  else
    say(body);
  if (host.unheld > 0) --host.unheld;
}

}  // namespace repodigest::stack
