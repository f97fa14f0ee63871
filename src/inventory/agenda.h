// Whose inspect is due, in which order, and who waits for a retry. For the inventory room alone.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "repodigest/base/clock.h"

namespace repodigest::inventory {

/// Items are known by their rank: the lower, the sooner. Every operation is logarithmic at most. Thread rule:
/// one thread.
class Agenda {
 public:
  using Rank = std::size_t;

  /// Makes it due now.
  void add(Rank rank) {
    remove(rank);
    due_.insert(due_.end(), rank);
  }
  /// Makes it due from `time` on.
  void postpone(Rank rank, SteadyTime time) {
    remove(rank);
    waiting_.emplace(time, rank);
    times_.emplace(rank, time);
  }
  void remove(Rank rank) {
    due_.erase(rank);
    const auto time = times_.find(rank);
    if (time == times_.end()) return;
    waiting_.erase({time->second, rank});
    times_.erase(time);
  }
  void clear() { *this = {}; }

  /// Those whose time has come by `now` join the due ones.
  void advance(SteadyTime now) {
    while (!waiting_.empty() && waiting_.begin()->first <= now) add(waiting_.begin()->second);
  }
  [[nodiscard]] std::size_t due_count() const { return due_.size(); }
  [[nodiscard]] std::optional<Rank> first_due() const {
    if (due_.empty()) return std::nullopt;
    return *due_.begin();
  }
  [[nodiscard]] std::optional<SteadyTime> next_time() const {
    if (waiting_.empty()) return std::nullopt;
    return waiting_.begin()->first;
  }

 private:
  std::set<Rank> due_;
  std::set<std::pair<SteadyTime, Rank>> waiting_;
  std::map<Rank, SteadyTime> times_;  // of the waiting ones
};

}  // namespace repodigest::inventory
