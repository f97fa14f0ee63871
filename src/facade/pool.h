// The facade's connections to the engine.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "repodigest/base/mutex.h"
#include "repodigest/facade/facade.h"

namespace repodigest::facade {

/// Keeps the connections that answered well for the next call. Any thread.
class Pool {
 public:
  explicit Pool(Connect connect) : connect_(std::move(connect)) {}

  /// One for the caller alone.
  std::unique_ptr<transport::Transport> take() {
    {
      const MutexLock lock(mutex_);
      if (!idle_.empty()) {
        auto transport = std::move(idle_.back());
        idle_.pop_back();
        return transport;
      }
    }
    return connect_();
  }
  /// To be called after success alone: what failed is not worth keeping.
  void give_back(std::unique_ptr<transport::Transport> transport) {
    const MutexLock lock(mutex_);
    if (idle_.size() < Options::max_light_calls + Options::max_heavy_calls)
      idle_.push_back(std::move(transport));
  }

 private:
  const Connect connect_;
  Mutex mutex_;
  std::vector<std::unique_ptr<transport::Transport>> idle_ GUARDED_BY(mutex_);
};

}  // namespace repodigest::facade
