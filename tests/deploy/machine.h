// A throw-away copy of this machine to install the package into, and the package.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "support/program.h"
#include "support/replay_engine.h"
#include "support/temporary_folder.h"

namespace repodigest::deploy {

using support::Outcome;

/// Runs a command of this machine to its end, as root here and with root's PATH.
Outcome run(std::vector<std::string> command);

/// Everything that a finished command said.
std::string said(const Outcome& outcome);

/// The package of what this build built; "" if dpkg-shlibdeps was missing when it was built.
std::filesystem::path package();

/// The same package with a higher version, made in that folder: an upgrade.
std::filesystem::path next_revision(const std::filesystem::path& folder);

/// tests/deploy/machine. Thread rule: one thread.
class Machine {
 public:
  enum class Kind { systemd, bare };
  /// Starts it, without these paths; missing() says whether it is there.
  explicit Machine(Kind kind, const std::vector<std::string>& without = {});

  /// Why there is none here; "" if it runs.
  [[nodiscard]] const std::string& missing() const { return missing_; }

  /// Runs a command there, as root. It ends before this returns.
  Outcome run(std::vector<std::string> command) const;
  /// The same by a shell; all that it said if it ended with 0, else a failure of the test.
  std::string shell(const std::string& script) const;
  /// The command that runs `command` there.
  [[nodiscard]] std::vector<std::string> inside(std::vector<std::string> command) const;

  /// Copies the package there and installs it by dpkg: all that was said.
  std::string install(const std::filesystem::path& package) const;

  /// An engine with 5 images with duplicates, whose socket is /run/docker.sock there.
  support::ReplayEngine& start_engine();
  /// Gives that socket its group and mode.
  void give_socket_to(const std::string& group, const std::string& mode = "0660") const;

  /// The value of a series that a port of its loopback shows; NaN if it isn't there.
  [[nodiscard]] double metric(const std::string& series, int port = 10474) const;
  [[nodiscard]] bool wait_for_metric(const std::string& series, double value, int port = 10474) const;

 private:
  [[nodiscard]] bool up();

  support::TemporaryFolder shared_;
  std::unique_ptr<support::Process> process_;
  std::string pid_;
  std::string missing_;
  std::unique_ptr<support::ReplayEngine> engine_;
};

}  // namespace repodigest::deploy
