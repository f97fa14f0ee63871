// Many clients that hold connections in every way there is; somebody else is still answered.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <iostream>
#include <string>
#include <vector>

#include "serving.h"

namespace repodigest::web {
namespace {

constexpr Duration never = std::chrono::hours(24);

void allow_many_files() {
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = files.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  if (files.rlim_max < 2000) GTEST_SKIP() << "this machine allows " << files.rlim_max << " open files";
}

class CrowdTest : public testing::TestWithParam<std::pair<Over, std::size_t>> {};

TEST_P(CrowdTest, AnswersARequestWhileIdleAndSlowConnectionsAreOpen) {
  allow_many_files();
  if (IsSkipped()) return;
  ServerOptions options;
  const Over over = GetParam().first;
  const std::size_t max_connections = GetParam().second;
  options.max_connections = max_connections;
  options.head_timeout = options.idle_timeout = options.send_timeout = never;
  const Serving serving(options, over);
  // Over TLS half of those who do nothing do it in the middle of the handshake.
  const auto idle = [&](int i) {
    return over == Over::tls && i % 2 == 0 ? RawClient::tcp(serving.port()) : serving.client();
  };

  const auto memory_before = resident_bytes();
  std::vector<RawClient> crowd;
  for (int i = 0; i < 500; ++i) crowd.push_back(idle(i));
  for (int i = 0; i < 200; ++i) {
    crowd.push_back(idle(i));
    // In the middle of a handshake: the beginning of a record.
    ASSERT_TRUE(crowd.back().send(crowd.back().tls() != nullptr || over != Over::tls
                                      ? "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
                                      : "\x16\x03\x01"));
  }
  for (std::uint64_t i = 0; i < 50; ++i) {
    crowd.push_back(RawClient::tcp(serving.port(), 4096));
    ASSERT_TRUE(over != Over::tls || crowd.back().shake_hands());
    ASSERT_TRUE(crowd.back().send(get("/big")));
    ASSERT_TRUE(eventually([&] { return serving.answers(Handler::metrics, 200) == i + 1; }));
  }
  const auto expected = std::min<std::int64_t>(750, static_cast<std::int64_t>(max_connections));
  ASSERT_TRUE(eventually([&] { return serving.connections() == expected; })) << serving.connections();

  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(serving.ask(get("/")).body, "page");
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  std::cout << "answered in " << took.count() << " ms beside " << expected << " connections\n";

  EXPECT_GE(serving.big().use_count(), 50) << "the slow readers share one body";
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they have memory of their own
  EXPECT_LT(resident_bytes() - memory_before, serving.big()->size() * 5) << "50 copies would be a gigabyte";
#else
  (void)memory_before;
#endif
}

INSTANTIATE_TEST_SUITE_P(WithRoomForAll, CrowdTest,
                         testing::Values(std::pair(Over::tcp, std::size_t{1000}),
                                         std::pair(Over::tls, std::size_t{1000})));
INSTANTIATE_TEST_SUITE_P(WithTheDefaultLimit, CrowdTest,
                         testing::Values(std::pair(Over::tcp, ServerOptions().max_connections),
                                         std::pair(Over::tls, ServerOptions().max_connections)));

TEST(SlowReaderTest, GetsALargeBodyIntact) {
  const Serving serving;
  RawClient slow = RawClient::tcp(serving.port(), 4096);
  ASSERT_TRUE(slow.send(get("/big")));
  EXPECT_EQ(serving.ask(get("/")).status, 200);
  const RawReply reply = slow.read_reply();
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.body == *serving.big());
  ASSERT_TRUE(slow.send(get("/")));
  EXPECT_EQ(slow.read_reply().body, "page");
}

}  // namespace
}  // namespace repodigest::web
