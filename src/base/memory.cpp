#include "repodigest/base/memory.h"

#include <malloc.h>

namespace repodigest {

void give_back_large_blocks() {
  // glibc begins so, but raises both for good as soon as one larger block is freed: the bodies and texts of
  // one poll of 10,000 images would then keep 20 MB resident until the next one, an hour later. What it
  // costs: each such poll has its pages cleared anew, half a microsecond an image.
  ::mallopt(M_MMAP_THRESHOLD, 128 << 10);
  ::mallopt(M_TRIM_THRESHOLD, 256 << 10);
  // One arena, because our threads rarely want memory at once, and each arena would keep its own.
  ::mallopt(M_ARENA_MAX, 1);
}

void give_back_free_memory() {
  (void)::malloc_trim(0);
}

}  // namespace repodigest
