#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>

#include "repodigest/app/commands.h"
#include "repodigest/app/engine_access.h"
#include "repodigest/app/handlers.h"
#include "repodigest/base/build_info.h"
#include "repodigest/base/cancel.h"
#include "repodigest/base/log.h"
#include "repodigest/base/memory.h"
#include "repodigest/base/stats.h"
#include "repodigest/cache/cache_file.h"
#include "repodigest/exposition/forms.h"
#include "repodigest/inventory/snapshot.h"
#include "repodigest/poll/doorbell.h"
#include "repodigest/poll/driver.h"
#include "repodigest/poll/health.h"
#include "repodigest/poll/watcher.h"
#include "repodigest/web/server.h"

namespace repodigest::app {
namespace {

constexpr Duration grace = std::chrono::seconds(2);               // for replies under way
constexpr Duration stop_limit = std::chrono::milliseconds(4500);  // then it ends whatever hangs (DESIGN 9)

/// Ends the process if stopping takes too long: getaddrinfo, for one, can't be cancelled. The unix sockets go
/// first, so that a successor finds the paths free.
class LastResort {
 public:
  explicit LastResort(const std::vector<web::ListenAddress>& addresses)
      : thread_([this, addresses] {
          if (Cancel(stopped_).within(stop_limit).wait(-1, 0) != Reason::timeout) return;
          for (const auto& address : addresses)
            if (address.is_unix) ::unlink(address.path.c_str());
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

/// Waits for SIGTERM or SIGINT and returns which.
int wait_for_stop(const sigset_t& signals) {
  while (true) {
    int received = 0;
    if (sigwait(&signals, &received) != 0) continue;
    if (received == SIGHUP) {
      log::info("SIGHUP: nothing is reloaded; restart to apply other settings");
      continue;
    }
    return received;
  }
}

/// Whether to listen to events: the stream takes a connection that the poller must not miss.
bool wants_events(const cli::Config& config) {
  if (config.poll_events && config.docker_max_connections < 2) {
    log::warn("no events are listened to: --docker.max-connections=1 leaves no connection for them");
    return false;
  }
  return config.poll_events;
}

void announce(const web::Server& server, Stats& stats) {
  for (const auto& address : server.bound()) {
    log::info("listening", {{"address", address.text()}, {"tls", "no"}});
    if (address.loopback()) continue;
    stats.insecure_listener = true;
    log::warn("other machines can read image names and digests here without TLS or a password",
              {{"address", address.text()}});
  }
}

}  // namespace

int run_daemon(const cli::Config& config, const engine::Surroundings& surroundings) {
  give_back_large_blocks();
  const sigset_t signals = block_signals();
  std::optional<LastResort> last_resort;  // outlives everything that could hang at its end
  const Clock& clock = system_clock();
  Stats stats;
  inventory::SnapshotStore snapshots;
  poll::HealthBoard health;
  exposition::Forms forms(config.series);

  log::info("starting repodigest_exporter",
            {{"version", build_info::version()}, {"revision", build_info::revision()}});
  auto access = EngineAccess::make(config, surroundings, stats, clock);
  if (!access.ok()) {
    log::error("no engine to ask", {{"error", access.error().text}});
    return access.error().reason == Reason::usage ? 2 : 1;
  }
  for (const auto& warning : access->warnings())
    log::warn("about the engine's endpoint", {{"warning", warning}});
  log::info("asking the engine", {{"endpoint", access->endpoint()}, {"source", access->source()}});

  const auto seed = static_cast<std::uint64_t>(::getpid());
  const poll::MachineOptions polling{.interval = config.poll_interval,
                                     .full_interval = config.poll_full_interval,
                                     .stale_after = config.poll_stale_after,
                                     .max_engine_share = config.poll_max_engine_share,
                                     .containers = config.poll_containers,
                                     .seed = seed};
  poll::Doorbell doorbell;
  const bool events = wants_events(config);
  cache::CacheFile cache(config.cache_file);
  poll::Driver driver({.client = access->client(),
                       .store = snapshots,
                       .board = health,
                       .stats = stats,
                       .clock = clock,
                       .doorbell = events ? &doorbell : nullptr,
                       .cache = config.cache_file.empty() ? nullptr : &cache},
                      polling, config.demo);

  web::ServerOptions serving;
  serving.addresses = config.web_listen_addresses;
  serving.max_connections = config.web_max_connections;
  serving.max_requests = config.web_max_requests;
  web::Server server(serving, make_routes(config, {snapshots, health, stats, clock, forms}), stats);
  if (const Status started = server.start(); !started.ok()) {
    log::error("cannot serve", {{"error", started.error().text}});
    return 1;
  }
  announce(server, stats);

  std::optional<poll::Watcher> watcher;
  if (events) watcher.emplace(access->event_stream(), doorbell, stats, clock, seed);
  const Wake stop;
  std::thread poller([&] { driver.run(Cancel(stop)); });
  const int received = wait_for_stop(signals);
  last_resort.emplace(server.bound());
  log::info("stopping", {{"signal", received == SIGTERM ? "SIGTERM" : "SIGINT"}});
  stop.raise();
  server.stop(grace);
  watcher.reset();
  poller.join();
  log::info("stopped");
  return 0;
}

}  // namespace repodigest::app
