#include "support/embedded.h"

#include <cstddef>

namespace {

/// As the generated assembler file lays them out.
struct EmbeddedFile {
  const char* name;
  const char* begin;
  const char* end;
};

}  // namespace

extern "C" {
extern const EmbeddedFile repodigest_embedded_files[];
extern const EmbeddedFile repodigest_embedded_files_end[];
}

namespace repodigest::support {

std::vector<std::pair<std::string_view, std::string_view>> embedded_files() {
  std::vector<std::pair<std::string_view, std::string_view>> files;
  for (const EmbeddedFile* file = repodigest_embedded_files; file != repodigest_embedded_files_end; ++file)
    files.emplace_back(file->name,
                       std::string_view(file->begin, static_cast<std::size_t>(file->end - file->begin)));
  return files;
}

}  // namespace repodigest::support
