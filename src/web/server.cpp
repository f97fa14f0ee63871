#include "repodigest/web/server.h"

#include <exception>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "listener.h"
#include "lobby.h"
#include "worker.h"

namespace repodigest::web {

class Server::Impl {
 public:
  Impl(ServerOptions options, Routes routes, Stats& stats)
      : options_(std::move(options)), routes_(std::move(routes)), stats_(stats) {}
  ~Impl() { stop(Duration::zero()); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status start() {
    std::vector<Listener> listeners;
    for (const ListenAddress& address : options_.addresses) {
      auto listener = Listener::open(address, options_.address_flag);
      if (!listener) return std::move(listener).error();
      listeners.push_back(std::move(*listener));
    }
    for (const Listener& listener : listeners) bound_.push_back(listener.address());
    try {
      workers_.emplace(routes_, stats_);
      Desk desk;
      desk.take = [this](Task task, const Connection& connection) {
        return workers_->take(std::move(task), connection);
      };
      desk.refuse = [this](const Refusal& refusal, bool without_body) {
        return workers_->refuse(refusal, without_body);
      };
      lobby_.emplace(options_, std::move(listeners), stats_, std::move(desk));
      workers_->start(options_.workers, [this](Answer answer) { lobby_->answered(std::move(answer)); });
      thread_ = std::thread([this] { lobby_->run(); });
    } catch (const std::system_error& error) {
      workers_.reset();
      lobby_.reset();
      bound_.clear();
      return Error{Reason::connect, std::string("cannot start the web server: ") + error.what() +
                                        ": raise the limits on threads and open files"};
    }
    return {};
  }

  [[nodiscard]] const std::vector<ListenAddress>& bound() const { return bound_; }

  void stop(Duration grace) {
    if (!thread_.joinable()) return;
    const auto deadline = std::chrono::steady_clock::now() + grace;
    lobby_->stop(deadline);
    thread_.join();
    workers_->stop(deadline);
  }

 private:
  const ServerOptions options_;
  const Routes routes_;
  Stats& stats_;
  std::vector<ListenAddress> bound_;
  std::optional<Lobby> lobby_;  // outlives the workers, who answer to it
  std::optional<Workers> workers_;
  std::thread thread_;
};

Server::Server(ServerOptions options, Routes routes, Stats& stats)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(routes), stats)) {}
Server::~Server() = default;

Status Server::start() {
  return impl_->start();
}

const std::vector<ListenAddress>& Server::bound() const {
  return impl_->bound();
}

void Server::stop(Duration grace) {
  impl_->stop(grace);
}

}  // namespace repodigest::web
