#include "repodigest/base/result.h"

#include <cctype>
#include <cstring>

namespace repodigest {

std::string errno_text(int error_number) {
  std::array<char, 128> buffer{};
  std::string text = strerror_r(error_number, buffer.data(), buffer.size());
  // "Permission denied" reads as a sentence of its own; ours continue, so the first letter becomes small
  // unless the second one says that it is an abbreviation.
  if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1])) != 0)
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

}  // namespace repodigest
