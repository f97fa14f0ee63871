#include "reloading.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "repodigest/base/log.h"

namespace repodigest::app {
namespace {

constexpr auto applied_at_once = std::to_array<std::string_view>({"log.level", "log.format"});

/// The names of the settings that differ, but for those that are applied at once.
std::string differing(const cli::Settings& one, const cli::Settings& other) {
  std::string names;
  for (const auto& [name, values] : one) {
    if (std::find(applied_at_once.begin(), applied_at_once.end(), name) != applied_at_once.end()) continue;
    if (other.at(name) != values) names.append(names.empty() ? "" : ", ").append(name);
  }
  return names;
}

}  // namespace

Reloading::Reloading(const cli::Parsed& began_with, ReadConfig read, Guards& guards, Stats& stats,
                     const Clock& clock)
    : began_with_(began_with.settings),
      read_(std::move(read)),
      guards_(guards),
      stats_(stats),
      clock_(clock) {
  stats_.reloads.succeeded(Reloaded::config, clock_.wall());
}

bool Reloading::reload() {
  const MutexLock lock(mutex_);
  const bool config = reload_config();
  const bool good = guards_.reload() && config;
  if (good) log::info("reloaded");
  return good;
}

bool Reloading::reload_config() {
  const cli::Parsed parsed = read_();
  if (!parsed.config) {
    stats_.reloads.failed(Reloaded::config);
    log::error("the configuration is broken: what was read before stays",
               {{"error", std::string_view(parsed.output).substr(0, parsed.output.find('\n'))}});
    return false;
  }
  log::configure(parsed.config->log_level, parsed.config->log_format);
  if (const auto names = differing(began_with_, parsed.settings); !names.empty())
    log::warn("these settings have changed and count from the next start on", {{"settings", names}});
  stats_.reloads.succeeded(Reloaded::config, clock_.wall());
  return true;
}

}  // namespace repodigest::app
