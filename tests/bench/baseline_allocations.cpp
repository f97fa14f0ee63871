#include "baseline_allocations.h"

#include <cerrno>
#include <cstddef>
#include <cstdlib>

// glibc's own, under the names it keeps for this purpose (manual, "Replacing malloc").
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
}

namespace repodigest {
namespace {

constinit Allocations all;

void note(std::size_t size) {
  ++all.count;
  all.bytes += size;
}

}  // namespace

Allocations allocations_so_far() {
  return all;
}

}  // namespace repodigest

extern "C" {

void* malloc(std::size_t size) noexcept {
  repodigest::note(size);
  return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) noexcept {
  repodigest::note(count * size);
  return __libc_calloc(count, size);
}

void* realloc(void* block, std::size_t size) noexcept {
  repodigest::note(size);
  return __libc_realloc(block, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  repodigest::note(size);
  return __libc_memalign(alignment, size);
}

void* memalign(std::size_t alignment, std::size_t size) noexcept {
  repodigest::note(size);
  return __libc_memalign(alignment, size);
}

int posix_memalign(void** block, std::size_t alignment, std::size_t size) noexcept {
  repodigest::note(size);
  *block = __libc_memalign(alignment, size);
  return *block == nullptr ? ENOMEM : 0;
}
}
