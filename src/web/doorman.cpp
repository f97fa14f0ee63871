#include "doorman.h"

#include <poll.h>

#include <exception>
#include <string>
#include <system_error>
#include <utility>

#include "repodigest/base/log.h"

namespace repodigest::web {

Doorman::~Doorman() {
  stop(SteadyTime{});
  if (thread_.joinable()) thread_.join();
}

bool Doorman::vet(Task task, std::shared_ptr<const access::Policy> policy) {
  {
    const MutexLock lock(mutex_);
    if (stopping_ || waiting_.size() >= max_waiting) return false;
    if (!thread_.joinable()) {
      try {
        thread_ = std::thread([this] { run(); });
      } catch (const std::system_error&) {  // no threads left
        return false;
      }
    }
    waiting_.push_back({std::move(task), std::move(policy)});
  }
  changed_.notify_one();
  return true;
}

void Doorman::stop(SteadyTime deadline) {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    waiting_.clear();
    if (!thread_.joinable()) return;
  }
  changed_.notify_one();
  (void)Cancel().until(deadline).wait(ended_.fd(), POLLIN);
}

std::optional<Doorman::Job> Doorman::next() {
  const MutexLock lock(mutex_);
  while (waiting_.empty() && !stopping_) changed_.wait(mutex_);
  if (stopping_) return std::nullopt;
  Job job = std::move(waiting_.front());
  waiting_.pop_front();
  return job;
}

void Doorman::run() {
  while (auto job = next()) {
    bool granted = false;
    try {
      granted = job->policy->users.verify(job->task.head.header("Authorization"));
    } catch (const std::exception& error) {  // no memory: nobody comes in
      log::error("a password could not be looked at", {{"error", error.what()}});
    }
    tell_({std::move(job->task), granted});
  }
  ended_.raise();
}

}  // namespace repodigest::web
