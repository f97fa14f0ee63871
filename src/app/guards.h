// The web config files of the daemon: who may ask which of its servers.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "repodigest/access/keeper.h"
#include "repodigest/base/clock.h"
#include "repodigest/base/log.h"
#include "repodigest/base/mutex.h"
#include "repodigest/base/result.h"
#include "repodigest/base/stats.h"
#include "repodigest/cli/config.h"
#include "repodigest/web/server.h"

namespace repodigest::app {

/// Keeps them, says in the log what they come to, and keeps Stats::reloads and Stats::insecure_listener true.
/// Outlives the servers. Any thread.
class Guards {
 public:
  /// Reads --web.config.file and --docker-api.web.config.file. Errors: those of Keeper::open(); usage for a
  /// Docker API on TCP without verified client certificates, unless --docker-api.insecure.
  static Result<std::unique_ptr<Guards>> open(const cli::Config& config, Stats& stats, const Clock& clock);

  /// Null: everybody may ask, without TLS.
  [[nodiscard]] access::Keeper* web() const { return web_.keeper.get(); }
  [[nodiscard]] access::Keeper* docker_api() const { return docker_api_.keeper.get(); }

  /// Says where the servers listen, and which of it strangers can read.
  void announce_web(const std::vector<web::ListenAddress>& addresses) EXCLUDES(mutex_);
  void announce_docker_api(const std::vector<web::ListenAddress>& addresses) EXCLUDES(mutex_);

  /// Looks whether they have changed, as each request does: for when there are none.
  void look();
  /// Reads both again. Whether they were good.
  bool reload();

 private:
  /// One server and what is known of it.
  struct Side {
    std::unique_ptr<access::Keeper> keeper;
    Reloaded what = Reloaded::web_config;
    bool is_guarded = false;  ///< by its policy (mutex_ of Guards)
    bool is_exposed = false;  ///< to other machines (mutex_ of Guards)
  };

  Guards(Stats& stats, const Clock& clock) : stats_(stats), clock_(clock) {}
  Status keep(Side& side, const std::string& path, Reloaded what,
              std::function<Status(const access::Policy&)> allow);
  void announce(Side& side, const std::vector<web::ListenAddress>& addresses, std::string_view what,
                std::string_view readable) EXCLUDES(mutex_);
  void update_insecure() REQUIRES(mutex_);

  Stats& stats_;
  const Clock& clock_;
  log::Repeated trouble_;
  Mutex mutex_;
  Side web_;
  Side docker_api_;
};

}  // namespace repodigest::app
