// Between who listens to the engine's events and who polls: the one way back in the house (DESIGN: a bell,
// never data).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "repodigest/base/cancel.h"
#include "repodigest/base/clock.h"
#include "repodigest/base/mutex.h"
#include "repodigest/inventory/inventory.h"

namespace repodigest::poll {

/// How the event stream is.
enum class Stream {
  off,         ///< not wanted (yet)
  connecting,  ///< wanted, and its answer is awaited
  up,          ///< open: what changes rings
  down,        ///< it ended or could not be opened, and is tried again later
};

/// What the poller must know about the stream to decide.
struct StreamState {
  Stream stream = Stream::off;
  std::uint64_t openings = 0;         ///< how often it was opened; between two openings is a gap
  std::optional<SteadyTime> rang_at;  ///< when the first bell rang that was not taken yet
};

/// Any thread.
class Doorbell {
 public:
  /// At most so many bells are kept; then they become one that says nothing but "anything".
  static constexpr std::size_t max_bells = 1000;

  // --- The poller's side.

  /// Wants the stream (anew: one that is open is closed), spoken in this API version.
  void listen(std::string api_version) EXCLUDES(mutex_);
  [[nodiscard]] StreamState state() const EXCLUDES(mutex_);
  /// The bells since the last call; clears rang_at.
  std::vector<inventory::Bell> take() EXCLUDES(mutex_);
  /// Raised by every change of state(): of the stream, and by the first bell since take(). The poller clears
  /// it before it looks at state().
  [[nodiscard]] const Wake& rung() const { return rung_; }

  // --- The listener's side.

  /// What is wanted; `order` grows with each listen(). Order 0: nothing yet.
  struct Order {
    std::uint64_t order = 0;
    std::string api_version;
  };
  [[nodiscard]] Order order() const EXCLUDES(mutex_);
  /// Raised by listen(); the listener clears it before it looks at order().
  [[nodiscard]] const Wake& ordered() const { return ordered_; }
  /// The stream of `order` is open, or has ended; ignored if a newer order is out.
  void opened(std::uint64_t order) EXCLUDES(mutex_);
  void ended(std::uint64_t order) EXCLUDES(mutex_);
  void connecting(std::uint64_t order) EXCLUDES(mutex_);
  /// A bell, heard at `now`. One that is kept already moves behind the others: what was last said of a
  /// reference stands last.
  void ring(inventory::Bell bell, SteadyTime now) EXCLUDES(mutex_);

 private:
  void set_stream(Stream stream) REQUIRES(mutex_);

  mutable Mutex mutex_;
  StreamState state_ GUARDED_BY(mutex_);
  Order order_ GUARDED_BY(mutex_);
  std::vector<inventory::Bell> bells_ GUARDED_BY(mutex_);
  const Wake rung_;
  const Wake ordered_;
};

}  // namespace repodigest::poll
