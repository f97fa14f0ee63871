// Tools of others as judges of our output.
#pragma once

#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace repodigest::support {

/// Whether the shell command succeeds, quietly; to ask for a tool before a test rests on it.
inline bool succeeds(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

/// Runs a shell command with `input` as its standard input; what it says stands in the test's output.
/// Returns its exit status, -1 if it could not be run or was killed. The command must read all its input.
inline int feed_command(const std::string& command, std::string_view input) {
  std::fflush(nullptr);
  FILE* pipe = popen(command.c_str(), "w");
  if (pipe == nullptr) return -1;
  const bool written = std::fwrite(input.data(), 1, input.size(), pipe) == input.size();
  const int status = pclose(pipe);
  return written && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace repodigest::support
