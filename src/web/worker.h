// The threads that answer requests. They never touch a socket: a head comes in, a finished answer goes out,
// so whatever clients do, a worker is busy only as long as a handler is. What is ready needs none of them.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "desk.h"
#include "repodigest/base/cancel.h"
#include "repodigest/base/mutex.h"
#include "repodigest/base/stats.h"
#include "repodigest/web/server.h"

namespace repodigest::web {

class Dialogue;  ///< in worker.cpp: from a head to an answer

/// Thread rule: made, started, stopped and destroyed by one thread; take() and refuse() from
/// one.
class Workers {
 public:
  /// Receives each answer, on a worker's thread.
  using Done = std::function<void(Answer)>;

  /// `routes` and `stats` outlive it.
  Workers(const Routes& routes, Stats& stats);
  /// Stops and joins: as long as a handler runs, it waits.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// Throws std::system_error if the process can have no more threads.
  void start(std::size_t count, Done done);
  /// For Desk. A route that has its answer ready gives it here; a worker's comes by `done`.
  Taken take(Task task, const Connection& connection);
  std::string refuse(const Refusal& refusal, bool without_body);
  /// Drops what is queued and waits until every thread has ended its request, or until `deadline`.
  void stop(SteadyTime deadline);

 private:
  void run();

  const Routes& routes_;
  Stats& stats_;
  const std::unique_ptr<Dialogue> at_once_;
  Done done_;
  std::vector<std::thread> threads_;
  Wake all_ended_;
  Mutex mutex_;
  ConditionVariable changed_;
  std::deque<Task> tasks_ GUARDED_BY(mutex_);
  std::size_t running_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace repodigest::web
