#include "repodigest/base/memory.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <string>

namespace repodigest {
namespace {

std::size_t mapped_blocks_with_a_large_one() {
  const std::string block(std::size_t{64} << 20U, 'x');
  EXPECT_EQ(block.back(), 'x');
  return ::mallinfo2().hblks;
}

TEST(Memory, LargeBlocksAreNotGivenBackAtOnce) {
  const std::size_t before = ::mallinfo2().hblks;
  if (mapped_blocks_with_a_large_one() == before) GTEST_SKIP() << "not the malloc of glibc";
  keep_large_blocks();
  EXPECT_EQ(mapped_blocks_with_a_large_one(), before);
}

}  // namespace
}  // namespace repodigest
