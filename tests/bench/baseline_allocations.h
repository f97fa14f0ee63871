// Counts what the program takes from malloc, by whatever library, because this program's malloc is ours: it
// notes the size and goes on to glibc's.
#pragma once

#include <cstdint>

namespace repodigest {

/// Since the start of the program, without what was given back. Thread rule: one thread.
struct Allocations {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
};
Allocations allocations_so_far();

}  // namespace repodigest
