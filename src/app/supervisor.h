// The service manager that started us, if there is one: what it wants to hear (sd_notify(3)).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "repodigest/base/clock.h"
#include "repodigest/base/log.h"

namespace repodigest::app {

/// Speaks systemd's protocol of notifications; says nothing where nobody listens. Any thread.
class Supervisor {
 public:
  /// The values of NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID; absent and empty are the same. What cannot
  /// be meant is told in the log and ignored: the program serves all the same.
  Supervisor(std::string notify_socket, std::string_view watchdog_usec, std::string_view watchdog_pid);
  /// With the process's own environment.
  static Supervisor of_process();

  /// Sends a change of state, "READY=1" or "STOPPING=1", with a line for people that stands in the manager's
  /// reports. Waits two seconds for a manager that is busy; a loss is logged. ("RELOADING=1" wants a second
  /// line, "MONOTONIC_USEC=" with the time of CLOCK_MONOTONIC, and "READY=1" after it: systemd.service(5),
  /// Type=notify-reload.)
  void tell(std::string_view state, std::string_view status) const;
  /// Proves that the program is alive; never waits.
  void ping() const;
  /// How often ping() is due: half of what the manager waits for it. Nothing if it does not wait.
  [[nodiscard]] std::optional<Duration> ping_interval() const { return ping_interval_; }

 private:
  void send(std::string_view message, Duration time) const;

  std::string notify_socket_;  ///< a path, or '@' and an abstract name; "" where nobody listens
  std::optional<Duration> ping_interval_;
  mutable log::Repeated trouble_;
};

}  // namespace repodigest::app
