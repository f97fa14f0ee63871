// How an answer that is made while it is sent comes to its client.
#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "passing.h"

namespace repodigest::web {
namespace {

constexpr std::string_view head_end = "\r\n\r\n";
constexpr std::string_view last_chunk = "0\r\n\r\n";

std::string get_1_0(const std::string& target, const std::string& headers = "") {
  return "GET " + target + " HTTP/1.0\r\n" + headers + "\r\n";
}

std::string head(const std::string& target) {
  return "HEAD " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

RawReply with_head(std::string text) {
  return {std::atoi(text.c_str() + 9), std::move(text), ""};
}

/// Bytes that tell where they stand.
std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>((i * 2654435761U) >> 24U);
  return bytes;
}

TEST(FlowTest, SendsABodyWhoseLengthIsKnown) {
  const Passing passing({{"/", says({"one,", "", "two"}, 7)}});
  const RawReply reply = passing.ask(get("/"));
  EXPECT_TRUE(reply.head.starts_with("HTTP/1.1 200 OK\r\n")) << reply.head;
  EXPECT_EQ(reply.header("Content-Type"), "application/json");
  EXPECT_EQ(reply.header("Content-Length"), "7");
  EXPECT_EQ(reply.header("Transfer-Encoding"), "");
  EXPECT_EQ(reply.header("Connection"), "");
  EXPECT_EQ(reply.body, "one,two");
}

TEST(FlowTest, SendsABodyOfUnknownLengthInChunks) {
  const Passing passing({{"/", says({"one,", "", "two"})}});
  RawClient client = passing.client();
  ASSERT_TRUE(client.send(get("/")));
  const RawReply reply = with_head(read_until(client, head_end));
  EXPECT_EQ(reply.header("Transfer-Encoding"), "chunked");
  EXPECT_EQ(reply.header("Content-Length"), "");
  EXPECT_EQ(unchunked(read_until(client, last_chunk)), "one,two");
}

TEST(FlowTest, EndsABodyOfUnknownLengthForHttp10WithTheConnection) {
  const Passing passing({{"/", says({"one,", "two"})}, {"/length", says({"body"}, 4)}});
  RawClient client = passing.client();
  ASSERT_TRUE(client.send(get_1_0("/", "Connection: keep-alive\r\n")));
  const RawReply reply = with_head(read_until(client, head_end));
  EXPECT_EQ(reply.header("Transfer-Encoding"), "");
  EXPECT_EQ(reply.header("Connection"), "close");
  EXPECT_EQ(client.read_to_end(), "one,two");

  RawClient keeping = passing.client();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(keeping.send(get_1_0("/length", "Connection: keep-alive\r\n")));
    const RawReply kept = keeping.read_reply();
    EXPECT_EQ(kept.header("Connection"), "keep-alive");
    EXPECT_EQ(kept.body, "body");
  }
}

TEST(FlowTest, KeepsTheConnectionOverSeveralAnswers) {
  Passing passing({{"/length", says({"body"}, 4)}, {"/chunks", says({"body"})}});
  RawClient client = passing.unix_client();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send(get("/chunks")));
    read_until(client, head_end);
    EXPECT_EQ(unchunked(read_until(client, last_chunk)), "body");
    ASSERT_TRUE(client.send(get("/length")));
    EXPECT_TRUE(read_until(client, "body").starts_with("HTTP/1.1 200 OK\r\n"));
    ASSERT_TRUE(client.send(get("/reply")));
    EXPECT_TRUE(read_until(client, "GET /reply").starts_with("HTTP/1.1 403 Forbidden\r\n"));
    EXPECT_EQ(passing.connections(), 1);
  }
  ASSERT_TRUE(client.send(get("/chunks", "Connection: close\r\n")));
  EXPECT_EQ(with_head(read_until(client, head_end)).header("Connection"), "close");
  EXPECT_EQ(unchunked(client.read_to_end()), "body");
}

TEST(FlowTest, LeavesOutTheBodyWhereNoneBelongs) {
  const auto with_status = [](int status, std::optional<std::uint64_t> length) {
    return [status, length](const RawRequest&, Flow& flow) {
      EXPECT_TRUE(flow.begin(status, {{"X-Engine", "yes"}}, length));
      EXPECT_TRUE(flow.write("body", Cancel()));
      flow.end();
    };
  };
  const Passing passing({{"/length", with_status(200, 4)},
                         {"/chunks", with_status(200, std::nullopt)},
                         {"/no-content", with_status(204, 4)},
                         {"/not-modified", with_status(304, 4)}});
  RawClient client = passing.client();
  struct Case {
    std::string request;
    int status;
    std::string length;
  };
  for (const Case& each : {Case{head("/length"), 200, "4"}, Case{head("/chunks"), 200, ""},
                           Case{get("/no-content"), 204, ""}, Case{get("/not-modified"), 304, "4"}}) {
    ASSERT_TRUE(client.send(each.request));
    const RawReply reply = client.read_reply(true);
    EXPECT_EQ(reply.status, each.status) << each.request;
    EXPECT_EQ(reply.header("Content-Length"), each.length) << each.request;
    EXPECT_EQ(reply.header("Transfer-Encoding"), "") << each.request;
    EXPECT_EQ(reply.header("X-Engine"), "yes");
  }
  ASSERT_TRUE(client.send(get("/length")));
  EXPECT_EQ(client.read_reply().body, "body") << "nothing was left on the connection";
}

TEST(FlowTest, LetsNothingThroughThatWouldChangeTheFraming) {
  const Passing passing({{"/", [](const RawRequest&, Flow& flow) {
                            EXPECT_TRUE(flow.begin(200,
                                                   {{"X-Value", "a\r\nX-Injected: yes"},
                                                    {"X-Name\r\nX-Injected", "yes"},
                                                    {"content-length", "100"},
                                                    {"TRANSFER-ENCODING", "chunked"},
                                                    {"Connection", "X-Mine"},
                                                    {"X-Mine", "a\tb \xC3\xA4"}},
                                                   4));
                            EXPECT_FALSE(flow.begin(200, {}, 4)) << "there is one head";
                            EXPECT_TRUE(flow.write("body", Cancel()));
                            flow.end();
                            EXPECT_FALSE(flow.write("more", Cancel()));
                          }}});
  RawClient client = passing.client();
  ASSERT_TRUE(client.send(get("/")));
  const RawReply reply = client.read_reply();
  EXPECT_EQ(reply.head, "HTTP/1.1 200 OK\r\nX-Mine: a\tb \xC3\xA4\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(reply.body, "body");
  ASSERT_TRUE(client.send(get("/")));
  EXPECT_EQ(client.read_reply().body, "body");
}

TEST(FlowTest, SendsAStatusThatHasNoUsualPhrase) {
  const Passing passing({{"/", [](const RawRequest&, Flow& flow) {
                            EXPECT_FALSE(flow.begin(101, {}, 0));
                            EXPECT_FALSE(flow.begin(1000, {}, 0));
                            EXPECT_FALSE(flow.write("too early", Cancel()));
                            EXPECT_TRUE(flow.begin(599, {}, 0));
                            flow.end();
                          }}});
  EXPECT_TRUE(passing.ask(get("/")).head.starts_with("HTTP/1.1 599 \r\n"));
}

TEST(FlowTest, SendsWhatThereIsWithoutWaitingForTheRest) {
  Passing* running = nullptr;
  Passing passing({{"/streams", [&](const RawRequest&, Flow& flow) {
                      EXPECT_TRUE(flow.begin(200, {}, std::nullopt));
                      running->wait(flow);
                      EXPECT_TRUE(flow.write("event", Cancel()));
                      running->hang();
                    }}});
  running = &passing;
  RawClient client = passing.client();
  ASSERT_TRUE(client.send(get("/streams")));
  EXPECT_EQ(with_head(read_until(client, head_end)).status, 200);
  passing.release();
  EXPECT_EQ(read_until(client, "event\r\n"), "5\r\nevent\r\n");
}

TEST(FlowTest, BringsEveryByteToAReaderThatIsSlowerThanTheWriter) {
  const std::string all = pattern(20U << 20U);
  const Passing passing({{"/", [&](const RawRequest&, Flow& flow) {
                            EXPECT_TRUE(flow.begin(200, {}, std::nullopt));
                            std::string_view rest = all;
                            // Pieces of all sizes, some larger than what may lie unsent.
                            for (std::size_t size = 1; !rest.empty(); size = size * 3 % 1'000'003) {
                              EXPECT_TRUE(flow.write(rest.substr(0, size), Cancel()));
                              rest.remove_prefix(std::min(size, rest.size()));
                            }
                            flow.end();
                          }}});
  RawClient client = RawClient::tcp(passing.port(), 4096);
  ASSERT_TRUE(client.send(get("/", "Connection: close\r\n")));
  read_until(client, head_end);
  EXPECT_TRUE(unchunked(client.read_to_end()) == all);
}

TEST(FlowTest, HoldsUpTheWriterWhileTheClientTakesNothing) {
  const std::string piece(64U << 10U, 'x');
  std::atomic<std::size_t> written{0};
  std::atomic<int> interrupted{0};
  Passing* running = nullptr;
  Passing passing({{"/", [&](const RawRequest&, Flow& flow) {
                      EXPECT_TRUE(flow.begin(200, {}, std::nullopt));
                      while (written < (64U << 20U)) {
                        const auto taken = flow.write(piece, Cancel(running->released()));
                        if (!taken) {
                          EXPECT_EQ(taken.error().reason, Reason::interrupted);
                          ++interrupted;
                          break;
                        }
                        written += piece.size();
                      }
                    }}});
  running = &passing;
  RawClient client = passing.unix_client();
  ASSERT_TRUE(client.send(get("/")));
  EXPECT_EQ(with_head(read_until(client, head_end)).status, 200);
  EXPECT_TRUE(eventually([&] { return written >= (256U << 10U); }));
  passing.release();  // ends only a write that waits
  EXPECT_TRUE(eventually([&] { return interrupted == 1; }));
  EXPECT_LT(written, 1U << 20U) << "256 KiB, and what fits into a unix socket";
}

TEST(FlowTest, AnswersRequestsThatCameTogetherInTheirOrder) {
  Passing passing({{"/first", says({"first"}, 5)}, {"/third", says({"third"}, 5)}});
  RawClient client = passing.client();
  ASSERT_TRUE(
      client.send(get("/first") + get("/reply/2") + get("/reply/3") + get("/third") + get("/reply/5")));
  EXPECT_EQ(client.read_reply().body, "first");
  EXPECT_EQ(client.read_reply().body, "GET /reply/2");
  EXPECT_EQ(client.read_reply().body, "GET /reply/3");
  EXPECT_EQ(client.read_reply().body, "third");
  EXPECT_EQ(client.read_reply().body, "GET /reply/5");
  EXPECT_EQ(passing.connections(), 1);
}

TEST(FlowTest, KeepsWhatArrivesWhileAnAnswerIsUnderWay) {
  Passing* running = nullptr;
  Passing passing({{"/wait",
                    [&](const RawRequest&, Flow& flow) {
                      EXPECT_TRUE(flow.begin(200, {}, 6));
                      running->wait(flow);
                      EXPECT_TRUE(flow.write("waited", Cancel()));
                      flow.end();
                    }},
                   {"/next", says({"next"}, 4)}});
  running = &passing;
  RawClient client = passing.client();
  ASSERT_TRUE(client.send(get("/wait")));
  ASSERT_TRUE(eventually([&] { return passing.waiting() == 1; }));
  ASSERT_TRUE(client.send(get("/next")));
  ASSERT_TRUE(client.send(get("/reply")));
  passing.release();
  EXPECT_EQ(client.read_reply().body, "waited");
  EXPECT_EQ(client.read_reply().body, "next");
  EXPECT_EQ(client.read_reply().body, "GET /reply");
  EXPECT_EQ(passing.left(), 0) << "requests that follow are no hang-up";
}

/// What a client gets of an answer until the connection ends.
std::string remains_of(RawClient client, const std::string& request) {
  EXPECT_TRUE(client.send(request));
  return client.read_to_end();
}

TEST(FlowTest, LetsTheClientSeeThatAnAnswerBrokeOff) {
  const auto breaks_off = [](std::optional<std::uint64_t> length) {
    return [length](const RawRequest&, Flow& flow) {
      EXPECT_TRUE(flow.begin(200, {}, length));
      EXPECT_TRUE(flow.write("part", Cancel()));
    };
  };
  Passing passing({{"/chunks", breaks_off(std::nullopt)}, {"/length", breaks_off(8)}});
  for (const bool by_path : {false, true}) {
    const auto client = [&] { return by_path ? passing.unix_client() : passing.client(); };
    const auto chunks = remains_of(client(), get("/chunks"));
    EXPECT_TRUE(chunks.ends_with("\r\n\r\n4\r\npart\r\n")) << chunks;
    const auto length = remains_of(client(), get("/length"));
    EXPECT_TRUE(length.ends_with("Content-Length: 8\r\n\r\npart")) << length;
  }
  EXPECT_TRUE(eventually([&] { return passing.connections() == 0; }));
}

TEST(FlowTest, ResetsTheConnectionWhereOnlyItsEndWouldTellTheBodysEnd) {
  Passing* running = nullptr;
  Passing passing({{"/", [&](const RawRequest&, Flow& flow) {
                      EXPECT_TRUE(flow.begin(200, {}, std::nullopt));
                      EXPECT_TRUE(flow.write("part", Cancel()));
                      running->wait(flow);
                    }}});
  running = &passing;
  RawClient client = passing.client();
  ASSERT_TRUE(client.send(get_1_0("/")));
  EXPECT_TRUE(read_until(client, "part").ends_with("part"));
  passing.release();
  char c = 0;
  ASSERT_FALSE(Cancel().within(RawClient::patience).wait(client.fd(), POLLIN));
  EXPECT_EQ(::recv(client.fd(), &c, 1, 0), -1);
  EXPECT_EQ(errno, ECONNRESET);
}

TEST(FlowTest, BreaksOffAnAnswerWhoseLengthWasNotTrue) {
  std::atomic<int> refused{0};
  Passing passing({{"/less", says({"part"}, 8)}, {"/more", [&](const RawRequest&, Flow& flow) {
                                                    EXPECT_TRUE(flow.begin(200, {}, 4));
                                                    EXPECT_TRUE(flow.write("par", Cancel()));
                                                    if (!flow.write("ts", Cancel())) ++refused;
                                                    flow.end();
                                                  }}});
  EXPECT_TRUE(remains_of(passing.client(), get("/less")).ends_with("\r\n\r\npart"));
  EXPECT_TRUE(remains_of(passing.client(), get("/more")).ends_with("\r\n\r\npar"));
  // The connection ends inside that write().
  EXPECT_TRUE(eventually([&] { return refused == 1; }));
}

TEST(FlowTest, SaysThatItFailedWhereNothingWasSaidYet) {
  Passing passing(
      {{"/nothing", [](const RawRequest&, Flow&) {}},
       {"/only-end", [](const RawRequest&, Flow& flow) { flow.end(); }},
       {"/exception", [](const RawRequest&, Flow&) { throw std::runtime_error("a secret of ours"); }},
       {"/number", [](const RawRequest&, Flow&) { throw 42; }}});
  for (const std::string target : {"/nothing", "/only-end", "/exception", "/number"}) {
    const RawReply reply = passing.ask(get(target));
    EXPECT_EQ(reply.status, 500) << target;
    EXPECT_EQ(reply.header("Content-Type"), "application/json");
    EXPECT_EQ(reply.header("Connection"), "close");
    EXPECT_EQ(reply.body, "{\"message\":\"internal error\"}\n");
  }
  EXPECT_EQ(passing.ask(head("/nothing")).body, "");
  EXPECT_EQ(passing.refused(), std::vector<int>(5, 500));
}

TEST(FlowTest, OutlivesAnExceptionInTheMiddleOfAnAnswer) {
  Passing passing({{"/", [](const RawRequest&, Flow& flow) {
                      EXPECT_TRUE(flow.begin(200, {}, std::nullopt));
                      EXPECT_TRUE(flow.write("part", Cancel()));
                      throw std::runtime_error("a secret of ours");
                    }}});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(remains_of(passing.client(), get("/")).ends_with("4\r\npart\r\n"));
  EXPECT_TRUE(passing.refused().empty());
}

}  // namespace
}  // namespace repodigest::web
