// What one client, or many, cannot do to the others.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <string>
#include <vector>

#include "serving.h"

namespace repodigest::web {
namespace {

constexpr Duration never = std::chrono::hours(24);

TEST(LimitsTest, EndsAHeadThatDoesNotArriveInTimeHoweverItDrips) {
  ServerOptions options;
  options.head_timeout = std::chrono::milliseconds(50);
  const Serving serving(options);
  RawClient client = serving.client();
  ASSERT_TRUE(client.send("GET / HTTP/1.1\r\nHost: localhost\r\nX-A: "));
  // Each byte is another sign of life; the deadline does not care.
  EXPECT_TRUE(eventually([&] {
    const bool taken = client.send("a");
    return Cancel().within(std::chrono::milliseconds(1)).wait(client.fd(), POLLIN) == std::nullopt || !taken;
  }));
  EXPECT_EQ(client.read_reply().status, 408);
  EXPECT_EQ(serving.answers(Handler::other, 408), 1U);
}

TEST(LimitsTest, ClosesAnIdleConnectionInSilence) {
  ServerOptions options;
  options.idle_timeout = std::chrono::milliseconds(50);
  const Serving serving(options);
  RawClient fresh = serving.client();
  EXPECT_TRUE(fresh.is_closed());
  RawClient used = serving.client();
  ASSERT_TRUE(used.send(get("/")));
  EXPECT_EQ(used.read_reply().status, 200);
  EXPECT_TRUE(used.is_closed());
}

TEST(LimitsTest, DropsAClientThatDoesNotTakeItsReplyInTime) {
  ServerOptions options;
  options.send_timeout = std::chrono::milliseconds(100);
  const Serving serving(options);
  RawClient client = RawClient::tcp(serving.port(), 4096);
  ASSERT_TRUE(client.send(get("/big")));
  EXPECT_TRUE(eventually([&] { return serving.answers(Handler::metrics, 200) == 1; }));
  EXPECT_TRUE(eventually([&] { return serving.connections() == 0; }));
  EXPECT_LT(client.read_to_end().size(), serving.big()->size());
}

TEST(LimitsTest, ClosesAnEndedConnectionThatTheClientKeepsOpen) {
  const Serving serving;
  RawClient client = serving.client();
  ASSERT_TRUE(client.send(get("/", "Connection: close\r\n")));
  EXPECT_EQ(client.read_reply().status, 200);
  EXPECT_TRUE(eventually([&] { return serving.connections() == 0; }));
}

TEST(LimitsTest, ClosesTheOldestIdleConnectionForANewcomer) {
  ServerOptions options;
  options.max_connections = 4;
  const Serving serving(options);
  std::vector<RawClient> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(serving.client());
    ASSERT_TRUE(clients.back().send(get("/")));
    ASSERT_EQ(clients.back().read_reply().status, 200);
  }
  // The first becomes the youngest again, so the second is the oldest.
  ASSERT_TRUE(clients[0].send(get("/")));
  ASSERT_EQ(clients[0].read_reply().status, 200);
  EXPECT_EQ(serving.ask(get("/")).status, 200);
  EXPECT_TRUE(clients[1].is_closed());
  for (const std::size_t kept : {0U, 2U, 3U}) {
    ASSERT_TRUE(clients[kept].send(get("/")));
    EXPECT_EQ(clients[kept].read_reply().status, 200) << kept;
  }
}

/// Four clients have all the room there is, and stay. Each comes when the one before was answered, if they
/// will be: workers may answer two requests in another order.
std::vector<RawClient> full_house(const Serving& serving, const std::string& bytes, bool answered = false) {
  std::vector<RawClient> clients;
  for (unsigned i = 0; i < 4; ++i) {
    clients.push_back(RawClient::tcp(serving.port(), 4096));
    EXPECT_TRUE(clients.back().send(bytes));
    EXPECT_TRUE(eventually([&] { return serving.connections() == i + 1; }));
    EXPECT_TRUE(eventually([&] { return !answered || serving.answers(Handler::metrics, 200) == i + 1; }));
  }
  return clients;
}

TEST(LimitsTest, ClosesTheOldestSlowHeadForANewcomer) {
  ServerOptions options;
  options.max_connections = 4;
  options.head_timeout = never;
  const Serving serving(options);
  std::vector<RawClient> slow = full_house(serving, "GET / HTTP/1.1\r\nHost: a\r\n");
  EXPECT_EQ(serving.ask(get("/")).status, 200);
  EXPECT_TRUE(slow[0].is_closed());
  ASSERT_TRUE(slow[3].send("\r\n"));
  EXPECT_EQ(slow[3].read_reply().status, 200) << "not more than there must be";
}

TEST(LimitsTest, ClosesTheOldestSlowReaderForANewcomer) {
  ServerOptions options;
  options.max_connections = 4;
  options.send_timeout = never;
  const Serving serving(options);
  std::vector<RawClient> slow = full_house(serving, get("/big"), true);
  ASSERT_TRUE(eventually([&] { return serving.ask(get("/")).status == 200; }));
  EXPECT_LT(slow[0].read_to_end().size(), serving.big()->size());
  EXPECT_TRUE(slow[3].read_reply().body == *serving.big());
}

TEST(LimitsTest, LeavesTheFewWhoAreSlowAloneWhereManyAreIdle) {
  ServerOptions options;
  options.max_connections = 4;
  options.send_timeout = never;
  const Serving serving(options);
  RawClient slow = RawClient::tcp(serving.port(), 4096);
  ASSERT_TRUE(slow.send(get("/big")));
  ASSERT_TRUE(eventually([&] { return serving.answers(Handler::metrics, 200) == 1; }));
  std::vector<RawClient> idle;
  for (int i = 0; i < 20; ++i) idle.push_back(serving.client());
  ASSERT_TRUE(eventually([&] { return serving.connections() == 4; }));
  EXPECT_TRUE(slow.read_reply().body == *serving.big());
}

/// As many clients ask for `target` and take nothing yet, one after the other.
std::vector<RawClient> slow_readers(const Serving& serving, const std::string& target, unsigned count) {
  std::vector<RawClient> clients;
  for (unsigned i = 1; i <= count; ++i) {
    clients.push_back(RawClient::tcp(serving.port(), 4096));
    EXPECT_TRUE(clients.back().send(get(target)));
    EXPECT_TRUE(eventually([&] { return serving.answers(Handler::metrics, 200) == i; }));
    EXPECT_EQ(serving.ask(get("/")).status, 200) << "by then the reply is on its way";
  }
  return clients;
}

TEST(LimitsTest, ClosesTheOldestOfManyWhoTakeLargeRepliesSlowlySoThatMemoryIsBounded) {
  ServerOptions options;
  options.send_timeout = never;
  const Serving serving(options);
  std::vector<RawClient> slow = slow_readers(serving, "/copy", 8);
  ASSERT_TRUE(eventually([&] { return serving.connections() <= 4; }));
  for (const std::size_t gone : {0U, 1U, 2U, 3U})
    EXPECT_LT(slow[gone].read_to_end().size(), serving.big()->size()) << gone;
  for (const std::size_t stays : {4U, 5U, 6U, 7U})
    EXPECT_TRUE(slow[stays].read_reply().body == *serving.big()) << stays;
}

TEST(LimitsTest, LeavesManyWhoTakeTheSameLargeReplySlowlyAloneWhereItIsKeptAnyway) {
  ServerOptions options;
  options.send_timeout = never;
  const Serving serving(options);
  std::vector<RawClient> slow = slow_readers(serving, "/big", 8);
  for (RawClient& client : slow) EXPECT_TRUE(client.read_reply().body == *serving.big());
}

TEST(LimitsTest, ClosesTheOldestConnectionThatHasHadItsLastReplyForANewcomer) {
  ServerOptions options;
  options.max_connections = 4;
  const Serving serving(options);
  std::vector<RawClient> refused = full_house(serving, "GET /\r\n\r\n");
  for (RawClient& client : refused) EXPECT_EQ(client.read_reply().status, 400);
  EXPECT_EQ(serving.ask(get("/")).status, 200);
}

TEST(LimitsTest, TurnsNewcomersAwayWhenNobodyIsIdle) {
  ServerOptions options;
  options.max_connections = 2;
  Serving serving(options);
  std::vector<RawClient> busy;
  for (int i = 0; i < 2; ++i) {
    busy.push_back(serving.client());
    ASSERT_TRUE(busy.back().send(get("/hang")));
  }
  ASSERT_TRUE(eventually([&] { return serving.hanging() == 2; }));
  for (int i = 0; i < 200; ++i) {
    RawClient newcomer = serving.client();
    const RawReply reply = newcomer.read_reply();
    ASSERT_EQ(reply.status, 503) << i;
    EXPECT_EQ(reply.header("Retry-After"), "1");
    EXPECT_EQ(reply.header("Connection"), "close");
  }
  serving.release();
  for (RawClient& client : busy) EXPECT_EQ(client.read_reply().body, "released");
  EXPECT_TRUE(eventually([&] { return serving.ask(get("/")).status == 200; }));
}

TEST(LimitsTest, RefusesRequestsOverTheLimitAtOnce) {
  ServerOptions options;
  options.max_requests = 1;
  Serving serving(options);
  RawClient busy = serving.client();
  ASSERT_TRUE(busy.send(get("/hang")));
  ASSERT_TRUE(eventually([&] { return serving.hanging() == 1; }));
  const RawReply refused = serving.ask(get("/"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("Retry-After"), "1");
  EXPECT_EQ(serving.ask("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 503);
  serving.release();
  EXPECT_EQ(busy.read_reply().status, 200);
  EXPECT_EQ(serving.ask(get("/")).status, 200);
  EXPECT_EQ(serving.answers(Handler::other, 503), 2U);
}

TEST(LimitsTest, HasNoLimitOfRequestsWhenItIsZero) {
  ServerOptions options;
  options.max_requests = 0;
  options.workers = 2;
  Serving serving(options);
  std::vector<RawClient> clients;
  for (int i = 0; i < 60; ++i) {
    clients.push_back(serving.client());
    ASSERT_TRUE(clients.back().send(get("/hang")));
  }
  ASSERT_TRUE(eventually([&] { return serving.hanging() == 2; }));
  serving.release();
  for (RawClient& client : clients) EXPECT_EQ(client.read_reply().status, 200);
}

TEST(LimitsTest, ForgetsAClientThatLeavesWhileItsRequestIsAnswered) {
  Serving serving;
  {
    RawClient leaving = serving.client();
    ASSERT_TRUE(leaving.send(get("/hang")));
    ASSERT_TRUE(eventually([&] { return serving.hanging() == 1; }));
  }
  serving.release();
  EXPECT_TRUE(eventually([&] { return serving.connections() == 0; }));
  EXPECT_EQ(serving.ask(get("/")).status, 200);
}

/// Lowers the limit of open files for as long as it lives.
class FewFiles {
 public:
  explicit FewFiles(rlim_t limit) {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    const rlimit lowered{limit, before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &lowered), 0);
  }
  ~FewFiles() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  FewFiles(const FewFiles&) = delete;
  FewFiles& operator=(const FewFiles&) = delete;

 private:
  rlimit before_{};
};

TEST(LimitsTest, GoesOnAcceptingAfterTheProcessRanOutOfDescriptors) {
  ServerOptions options;
  options.idle_timeout = never;
  const Serving serving(options);
  std::vector<RawClient> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(RawClient::unconnected());
  {
    const FewFiles none_left(static_cast<rlim_t>(clients.back().fd()) + 1);
    for (RawClient& client : clients) client.connect_tcp(serving.port());
    EXPECT_EQ(serving.connections(), 0);
  }
  for (RawClient& client : clients) {
    ASSERT_TRUE(client.send(get("/")));
    EXPECT_EQ(client.read_reply().status, 200);
  }
}

}  // namespace
}  // namespace repodigest::web
