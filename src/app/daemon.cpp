#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "docker_api.h"
#include "guards.h"
#include "passed_sockets.h"
#include "polling.h"
#include "reloading.h"
#include "repodigest/app/commands.h"
#include "repodigest/app/engine_access.h"
#include "repodigest/app/handlers.h"
#include "repodigest/base/build_info.h"
#include "repodigest/base/cancel.h"
#include "repodigest/base/log.h"
#include "repodigest/base/memory.h"
#include "repodigest/base/stats.h"
#include "repodigest/exposition/forms.h"
#include "repodigest/inventory/snapshot.h"
#include "repodigest/poll/health.h"
#include "repodigest/web/server.h"
#include "supervisor.h"

namespace repodigest::app {
namespace {

constexpr Duration grace = std::chrono::seconds(2);               // for replies under way
constexpr Duration stop_limit = std::chrono::milliseconds(4500);  // then it ends whatever hangs (DESIGN 9)

/// Ends the process if stopping takes too long: getaddrinfo, for one, can't be cancelled. The servers have
/// stopped by then, their sockets are removed.
class LastResort {
 public:
  LastResort()
      : thread_([this] {
          if (Cancel(stopped_).within(stop_limit).wait(-1, 0) != Reason::timeout) return;
          log::warn("something hangs and can't be stopped: ending without it");
          ::_exit(EXIT_SUCCESS);
        }) {}
  ~LastResort() {
    stopped_.raise();
    thread_.join();
  }
  LastResort(const LastResort&) = delete;
  LastResort& operator=(const LastResort&) = delete;

 private:
  Wake stopped_;
  std::thread thread_;
};

/// Blocks the signals that wait_for_stop() takes, before any thread inherits the mask, and ignores those that
/// tell of what is an error of a write anyway (a limit of files: setrlimit(2), RLIMIT_FSIZE).
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int one : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, one);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  return signals;
}

/// As the service manager compares it: steady_clock is CLOCK_MONOTONIC here.
std::string monotonic_microseconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

/// Waits for SIGTERM or SIGINT and returns which; at SIGHUP reloads, and in between looks at the web configs,
/// so that the metrics tell of a broken one though nobody asks at the addresses that it is for.
int wait_for_stop(const sigset_t& signals, Guards& guards, Reloading& reloading,
                  const Supervisor& supervisor) {
  constexpr timespec between_looks{5, 0};
  while (true) {
    const int received = ::sigtimedwait(&signals, nullptr, &between_looks);
    if (received < 0) {
      guards.look();
      continue;
    }
    if (received == SIGHUP) {
      supervisor.tell("RELOADING=1\nMONOTONIC_USEC=" + monotonic_microseconds(), "reloading");
      const bool good = reloading.reload();
      supervisor.tell("READY=1", good ? "reloaded" : "a file is broken: what was read before stays");
      continue;
    }
    return received;
  }
}

/// Says why the daemon does not start.
int refuse(std::string_view what, const Error& error, int exit_code) {
  log::error(what, {{"error", error.text}});
  return exit_code;
}

web::ServerOptions web_options(const cli::Config& config, const Guards& guards,
                               const Supervisor& supervisor) {
  web::ServerOptions options;
  options.addresses = config.web_listen_addresses;
  options.keeper = guards.web();
  options.max_connections = config.web_max_connections;
  options.max_requests = config.web_max_requests;
  if (config.web_enable_lifecycle) options.post_path = config.web_route_prefix + std::string(reload_path);
  if (const auto interval = supervisor.ping_interval()) {
    options.beat = [&supervisor] { supervisor.ping(); };
    options.beat_interval = *interval;
  }
  return options;
}

/// What serves and what polls, from the start to the end.
class Daemon {
 public:
  struct Parts {
    const cli::Config& config;
    EngineAccess& access;
    Guards& guards;
    Reloading& reloading;
    const Supervisor& supervisor;
    Stats& stats;
    const Clock& clock;
  };

  Daemon(const Parts& parts, std::unique_ptr<facade::Facade> docker_api)
      : parts_(parts),
        forms_(parts.config.series),
        docker_api_(std::move(docker_api)),
        web_(web_options(parts.config, parts.guards, parts.supervisor), routes(), parts.stats) {
    if (parts.config.poll)
      polling_.emplace(parts.config,
                       Polling::Parts{parts.access, snapshots_, health_, parts.stats, parts.clock});
  }

  /// Serves, and then polls. Errors: those of the servers.
  Status start() {
    if (auto status = web_.start(); !status) return status;
    if (docker_api_)
      if (auto status = docker_api_->start(); !status) return status;
    parts_.guards.announce_web(web_.bound());
    if (docker_api_) parts_.guards.announce_docker_api(docker_api_->bound());
    if (polling_) polling_->start();
    parts_.supervisor.tell(
        "READY=1", "listening at " + web_.bound().front().text() + ", asking " + parts_.access.endpoint());
    return {};
  }

  void stop() {
    const SteadyTime end = parts_.clock.now() + grace;
    if (polling_) polling_->give_up();
    if (docker_api_) docker_api_->stop(grace);
    web_.stop(std::max(end - parts_.clock.now(), Duration::zero()));
    docker_api_.reset();
    polling_.reset();
  }

 private:
  web::Routes routes() {
    return make_routes(parts_.config, {snapshots_, health_, parts_.stats, parts_.clock, forms_,
                                       [&reloading = parts_.reloading] { return reloading.reload(); }});
  }

  const Parts parts_;
  inventory::SnapshotStore snapshots_;
  poll::HealthBoard health_;
  exposition::Forms forms_;
  std::optional<Polling> polling_;
  std::unique_ptr<facade::Facade> docker_api_;
  web::Server web_;
};

}  // namespace

int run_daemon(const cli::Parsed& parsed, const ReadConfig& read, const engine::Surroundings& surroundings) {
  give_back_large_blocks();
  const sigset_t signals = block_signals();
  const Supervisor supervisor = Supervisor::of_process();
  auto sockets = take_passed_sockets();
  if (!sockets) {
    if (parsed.config->web_systemd_socket) return refuse("cannot serve", sockets.error(), 1);
    log::warn("about the service manager", {{"warning", sockets.error().text}});
    sockets = std::vector<PassedSocket>();
  }
  const auto config = with_passed_sockets(*parsed.config, *sockets);
  if (!config) return refuse("cannot serve", config.error(), config.error().reason == Reason::usage ? 2 : 1);
  std::optional<LastResort> last_resort;  // outlives everything that could hang at its end
  const Clock& clock = system_clock();
  Stats stats;

  log::info("starting repodigest_exporter",
            {{"version", build_info::version()}, {"revision", build_info::revision()}});
  auto access = EngineAccess::make(*config, surroundings, stats, clock);
  if (!access)
    return refuse("no engine to ask", access.error(), access.error().reason == Reason::usage ? 2 : 1);
  for (const auto& warning : access->warnings())
    log::warn("about the engine's endpoint", {{"warning", warning}});
  log::info("asking the engine", {{"endpoint", access->endpoint()}, {"source", access->source()}});

  const auto guards = Guards::open(*config, stats, clock);
  if (!guards) return refuse("cannot serve", guards.error(), guards.error().reason == Reason::usage ? 2 : 1);
  Reloading reloading(parsed, read, **guards, stats, clock);
  auto docker_api = make_docker_api(*config, *access, (*guards)->docker_api(), stats, clock);
  if (!docker_api) return refuse("cannot serve", docker_api.error(), 2);
  Daemon daemon({*config, *access, **guards, reloading, supervisor, stats, clock}, *std::move(docker_api));
  if (const auto started = daemon.start(); !started) return refuse("cannot serve", started.error(), 1);

  const int received = wait_for_stop(signals, **guards, reloading, supervisor);
  last_resort.emplace();
  supervisor.tell("STOPPING=1", "stopping");
  log::info("stopping", {{"signal", received == SIGTERM ? "SIGTERM" : "SIGINT"}});
  daemon.stop();
  log::info("stopped");
  return 0;
}

}  // namespace repodigest::app
