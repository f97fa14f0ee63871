// What the matrix prints at its end: how many combinations there were, and what memory the programs took.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>

#include "rig.h"

namespace repodigest::faults {

/// Of the whole test program. Thread rule: the tests' own.
class Report {
 public:
  static Report& instance() {
    static Report report;
    return report;
  }
  void count() { ++combinations_; }
  void tried_again(const std::string& name) {
    ++tried_again_;
    std::printf("tried again: %s\n", name.c_str());
  }
  /// Of one program, at its end; `first` is when it had settled. What it took is to be small, however large
  /// what the engine sent.
  void ended(const std::string& name, const Memory& first, const Memory& last) {
    std::printf("%s: %.1f MB resident at first, %.1f MB at last, %.1f MB at its peak\n", name.c_str(),
                megabytes(first.resident), megabytes(last.resident), megabytes(last.peak));
    if (!is_sanitized) {
      EXPECT_LT(last.peak, std::size_t{64} << 20U) << name;
      EXPECT_LT(last.resident, first.resident + (std::size_t{8} << 20U)) << name;
    }
    peak_ = std::max(peak_, last.peak);
    growth_ = std::max(growth_, last.resident > first.resident ? last.resident - first.resident : 0);
  }
  void print() const {
    const auto took =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - began_);
    std::printf(
        "fault matrix: %zu combinations in %lld s, %zu of them tried again; the largest program took %.1f MB "
        "at its "
        "peak and ended %.1f MB above its start\n",
        combinations_, static_cast<long long>(took.count()), tried_again_, megabytes(peak_),
        megabytes(growth_));
  }
  [[nodiscard]] std::size_t combinations() const { return combinations_; }

 private:
  static double megabytes(std::size_t bytes) { return static_cast<double>(bytes) / 1e6; }

  std::size_t combinations_ = 0;
  std::size_t tried_again_ = 0;
  std::size_t peak_ = 0;
  std::size_t growth_ = 0;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace repodigest::faults
