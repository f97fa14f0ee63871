#include "repodigest/base/cancel.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>

namespace repodigest {
namespace {

using std::chrono::hours;

SteadyTime past() {
  return std::chrono::steady_clock::now() - hours(1);
}

/// Two connected sockets.
struct Pair {
  Pair() {
    std::array<int, 2> fds{};
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, fds.data()) != 0) throw std::runtime_error("socketpair");
    near = Fd(fds[0]);
    far = Fd(fds[1]);
  }
  void send_a_byte() const { ASSERT_EQ(::write(far.get(), "x", 1), 1); }
  Fd near;
  Fd far;
};

TEST(Wake, StaysRaisedUntilItIsCleared) {
  const Wake wake;
  EXPECT_FALSE(wake.raised());
  wake.raise();
  wake.raise();
  EXPECT_TRUE(wake.raised());
  EXPECT_TRUE(wake.raised());
  wake.clear();
  EXPECT_FALSE(wake.raised());
}

TEST(Wake, MayBeClearedWhenItIsNotRaised) {
  const Wake wake;
  wake.clear();
  EXPECT_FALSE(wake.raised());
  wake.raise();
  EXPECT_TRUE(wake.raised());
}

TEST(Wake, LeavesErrnoAsASignalHandlerMust) {
  const Wake wake;
  // The counter of an eventfd is full one below the largest number; then write() fails.
  const std::uint64_t almost_full = ~std::uint64_t{0} - 1;
  ASSERT_EQ(::write(wake.fd(), &almost_full, sizeof almost_full), static_cast<ssize_t>(sizeof almost_full));
  errno = EDOM;
  wake.raise();
  EXPECT_EQ(errno, EDOM);
  EXPECT_TRUE(wake.raised());
}

TEST(Cancel, NeverEndsByItself) {
  EXPECT_EQ(Cancel().ended(), std::nullopt);
  EXPECT_EQ(Cancel().deadline(), std::nullopt);
}

TEST(Cancel, EndsWithTimeoutAtItsDeadline) {
  EXPECT_EQ(Cancel().until(past()).ended(), Reason::timeout);
  EXPECT_EQ(Cancel().within(hours(1)).ended(), std::nullopt);
  EXPECT_EQ(Cancel().within(Duration::zero()).ended(), Reason::timeout);
}

TEST(Cancel, KeepsTheEarlierOfTwoDeadlines) {
  const auto early = past();
  const auto late = early + hours(5);
  EXPECT_EQ(Cancel().until(early).until(late).deadline(), early);
  EXPECT_EQ(Cancel().until(late).until(early).deadline(), early);
}

TEST(Cancel, TakesATimeoutThatIsTooLongToAddAsNoEnd) {
  EXPECT_EQ(Cancel().within(Duration::max()).ended(), std::nullopt);
}

TEST(Cancel, EndsWithInterruptedWhenAnyOfItsWakesIsRaised) {
  const std::array<Wake, 3> wakes;
  const Cancel cancel = Cancel(wakes[0]).also(wakes[1]).also(wakes[2]);
  EXPECT_EQ(cancel.ended(), std::nullopt);
  for (const auto& wake : wakes) {
    wake.raise();
    EXPECT_EQ(cancel.ended(), Reason::interrupted);
    EXPECT_EQ(cancel.wait(-1, 0), Reason::interrupted);
    wake.clear();
    EXPECT_EQ(cancel.ended(), std::nullopt);
  }
}

TEST(Cancel, PrefersTheWakeToTheDeadline) {
  const Wake wake;
  wake.raise();
  EXPECT_EQ(Cancel(wake).until(past()).ended(), Reason::interrupted);
  EXPECT_EQ(Cancel(wake).until(past()).wait(-1, 0), Reason::interrupted);
}

TEST(Cancel, WaitsForTheDescriptor) {
  const Pair pair;
  pair.send_a_byte();
  EXPECT_EQ(Cancel().wait(pair.near.get(), POLLIN), std::nullopt);
  EXPECT_EQ(Cancel().within(hours(1)).wait(pair.near.get(), POLLOUT), std::nullopt);
}

TEST(Cancel, TakesAClosedPeerForReadiness) {
  Pair pair;
  pair.far.reset();
  EXPECT_EQ(Cancel().wait(pair.near.get(), POLLIN), std::nullopt);
}

TEST(Cancel, EndsAtItsDeadlineThoughTheDescriptorIsReady) {
  const Pair pair;
  pair.send_a_byte();
  EXPECT_EQ(Cancel().until(past()).wait(pair.near.get(), POLLIN), Reason::timeout);
}

TEST(Cancel, WaitsOutAShortDeadline) {
  const Pair pair;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(3);
  EXPECT_EQ(Cancel().until(deadline).wait(pair.near.get(), POLLIN), Reason::timeout);
  EXPECT_GE(std::chrono::steady_clock::now(), deadline);
}

TEST(Cancel, IsWokenFromAnotherThread) {
  const Wake wake;
  const Pair pair;
  std::optional<Reason> reason;
  std::thread waiter([&] { reason = Cancel(wake).wait(pair.near.get(), POLLIN); });
  wake.raise();
  waiter.join();
  EXPECT_EQ(reason, Reason::interrupted);
}

}  // namespace
}  // namespace repodigest
