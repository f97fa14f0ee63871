// Files that are part of the program (CMakeLists.txt at the top: repodigest_embed).
#pragma once

#include <cstddef>
#include <string_view>

namespace repodigest {

/// One file, as the assembler lays it out: a table `symbol` of them ends at `symbol_end`.
struct EmbeddedFile {
  const char* name_text;
  const char* begin;
  const char* end;

  [[nodiscard]] std::string_view name() const { return name_text; }
  [[nodiscard]] std::string_view bytes() const { return {begin, static_cast<std::size_t>(end - begin)}; }
};

}  // namespace repodigest
