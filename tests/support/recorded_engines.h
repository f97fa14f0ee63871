// Which recordings the tree holds.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace repodigest::support {

inline const std::filesystem::path recorded_folder = REPODIGEST_SOURCE_DIR "/tests/recorded";

/// The recordings by name ("27.3.1-containerd"), sorted: the folders with an engine's /version in them.
inline std::vector<std::string> recorded_engines() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(recorded_folder))
    if (std::filesystem::exists(entry.path() / "version.json"))
      names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

/// Such a name as part of a test's name.
inline std::string test_name_of(std::string recording) {
  std::replace_if(
      recording.begin(), recording.end(), [](char c) { return c == '.' || c == '-'; }, '_');
  return recording;
}

}  // namespace repodigest::support
