// The threads that answer a passage's requests. They never touch a socket: a request comes in, bytes go into
// its channel. Each lane has its own, so that what may last days holds up nothing that lasts milliseconds.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "channel.h"
#include "desk.h"
#include "repodigest/base/cancel.h"
#include "repodigest/base/mutex.h"
#include "repodigest/web/passage.h"

namespace repodigest::web {

/// Thread rule: made, stopped and destroyed by one thread; the rest on the lobby's.
class Lanes {
 public:
  /// `passage` outlives it. `news` is called on the threads of the lanes.
  Lanes(const Passage& passage, Channel::News news);
  /// Stops and joins: as long as an answer is being made, it waits.
  ~Lanes();
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  // For Desk.
  Taken take(Task task, const Connection& connection);
  std::string refuse(const Refusal& refusal, bool without_body);
  bool withdraw(const Channel& channel);

  /// Drops what waits and waits until every thread has ended its request, or until `deadline`.
  void stop(SteadyTime deadline);

 private:
  struct Job {
    RawRequest request;
    std::shared_ptr<Channel> channel;
  };
  struct Lane {  // guarded by mutex_
    std::size_t max_threads = 0;
    std::size_t threads = 0;
    std::size_t resting = 0;  ///< threads without a request, the new ones too
    std::deque<Job> waiting;
    ConditionVariable changed;
  };

  /// Whether there is a thread for the job, or a place to wait for one.
  bool submit(std::size_t number, Job job);
  bool add_thread(Lane& lane) REQUIRES(mutex_);
  void run(Lane& lane);
  void answer(Job job);

  const Passage& passage_;
  const Channel::News news_;
  std::vector<std::thread> threads_;
  Wake all_ended_;
  Mutex mutex_;
  std::deque<Lane> lanes_ GUARDED_BY(mutex_);
  std::size_t running_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace repodigest::web
