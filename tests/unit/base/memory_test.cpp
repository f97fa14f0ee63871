#include "repodigest/base/memory.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <memory>
#include <string>

namespace repodigest {
namespace {

std::size_t held() {
  const auto info = ::mallinfo2();
  return info.arena + info.hblkhd;
}

TEST(Memory, LargeBlocksAreGivenBackAlsoAfterLargerOnes) {
  constexpr std::size_t large = std::size_t{8} << 20U;
  give_back_large_blocks();
  const std::size_t before = held();
  { const std::string larger(2 * large, 'x'); }
  auto block = std::make_unique<std::string>(large, 'x');
  if (held() == before) GTEST_SKIP() << "not the malloc of glibc";
  const std::string above(100, 'x');  // would keep the end of the heap where it is
  block.reset();
  EXPECT_LT(held(), before + large / 2);
  EXPECT_EQ(above.back(), 'x');
}

}  // namespace
}  // namespace repodigest
