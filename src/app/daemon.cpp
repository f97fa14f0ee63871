#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
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

/// Waits for SIGTERM or SIGINT and returns which; at SIGHUP reloads.
int wait_for_stop(const sigset_t& signals, Reloading& reloading, const Supervisor& supervisor) {
  while (true) {
    int received = 0;
    if (sigwait(&signals, &received) != 0) continue;
    if (received == SIGHUP) {
      supervisor.tell("RELOADING=1\nMONOTONIC_USEC=" + monotonic_microseconds(), "reloading");
      const bool good = reloading.reload();
      supervisor.tell("READY=1", good ? "reloaded" : "a file is broken: what was read before stays");
      continue;
    }
    return received;
  }
}

}  // namespace

int run_daemon(const cli::Parsed& parsed, const ReadConfig& read, const engine::Surroundings& surroundings) {
  give_back_large_blocks();
  const sigset_t signals = block_signals();
  const Supervisor supervisor = Supervisor::of_process();
  const auto sockets = take_passed_sockets();
  const auto placed =
      sockets.ok() ? with_passed_sockets(*parsed.config, *sockets) : Result<cli::Config>(sockets.error());
  if (!placed.ok()) {
    log::error("cannot serve", {{"error", placed.error().text}});
    return 1;
  }
  const cli::Config& config = *placed;
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

  const auto guards = Guards::open(config, stats, clock);
  if (!guards.ok()) {
    log::error("cannot serve", {{"error", guards.error().text}});
    return guards.error().reason == Reason::usage ? 2 : 1;
  }
  Reloading reloading(parsed, read, **guards, stats, clock);
  auto docker_api = make_docker_api(config, *access, (*guards)->docker_api(), stats, clock);
  if (!docker_api.ok()) {
    log::error("cannot serve", {{"error", docker_api.error().text}});
    return 2;
  }
  std::optional<Polling> polling;
  if (config.poll) polling.emplace(config, Polling::Parts{*access, snapshots, health, stats, clock});

  web::ServerOptions serving;
  serving.addresses = config.web_listen_addresses;
  serving.max_connections = config.web_max_connections;
  serving.max_requests = config.web_max_requests;
  if (const auto interval = supervisor.ping_interval()) {
    serving.beat = [&supervisor] { supervisor.ping(); };
    serving.beat_interval = *interval;
  }
  serving.keeper = (*guards)->web();
  if (config.web_enable_lifecycle) serving.post_path = config.web_route_prefix + std::string(reload_path);
  web::Server server(serving,
                     make_routes(config, {snapshots, health, stats, clock, forms,
                                          [&reloading] { return reloading.reload(); }}),
                     stats);
  Status started = server.start();
  if (started && *docker_api) started = (*docker_api)->start();
  if (!started) {
    log::error("cannot serve", {{"error", started.error().text}});
    return 1;
  }
  auto bound = server.bound();
  (*guards)->announce_web(bound);
  if (*docker_api) {
    const auto& more = (*docker_api)->bound();
    (*guards)->announce_docker_api(more);
    bound.insert(bound.end(), more.begin(), more.end());
  }

  if (polling) polling->start();
  supervisor.tell("READY=1", "listening at " + bound.front().text() + ", asking " + access->endpoint());
  const int received = wait_for_stop(signals, reloading, supervisor);
  last_resort.emplace();
  supervisor.tell("STOPPING=1", "stopping");
  log::info("stopping", {{"signal", received == SIGTERM ? "SIGTERM" : "SIGINT"}});
  const SteadyTime end = clock.now() + grace;
  if (polling) polling->give_up();
  if (*docker_api) (*docker_api)->stop(grace);
  server.stop(std::max(end - clock.now(), Duration::zero()));
  docker_api->reset();
  polling.reset();
  log::info("stopped");
  return 0;
}

}  // namespace repodigest::app
