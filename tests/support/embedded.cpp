#include "support/embedded.h"

#include "repodigest/base/embedded.h"

extern "C" {
extern const repodigest::EmbeddedFile repodigest_recorded_files[];
extern const repodigest::EmbeddedFile repodigest_recorded_files_end[];
}

namespace repodigest::support {

std::vector<std::pair<std::string_view, std::string_view>> embedded_files() {
  std::vector<std::pair<std::string_view, std::string_view>> files;
  for (const auto* file = repodigest_recorded_files; file != repodigest_recorded_files_end; ++file)
    files.emplace_back(file->name(), file->bytes());
  return files;
}

}  // namespace repodigest::support
