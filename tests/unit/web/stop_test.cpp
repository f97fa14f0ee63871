#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "serving.h"

namespace repodigest::web {
namespace {

constexpr Duration never = std::chrono::hours(24);
constexpr Duration long_grace = std::chrono::minutes(10);

ServerOptions patient() {
  ServerOptions options;
  options.head_timeout = options.idle_timeout = options.send_timeout = never;
  return options;
}

TEST(StopTest, EndsWithItsGraceWhateverClientsDo) {
  Serving serving(patient());
  RawClient idle = serving.client();
  RawClient slow_head = serving.client();
  ASSERT_TRUE(slow_head.send("GET / HT"));
  RawClient slow_reader = RawClient::tcp(serving.port(), 4096);
  ASSERT_TRUE(slow_reader.send(get("/big")));
  ASSERT_TRUE(eventually([&] { return serving.answers(Handler::metrics, 200) == 1; }));
  ASSERT_TRUE(eventually([&] { return serving.connections() == 3; }));
  serving.server().stop(std::chrono::milliseconds(100));  // the reader would keep it for a day
  EXPECT_EQ(serving.connections(), 0);
  EXPECT_TRUE(idle.is_closed());
}

TEST(StopTest, DoesNotWaitForIdleConnections) {
  Serving serving(patient());
  RawClient idle = serving.client();
  ASSERT_TRUE(eventually([&] { return serving.connections() == 1; }));
  serving.server().stop(long_grace);  // the test's own timeout is shorter
  EXPECT_EQ(serving.connections(), 0);
}

TEST(StopTest, FinishesRepliesUnderWay) {
  Serving serving(patient());
  RawClient working = serving.client();
  ASSERT_TRUE(working.send(get("/hang")));
  ASSERT_TRUE(eventually([&] { return serving.hanging() == 1; }));
  RawClient reading = RawClient::tcp(serving.port(), 4096);
  ASSERT_TRUE(reading.send(get("/big")));
  ASSERT_TRUE(eventually([&] { return serving.answers(Handler::metrics, 200) == 1; }));

  const auto port = serving.port();
  std::thread stopping([&] { serving.server().stop(long_grace); });
  const auto refused = [port] {
    const Fd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0;
  };
  EXPECT_TRUE(eventually(refused)) << "it listens no more";
  serving.release();
  EXPECT_EQ(working.read_reply().body, "released");
  EXPECT_TRUE(working.is_closed());
  EXPECT_TRUE(reading.read_reply().body == *serving.big());
  stopping.join();
}

TEST(StopTest, LeavesAHandlerThatHangs) {
  Serving serving(patient());
  RawClient client = serving.client();
  ASSERT_TRUE(client.send(get("/hang")));
  ASSERT_TRUE(eventually([&] { return serving.hanging() == 1; }));
  serving.server().stop(std::chrono::milliseconds(50));
  EXPECT_EQ(client.read_reply().status, 0);
  serving.server().stop(long_grace);  // a second one has nothing to do
}

TEST(StopTest, IsHarmlessBeforeStart) {
  Stats stats;
  Server server({}, Routes(), stats);
  server.stop(long_grace);
  EXPECT_TRUE(server.bound().empty());
}

}  // namespace
}  // namespace repodigest::web
