// How the process deals with the system's memory.
#pragma once

namespace repodigest {

/// Makes malloc keep the large blocks that every poll of many images needs anew, instead of giving them back
/// to the system and having each page cleared again. Once, before threads start.
void keep_large_blocks();

}  // namespace repodigest
