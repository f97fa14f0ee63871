// A program that is stopped within a system call, by strace: what happens meanwhile happens for certain, not
// by luck.
#pragma once

#include <signal.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "support/feed_command.h"
#include "support/program.h"

namespace repodigest::support {

/// Whether a program can be held here: strace is there, and allowed to do it.
inline bool can_hold() {
  return succeeds("strace -qq -o /dev/null true");
}

/// The command that becomes the program its further arguments name, which is held as soon as its first call
/// of that name is done. What it called before stands in the file `calls`.
inline std::vector<std::string> held_after(const std::string& call, const std::string& calls) {
  return {"strace", "-D",
          "-f",     "-qq",
          "-o",     calls,
          "-e",     "trace=" + call,
          "-e",     "inject=" + call + ":delay_exit=900000000:when=1"};
}

/// Lets it go on.
inline void let_go(const Process& held) {
  const std::string status = read_file("/proc/" + std::to_string(held.pid()) + "/status");
  const std::string name = "TracerPid:";
  const auto at = status.find(name);
  const long tracer =
      at == std::string::npos ? 0 : std::strtol(status.c_str() + at + name.size(), nullptr, 10);
  if (tracer > 1) ::kill(static_cast<pid_t>(tracer), SIGKILL);  // an end in good order waits for its delay
}

}  // namespace repodigest::support
