// The real program before an engine that can be made to misbehave, both on sockets, and everything that it
// shows watched on the way.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "repodigest/base/result.h"
#include "repodigest/transport/transport.h"
#include "support/program.h"
#include "support/replay_engine.h"
#include "support/temporary_folder.h"
#include "truth.h"

namespace repodigest::faults {

/// Deadlines of the program. With a sanitizer everything takes longer, and a good answer must come in time.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr std::chrono::milliseconds program_timeout{1500};
inline constexpr bool is_sanitized = true;
#else
inline constexpr std::chrono::milliseconds program_timeout{300};
inline constexpr bool is_sanitized = false;
#endif
/// --docker.max-response-bytes: small, so that endless lists end soon.
inline constexpr const char* list_cap = "4MiB";

/// What the trouble is with.
enum class Trouble {
  answer,            ///< a call's answer
  refused,           ///< nobody listens any more when a call wants a new connection
  no_permission,     ///< the socket's mode lets nobody in any more
  socket_missing,    ///< the socket's file is gone
  socket_is_a_file,  ///< a plain file stands in its place
  restart,           ///< the engine ends in the middle of its answer, and comes back
  replaced           ///< another engine takes over the socket while a call waits for its answer
};

/// What the kernel says of a process's memory, in bytes.
struct Memory {
  std::size_t resident = 0;
  std::size_t peak = 0;
};

class Rig {
 public:
  enum class Way { unix_socket, tcp };

  /// Starts both, the program without privileges. What it shows is watched from the first time on that it has
  /// settled.
  /// `launcher` is a command that becomes the program that its arguments name.
  Rig(const Truth& truth, Way way, std::vector<std::string> flags, std::vector<std::string> launcher = {});

  support::ReplayEngine& engine() { return *engine_; }
  support::Process& process() { return *process_; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }
  [[nodiscard]] std::filesystem::path engine_socket() const { return folder() / "docker.sock"; }
  [[nodiscard]] Memory memory() const;
  /// The same when all was shown for the first time.
  [[nodiscard]] Memory first_memory() const { return first_memory_; }

  // --- What is on the engine.
  [[nodiscard]] Moment moment() const { return moment_; }
  [[nodiscard]] Moment next_moment() const { return {moment_.generation + 1, 0}; }
  /// The next generation is there.
  void move_on();
  /// The probe gets other tags, so that it is listed as changed.
  void retag();
  /// Makes the trouble, and ends it. What is wrong with an answer is for engine().fail().
  void begin(Trouble trouble);
  void end(Trouble trouble);

  // --- What the program shows. Each look fails the test if it shows what it may not.
  /// What may be shown from now on.
  void may_show(std::vector<Truth::View> views) { may_show_ = std::move(views); }
  /// Asks for the metrics and, if it changed, the inventory; returns the metrics.
  const std::string& look();
  /// The value of a series of the latest look(); 0 if it is not there.
  [[nodiscard]] double value(const std::string& series) const;
  /// Looks until the condition is true; false after `patience`, or when the program has ended.
  bool look_until(const std::function<bool()>& condition, std::chrono::seconds patience);
  /// Looks until all is shown as it is on the engine, and nothing fails; retags where that takes long.
  bool wait_until_settled();
  /// The same, once.
  [[nodiscard]] bool is_settled() const;
  /// Any path of the program's own.
  Result<transport::Response> get(const std::string& target);

 private:
  void put_on_engine();
  /// Another engine with the same images takes the socket's place, and the connections of the old one end.
  void replace_engine();

  const Truth& truth_;
  support::TemporaryFolder folder_;
  Moment moment_;
  std::unique_ptr<support::ReplayEngine> engine_;
  std::vector<std::unique_ptr<support::ReplayEngine>> replaced_;  // kept: an engine's end removes the socket
  std::optional<support::Process> process_;
  std::unique_ptr<transport::Transport> to_program_;
  bool watched_ = false;
  Memory first_memory_;
  std::vector<Truth::View> may_show_;
  std::string metrics_;
  std::string etag_;
  nlohmann::json document_;
};

}  // namespace repodigest::faults
