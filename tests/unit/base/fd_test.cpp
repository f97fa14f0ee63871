#include "repodigest/base/fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <utility>

namespace repodigest {
namespace {

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

Fd open_one() {
  return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

TEST(Fd, ClosesItsDescriptorAtTheEndOfItsLife) {
  int number = -1;
  {
    const Fd fd = open_one();
    number = fd.get();
    ASSERT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(Fd, LeavesNothingBehindWhenMovedFrom) {
  Fd first = open_one();
  const int number = first.get();
  const Fd second = std::move(first);
  EXPECT_FALSE(first.valid());  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_EQ(second.get(), number);
  EXPECT_TRUE(is_open(number));
}

TEST(Fd, ClosesWhatItHeldWhenAnotherIsMovedIn) {
  Fd kept = open_one();
  Fd moved = open_one();
  const int old_number = kept.get();
  const int new_number = moved.get();
  kept = std::move(moved);
  EXPECT_FALSE(is_open(old_number));
  EXPECT_EQ(kept.get(), new_number);
}

TEST(Fd, GivesItsDescriptorAway) {
  int number = -1;
  {
    Fd fd = open_one();
    number = fd.release();
    EXPECT_FALSE(fd);
  }
  EXPECT_TRUE(is_open(number));
  ::close(number);
}

TEST(Fd, IsEmptyByDefaultAndAfterReset) {
  Fd fd;
  EXPECT_FALSE(fd);
  fd.reset();
  fd = open_one();
  EXPECT_TRUE(fd);
  fd.reset();
  EXPECT_EQ(fd.get(), -1);
}

}  // namespace
}  // namespace repodigest
