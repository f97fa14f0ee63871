#include "splice/runs.h"

#include <gtest/gtest.h>

#include <string>

namespace repodigest::splice {
namespace {

std::ptrdiff_t plain(const std::string& text) {
  const char* const end = text.data() + text.size();
  EXPECT_EQ(skip_plain(text.data(), end), portable::skip_plain(text.data(), end));
  return skip_plain(text.data(), end) - text.data();
}

std::ptrdiff_t white(const std::string& text) {
  const char* const end = text.data() + text.size();
  EXPECT_EQ(skip_white(text.data(), end), portable::skip_white(text.data(), end));
  return skip_white(text.data(), end) - text.data();
}

TEST(ARunOfPlainCharacters, EndsAtEachByteThatIsNoneWhereverItStands) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool is_plain = byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
    for (std::size_t at = 0; at < 50; ++at) {
      std::string text(50, 'x');
      text[at] = c;
      EXPECT_EQ(plain(text), is_plain ? 50 : static_cast<std::ptrdiff_t>(at)) << byte;
      text[49] = '"';
      EXPECT_EQ(plain(text), is_plain && at < 49 ? 49 : static_cast<std::ptrdiff_t>(at)) << byte;
    }
  }
}

TEST(ARunOfWhiteSpace, EndsAtEachByteThatIsNoneWhereverItStands) {
  for (const char filler : {' ', '\n', '\t', '\r'}) {
    for (int byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      const bool is_white = c == ' ' || c == '\n' || c == '\r' || c == '\t';
      for (std::size_t at = 0; at < 50; ++at) {
        std::string text(50, filler);
        text[at] = c;
        EXPECT_EQ(white(text), is_white ? 50 : static_cast<std::ptrdiff_t>(at)) << byte;
      }
    }
  }
}

TEST(ARun, MayBeOfAnyLength) {
  for (std::size_t size = 0; size < 100; ++size) {
    EXPECT_EQ(plain(std::string(size, 'x')), static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(white(std::string(size, ' ')), static_cast<std::ptrdiff_t>(size));
  }
}

}  // namespace
}  // namespace repodigest::splice
