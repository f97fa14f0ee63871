#include "repodigest/base/memory.h"

#include <malloc.h>

namespace repodigest {

void keep_large_blocks() {
  // glibc maps blocks from 32 MiB on by themselves and unmaps them when they are freed. With 100,000 images
  // the body of a list and the text are larger, and a third of a poll went into page faults. Keeping all of
  // it (1 GiB) would make such a poll a fifth cheaper still, for 60 MB more.
  constexpr int kept = 256 << 20;
  ::mallopt(M_MMAP_THRESHOLD, kept);
  ::mallopt(M_TRIM_THRESHOLD, kept);
  // One arena, because only the first one can hold large blocks, and our threads rarely want memory at once.
  ::mallopt(M_ARENA_MAX, 1);
}

}  // namespace repodigest
