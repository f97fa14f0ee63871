// The beat: as long as the loop turns, and not longer.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "serving.h"

namespace repodigest::web {
namespace {

TEST(BeatTest, ComesWithoutAnyRequest) {
  std::atomic<int> beats{0};
  ServerOptions options;
  options.beat = [&] { ++beats; };
  options.beat_interval = std::chrono::milliseconds(5);
  const Serving serving(options);
  EXPECT_TRUE(eventually([&] { return beats >= 5; }));
}

TEST(BeatTest, IsNotKeptUpWhileTheLoopHangs) {
  std::atomic<int> beats{0};
  std::atomic<bool> hanging{false};
  const Wake released;
  Routes routes;
  routes.exact(
      "/", Handler::page, [](const Request&) { return Reply::text(200, "worker"); },
      [&](const Request&) {
        hanging = true;
        (void)Cancel(released).wait(-1, 0);
        return Reply::text(200, "lobby");
      });
  Stats stats;
  ServerOptions options;
  options.addresses = {{false, "", "127.0.0.1", 0}};
  options.beat = [&] { ++beats; };
  options.beat_interval = std::chrono::milliseconds(1);
  Server server(options, std::move(routes), stats);
  ASSERT_TRUE(server.start());
  RawClient client = RawClient::tcp(server.bound().at(0).port);
  ASSERT_TRUE(client.send(get("/")));
  ASSERT_TRUE(eventually([&] { return hanging.load(); }));
  const int before = beats;
  // A beat that a mere timer made would come in these fifty times its interval.
  EXPECT_EQ(Cancel(released).within(std::chrono::milliseconds(50)).wait(-1, 0), Reason::timeout);
  EXPECT_EQ(beats, before);
  released.raise();
  EXPECT_EQ(client.read_reply().body, "lobby");
  EXPECT_TRUE(eventually([&] { return beats > before; }));
}

TEST(BeatTest, ThatThrowsTakesNothingFromTheClients) {
  std::atomic<int> beats{0};
  ServerOptions options;
  options.beat = [&] {
    if (++beats < 3) throw std::runtime_error("no");
  };
  options.beat_interval = std::chrono::milliseconds(1);
  const Serving serving(options);
  EXPECT_TRUE(eventually([&] { return beats >= 3; }));
  EXPECT_EQ(serving.ask(get("/")).body, "page");
}

}  // namespace
}  // namespace repodigest::web
