// What the transport makes of the bytes that a peer answers with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "calls.h"

namespace repodigest::transport {
namespace {

using support::RawConnection;
using support::RawServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

void expect_error(const Result<Response>& result, Reason reason, const std::string& part) {
  ASSERT_FALSE(result.ok()) << "status " << result->status << ", body " << result->body;
  EXPECT_EQ(name_of(result.error().reason), name_of(reason)) << result.error().text;
  EXPECT_THAT(result.error().text, HasSubstr(part));
}

void expect_body(const Result<Response>& result, int status, const std::string& body) {
  ASSERT_TRUE(result.ok()) << result.error().text;
  EXPECT_EQ(result->status, status);
  EXPECT_EQ(result->body, body);
  EXPECT_GE(result->body.capacity(), result->body.size() + body_padding);
}

TEST(Answers, ReadsABodyOfAnnouncedLength) {
  const auto result = answer_to(get(), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A:  b c \r\n\r\nhello");
  expect_body(result, 200, "hello");
  EXPECT_EQ(result->header("x-a"), "b c");
  EXPECT_EQ(result->header("absent"), "");
  EXPECT_TRUE(result->new_connection);
}

TEST(Answers, KeepsHeadersInOrderAndAsTheyWere) {
  const auto result =
      answer_to(get(), "HTTP/1.1 200 OK\r\nB: %41\r\na: 1\r\nB:\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(result.ok()) << result.error().text;
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"B", "%41"}, {"a", "1"}, {"B", ""}, {"Content-Length", "0"}};
  EXPECT_EQ(result->headers, expected);
}

TEST(Answers, ReadsAChunkedBodyWithExtensionsAndTrailers) {
  expect_body(answer_to(get(),
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
                        "5;name=value\r\nhello\r\n0006 \r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n"),
              200, "hello world");
}

TEST(Answers, ReadsABodyThatEndsWithTheConnection) {
  expect_body(answer_to(get(), "HTTP/1.0 200\r\n\r\nhello"), 200, "hello");
}

TEST(Answers, ReadsALargeBodyWhole) {
  std::string body(5'000'000, 'x');
  for (std::size_t i = 0; i < body.size(); i += 1000) body[i] = static_cast<char>('a' + i / 1000 % 26);
  const std::string length = std::to_string(body.size());
  expect_body(
      answer_to(get("/", 8U << 20U), "HTTP/1.1 200 OK\r\nContent-Length: " + length + "\r\n\r\n" + body), 200,
      body);
}

TEST(Answers, GivesAnyStatusAsAResponse) {
  expect_body(answer_to(get(), "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"), 404, "{}");
}

TEST(Answers, SkipsInterimAnswers) {
  const auto result =
      answer_to(get(),
                "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"
                "Content-Length: 2\r\n\r\nhi");
  expect_body(result, 200, "hi");
  EXPECT_EQ(result->header("Link"), "");
}

TEST(Answers, ExpectsNoBodyAfter204And304AndHead) {
  for (const int status : {204, 304}) {
    auto server = RawServer::on_unix({[status](RawConnection& connection) {
      connection.read_head();
      connection.send("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: 99999999999\r\n\r\n");
      connection.wait_for_close();
    }});
    expect_body(make_transport(unix_endpoint(server.path()))->call(get(), patience()), status, "");
  }
  auto server = RawServer::on_unix({[](RawConnection& connection) {
    connection.read_head();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");
    connection.wait_for_close();
  }});
  auto head = get();
  head.method = "HEAD";
  expect_body(make_transport(unix_endpoint(server.path()))->call(head, patience()), 200, "");
}

TEST(Answers, ReadsWhatComesByteByByte) {
  auto server = RawServer::on_tcp({[](RawConnection& connection) {
    connection.read_head();
    for (const char byte :
         std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"))
      connection.send({&byte, 1});
  }});
  expect_body(make_transport(tcp_endpoint(server.port()))->call(get(), patience()), 200, "hi");
}

TEST(Answers, SayThatTheyAreNotHttp) {
  expect_error(answer_to(get(), "<!DOCTYPE html>\r\n<html>"), Reason::http,
               "not HTTP: it begins with \"<!DOCTYPE html>\"");
  expect_error(answer_to(get(), std::string("\x00\xff\x01garbage\n", 10)), Reason::http,
               "begins with \"???garba");
  expect_error(answer_to(get(), "HTTP/2.0 200 OK\r\n\r\n"), Reason::http, "not HTTP");
  expect_error(answer_to(get(), "\x15\x03\x01\x01\x01"), Reason::http, "speaks TLS");
}

TEST(Answers, AreRecognisedAsForeignWithoutWaitingForMore) {
  auto server = RawServer::on_tcp({[](RawConnection& connection) {
    connection.send("SSH-2.0-OpenSSH_9.2\r\n");  // and now it waits for the client
    connection.wait_for_close();
  }});
  expect_error(make_transport(tcp_endpoint(server.port()))->call(get(), patience()), Reason::http,
               "\"SSH-2.0-OpenSSH_9.2\"");
}

class ImproperAnswers : public ::testing::TestWithParam<std::string> {};

TEST_P(ImproperAnswers, AreRefused) {
  expect_error(answer_to(get(), GetParam()), Reason::http, "not proper HTTP");
}

const std::string ok = "HTTP/1.1 200 OK\r\n";
const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
INSTANTIATE_TEST_SUITE_P(
    Each, ImproperAnswers,
    ::testing::Values("HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 20\r\n\r\n", "HTTP/1.1 2000\r\n\r\n",
                      "HTTP/1.1  200 OK\r\n\r\n", "HTTP/1.1 000 OK\r\n\r\n", "HTTP/1.1 200 OK\n\n",
                      "HTTP/1.1 200 O\x01K\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n",
                      ok + "no colon\r\n\r\n", ok + "a b: c\r\n\r\n", ok + ": c\r\n\r\n",
                      ok + "A : c\r\n\r\n", ok + " folded\r\n\r\n", ok + "A: \x02\r\n\r\n",
                      ok + std::string("A: \0\r\n\r\n", 9), ok + "A: b\rc\r\n\r\n",
                      ok + "Content-Length: nonsense\r\n\r\n", ok + "Content-Length: -1\r\n\r\n",
                      ok + "Content-Length:\r\n\r\n", ok + "Content-Length: 5, 5\r\n\r\nhello",
                      ok + "Content-Length: 0x5\r\n\r\nhello",
                      ok + "Content-Length: 99999999999999999999\r\n\r\n",
                      ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
                      ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                      ok + "Transfer-Encoding: gzip, chunked\r\n\r\n",
                      ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                      chunked + "3\r\nhello\r\n0\r\n\r\n", chunked + "zz\r\n", chunked + "\r\n",
                      chunked + "5zz\r\nhello\r\n0\r\n\r\n", chunked + "-5\r\nhello\r\n0\r\n\r\n",
                      chunked + "0x5\r\nhello\r\n0\r\n\r\n", chunked + "5\nhello\n0\n\n",
                      chunked + "fffffffffffffffff\r\n"));

TEST(Answers, ThatEndTooEarlyAreInterruptedWhereverTheCutIs) {
  for (const std::string& whole :
       {ok + "Content-Length: 5\r\n\r\nhello", chunked + "5\r\nhello\r\n1;x\r\n!\r\n0\r\nA: b\r\n\r\n"}) {
    for (std::size_t size = 1; size < whole.size(); ++size) {
      SCOPED_TRACE(whole.substr(0, size));
      expect_error(answer_to(get(), whole.substr(0, size)), Reason::interrupted,
                   "the answer ended in the middle, after " + std::to_string(size) + " bytes");
    }
    EXPECT_TRUE(answer_to(get(), whole).ok());
  }
}

TEST(Answers, ThatNeverBeganAreATroubleOfTheConnection) {
  expect_error(answer_to(get("/x"), ""), Reason::connect, "the connection ended before an answer");
}

TEST(Answers, WithTooLargeAHeadAreRefused) {
  for (const std::string& endless : {std::string("A: b\r\n"), std::string("A")}) {
    auto server = RawServer::on_unix({[&endless](RawConnection& connection) {
      connection.read_head();
      connection.send(ok);
      connection.send_endlessly(endless);
    }});
    expect_error(make_transport(unix_endpoint(server.path()))->call(get(), patience()), Reason::too_large,
                 "the head of the answer is larger than 65536 bytes");
  }
}

TEST(Answers, WithEndlessInterimAnswersAreRefused) {
  auto server = RawServer::on_unix({[](RawConnection& connection) {
    connection.read_head();
    connection.send_endlessly("HTTP/1.1 100 Continue\r\n\r\n");
  }});
  expect_error(make_transport(unix_endpoint(server.path()))->call(get(), patience()), Reason::too_large,
               "head");
}

TEST(Answers, WithEndlessChunkLinesOrTrailersAreRefused) {
  for (const std::string& start : {chunked + "5;", chunked + "0\r\n"}) {
    auto server = RawServer::on_unix({[&start](RawConnection& connection) {
      connection.read_head();
      connection.send(start);
      connection.send_endlessly("A: b");
    }});
    expect_error(make_transport(unix_endpoint(server.path()))->call(get(), patience()), Reason::too_large,
                 "head");
  }
}

TEST(Answers, StopAtTheCapHoweverTheyAreFramed) {
  const std::string piece = "8\r\n01234567\r\n";
  for (const auto& [start, endless] : {std::pair(ok + "\r\n", piece), std::pair(chunked, piece)}) {
    auto server = RawServer::on_unix({[s = start, e = endless](RawConnection& connection) {
      connection.read_head();
      connection.send(s);
      connection.send_endlessly(e);
    }});
    expect_error(make_transport(unix_endpoint(server.path()))->call(get("/", 1000), patience()),
                 Reason::too_large, "the answer is larger than 1000 bytes");
  }
  expect_error(answer_to(get("/", 1000), chunked + "3e9\r\n"), Reason::too_large, "1000 bytes");
}

TEST(Answers, MayBeExactlyAsLargeAsTheCap) {
  expect_body(answer_to(get("/", 5), ok + "Content-Length: 5\r\n\r\nhello"), 200, "hello");
  expect_body(answer_to(get("/", 5), chunked + "5\r\nhello\r\n0\r\n\r\n"), 200, "hello");
  expect_body(answer_to(get("/", 5), ok + "\r\nhello"), 200, "hello");
}

TEST(Answers, PromisingMoreThanTheCapAreRefusedAtTheHead) {
  auto server = RawServer::on_unix({[](RawConnection& connection) {
    connection.read_head();
    connection.send(ok + "Content-Length: 1001\r\n\r\n");  // and no byte of it
    connection.wait_for_close();
  }});
  expect_error(make_transport(unix_endpoint(server.path()))->call(get("/", 1000), patience()),
               Reason::too_large, "larger than 1000 bytes");
}

TEST(Answers, PromisingTenGigabytesCostNoMemoryBeforeTheyCome) {
  // Were the promise believed, the reservation would fail: no machine of ours has an exabyte.
  const std::size_t exabyte = std::size_t{1} << 60U;
  expect_error(
      answer_to(get("/", exabyte), ok + "Content-Length: " + std::to_string(exabyte) + "\r\n\r\nhello"),
      Reason::interrupted, "ended in the middle");
}

TEST(Answers, NameThePlaceInTheirErrors) {
  auto server = RawServer::on_unix({RawServer::answering("nonsense")});
  const auto result = make_transport(unix_endpoint(server.path()))->call(get("/images/json"), patience());
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.error().text, StartsWith("GET /images/json on unix://" + server.path() + ": "));
  EXPECT_THAT(answer_to(get("/" + std::string(5000, 'a')), "x").error().text,
              AllOf(HasSubstr("aaa... on "), Not(HasSubstr(std::string(300, 'a')))));
}

/// What a server receives for `request` at `prefix`.
std::string sent_for(Request request, const std::string& prefix, bool over_tcp) {
  std::string head;
  const RawServer::Script script = [&head](RawConnection& connection) {
    head = connection.read_head();
    connection.send(ok + "Content-Length: 0\r\n\r\n");
  };
  auto server = over_tcp ? RawServer::on_tcp({script}) : RawServer::on_unix({script});
  auto endpoint = over_tcp ? tcp_endpoint(server.port()) : unix_endpoint(server.path());
  endpoint.prefix = prefix;
  const auto result = make_transport(endpoint)->call(request, patience());
  EXPECT_TRUE(result.ok()) << result.error().text;
  if (over_tcp) {
    const auto port = std::to_string(server.port());
    if (const auto at = head.find(port); at != std::string::npos) head.replace(at, port.size(), "PORT");
  }
  return head;
}

TEST(Requests, NameLocalhostOnAUnixSocketAndHostAndPortElsewhere) {
  EXPECT_THAT(sent_for(get("/a?b=c"), "", false),
              AllOf(StartsWith("GET /a?b=c HTTP/1.1\r\nHost: localhost\r\nUser-Agent: repodigest_exporter/"),
                    HasSubstr("\r\nAccept: */*\r\n")));
  EXPECT_THAT(sent_for(get("/a"), "/docker", true),
              StartsWith("GET /docker/a HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n"));
}

TEST(Requests, SendHeadersOfTheCallerInPlaceOfTheirOwn) {
  auto request = get();
  request.headers = {{"accept", "application/json"}, {"X-Y", "z"}};
  EXPECT_THAT(sent_for(request, "", false),
              AllOf(HasSubstr("\r\naccept: application/json\r\nX-Y: z\r\n\r\n"), Not(HasSubstr("*/*"))));
}

TEST(Requests, ThatWouldSmuggleLinesAreNotSent) {
  auto injected = get();
  injected.headers = {{"X", "y\r\nZ: 1"}};
  auto method = get();
  method.method = "GET /";
  for (const auto& request :
       {injected, method, get("/a b"), get("/a\r\nX: y"), get("no-slash"), get("/\xc3\xa9")})
    EXPECT_EQ(make_transport(unix_endpoint("/nowhere"))->call(request, patience()).error().reason,
              Reason::http);
}

TEST(Requests, MayNameWhateverAfterEncoding) {
  EXPECT_EQ(encode_path("localhost:5000/a-b_c/d.e:1@sha256:0f"), "localhost:5000/a-b_c/d.e:1@sha256:0f");
  const std::string hostile = encode_path("a b?c#d%e\r\n\xc3\xa9");
  EXPECT_EQ(hostile, "a%20b%3Fc%23d%25e%0D%0A%C3%A9");
  EXPECT_THAT(sent_for(get("/images/" + hostile), "", false),
              StartsWith("GET /images/" + hostile + " HTTP/1.1"));
}

TEST(EndpointText, IsAsItIsWritten) {
  EXPECT_EQ(unix_endpoint("/run/docker.sock").text(), "unix:///run/docker.sock");
  auto endpoint = tcp_endpoint(2375);
  endpoint.host = "::1";
  EXPECT_EQ(endpoint.text(), "tcp://[::1]:2375");
  endpoint.kind = Endpoint::Kind::tls;
  endpoint.host = "host";
  endpoint.prefix = "/docker";
  EXPECT_EQ(endpoint.text(), "https://host:2375/docker");
}

}  // namespace
}  // namespace repodigest::transport
