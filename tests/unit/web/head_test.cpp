// What clients may say and what not, seen from outside: through a real server's socket.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "serving.h"

namespace repodigest::web {
namespace {

struct Hostile {
  std::string what;
  std::string bytes;
  int status;
};

std::string many_headers(int count) {
  std::string headers;
  for (int i = 0; i < count; ++i) headers += "X-" + std::to_string(i) + ": 1\r\n";
  return headers;
}

std::vector<Hostile> hostile_heads() {
  const std::string host = "Host: localhost\r\n";
  const std::string line = "GET / HTTP/1.1\r\n";
  return {
      {"empty line first", "\r\n" + get("/"), 400},
      {"HTTP/0.9", "GET /\r\n", 400},
      {"HTTP/0.9 with a space", "GET / \r\n", 400},
      {"no target", "GET HTTP/1.1\r\n", 400},
      {"two spaces before the target", "GET  / HTTP/1.1\r\n" + host + "\r\n", 400},
      {"two spaces after the target", "GET /  HTTP/1.1\r\n" + host + "\r\n", 400},
      {"a space in the target", "GET /a b HTTP/1.1\r\n" + host + "\r\n", 400},
      {"a tab for a space", "GET\t/\tHTTP/1.1\r\n" + host + "\r\n", 400},
      {"a space before the method", " GET / HTTP/1.1\r\n" + host + "\r\n", 400},
      {"a space after the version", "GET / HTTP/1.1 \r\n" + host + "\r\n", 400},
      {"a method that is no token", "GE(T / HTTP/1.1\r\n" + host + "\r\n", 400},
      {"lower case protocol", "GET / http/1.1\r\n" + host + "\r\n", 400},
      {"a version with three parts", "GET / HTTP/1.1.1\r\n" + host + "\r\n", 400},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"HTTP/2.0", "GET / HTTP/2.0\r\n" + host + "\r\n", 505},
      {"HTTP/1.2", "GET / HTTP/1.2\r\n" + host + "\r\n", 505},
      {"HTTP/0.9 said aloud", "GET / HTTP/0.9\r\n" + host + "\r\n", 505},
      {"TLS ClientHello", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), 400},
      {"absolute form", "GET http://localhost/ HTTP/1.1\r\n" + host + "\r\n", 400},
      {"authority form", "GET localhost:80 HTTP/1.1\r\n" + host + "\r\n", 400},
      {"asterisk form", "GET * HTTP/1.1\r\n" + host + "\r\n", 400},
      {"a target without its slash", "GET metrics HTTP/1.1\r\n" + host + "\r\n", 400},
      {"a fragment", "GET /#a HTTP/1.1\r\n" + host + "\r\n", 400},
      {"raw UTF-8 in the target", "GET /\xC3\xA4 HTTP/1.1\r\n" + host + "\r\n", 400},
      {"a broken escape", "GET /%zz HTTP/1.1\r\n" + host + "\r\n", 400},
      {"an escape cut off", "GET /%4 HTTP/1.1\r\n" + host + "\r\n", 400},
      {"an escape of another kind", "GET /%u0041 HTTP/1.1\r\n" + host + "\r\n", 400},
      {"NUL in the target", std::string("GET /\0 HTTP/1.1\r\n", 17) + host + "\r\n", 400},
      {"POST", "POST / HTTP/1.1\r\n" + host + "\r\n", 405},
      {"PUT with a body", "PUT / HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nhello", 405},
      {"DELETE to an unknown path", "DELETE /nowhere HTTP/1.1\r\n" + host + "\r\n", 405},
      {"OPTIONS *", "OPTIONS * HTTP/1.1\r\n" + host + "\r\n", 405},
      {"CONNECT", "CONNECT localhost:22 HTTP/1.1\r\n" + host + "\r\n", 405},
      {"TRACE", "TRACE / HTTP/1.1\r\n" + host + "\r\n", 405},
      {"a method nobody knows", "BREW / HTTP/1.1\r\n" + host + "\r\n", 405},
      {"a method in lower case", "get / HTTP/1.1\r\n" + host + "\r\n", 405},
      {"bare LF after the request line", "GET / HTTP/1.1\n" + host + "\r\n", 400},
      {"bare LF after a header", line + "Host: localhost\n\r\n", 400},
      {"bare LF at the end", line + host + "\n", 400},
      {"bare CR in a header", line + host + "X-A: a\rX-B: b\r\n\r\n", 400},
      {"CR CR LF", line + "Host: localhost\r\r\n\r\n", 400},
      {"a folded header", line + host + "X-A: a\r\n b\r\n\r\n", 400},
      {"a folded first header", line + " Host: localhost\r\n\r\n", 400},
      {"a space before the colon", line + host + "X-A : a\r\n\r\n", 400},
      {"a header without a colon", line + host + "X-A\r\n\r\n", 400},
      {"a header without a name", line + host + ": a\r\n\r\n", 400},
      {"a name that is no token", line + host + "X(A): a\r\n\r\n", 400},
      {"a name in UTF-8", line + host + "X-\xC3\xA4: a\r\n\r\n", 400},
      {"NUL in a value", line + host + std::string("X-A: a\0b\r\n\r\n", 12), 400},
      {"an escape character in a value", line + host + "X-A: \x1b[0m\r\n\r\n", 400},
      {"DEL in a value", line + host + "X-A: \x7f\r\n\r\n", 400},
      {"no Host", line + "\r\n", 400},
      {"two Hosts", line + host + host + "\r\n", 400},
      {"two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\n" + host + "hOST: other\r\n\r\n", 400},
      {"a Host with a space", line + "Host: a b\r\n\r\n", 400},
      {"a Host with a path", line + "Host: localhost/x\r\n\r\n", 400},
      {"a Host with a user", line + "Host: me@localhost\r\n\r\n", 400},
      {"a body", line + host + "Content-Length: 5\r\n\r\nhello", 413},
      {"a body of ten digits times two", line + host + "Content-Length: 99999999999999999999\r\n\r\n", 413},
      {"a length of -1", line + host + "Content-Length: -1\r\n\r\n", 400},
      {"a length of +0", line + host + "Content-Length: +0\r\n\r\n", 400},
      {"a length of 0x0", line + host + "Content-Length: 0x0\r\n\r\n", 400},
      {"a list of lengths", line + host + "Content-Length: 0, 0\r\n\r\n", 400},
      {"an empty length", line + host + "Content-Length:\r\n\r\n", 400},
      {"a length of 0 and a real one", line + host + "Content-Length: 0\r\ncontent-length: 5\r\n\r\nhello",
       413},
      {"a chunked body", line + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 413},
      {"a chunked body and a length", line + host + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
       413},
      {"a coding nobody knows", line + host + "Transfer-Encoding: xchunked\r\n\r\n", 413},
      {"Expect", line + host + "Expect: 100-continue\r\n\r\n", 413},
      {"101 headers", line + host + many_headers(100) + "\r\n", 431},
      {"a request line that is too long", get("/" + std::string(8000, 'a')), 414},
      {"a request line without an end", "GET /" + std::string(20000, 'a'), 414},
      {"a head that is too long", get("/", "X-A: " + std::string(17000, 'a') + "\r\n"), 431},
      {"a header without an end", line + host + "X-A: " + std::string(20000, 'a'), 431},
  };
}

TEST(HeadTest, RefusesHostileHeadsWithTheirStatusAndCloses) {
  const Serving serving;
  const auto heads = hostile_heads();
  ASSERT_GE(heads.size(), 40U);
  std::uint64_t served = 0;
  for (const Hostile& hostile : heads) {
    SCOPED_TRACE(hostile.what);
    RawClient client = serving.client();
    client.send(hostile.bytes);
    const RawReply reply = client.read_reply();
    EXPECT_EQ(reply.status, hostile.status) << reply.head << reply.body;
    EXPECT_EQ(reply.header("Connection"), "close");
    EXPECT_EQ(reply.header("Content-Type"), "text/plain; charset=utf-8");
    EXPECT_EQ(reply.header("Cache-Control"), "no-store");
    EXPECT_EQ(reply.header("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(reply.header("Allow"), hostile.status == 405 ? "GET, HEAD" : "");
    client.finish_sending();
    EXPECT_TRUE(client.is_closed()) << "nothing behind a refused head is a request";
    ++served;
  }
  std::uint64_t counted = 0;
  for (const int status : http_codes) counted += serving.answers(Handler::other, status);
  EXPECT_EQ(counted, served);
}

TEST(HeadTest, RefusesThemTooWhenEveryByteComesAlone) {
  const Serving serving;
  for (const Hostile& hostile : hostile_heads()) {
    if (hostile.bytes.size() > 1000) continue;
    SCOPED_TRACE(hostile.what);
    RawClient client = serving.client();
    for (const char byte : hostile.bytes)
      if (!client.send(std::string(1, byte))) break;
    EXPECT_EQ(client.read_reply().status, hostile.status);
  }
}

TEST(HeadTest, AcceptsUnusualHeadsThatAreRight) {
  const Serving serving;
  const std::string line = "GET / HTTP/1.1\r\n";
  for (const std::string& head :
       {line + "Host:localhost\r\n\r\n", line + "hOsT: \t localhost:80 \t \r\n\r\n",
        line + "Host: [::1]:80\r\n\r\n", line + "Host:\r\n\r\n", std::string("GET / HTTP/1.0\r\n\r\n"),
        get("/", "Content-Length: 0\r\n"), get("/", "X-Empty:\r\nX-Utf8: \xC3\xA4\r\nX-Tab: a\tb\r\n"),
        get("/", many_headers(99)), get("/?a=[]{}|^\"<>"),
        get("/", "Upgrade: h2c\r\nConnection: Upgrade\r\n"),
        get("/", "X-A: " + std::string(16000, 'a') + "\r\n"), get("/?" + std::string(7900, 'a'))})
    EXPECT_EQ(serving.ask(head).status, 200) << head.substr(0, 200);
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
