#include "repodigest/web/server.h"

#include <exception>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "doorman.h"
#include "lanes.h"
#include "listener.h"
#include "lobby.h"
#include "worker.h"

namespace repodigest::web {

class Server::Impl {
 public:
  Impl(ServerOptions options, Routes routes, Stats& stats)
      : options_(std::move(options)), routes_(std::move(routes)), stats_(stats) {}
  Impl(ServerOptions options, Passage passage, Stats& stats)
      : options_(std::move(options)), passage_(std::move(passage)), stats_(stats) {
    options_.max_requests = 0;  // each lane has its own limit
  }
  ~Impl() { stop(Duration::zero()); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status start() {
    const Listener::Manners manners{options_.address_flag, options_.socket_mode, options_.socket_group,
                                    passage_.has_value()};
    std::vector<Listener> listeners;
    for (const ListenAddress& address : options_.addresses) {
      auto listener = Listener::open(address, manners);
      if (!listener) return std::move(listener).error();
      listeners.push_back(std::move(*listener));
    }
    for (const Listener& listener : listeners) bound_.push_back(listener.address());
    try {
      lobby_.emplace(options_, std::move(listeners), stats_, passage_ ? lanes_desk() : workers_desk());
      if (workers_)
        workers_->start(options_.workers, [this](Answer answer) { lobby_->answered(std::move(answer)); });
      thread_ = std::thread([this] { lobby_->run(); });
    } catch (const std::system_error& error) {
      workers_.reset();
      lanes_.reset();
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
    if (workers_) workers_->stop(deadline);
    if (lanes_) lanes_->stop(deadline);
    doorman_.stop(deadline);
  }

 private:
  template <typename Who>
  void employ(Desk& desk, Who& who) {
    desk.vet = [this](Task task, std::shared_ptr<const access::Policy> policy, std::string host) {
      return doorman_.vet(std::move(task), std::move(policy), std::move(host));
    };
    desk.take = [&who](Task task, const Connection& connection) {
      return who.take(std::move(task), connection);
    };
    desk.refuse = [&who](const Refusal& refusal, bool without_body) {
      return who.refuse(refusal, without_body);
    };
  }

  Desk workers_desk() {
    Desk desk;
    employ(desk, workers_.emplace(routes_, stats_));
    desk.rules.post_path = options_.post_path;
    return desk;
  }

  Desk lanes_desk() {
    Lanes& lanes = lanes_.emplace(
        *passage_, [this](std::shared_ptr<Channel> channel) { lobby_->flowed(std::move(channel)); });
    Desk desk;
    employ(desk, lanes);
    desk.rules.any_method = true;
    desk.withdraw = [&lanes](const Channel& channel) { return lanes.withdraw(channel); };
    desk.patience = passage_->patience;
    return desk;
  }

  ServerOptions options_;
  const Routes routes_;
  const std::optional<Passage> passage_;
  Stats& stats_;
  std::vector<ListenAddress> bound_;
  std::optional<Lobby> lobby_;  // outlives those who answer to it
  std::optional<Workers> workers_;
  std::optional<Lanes> lanes_;
  Doorman doorman_{[this](Vetted vetted) { lobby_->vetted(std::move(vetted)); }};
  std::thread thread_;
};

Server::Server(ServerOptions options, Routes routes, Stats& stats)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(routes), stats)) {}
Server::Server(ServerOptions options, Passage passage, Stats& stats)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(passage), stats)) {}
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
