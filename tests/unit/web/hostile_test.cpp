// What a plain cpp-httplib server dies of or grows by, once over each kind of listener.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "serving.h"

namespace repodigest::web {
namespace {

class HostileTest : public testing::TestWithParam<Over> {
 protected:
  const Serving serving_{{}, GetParam()};

  /// Sends `piece` until the server has had enough, or a hundred megabytes are gone; then its answer.
  [[nodiscard]] RawReply flood(const std::string& begin, const std::string& piece) const {
    RawClient client = serving_.client();
    (void)client.send(begin);
    for (std::size_t sent = 0; sent < 100'000'000 && client.send(piece); sent += piece.size())
      if (!Cancel().within(Duration::zero()).wait(client.fd(), POLLIN)) break;
    return client.read_reply();
  }
  void expect_served() const { EXPECT_EQ(serving_.ask(get("/")).body, "page"); }
};

TEST_P(HostileTest, EndsARequestLineAHeadAndABodyThatDoNotEnd) {
  expect_served();
  const std::size_t before = resident_bytes();
  EXPECT_EQ(flood("GET /", std::string(10'000, 'a')).status, 414);
  EXPECT_EQ(flood("GET / HTTP/1.1\r\nHost: a\r\n", "X-A: " + std::string(1000, 'a') + "\r\n").status, 431);
  EXPECT_EQ(flood("GET / HTTP/1.1\r\nHost: a\r\nX-A: ", std::string(10'000, 'a')).status, 431);
  EXPECT_EQ(flood("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
                  "2710\r\n" + std::string(10'000, 'a') + "\r\n")
                .status,
            405);
  EXPECT_EQ(flood("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
                  "2710\r\n" + std::string(10'000, 'a') + "\r\n")
                .status,
            413);
  expect_served();
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(resident_bytes(), before + 4'000'000);
#else
  (void)before;
#endif
}

TEST_P(HostileTest, TakesNoBodyForARequest) {
  RawClient client = serving_.client();
  ASSERT_TRUE(client.send(get("/", "Content-Length: 30\r\n") + get("/query?smuggled")));
  EXPECT_EQ(client.read_reply().status, 413);
  EXPECT_EQ(client.read_to_end().find("smuggled"), std::string::npos);
}

TEST_P(HostileTest, IgnoresRangesAndEncodings) {
  std::string ranges = "Range: bytes=0-";
  for (int i = 0; i < 60; ++i) ranges += ",0-";
  const RawReply reply = serving_.ask(get("/big", ranges + "\r\nAccept-Encoding: gzip, br\r\n"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body.size(), serving_.big()->size());
  EXPECT_EQ(reply.header("Content-Encoding"), "");
}

TEST_P(HostileTest, EchoesNothingIntoHeadersAndTellsNothingOfItself) {
  EXPECT_EQ(serving_.ask(get("/%0d%0aX-Injected:%20yes")).header("X-Injected"), "");
  EXPECT_EQ(serving_.ask(get("/", "X-A: %0d%0aX-Injected: yes\r\nREMOTE_ADDR: 6.6.6.6\r\n")).status, 200);
  const RawReply reply = serving_.ask(get("/throw"));
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ((reply.head + reply.body).find("secret"), std::string::npos);
}

TEST_P(HostileTest, AnswersBesideIdleAndDrippingConnections) {
  std::vector<RawClient> crowd;
  for (int i = 0; i < 40; ++i) {
    crowd.push_back(serving_.client());
    ASSERT_TRUE(i % 2 == 0 || crowd.back().send("GET / HTTP/1.1\r\nX-Slow: "));
  }
  expect_served();
}

std::string name_of_kind(const testing::TestParamInfo<Over>& info) {
  return info.param == Over::tcp ? "Tcp" : info.param == Over::tls ? "Tls" : "UnixSocket";
}
INSTANTIATE_TEST_SUITE_P(Over, HostileTest, testing::Values(Over::tcp, Over::unix_socket, Over::tls),
                         name_of_kind);

}  // namespace
}  // namespace repodigest::web
