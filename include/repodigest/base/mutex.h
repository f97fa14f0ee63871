// A mutex that clang's -Wthread-safety understands; with g++ the annotations vanish.
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define REPODIGEST_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define REPODIGEST_THREAD_ATTRIBUTE(x)
#endif
#define GUARDED_BY(x) REPODIGEST_THREAD_ATTRIBUTE(guarded_by(x))
#define REQUIRES(...) REPODIGEST_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) REPODIGEST_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))

namespace repodigest {

class REPODIGEST_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void lock() REPODIGEST_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() REPODIGEST_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  /// For ConditionVariable alone.
  std::mutex& native() { return mutex_; }

 private:
  std::mutex mutex_;
};

/// Holds a Mutex for a scope.
class REPODIGEST_THREAD_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) REPODIGEST_THREAD_ATTRIBUTE(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() REPODIGEST_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

/// A condition variable for a Mutex that the caller holds.
class ConditionVariable {
 public:
  /// Waits for a notification; may wake without one, so call it in a loop on the condition.
  void wait(Mutex& mutex) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.native(), std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace repodigest
