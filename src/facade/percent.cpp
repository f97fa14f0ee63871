#include "percent.h"

#include <charconv>

namespace repodigest::facade {

std::string percent_decoded(std::string_view text, Part part) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = 0;
    const char* const digits = text.data() + i + 1;
    if (text[i] == '%' && text.size() - i > 2 &&
        std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      decoded += static_cast<char>(byte);
      i += 2;
    } else {
      decoded += text[i] == '+' && part == Part::query ? ' ' : text[i];
    }
  }
  return decoded;
}

}  // namespace repodigest::facade
