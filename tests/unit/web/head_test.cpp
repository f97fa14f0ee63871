// What clients may say and what not, seen from outside: through a real server's socket.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "serving.h"
#include "support/hostile_requests.h"

namespace repodigest::web {
namespace {

using support::Fate;
using support::HostileRequest;
using support::HostileRequests;

constexpr const char* good = "/query";

std::vector<HostileRequest> table() {
  return HostileRequests(good).all();
}

/// The answers that come, and whether the connection then ends or takes one more request.
void expect_fate(RawClient& client, const HostileRequest& hostile) {
  const Fate& fate = hostile.web;
  std::string last_word;
  for (const int status : fate.statuses) {
    const RawReply reply = client.read_reply(hostile.bytes.starts_with("HEAD "));
    EXPECT_EQ(reply.status, status) << reply.head << reply.body;
    EXPECT_EQ(reply.header("Cache-Control"), "no-store");
    EXPECT_EQ(reply.header("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(reply.header("Content-Type"), "text/plain; charset=utf-8");
    EXPECT_EQ(reply.header("Allow"), status == 405 ? "GET, HEAD" : "");
    last_word = reply.header("Connection");
  }
  if (!fate.closes) {
    EXPECT_NE(last_word, "close");
    EXPECT_TRUE(client.send(get(good)));
    EXPECT_EQ(client.read_reply().status, 200) << "the next request";
  }
  client.finish_sending();
  EXPECT_TRUE(client.is_closed()) << "nothing behind it is a request";
}

TEST(HeadTest, AnswersHostileRequestsAsTheTableSays) {
  const Serving serving;
  std::uint64_t expected = 0;
  for (const HostileRequest& hostile : table()) {
    SCOPED_TRACE(hostile.what);
    RawClient client = serving.client();
    client.send(hostile.bytes);
    expect_fate(client, hostile);
    expected += hostile.web.statuses.size() + (hostile.web.closes ? 0 : 1);
  }
  std::uint64_t counted = 0;
  for (const int status : http_codes)
    counted += serving.answers(Handler::other, status) + serving.answers(Handler::summary, status) +
               serving.answers(Handler::page, status);
  EXPECT_EQ(counted, expected);
}

TEST(HeadTest, AnswersThemTooWhenEveryByteComesAlone) {
  const Serving serving;
  for (const HostileRequest& hostile : table()) {
    if (hostile.bytes.size() > 1000) continue;
    SCOPED_TRACE(hostile.what);
    RawClient client = serving.client();
    for (const char byte : hostile.bytes)
      if (!client.send(std::string(1, byte))) break;
    expect_fate(client, hostile);
  }
}

TEST(HeadTest, ReadsAHeadThatComesByteByByte) {
  const Serving serving;
  RawClient client = serving.client();
  for (const char byte : get("/images/a")) ASSERT_TRUE(client.send(std::string(1, byte)));
  EXPECT_EQ(client.read_reply().body, "/images/a");
}

TEST(HeadTest, LetsAClientReadTheRefusalOfABodyThatIsStillComing) {
  const Serving serving;
  RawClient client = serving.client();
  const std::string body(100'000, 'x');
  ASSERT_TRUE(client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"));
  client.send(body);
  const RawReply reply = client.read_reply();
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(reply.body, "only GET and HEAD are allowed\n");
}

TEST(HeadTest, DoesNotListenForEverToABodyItRefused) {
  const Serving serving;
  RawClient client = serving.client();
  ASSERT_TRUE(client.send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"));
  EXPECT_TRUE(eventually([&] { return !client.send(std::string(1U << 20U, 'x')); }));
}

}  // namespace
}  // namespace repodigest::web
