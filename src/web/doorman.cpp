#include "doorman.h"

#include <poll.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "repodigest/base/log.h"

namespace repodigest::web {

Doorman::~Doorman() {
  stop(SteadyTime{});
  if (thread_.joinable()) thread_.join();
}

bool Doorman::vet(Task task, std::shared_ptr<const access::Policy> policy, std::string host) {
  std::optional<Job> displaced;
  {
    const MutexLock lock(mutex_);
    if (stopping_) return false;
    if (waiting_.size() >= max_waiting && !(displaced = displaced_by(host))) return false;
    if (!thread_.joinable()) {
      try {
        thread_ = std::thread([this] { run(); });
      } catch (const std::system_error&) {  // no threads left
        return false;
      }
    }
    waiting_.push_back({std::move(task), std::move(policy), std::move(host)});
  }
  changed_.notify_one();
  if (displaced) tell_({std::move(displaced->task), Verdict::turned_away});
  return true;
}

std::optional<Doorman::Job> Doorman::displaced_by(const std::string& host) {
  std::map<std::string_view, std::size_t> counts;
  for (const Job& job : waiting_) ++counts[job.host];
  const auto most = std::max_element(counts.begin(), counts.end(), [](const auto& one, const auto& other) {
    return one.second < other.second;
  });
  const auto own = counts.find(host);
  if (most == counts.end() || most->second <= (own == counts.end() ? 0 : own->second) + 1)
    return std::nullopt;
  const auto youngest = std::find_if(waiting_.rbegin(), waiting_.rend(),
                                     [&](const Job& job) { return job.host == most->first; });
  Job job = std::move(*youngest);
  waiting_.erase(std::next(youngest).base());
  return job;
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
  // Another host's first, if there is one.
  auto turn = waiting_.begin();
  while (turn != waiting_.end() && turn->host == last_host_) ++turn;
  if (turn == waiting_.end()) turn = waiting_.begin();
  Job job = std::move(*turn);
  waiting_.erase(turn);
  last_host_ = job.host;
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
    tell_({std::move(job->task), granted ? Verdict::granted : Verdict::refused});
  }
  ended_.raise();
}

}  // namespace repodigest::web
