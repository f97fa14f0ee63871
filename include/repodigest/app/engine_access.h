// From configuration to an engine that can be asked: the one of the endpoint, or the embedded recording for
// --demo.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "repodigest/base/clock.h"
#include "repodigest/base/result.h"
#include "repodigest/base/stats.h"
#include "repodigest/cli/config.h"
#include "repodigest/engine/client.h"
#include "repodigest/engine/endpoint.h"
#include "repodigest/engine/events.h"
#include "repodigest/transport/transport.h"

namespace repodigest::support {
class ReplayEngine;
}

namespace repodigest::app {

/// A client and what stands behind it. Thread rule: as engine::Client; each event stream is its user's own.
class EngineAccess {
 public:
  /// Finds the endpoint; opens nothing but the demo's own socket. `stats` and `clock` outlive it. Errors:
  /// usage (the endpoint), connect (the demo's socket).
  static Result<EngineAccess> make(const cli::Config& config, const engine::Surroundings& surroundings,
                                   Stats& stats, const Clock& clock);
  EngineAccess(EngineAccess&&) noexcept;
  EngineAccess& operator=(EngineAccess&&) noexcept;
  ~EngineAccess();

  engine::Client& client() { return *client_; }
  /// The events of the same engine, over a connection of their own.
  [[nodiscard]] engine::EventStream event_stream() const;
  /// Opens more connections to the same engine, as long as this lives. Any thread.
  [[nodiscard]] std::function<std::unique_ptr<transport::Transport>()> connector() const;
  [[nodiscard]] std::string endpoint() const { return endpoint_.text(); }  ///< "unix:///var/run/docker.sock"
  [[nodiscard]] const std::string& source() const { return source_; }      ///< why that one: "DOCKER_HOST"
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  EngineAccess();

  std::unique_ptr<support::ReplayEngine> demo_;
  std::unique_ptr<engine::Client> client_;
  transport::Endpoint endpoint_;
  Duration timeout_{};
  std::string source_;
  std::vector<std::string> warnings_;
};

}  // namespace repodigest::app
