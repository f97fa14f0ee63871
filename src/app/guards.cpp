#include "guards.h"

#include <string>
#include <utility>

#include "repodigest/base/log.h"

namespace repodigest::app {
namespace {

constexpr std::string_view open_to_all = "other machines can read here without TLS or a password";

void tell_broken(const Error& error, std::uint64_t count) {
  log::error("a web config is broken: what was read before stays",
             {{"error", error.text}, {"count", std::to_string(count)}});
}

}  // namespace

Result<std::unique_ptr<Guards>> Guards::open(const cli::Config& config, Stats& stats, const Clock& clock) {
  std::unique_ptr<Guards> guards(new Guards(stats, clock));
  auto status = guards->keep(guards->web_, config.web_config_file, Reloaded::web_config,
                             [](const access::Policy&) { return Status(); });
  if (!status) return std::move(status).error();
  status =
      guards->keep(guards->docker_api_, config.docker_api_web_config_file, Reloaded::docker_api_web_config,
                   [config](const access::Policy& policy) { return cli::allow_docker_api(config, policy); });
  if (!status) return std::move(status).error();
  return guards;
}

Status Guards::keep(Side& side, const std::string& path, Reloaded what,
                    std::function<Status(const access::Policy&)> allow) {
  if (path.empty()) return {};
  access::Keeper::Listener listener;
  listener.allow = std::move(allow);
  listener.applied = [this, &side, path, what](const access::Policy& policy,
                                               const std::vector<std::string>& notes) {
    log::info(
        "the web config is applied",
        {{"file", path}, {"tls", policy.tls ? "yes" : "no"}, {"users", policy.users.empty() ? "no" : "yes"}});
    for (const auto& note : notes) log::warn("about the web config", {{"file", path}, {"note", note}});
    stats_.reloads.succeeded(what, clock_.wall());
    const MutexLock lock(mutex_);
    side.is_guarded = policy.guards();
    if (side.is_exposed && !side.is_guarded) log::warn(open_to_all, {{"file", path}});
    update_insecure();
  };
  side.what = what;
  listener.failed = [this, &side](const Error& error) {
    const auto count = trouble_.occurred(error.text, clock_.now());
    stats_.reloads.failed(side.what);
    if (count) tell_broken(error, *count);
  };
  auto keeper = access::Keeper::open(path, std::move(listener));
  if (!keeper) return std::move(keeper).error();
  side.keeper = *std::move(keeper);
  return {};
}

void Guards::announce_web(const std::vector<web::ListenAddress>& addresses) {
  announce(web_, addresses, "web", "image names and digests");
}

void Guards::announce_docker_api(const std::vector<web::ListenAddress>& addresses) {
  announce(docker_api_, addresses, "docker api", "everything that the engine tells");
}

void Guards::announce(Side& side, const std::vector<web::ListenAddress>& addresses, std::string_view what,
                      std::string_view readable) {
  const auto policy = side.keeper ? side.keeper->current() : nullptr;
  for (const auto& address : addresses) {
    const bool tls = !address.is_unix && policy && policy->tls;
    log::info("listening", {{"address", address.text()}, {"what", what}, {"tls", tls ? "yes" : "no"}});
    if (address.loopback()) continue;
    if (!policy || !policy->guards())
      log::warn(open_to_all, {{"address", address.text()}, {"what", readable}});
    const MutexLock lock(mutex_);
    side.is_exposed = true;
    update_insecure();
  }
}

void Guards::look() {
  for (const Side* const side : {&web_, &docker_api_})
    if (side->keeper) (void)side->keeper->current();
}

bool Guards::reload() {
  bool good = true;
  for (const Side* const side : {&web_, &docker_api_}) {
    if (!side->keeper) continue;
    const auto status = side->keeper->reload();
    if (status) continue;
    good = false;
    stats_.reloads.failed(side->what);
    tell_broken(status.error(), 1);  // whoever asks for it wants an answer each time
  }
  return good;
}

void Guards::update_insecure() {
  const auto is_open = [](const Side& side) { return side.is_exposed && !side.is_guarded; };
  stats_.insecure_listener = is_open(web_) || is_open(docker_api_);
}

}  // namespace repodigest::app
