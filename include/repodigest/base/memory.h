// How the process deals with the system's memory.
#pragma once

namespace repodigest {

/// Makes malloc give every large block back to the system as soon as it is freed, also after it has seen
/// larger ones: what a poll of many images needs for a moment is not to stay until the next. Once, before
/// threads start.
void give_back_large_blocks();

/// Gives every free page of the heap back to the system. It walks through the whole heap: for when much was
/// freed, not for each time. Any thread.
void give_back_free_memory();

}  // namespace repodigest
