// The built program as a child process, with a folder of its own: what the tests of the whole way start, ask
// and stop.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "repodigest/transport/transport.h"
#include "support/temporary_folder.h"

namespace repodigest::support {

/// A whole file, or "" if it can't be read.
std::string read_file(const std::filesystem::path& path);

/// Asks `condition` again and again until it is true (returns true) or `patience` is over (false).
bool eventually(const std::function<bool()>& condition,
                std::chrono::seconds patience = std::chrono::seconds(30));

/// What a finished run left behind.
struct Outcome {
  int exit_code = -1;  ///< 128 + signal if a signal ended it
  std::string output;
  std::string errors;
};

/// A child process. Its environment holds PATH, HOME (an empty folder) and what the test adds: nothing of the
/// person who runs the tests. Killed at the end of its life if it still runs.
class Process {
 public:
  using Environment = std::map<std::string, std::string>;
  explicit Process(std::vector<std::string> command, const Environment& environment = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const;
  [[nodiscard]] bool running();
  /// Waits for its end; nothing if it did not end within `patience`.
  std::optional<Outcome> wait(std::chrono::seconds patience = std::chrono::seconds(60));
  [[nodiscard]] std::string errors() const { return read_file(folder_.path() / "stderr"); }

 private:
  TemporaryFolder folder_;
  pid_t pid_ = -1;
  std::optional<int> status_;
};

/// The port behind `before_port` in the first line with `words` in it that a process logs: how to learn what
/// port 0 became. Waits for that line; 0 if it does not come.
std::uint16_t logged_port(const Process& process, const std::string& words,
                          const std::string& before_port = "address=127.0.0.1:");

/// GET at a port of 127.0.0.1, over TLS where `tls` is given.
Result<transport::Response> ask(std::uint16_t port, const std::string& target,
                                const std::optional<transport::Tls>& tls = {},
                                std::vector<std::pair<std::string, std::string>> headers = {});

/// Path of the built program.
std::string program_path();

/// Runs the program to its end.
Outcome run_program(std::vector<std::string> arguments, const Process::Environment& environment = {});

/// The daemon on a unix socket of its own folder.
class Daemon {
 public:
  /// Starts it with these flags besides --web.listen-address; wait_until_*() tells when it is there.
  /// `launcher` is a command that becomes the program that its arguments name (unshare, say).
  explicit Daemon(std::vector<std::string> flags, const Process::Environment& environment = {},
                  std::vector<std::string> launcher = {});

  /// GET; an Error while it does not answer.
  Result<transport::Response> get(const std::string& target,
                                  std::vector<std::pair<std::string, std::string>> headers = {}) const;
  /// The body of a 200, else "".
  [[nodiscard]] std::string body(const std::string& target) const;
  /// The value of a series of /metrics, by its whole text as it stands there (`docker_up`,
  /// `docker_images{state="tagged"}`); nothing if it isn't there.
  [[nodiscard]] std::optional<double> metric(const std::string& series) const;
  /// Waits until a series has that value.
  [[nodiscard]] bool wait_for_metric(const std::string& series, double value) const;
  /// Waits until everything is listed and inspected.
  [[nodiscard]] bool wait_until_inspected() const;

  [[nodiscard]] std::filesystem::path socket() const { return folder_.path() / "web.sock"; }
  [[nodiscard]] std::string url() const { return "unix://" + socket().string(); }
  Process& process() { return process_; }
  [[nodiscard]] std::string log() const { return process_.errors(); }

 private:
  TemporaryFolder folder_;
  Process process_;
};

/// The value of a series in a text of the exposition format.
std::optional<double> value_of(const std::string& metrics, const std::string& series);

}  // namespace repodigest::support
