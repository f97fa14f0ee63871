// How long the engine had calls of ours to answer.
#pragma once

#include <cstddef>

#include "repodigest/base/clock.h"
#include "repodigest/base/mutex.h"
#include "repodigest/base/stats.h"

namespace repodigest::facade {

/// Adds up the time in which at least one call is under way, however many there are; what has passed is added
/// whenever one ends. Any thread.
class BusyTime {
 public:
  /// Both outlive it.
  BusyTime(TimeCounter& total, const Clock& clock) : total_(total), clock_(clock) {}

  /// A call, as long as it lives.
  class Call {
   public:
    explicit Call(BusyTime& busy) : busy_(busy) { busy_.begin(); }
    ~Call() { busy_.end(); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    BusyTime& busy_;
  };

 private:
  void begin() {
    const MutexLock lock(mutex_);
    if (under_way_++ == 0) counted_until_ = clock_.now();
  }
  void end() {
    const MutexLock lock(mutex_);
    const SteadyTime now = clock_.now();
    total_.add(now - counted_until_);
    counted_until_ = now;
    --under_way_;
  }

  TimeCounter& total_;
  const Clock& clock_;
  Mutex mutex_;
  std::size_t under_way_ GUARDED_BY(mutex_) = 0;
  SteadyTime counted_until_ GUARDED_BY(mutex_);
};

}  // namespace repodigest::facade
