// What SIGHUP and /-/reload do.
#pragma once

#include <functional>

#include "guards.h"
#include "repodigest/base/clock.h"
#include "repodigest/base/mutex.h"
#include "repodigest/base/stats.h"
#include "repodigest/cli/config.h"

namespace repodigest::app {

/// Reads flags, environment and files as at the start.
using ReadConfig = std::function<cli::Parsed()>;

/// Reads the web config files and the settings again. Of the settings those about the log are applied; of the
/// others it says which have changed and want a restart. A broken file changes nothing. Any thread.
class Reloading {
 public:
  /// `began_with` is what the daemon runs with. The rest outlives it.
  Reloading(const cli::Parsed& began_with, ReadConfig read, Guards& guards, Stats& stats, const Clock& clock);

  /// Whether everything was good.
  bool reload() EXCLUDES(mutex_);

 private:
  bool reload_config() REQUIRES(mutex_);

  const cli::Settings began_with_;
  const ReadConfig read_;
  Guards& guards_;
  Stats& stats_;
  const Clock& clock_;
  Mutex mutex_;  ///< one reload at a time
};

}  // namespace repodigest::app
