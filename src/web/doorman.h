// Who has the time to look at a password.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "desk.h"
#include "repodigest/access/keeper.h"
#include "repodigest/base/cancel.h"
#include "repodigest/base/mutex.h"

namespace repodigest::web {

enum class Verdict {
  granted,
  refused,
  turned_away,  ///< nobody had the time to look
};

/// A request whose Authorization was looked at.
struct Vetted {
  Task task;
  Verdict verdict = Verdict::refused;
};

/// One thread that does one bcrypt at a time, so that strangers who guess passwords take neither the workers
/// nor more than one processor. Few may wait for it, and hosts take turns: whoever guesses much waits for
/// himself. The thread is started when it is needed. Thread rule: made, stopped and destroyed by one thread;
/// vet() on the lobby's.
class Doorman {
 public:
  static constexpr std::size_t max_waiting = 16;

  /// `tell` is called on the doorman's thread, or in vet().
  explicit Doorman(std::function<void(Vetted)> tell) : tell_(std::move(tell)) {}
  /// Stops and joins: as long as a bcrypt takes.
  ~Doorman();
  Doorman(const Doorman&) = delete;
  Doorman& operator=(const Doorman&) = delete;

  /// For Desk. `host` is whose turn it is.
  bool vet(Task task, std::shared_ptr<const access::Policy> policy, std::string host) EXCLUDES(mutex_);
  /// Drops what waits and waits until the thread has ended, or until `deadline`.
  void stop(SteadyTime deadline) EXCLUDES(mutex_);

 private:
  struct Job {
    Task task;
    std::shared_ptr<const access::Policy> policy;
    std::string host;
  };

  void run();
  std::optional<Job> next() EXCLUDES(mutex_);
  /// Makes room for a job of `host`: the youngest of the host that has most, if that has more; else nothing.
  std::optional<Job> displaced_by(const std::string& host) REQUIRES(mutex_);

  const std::function<void(Vetted)> tell_;
  std::thread thread_;
  Wake ended_;
  Mutex mutex_;
  ConditionVariable changed_;
  std::deque<Job> waiting_ GUARDED_BY(mutex_);
  std::string last_host_ GUARDED_BY(mutex_);  ///< whose job was the last
  bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace repodigest::web
