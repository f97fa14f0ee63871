// Tools of others that judge the files below deploy/, and how a test runs them.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/program.h"

namespace repodigest::deploy {

inline const std::filesystem::path top = REPODIGEST_SOURCE_DIR;
inline const std::filesystem::path folder = top / "deploy";

/// Whether the program was built with a sanitizer, which wants more of where it runs than a container has.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

/// What a shell command prints, without the last line's end; nothing where it fails. It has the environment
/// of the test, and so its cache.
inline std::optional<std::string> printed_by(const std::string& command) {
  std::fflush(nullptr);
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return std::nullopt;
  std::string text;
  std::array<char, 4096> piece;
  for (std::size_t size = 0; (size = std::fread(piece.data(), 1, piece.size(), pipe)) > 0;)
    text.append(piece.data(), size);
  const int status = pclose(pipe);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

/// Folder with what these packages of other releases of Debian hold; nothing where they can't be had.
inline std::optional<std::string> unpacked(const std::string& name, const std::string& packages) {
  return printed_by("'" + (top / "tests/support/unpacked").string() + "' " + name + " " + packages);
}

/// Runs a command to its end.
inline support::Outcome run(std::vector<std::string> command,
                            const support::Process::Environment& environment = {}) {
  support::Process process(std::move(command), environment);
  auto outcome = process.wait();
  return outcome ? std::move(*outcome) : support::Outcome{-1, "", "it did not end\n" + process.errors()};
}

inline void expect_takes(std::vector<std::string> command,
                         const support::Process::Environment& environment = {}) {
  const auto outcome = run(std::move(command), environment);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output << outcome.errors;
}

}  // namespace repodigest::deploy
