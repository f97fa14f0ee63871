#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <string>

#include "serving.h"

namespace repodigest::web {
namespace {

TEST(ServerTest, AnswersWithTheHeadersEveryReplyCarries) {
  const Serving serving;
  const RawReply reply = serving.ask(get("/parts"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "one,two");
  EXPECT_EQ(reply.header("Content-Length"), "7");
  EXPECT_EQ(reply.header("Content-Type"), "application/json");
  EXPECT_EQ(reply.header("Cache-Control"), "no-store");
  EXPECT_EQ(reply.header("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(reply.header("ETag"), "\"tag\"");
  EXPECT_EQ(reply.header("Keep-Alive"), "") << "the library's number is not ours";
  EXPECT_EQ(reply.header("X-Injected"), "") << reply.head;
  EXPECT_EQ(serving.answers(Handler::images, 200), 1U);
}

TEST(ServerTest, AnswersHeadAsGetWithoutTheBody) {
  const Serving serving;
  for (const std::string target : {"/parts", "/", "/nowhere", "/unchanged", "/throw"}) {
    RawClient client = serving.client();
    ASSERT_TRUE(client.send(get(target)));
    const RawReply whole = client.read_reply();
    ASSERT_TRUE(client.send("HEAD " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
    const RawReply head = client.read_reply(true);
    EXPECT_EQ(head.status, whole.status);
    EXPECT_EQ(head.header("Content-Length"), whole.header("Content-Length"));
    EXPECT_EQ(head.header("Content-Type"), whole.header("Content-Type"));
    EXPECT_EQ(head.header("Accept-Ranges"), "");
    EXPECT_TRUE(client.is_closed()) << "no body may follow";
  }
}

TEST(ServerTest, SendsNeitherLengthNorTypeWithNotModified) {
  const Serving serving;
  const RawReply reply = serving.ask(get("/unchanged"));
  EXPECT_EQ(reply.status, 304);
  EXPECT_EQ(reply.header("ETag"), "\"tag\"");
  EXPECT_EQ(reply.header("Content-Length"), "");
  EXPECT_EQ(reply.header("Content-Type"), "");
}

TEST(ServerTest, DecodesPathAndQuery) {
  const Serving serving;
  EXPECT_EQ(serving.ask(get("/images/docker.io%2Flibrary%2Fnginx%3A1?x=1")).body,
            "/images/docker.io/library/nginx:1");
  EXPECT_EQ(serving.ask(get("/images/a+b")).body, "/images/a+b");
  EXPECT_EQ(serving.ask(get("/query?b=2&a=1%262&a=x+y&c")).body, "GET|a=1&2|a=x y|b=2|c=|");
  EXPECT_EQ(serving.ask(get("/query?")).body, "GET|");
}

TEST(ServerTest, HandsHeadersOnAsReceived) {
  const Serving serving;
  EXPECT_EQ(serving.ask(get("/headers", "REMOTE_ADDR: 6.6.6.6\r\nX-A:  %0d%0a \r\n")).body,
            "Host=localhost\nREMOTE_ADDR=6.6.6.6\nX-A=%0d%0a\n");
}

TEST(ServerTest, KnowsOnlyItsRoutes) {
  const Serving serving;
  for (const std::string target : {"/nowhere", "//", "/images/", "/images", "/../", "/%00", "/parts/"})
    EXPECT_EQ(serving.ask(get(target)).status, 404) << target;
  EXPECT_EQ(serving.answers(Handler::other, 404), 7U);
  EXPECT_EQ(serving.ask(get("/<script>")).body, "not found\n") << "a request's text is never sent back";
}

TEST(ServerTest, TurnsAHandlersExceptionIntoA500ThatKeepsItsSecret) {
  const Serving serving;
  for (const std::string target : {"/throw", "/throw-number"}) {
    const RawReply reply = serving.ask(get(target));
    EXPECT_EQ(reply.status, 500);
    EXPECT_EQ((reply.head + reply.body).find("secret"), std::string::npos) << reply.head;
  }
  EXPECT_EQ(serving.answers(Handler::engine, 500), 2U);
  EXPECT_EQ(serving.ask(get("/")).status, 200);
}

TEST(ServerTest, IgnoresRangesAndNeverCompresses) {
  const Serving serving;
  for (const std::string headers : {"Range: bytes=0-1\r\n", "Range: bytes=0-1,1-2,2-3\r\n",
                                    "Range: nonsense\r\n", "Accept-Encoding: gzip, br\r\n"}) {
    const RawReply reply = serving.ask(get("/", headers));
    EXPECT_EQ(reply.status, 200) << headers;
    EXPECT_EQ(reply.body, "page");
    EXPECT_EQ(reply.header("Content-Encoding"), "");
  }
}

TEST(ServerTest, KeepsAnHttp11ConnectionUntilItIsAskedToClose) {
  const Serving serving;
  RawClient client = serving.client();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(client.send(get("/")));
    const RawReply reply = client.read_reply();
    ASSERT_EQ(reply.status, 200) << i;
    EXPECT_EQ(reply.header("Connection"), "");
  }
  ASSERT_TRUE(client.send(get("/", "Connection: x, CLOSE\r\n")));
  EXPECT_EQ(client.read_reply().header("Connection"), "close");
  EXPECT_TRUE(client.is_closed());
}

TEST(ServerTest, KeepsAnHttp10ConnectionOnlyIfAsked) {
  const Serving serving;
  RawClient client = serving.client();
  ASSERT_TRUE(client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  EXPECT_EQ(client.read_reply().header("Connection"), "keep-alive");
  ASSERT_TRUE(client.send("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_EQ(client.read_reply().header("Connection"), "close");
  EXPECT_TRUE(client.is_closed());
}

TEST(ServerTest, AnswersAClientThatHasFinishedSending) {
  const Serving serving;
  RawClient client = serving.client();
  ASSERT_TRUE(client.send(get("/")));
  client.finish_sending();
  EXPECT_EQ(client.read_reply().body, "page");
  EXPECT_TRUE(client.is_closed());
}

TEST(ServerTest, AnswersPipelinedRequestsInTheirOrder) {
  const Serving serving;
  RawClient client = serving.client();
  std::string requests;
  for (int i = 0; i < 300; ++i) requests += get("/images/" + std::to_string(i));
  ASSERT_TRUE(client.send(requests + get("/big") + get("/", "Connection: close\r\n") + get("/images/never")));
  for (int i = 0; i < 300; ++i) ASSERT_EQ(client.read_reply().body, "/images/" + std::to_string(i));
  EXPECT_TRUE(client.read_reply().body == *serving.big());
  EXPECT_EQ(client.read_reply().body, "page");
  EXPECT_TRUE(client.is_closed()) << "nothing is answered behind Connection: close";
}

TEST(ServerTest, AnswersAtOnceWhatIsReadyAndByAWorkerWhatIsNot) {
  const Serving serving;
  RawClient client = serving.client();
  const std::string quick = "X-Manner: quick\r\n";
  ASSERT_TRUE(client.send(get("/at-once", quick)));
  const RawReply ready = client.read_reply();
  EXPECT_EQ(ready.body, "lobby GET quick");
  EXPECT_EQ(ready.header("Content-Length"), "15");
  EXPECT_EQ(ready.header("Cache-Control"), "no-store");
  ASSERT_TRUE(client.send(get("/at-once", "X-Manner: slow\r\n")));
  EXPECT_EQ(client.read_reply().body, "worker GET slow") << "with the headers it came with";
  ASSERT_TRUE(client.send(get("/at-once?a=b", quick)));
  EXPECT_EQ(client.read_reply().body, "worker GET quick?");
  ASSERT_TRUE(client.send(get("/at%2Donce", quick)));
  EXPECT_EQ(client.read_reply().body, "worker GET quick");
  ASSERT_TRUE(client.send("HEAD /at-once HTTP/1.1\r\nHost: localhost\r\n" + quick + "\r\n"));
  EXPECT_EQ(client.read_reply(true).header("Content-Length"), "17");
  EXPECT_EQ(serving.answers(Handler::metrics, 200), 5U);
}

TEST(ServerTest, WhatFailsAtOnceIsA500ThatKeepsItsSecret) {
  const Serving serving;
  const RawReply reply = serving.ask(get("/at-once", "X-Manner: throw\r\n"));
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.body, "internal error\n");
  EXPECT_EQ(serving.answers(Handler::metrics, 500), 1U);
}

TEST(ServerTest, AnswersAtOnceWhileEveryWorkerIsBusy) {
  ServerOptions options;
  options.workers = 1;
  Serving serving(options);
  RawClient hanging = serving.client();
  ASSERT_TRUE(hanging.send(get("/hang")));
  ASSERT_TRUE(eventually([&] { return serving.hanging() == 1; }));
  EXPECT_EQ(serving.ask(get("/at-once", "X-Manner: quick\r\nConnection: close\r\n")).body, "lobby GET quick");
  serving.release();
}

TEST(ServerTest, KeepsTheOrderOfRequestsThatCameTogetherAlsoWhereOneIsReady) {
  const Serving serving;
  RawClient client = serving.client();
  const std::string quick = get("/at-once", "X-Manner: quick\r\n");
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += get("/images/" + std::to_string(i)) + quick;
  ASSERT_TRUE(client.send(requests));
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(client.read_reply().body, "/images/" + std::to_string(i));
    ASSERT_THAT(client.read_reply().body, testing::EndsWith(" GET quick"));
  }
}

TEST(ServerTest, KeepsNothingOfAReplyThatWasSent) {
  const Serving serving;
  const auto holders = serving.big().use_count();
  EXPECT_EQ(serving.ask(get("/big")).body.size(), serving.big()->size());
  EXPECT_TRUE(eventually([&] { return serving.big().use_count() == holders; }))
      << "a worker that has nothing to do must not keep the document of an older inventory";
}

TEST(ServerTest, RefusesARequestThatStandsWhereABodyWould) {
  const Serving serving;
  RawClient client = serving.client();
  ASSERT_TRUE(client.send(get("/", "Content-Length: 40\r\n") + get("/images/smuggled")));
  EXPECT_EQ(client.read_reply().status, 413);
  client.finish_sending();
  EXPECT_TRUE(client.is_closed());
  EXPECT_EQ(serving.answers(Handler::image, 200), 0U);
}

TEST(ServerTest, CountsTheConnectionsThatAreOpen) {
  const Serving serving;
  {
    RawClient first = serving.client();
    RawClient second = serving.client();
    EXPECT_TRUE(eventually([&] { return serving.connections() == 2; }));
  }
  EXPECT_TRUE(eventually([&] { return serving.connections() == 0; }));
}

TEST(ServerTest, TellsTheTimeWithEveryReply) {
  const Serving serving;
  for (const std::string& request :
       {get("/"), get("/no-such-path"), std::string("BREW / HTTP/1.1\r\n\r\n")}) {
    const RawReply reply = serving.ask(request);
    std::tm said{};
    ASSERT_NE(::strptime(reply.header("Date").c_str(), "%a, %d %b %Y %H:%M:%S GMT", &said), nullptr)
        << reply.head;
    EXPECT_NEAR(static_cast<double>(::timegm(&said)), static_cast<double>(std::time(nullptr)), 60);
  }
}

}  // namespace
}  // namespace repodigest::web
