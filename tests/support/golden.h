// Whole outputs compared with files. REPODIGEST_UPDATE_GOLDEN=1 rewrites them; the change then shows in the
// diff.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace repodigest::support {

/// The first line in which two texts differ, with its number, from both.
inline std::string first_difference(std::string_view expected, std::string_view actual) {
  const auto line_of = [](std::string_view text) { return text.substr(0, text.find('\n')); };
  const auto rest_of = [](std::string_view text) {
    const auto end = text.find('\n');
    return end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  };
  int line = 1;
  while (!expected.empty() && !actual.empty() && line_of(expected) == line_of(actual)) {
    expected = rest_of(expected);
    actual = rest_of(actual);
    ++line;
  }
  return "line " + std::to_string(line) + "\n  expected: " + std::string(line_of(expected)) +
         "\n  actual:   " + std::string(line_of(actual));
}

/// Whether `actual` is the content of `path`, a file below tests/.
inline ::testing::AssertionResult matches_golden(const std::string& path, const std::string& actual) {
  const auto file = std::filesystem::path(REPODIGEST_SOURCE_DIR) / "tests" / path;
  const char* update = std::getenv("REPODIGEST_UPDATE_GOLDEN");
  if (update != nullptr && std::string_view(update) == "1") {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file, std::ios::binary);
    out << actual;
    out.close();
    if (!out) return ::testing::AssertionFailure() << "cannot write " << file;
    return ::testing::AssertionSuccess();
  }
  std::ifstream in(file, std::ios::binary);
  if (!in) return ::testing::AssertionFailure() << file << " is missing; REPODIGEST_UPDATE_GOLDEN=1 makes it";
  const std::string expected{std::istreambuf_iterator<char>(in), {}};
  if (expected == actual) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << "differs from " << file << " in " << first_difference(expected, actual)
         << "\nif the new text is right, REPODIGEST_UPDATE_GOLDEN=1 rewrites the file";
}

}  // namespace repodigest::support
