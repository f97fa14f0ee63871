// Answers that are handed on while they come.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "calls.h"
#include "transport/connect.h"
#include "transport/exchange.h"
#include "transport/stream.h"

namespace repodigest::transport {
namespace {

using support::RawConnection;
using support::RawServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Keeps what it is given.
struct Kept {
  Response head;
  int heads = 0;
  std::vector<std::string> pieces;
  std::string body;

  Receiver receiver() {
    return {.head = [this](const Response& got) -> Status {
              head = got;
              ++heads;
              return {};
            },
            .piece = [this](std::string_view piece) -> Status {
              pieces.emplace_back(piece);
              body += piece;
              return {};
            }};
  }
};

/// Takes nothing.
const Receiver careless{.head = [](const Response&) -> Status { return {}; },
                        .piece = [](std::string_view) -> Status { return {}; }};

/// One stream from a server that answers every connection with `answer` and closes it.
Status stream_of(const std::string& answer, Kept& kept, const Request& request = get()) {
  auto server = RawServer::on_unix({RawServer::answering(answer)});
  return make_transport(unix_endpoint(server.path()))->stream(request, kept.receiver(), patience());
}

TEST(Streaming, HandsOnHeadAndBodyHoweverItIsFramed) {
  for (const std::string& answer :
       {std::string("HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello"),
        std::string("HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
        std::string("HTTP/1.0 200 OK\r\nX-A: b\r\n\r\nhello")}) {
    Kept kept;
    const auto done = stream_of(answer, kept);
    ASSERT_TRUE(done.ok()) << done.error().text;
    EXPECT_EQ(kept.heads, 1);
    EXPECT_EQ(kept.head.status, 200);
    EXPECT_EQ(kept.head.header("x-a"), "b");
    EXPECT_TRUE(kept.head.new_connection);
    EXPECT_EQ(kept.head.body, "");
    EXPECT_EQ(kept.body, "hello");
  }
}

TEST(Streaming, HandsOnAnyStatusAndAnAnswerWithoutABody) {
  Kept refused;
  ASSERT_TRUE(stream_of("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}", refused).ok());
  EXPECT_EQ(refused.head.status, 403);
  EXPECT_EQ(refused.body, "{}");
  Kept empty;
  ASSERT_TRUE(stream_of("HTTP/1.1 204 No Content\r\n\r\n", empty).ok());
  EXPECT_EQ(empty.heads, 1);
  EXPECT_TRUE(empty.pieces.empty());
}

TEST(Streaming, HandsOnEachPieceBeforeTheNextIsSent) {
  const Wake head_taken;
  const Wake first_taken;
  auto server = RawServer::on_unix({[&](RawConnection& connection) {
    connection.read_head();
    connection.send(chunked);
    EXPECT_EQ(patience().wait(head_taken.fd(), POLLIN), std::nullopt);
    connection.send("A\r\nfirst");  // half of a chunk is a piece, too
    EXPECT_EQ(patience().wait(first_taken.fd(), POLLIN), std::nullopt);
    connection.send("-rest\r\n0\r\n\r\n");
  }});
  std::string body;
  const Receiver receiver{.head = [&](const Response&) -> Status {
                            head_taken.raise();
                            return {};
                          },
                          .piece = [&](std::string_view piece) -> Status {
                            body += piece;
                            if (body == "first") first_taken.raise();
                            return {};
                          }};
  const auto done = make_transport(unix_endpoint(server.path()))->stream(get(), receiver, patience());
  ASSERT_TRUE(done.ok()) << done.error().text;
  EXPECT_EQ(body, "first-rest");
}

TEST(Streaming, GivesTheSameBytesWhereverTheAnswerIsSplit) {
  const std::string answer = chunked + "5;x=y\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nA: b\r\n\r\n";
  for (std::size_t split = 1; split < answer.size(); ++split) {
    auto server = RawServer::on_tcp({[&](RawConnection& connection) {
      connection.read_head();
      connection.send(answer.substr(0, split));
      connection.send(answer.substr(split));
    }});
    Kept kept;
    const auto done = make_transport(tcp_endpoint(server.port()))->stream(get(), kept.receiver(), patience());
    ASSERT_TRUE(done.ok()) << done.error().text;
    EXPECT_EQ(kept.body, "hello world");
    for (const auto& piece : kept.pieces) EXPECT_NE(piece, "");
  }
}

TEST(Streaming, ReadsNothingWhileTheReceiverIsBusy) {
  const Wake busy;
  const Wake stuck;
  auto server = RawServer::on_unix({[&](RawConnection& connection) {
    connection.read_head();
    connection.send("HTTP/1.1 200 OK\r\n\r\nx");
    EXPECT_EQ(patience().wait(busy.fd(), POLLIN), std::nullopt);
    // Were it read on, the sockets would not fill.
    constexpr std::size_t more_than_sockets_hold = std::size_t{64} << 20U;
    const std::string block(64U << 10U, 'x');
    for (std::size_t sent = 0; sent < more_than_sockets_hold; sent += block.size()) {
      if (::send(connection.socket(), block.data(), block.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) continue;
      EXPECT_EQ(errno, EAGAIN);
      stuck.raise();
      return;
    }
  }});
  const Receiver receiver{.head = careless.head, .piece = [&](std::string_view) -> Status {
                            busy.raise();
                            EXPECT_EQ(patience().wait(stuck.fd(), POLLIN), std::nullopt);
                            return {};
                          }};
  const auto done = make_transport(unix_endpoint(server.path()))
                        ->stream(get("/", std::numeric_limits<std::size_t>::max()), receiver, patience());
  EXPECT_TRUE(done.ok()) << done.error().text;
}

TEST(Streaming, EndsWithTheReceiversErrorAsItIsAndClosesTheConnection) {
  const Error wanted{Reason::parse, "no sense in it", 7};
  for (const bool at_head : {true, false}) {
    const Wake closed;
    auto server = RawServer::on_unix({[&](RawConnection& connection) {
      connection.read_head();
      connection.send(chunked + "5\r\nhello\r\n");
      connection.wait_for_close();
      closed.raise();
    }});
    int pieces = 0;
    const Receiver receiver{
        .head = [&](const Response&) -> Status { return at_head ? Status(wanted) : Status(); },
        .piece = [&](std::string_view) -> Status {
          ++pieces;
          return wanted;
        }};
    const auto transport = make_transport(unix_endpoint(server.path()));
    const auto done = transport->stream(get(), receiver, patience());
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().reason, wanted.reason);
    EXPECT_EQ(done.error().text, wanted.text);
    EXPECT_EQ(done.error().status, wanted.status);
    EXPECT_EQ(pieces, at_head ? 0 : 1);
    EXPECT_EQ(patience().wait(closed.fd(), POLLIN), std::nullopt);
  }
}

TEST(Streaming, IsGivenUpWhileItWaitsForTheNextPiece) {
  const Wake give_up;
  const Wake closed;
  auto server = RawServer::on_unix({[&](RawConnection& connection) {
    connection.read_head();
    connection.send(chunked + "5\r\nhello\r\n");
    connection.wait_for_close();
    closed.raise();
  }});
  const Wake got_piece;
  std::thread caller([&] {
    EXPECT_EQ(patience().wait(got_piece.fd(), POLLIN), std::nullopt);
    give_up.raise();
  });
  const Receiver receiver{.head = careless.head, .piece = [&](std::string_view) -> Status {
                            got_piece.raise();
                            return {};
                          }};
  const auto transport = make_transport(unix_endpoint(server.path()));
  const auto done = transport->stream(get(), receiver, Cancel(give_up));
  caller.join();
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().reason, Reason::interrupted);
  EXPECT_THAT(done.error().text, HasSubstr("given up"));
  EXPECT_EQ(patience().wait(closed.fd(), POLLIN), std::nullopt);
}

TEST(Streaming, WaitsForTheHeadAsLongAsTheRequestSays) {
  for (const std::string& beginning : {std::string(), std::string("HTTP/1.1 200 OK\r\nContent")}) {
    auto server = RawServer::on_unix({[&](RawConnection& connection) {
      connection.read_head();
      connection.send(beginning);
      connection.wait_for_close();
    }});
    auto request = get();
    request.head_timeout = std::chrono::milliseconds(50);
    const auto done = make_transport(unix_endpoint(server.path()))->stream(request, careless, patience());
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().reason, Reason::timeout);
  }
}

/// One exchange in which the Cancel of the head ends as soon as the head was taken, and then the body comes.
Status after_the_heads_time(const std::string& head, const std::string& body, Kept& kept) {
  int pair[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
  Stream stream((Fd(pair[0])));
  const RawConnection peer(pair[1]);
  const Fd peer_socket(pair[1]);
  peer.send(head);
  const Wake head_time_is_over;
  auto receiver = kept.receiver();
  receiver.head = [&](const Response&) -> Status {
    head_time_is_over.raise();
    peer.send(body);
    return {};
  };
  const Cancel head_cancel(head_time_is_over);
  const Cancel cancel = patience();
  return Exchange(stream, head_cancel, cancel).run("GET / HTTP/1.1\r\n\r\n", get(), true, receiver);
}

TEST(Streaming, OutlivesTheTimeOfItsHead) {
  Kept kept;
  const auto done = after_the_heads_time(chunked, "2\r\nhi\r\n0\r\n\r\n", kept);
  ASSERT_TRUE(done.ok()) << done.error().text;
  EXPECT_EQ(kept.body, "hi");
}

TEST(Streaming, GivesARefusalNoMoreTimeThanAHead) {
  Kept kept;
  const auto done = after_the_heads_time("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n", "no", kept);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().reason, Reason::interrupted);
}

TEST(Streaming, ThatEndsInTheMiddleIsInterrupted) {
  const std::string whole = chunked + "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n";
  for (std::size_t size = 1; size < whole.size(); ++size) {
    SCOPED_TRACE(whole.substr(0, size));
    Kept kept;
    const auto done = stream_of(whole.substr(0, size), kept, get("/events"));
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().reason, Reason::interrupted);
    EXPECT_THAT(done.error().text, AllOf(StartsWith("GET /events on unix://"), HasSubstr("in the middle")));
    EXPECT_EQ(kept.heads, size < chunked.size() ? 0 : 1);
    EXPECT_EQ(kept.body, std::string("hello!").substr(0, kept.body.size()));
  }
}

TEST(Streaming, OfChunksThatLieIsNoHttp) {
  for (const char* lie : {"3\r\nhello\r\n0\r\n\r\n", "zz\r\n", "5\nhello\n0\n\n", "-5\r\nhello\r\n"}) {
    Kept kept;
    const auto done = stream_of(chunked + lie, kept);
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().reason, Reason::http);
    EXPECT_THAT(done.error().text, HasSubstr("not proper HTTP"));
  }
}

TEST(Streaming, StopsAtTheCapOverAllPieces) {
  for (const std::string& start : {std::string("HTTP/1.1 200 OK\r\n\r\n"), chunked}) {
    auto server = RawServer::on_unix({[&](RawConnection& connection) {
      connection.read_head();
      connection.send(start);
      connection.send_endlessly("8\r\n01234567\r\n");
    }});
    Kept kept;
    const auto done =
        make_transport(unix_endpoint(server.path()))->stream(get("/", 1000), kept.receiver(), patience());
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().reason, Reason::too_large);
    EXPECT_LE(kept.body.size(), 1000U);
  }
}

TEST(Streaming, OfALengthAboveTheCapIsRefusedBeforeTheReceiverHearsOfIt) {
  Kept kept;
  const auto done = stream_of("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", kept, get("/", 1000));
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().reason, Reason::too_large);
  EXPECT_EQ(kept.heads, 0);
}

TEST(Streaming, MayBeWithoutACap) {
  Kept kept;
  const auto endless = get("/", std::numeric_limits<std::size_t>::max());
  ASSERT_TRUE(stream_of(chunked + "5\r\nhello\r\n0\r\n\r\n", kept, endless).ok());
  EXPECT_EQ(kept.body, "hello");
  const auto done = stream_of(chunked + "fffffffffffffffff\r\n", kept, endless);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().reason, Reason::http);
}

TEST(Streaming, SharesItsConnectionWithCallsAndTriesAClosedOneAgainOnce) {
  const RawServer::Script twice_then_gone = [](RawConnection& connection) {
    for (int i = 0; i < 2; ++i) {
      connection.read_head();
      connection.send(chunked + "2\r\nhi\r\n0\r\n\r\n");
    }
    connection.read_head();
  };
  auto server = RawServer::on_unix({twice_then_gone, RawServer::answering(chunked + "0\r\n\r\n")});
  const auto transport = make_transport(unix_endpoint(server.path()));
  ASSERT_TRUE(transport->call(get(), patience()).ok());
  Kept same;
  ASSERT_TRUE(transport->stream(get(), same.receiver(), patience()).ok());
  EXPECT_FALSE(same.head.new_connection);
  Kept anew;
  ASSERT_TRUE(transport->stream(get(), anew.receiver(), patience()).ok());
  EXPECT_TRUE(anew.head.new_connection);
  EXPECT_EQ(anew.heads, 1);
  EXPECT_EQ(server.connections(), 2U);
}

TEST(Streaming, IsNotTriedAgainOnceItsHeadWasTaken) {
  const RawServer::Script dies_in_the_second = [](RawConnection& connection) {
    connection.read_head();
    connection.send(chunked + "0\r\n\r\n");
    connection.read_head();
    connection.send(chunked + "2\r\nhi");
  };
  auto server = RawServer::on_unix({dies_in_the_second});
  const auto transport = make_transport(unix_endpoint(server.path()));
  ASSERT_TRUE(transport->call(get(), patience()).ok());
  Kept kept;
  const auto done = transport->stream(get(), kept.receiver(), patience());
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().reason, Reason::interrupted);
  EXPECT_EQ(kept.heads, 1);
  EXPECT_EQ(kept.body, "hi");
  EXPECT_EQ(server.connections(), 1U);
}

TEST(TcpConnections, NoticeWithinAMinuteThatThePeerIsGone) {
  auto server = RawServer::on_tcp({[](RawConnection& connection) { connection.wait_for_close(); }});
  const auto socket = connect_to(tcp_endpoint(server.port()), patience());
  ASSERT_TRUE(socket.ok()) << socket.error().text;
  const auto option = [&](int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    EXPECT_EQ(::getsockopt(socket->get(), level, name, &value, &size), 0);
    return value;
  };
  EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 30);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPINTVL), 10);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPCNT), 3);
}

}  // namespace
}  // namespace repodigest::transport
