// The rules of deploy/prometheus for tests that can't wait for minutes.
#pragma once

#include <cstddef>
#include <regex>
#include <string>

namespace repodigest::stack {

/// The rules as they are, evaluated each second, only that a minute of their `for` and `keep_firing_for` is
/// so many milliseconds.
inline std::string hurried(const std::string& rules, int minute) {
  std::string text;
  std::size_t end = 0;
  const std::regex duration("(for: )([0-9]+)([mh])\n");
  for (std::sregex_iterator match(rules.begin(), rules.end(), duration), none; match != none; ++match) {
    const int minutes = std::stoi((*match)[2]) * ((*match)[3] == "h" ? 60 : 1);
    text += rules.substr(end, static_cast<std::size_t>(match->position()) - end) +
            "for: " + std::to_string(minutes * minute) + "ms\n";
    end = static_cast<std::size_t>(match->position() + match->length());
  }
  text += rules.substr(end);
  return std::regex_replace(text, std::regex("  - name: [a-z_]+\n"), "$&    interval: 1s\n");
}

/// Without what vmalert before 1.88 does not know.
inline std::string without_keep_firing_for(const std::string& rules) {
  return std::regex_replace(rules, std::regex("\n +keep_firing_for: [^\n]*"), "");
}

}  // namespace repodigest::stack
