// What becomes of the requests of a server that passes them on.
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "passing.h"

namespace repodigest::web {
namespace {

constexpr Duration long_grace = std::chrono::minutes(10);

std::string request(const std::string& method, const std::string& target, const std::string& headers = "") {
  return method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n";
}

TEST(PassageTest, GivesTheRuleTheRequestAsItCame) {
  Passing passing;
  ASSERT_EQ(
      passing.ask(request("GET", "/v1.47/images/a%2Fb:c@sha256:1/json?a=%20b&c", "x-a: 1\r\nX-A:  2 \r\n"))
          .status,
      404);
  const RawRequest ruled = passing.ruled();
  EXPECT_EQ(ruled.method, "GET");
  EXPECT_EQ(ruled.target, "/v1.47/images/a%2Fb:c@sha256:1/json?a=%20b&c");
  EXPECT_EQ(ruled.headers, (Headers{{"Host", "localhost"}, {"x-a", "1"}, {"X-A", "2"}}));
  EXPECT_FALSE(ruled.has_body);
}

TEST(PassageTest, TakesTheAuthorityOfAnAbsoluteFormForItsHost) {
  Passing passing;
  ASSERT_EQ(passing.ask(request("GET", "http://other.example:81/images/a%2Fb/json?a=/", "X-A: 1\r\n")).status,
            404);
  EXPECT_EQ(passing.ruled().target, "/images/a%2Fb/json?a=/");
  EXPECT_EQ(passing.ruled().headers, (Headers{{"Host", "other.example:81"}, {"X-A", "1"}}));
}

TEST(PassageTest, SaysWhoAsks) {
  Passing passing;
  RawClient by_path = passing.unix_client();
  ASSERT_TRUE(by_path.send(get("/reply")));
  by_path.read_reply();
  EXPECT_EQ(passing.ruled().peer, "uid=" + std::to_string(::getuid()) + " pid=" + std::to_string(::getpid()));
  RawClient by_port = passing.client();
  ASSERT_TRUE(by_port.send(get("/reply")));
  by_port.read_reply();
  sockaddr_in name{};
  socklen_t size = sizeof name;
  ASSERT_EQ(::getsockname(by_port.fd(), reinterpret_cast<sockaddr*>(&name), &size), 0);
  EXPECT_EQ(passing.ruled().peer, "127.0.0.1:" + std::to_string(ntohs(name.sin_port)));
}

TEST(PassageTest, RepliesAtOnceWhereTheRuleSaysSo) {
  Passing passing;
  RawClient client = passing.client();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(client.send(get("/reply")));
    const RawReply reply = client.read_reply();
    EXPECT_EQ(reply.head, "HTTP/1.1 403 Forbidden\r\nX-Rule: yes\r\nDate: " + reply.header("Date") +
                              "\r\nCache-Control: no-store\r\n"
                              "X-Content-Type-Options: nosniff\r\nContent-Type: text/plain; charset=utf-8\r\n"
                              "Content-Length: 10\r\n\r\n");
    EXPECT_EQ(reply.body, "GET /reply");
  }
  ASSERT_TRUE(client.send(request("HEAD", "/reply", "Connection: close\r\n")));
  EXPECT_EQ(client.read_reply(true).header("Connection"), "close");
  EXPECT_TRUE(client.is_closed());
  EXPECT_TRUE(passing.answered().empty());
  EXPECT_TRUE(passing.refused().empty()) << "the rule counts for itself";
}

TEST(PassageTest, AsksTheRuleAboutEveryMethod) {
  const Passing passing;
  RawClient client = passing.client();
  for (const std::string method : {"POST", "DELETE", "PUT", "OPTIONS", "BREW", "get"}) {
    ASSERT_TRUE(client.send(request(method, "/images/create")));
    EXPECT_EQ(client.read_reply().body, method + " /images/create");
  }
}

TEST(PassageTest, RepliesToARequestWithABodyBeforeTheBodyIsThere) {
  Passing passing;
  for (const std::string header :
       {"Content-Length: 1\r\n", "Transfer-Encoding: chunked\r\n",
        "Content-Length: 0\r\nExpect: 100-continue\r\n", "Content-Length: 99999999999999999999\r\n"}) {
    for (const std::string method : {"POST", "GET"}) {
      RawClient client = passing.client();
      ASSERT_TRUE(client.send(request(method, "/build", header)));
      const RawReply reply = client.read_reply();
      EXPECT_EQ(reply.status, 403) << header;
      EXPECT_EQ(reply.header("Connection"), "close");
      EXPECT_TRUE(passing.ruled().has_body);
      ASSERT_TRUE(client.send(get("/smuggled")));
      client.finish_sending();
      EXPECT_TRUE(client.is_closed());
    }
  }
  EXPECT_EQ(passing.ruled().target, "/build") << "what follows is never a request";
}

TEST(PassageTest, LetsAClientReadTheReplyThatIsStillSendingItsBody) {
  const Passing passing;
  for (const bool by_path : {false, true}) {
    RawClient client = by_path ? passing.unix_client() : passing.client();
    ASSERT_TRUE(client.send(request("POST", "/build", "Content-Length: 8388608\r\n")));
    client.send(std::string(8U << 20U, 'x'));  // before it reads, and whether all of it is taken or not
    const RawReply reply = client.read_reply();
    EXPECT_EQ(reply.status, 403) << by_path;
    EXPECT_EQ(reply.body, "POST /build");
  }
}

TEST(PassageTest, RefusesHostileHeadsAsDockersApiDoesAndTellsOfThem) {
  Passing passing;
  struct Hostile {
    std::string bytes;
    int status;
    std::string message;
  };
  const std::vector<Hostile> heads = {
      {"GET /\r\n", 400, "the request line must be: method, target and version, one space between"},
      {request("GET", "http://me@localhost/"), 400,
       "the request target must have a host, perhaps a port, and no user"},
      {request("CONNECT", "localhost:22"), 400,
       "the request target must be a path that begins with /, or an http:// URL"},
      {request("GET", "/%zz"), 400,
       "the request target must be printable ASCII, with two hex digits after every %"},
      {request("POST", "/", "Content-Length: 1, 1\r\n"), 400, "Content-Length must be a number"},
      {request("GET", "/", "Host: other\r\n"), 400, "there must be one Host header"},
      {"GET / HTTP/2.0\r\n\r\n", 505, "only HTTP/1.1 and HTTP/1.0 are spoken here"},
      {request("GET", "/" + std::string(8000, 'a')), 414, "the request line is too long"},
      {request("POST", "/", "X-A: " + std::string(17000, 'a') + "\r\n"), 431,
       "the request head is too long"}};
  std::vector<int> statuses;
  for (const Hostile& hostile : heads) {
    RawClient client = passing.client();
    client.send(hostile.bytes);
    const RawReply reply = client.read_reply();
    EXPECT_EQ(reply.status, hostile.status) << hostile.bytes.substr(0, 100);
    EXPECT_EQ(reply.header("Content-Type"), "application/json");
    EXPECT_EQ(reply.header("Connection"), "close");
    EXPECT_EQ(reply.body, "{\"message\":\"" + hostile.message + "\"}\n");
    statuses.push_back(hostile.status);
  }
  EXPECT_EQ(passing.refused(), statuses);
}

TEST(PassageTest, RefusesWhatTheRuleCannotMean) {
  Passing passing;
  for (const std::string& bytes : {get("/throw"), get("/lane-of-nobody"), request("POST", "/any-method"),
                                   request("GET", "/any-method", "Content-Length: 4\r\n")}) {
    const RawReply reply = passing.ask(bytes);
    EXPECT_EQ(reply.status, 500) << bytes;
    EXPECT_EQ(reply.body, "{\"message\":\"internal error\"}\n");
  }
  EXPECT_EQ(passing.refused(), std::vector<int>(4, 500));
  EXPECT_TRUE(passing.answered().empty());
}

/// Answers that hang until they are released, in both lanes.
class LaneTest : public testing::Test {
 protected:
  void passing(Passage limits, ServerOptions options = {}) {
    const auto hangs = [this](const RawRequest&, Flow& flow) {
      passing_->hang();
      (void)flow.begin(200, {}, 8);
      (void)flow.write("released", Cancel());
      flow.end();
    };
    passing_.emplace(Passing::Answers{{"/hang", hangs}, {"/streams/hang", hangs}, {"/", says({"page"}, 4)}},
                     std::move(limits), std::move(options));
  }
  RawClient asking(const std::string& target) {
    RawClient client = passing_->client();
    EXPECT_TRUE(client.send(get(target)));
    return client;
  }
  void wait_until_hanging(int count) {
    ASSERT_TRUE(eventually([&] { return passing_->waiting() == count; }));
  }
  /// Waits until the rule has let a request with that target in.
  void wait_until_ruled(const std::string& target) {
    ASSERT_TRUE(eventually([&] { return passing_->ruled().target == target; }));
  }

  std::optional<Passing> passing_;
};

TEST_F(LaneTest, LetsRequestsWaitForAThreadAndRefusesThoseOverTheLimit) {
  passing(Passing::small_lanes());
  RawClient busy = asking("/hang");
  wait_until_hanging(1);
  RawClient waiting = asking("/?waiting");
  wait_until_ruled("/?waiting");
  for (int i = 0; i < 3; ++i) {
    const RawReply refused = passing_->ask(get("/?refused"));
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.header("Retry-After"), "1");
    EXPECT_EQ(refused.body, "{\"message\":\"too many requests at once\"}\n");
  }
  EXPECT_EQ(passing_->ask(request("HEAD", "/?refused")).body, "");
  EXPECT_EQ(passing_->ask(get("/reply")).status, 403) << "what needs no thread is answered";
  passing_->release();
  EXPECT_EQ(busy.read_reply().body, "released");
  EXPECT_EQ(waiting.read_reply().body, "page");
  EXPECT_EQ(passing_->refused(), std::vector<int>(4, 503));
  EXPECT_EQ(passing_->answered(), (std::vector<std::string>{"/hang", "/?waiting"}));
}

TEST_F(LaneTest, RefusesARequestThatWaitedTooLongAndNeverAnswersIt) {
  Passage limits = Passing::small_lanes();
  limits.patience = std::chrono::milliseconds(50);
  passing(limits);
  RawClient busy = asking("/hang");
  wait_until_hanging(1);
  for (int i = 0; i < 3; ++i) {  // each gives its place back
    const RawReply refused = passing_->ask(get("/?refused"));
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.header("Retry-After"), "1");
  }
  EXPECT_EQ(passing_->ask(request("HEAD", "/?refused")).status, 503);
  passing_->release();
  EXPECT_EQ(busy.read_reply().body, "released") << "patience is for those without a thread";
  EXPECT_EQ(passing_->ask(get("/")).body, "page");
  EXPECT_EQ(passing_->answered(), (std::vector<std::string>{"/hang", "/"}));
}

TEST_F(LaneTest, KeepsEachLaneForItself) {
  passing(Passing::small_lanes());
  RawClient stream = asking("/streams/hang");
  wait_until_hanging(1);
  EXPECT_EQ(passing_->ask(get("/")).body, "page");
  RawClient waiting_stream = asking("/streams/hang");
  wait_until_ruled("/streams/hang");
  EXPECT_EQ(passing_->ask(get("/")).body, "page");
  passing_->release();
  EXPECT_EQ(stream.read_reply().body, "released");
  EXPECT_EQ(waiting_stream.read_reply().body, "released");
}

TEST_F(LaneTest, HasAsManyThreadsAsItsLaneMay) {
  Passage limits = Passing::small_lanes();
  limits.lanes = {4, 16};
  limits.max_waiting = 0;
  passing(limits);
  std::vector<RawClient> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(asking("/hang"));
  for (int i = 0; i < 16; ++i) clients.push_back(asking("/streams/hang"));
  wait_until_hanging(20);
  EXPECT_EQ(passing_->ask(get("/hang")).status, 503);
  EXPECT_EQ(passing_->ask(get("/streams/hang")).status, 503);
  passing_->release();
  for (RawClient& client : clients) EXPECT_EQ(client.read_reply().body, "released");
}

TEST_F(LaneTest, ClosesTheConnectionOfAClientThatLeftThoughItsAnswerHangs) {
  passing(Passing::small_lanes());
  {
    const RawClient leaving = asking("/hang");
    wait_until_hanging(1);
  }
  EXPECT_TRUE(eventually([&] { return passing_->connections() == 0; }));
  EXPECT_EQ(passing_->ask(get("/streams")).status, 404) << "and the other lane goes on";
}

TEST_F(LaneTest, StopsWithinItsGraceThoughAnswersHang) {
  passing(Passing::small_lanes());
  RawClient hanging = asking("/hang");
  wait_until_hanging(1);
  RawClient waiting = asking("/?waiting");
  wait_until_ruled("/?waiting");
  passing_->server().stop(std::chrono::milliseconds(50));
  EXPECT_EQ(hanging.read_reply().status, 0);
  EXPECT_EQ(waiting.read_reply().status, 0);
  EXPECT_EQ(passing_->connections(), 0);
  passing_->release();
  EXPECT_EQ(passing_->answered(), std::vector<std::string>{"/hang"});
}

TEST_F(LaneTest, FinishesAnswersUnderWayWithinTheGrace) {
  passing(Passing::small_lanes());
  RawClient idle = passing_->client();
  RawClient hanging = asking("/hang");
  wait_until_hanging(1);
  std::thread stopping([&] { passing_->server().stop(long_grace); });
  EXPECT_TRUE(idle.is_closed());
  passing_->release();
  EXPECT_EQ(hanging.read_reply().body, "released");
  EXPECT_TRUE(hanging.is_closed());
  stopping.join();
}

TEST(PassageTest, TellsAnswersThatTheServerStops) {
  Passing* running = nullptr;
  Passing passing({{"/streams", [&](const RawRequest&, Flow& flow) {
                      EXPECT_TRUE(flow.begin(200, {}, std::nullopt));
                      running->wait(flow);
                    }}});
  running = &passing;
  RawClient client = passing.client();
  ASSERT_TRUE(client.send(get("/streams")));
  ASSERT_TRUE(eventually([&] { return passing.waiting() == 1; }));
  passing.server().stop(std::chrono::milliseconds(50));
  EXPECT_TRUE(eventually([&] { return passing.left() == 1; }));
}

}  // namespace
}  // namespace repodigest::web
