// Chance that can be had again: each part of a history throws its own dice, so that what the one does never
// changes what the other gets.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "repodigest/base/clock.h"

namespace repodigest::model {

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators). Thread rule: one thread.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  /// Dice of their own for the part of that number.
  Dice(std::uint64_t seed, std::uint64_t part) : state_(seed * 1'000'003 + part) { next(); }

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }
  std::size_t below(std::size_t end) { return next() % end; }
  /// Once in `times`.
  bool one_in(std::size_t times) { return below(times) == 0; }
  /// At most `longest`.
  Duration up_to(Duration longest) {
    return Duration(static_cast<Duration::rep>(next() % static_cast<std::uint64_t>(longest.count() + 1)));
  }
  template <typename List>
  const auto& one_of(const List& list) {
    return list[below(list.size())];
  }

 private:
  std::uint64_t state_;
};

}  // namespace repodigest::model
