// The open answers to GET /events of a replay engine: what rings goes to all of them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "repodigest/base/cancel.h"
#include "repodigest/base/mutex.h"

namespace repodigest::support::replay {

/// Any thread.
class EventStreams {
 public:
  /// One open stream, from its construction on: what rings before its head went out is not lost.
  class Stream {
   public:
    explicit Stream(EventStreams& streams);
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    enum class End { ended, given_up };
    /// Gives each event to `send` (which says whether that went well) until end() was called, or until
    /// `stop` or the client on `socket` gave it up.
    End run(int socket, const Wake& stop, const std::function<bool(std::string_view line)>& send);

   private:
    friend class EventStreams;
    EventStreams& streams_;
    std::vector<std::string> waiting_;
    bool ended_ = false;
    const Wake changed_;
  };

  void ring(const std::string& json_line) EXCLUDES(mutex_);
  /// Ends all that are open.
  void end() EXCLUDES(mutex_);
  /// Waits until exactly `count` streams are open; false if that took longer than `patience`.
  [[nodiscard]] bool wait_until_open(std::size_t count, std::chrono::seconds patience) const EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  mutable std::condition_variable_any changed_;
  std::list<Stream*> open_ GUARDED_BY(mutex_);
};

}  // namespace repodigest::support::replay
