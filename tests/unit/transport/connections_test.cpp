// Opening, keeping and giving up connections.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "calls.h"
#include "support/temporary_folder.h"
#include "transport/stream.h"

namespace repodigest::transport {
namespace {

using support::RawConnection;
using support::RawServer;
using support::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string empty_answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// Answers every request of a connection until the client closes it.
void answer_all(RawConnection& connection) {
  while (!connection.read_head().empty()) connection.send(empty_answer);
}

/// Fills the backlog of a socket that nobody accepts from, so that the next connect must wait.
class FullListener {
 public:
  explicit FullListener(int family) : listener_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un local{};
    sockaddr_in loopback{};
    const sockaddr* address = nullptr;
    socklen_t size = 0;
    if (family == AF_UNIX) {
      local.sun_family = AF_UNIX;
      path().copy(local.sun_path, sizeof local.sun_path - 1);
      address = reinterpret_cast<const sockaddr*>(&local);
      size = sizeof local;
    } else {
      loopback.sin_family = AF_INET;
      loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      address = reinterpret_cast<const sockaddr*>(&loopback);
      size = sizeof loopback;
    }
    EXPECT_EQ(::bind(listener_.get(), address, size), 0);
    EXPECT_EQ(::listen(listener_.get(), 0), 0);
    if (family == AF_INET) {
      ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&loopback), &size);
      port_ = ntohs(loopback.sin_port);
    }
    while (true) {
      Fd filler(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      const int connected = ::connect(filler.get(), address, size);
      if (connected != 0 && errno == EAGAIN) break;
      pollfd waiting{filler.get(), POLLOUT, 0};
      const bool queued = connected == 0 || ::poll(&waiting, 1, 100) == 1;
      fillers_.push_back(std::move(filler));
      if (!queued) break;
    }
  }
  [[nodiscard]] std::string path() const { return (folder_.path() / "full.sock").string(); }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  TemporaryFolder folder_;
  Fd listener_;
  std::vector<Fd> fillers_;
  std::uint16_t port_ = 0;
};

TEST(Connections, AreKeptForTheNextCall) {
  auto server = RawServer::on_unix({answer_all});
  const auto transport = make_transport(unix_endpoint(server.path()));
  for (const bool first : {true, false, false}) {
    const auto result = transport->call(get(), patience());
    ASSERT_TRUE(result.ok()) << result.error().text;
    EXPECT_EQ(result->new_connection, first);
  }
  EXPECT_EQ(server.connections(), 1U);
}

TEST(Connections, AreOpenedAnewWhenTheAnswerSaysClose) {
  for (const std::string& answer :
       {std::string("HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 0\r\n\r\n"),
        std::string("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
        empty_answer + "surplus that nobody asked for"}) {
    auto server = RawServer::on_unix({[&](RawConnection& connection) {
      connection.read_head();
      connection.send(answer);
      connection.wait_for_close();
    }});
    const auto transport = make_transport(unix_endpoint(server.path()));
    for (int i = 0; i < 2; ++i) {
      const auto result = transport->call(get(), patience());
      ASSERT_TRUE(result.ok()) << result.error().text;
      EXPECT_TRUE(result->new_connection);
    }
  }
}

TEST(Connections, ThatThePeerClosedBetweenCallsAreOpenedAnew) {
  for (const bool over_tcp : {false, true}) {
    const std::vector<RawServer::Script> scripts = {RawServer::answering(empty_answer), answer_all};
    auto server = over_tcp ? RawServer::on_tcp(scripts) : RawServer::on_unix(scripts);
    const auto transport =
        make_transport(over_tcp ? tcp_endpoint(server.port()) : unix_endpoint(server.path()));
    for (int i = 0; i < 2; ++i) {
      // Whether the close is seen before the second request or by it, the second answer comes.
      const auto result = transport->call(get(), patience());
      ASSERT_TRUE(result.ok()) << result.error().text;
      EXPECT_TRUE(result->new_connection);
    }
    EXPECT_EQ(server.connections(), 2U);
  }
}

TEST(Connections, ThatEndUnderTheSecondRequestAreOpenedAnewOnce) {
  const RawServer::Script second_request_kills = [](RawConnection& connection) {
    connection.read_head();
    connection.send(empty_answer);
    connection.read_head();
  };
  auto server = RawServer::on_unix({second_request_kills, answer_all});
  const auto transport = make_transport(unix_endpoint(server.path()));
  ASSERT_TRUE(transport->call(get(), patience()).ok());
  const auto second = transport->call(get(), patience());
  ASSERT_TRUE(second.ok()) << second.error().text;
  EXPECT_TRUE(second->new_connection);
  EXPECT_EQ(server.connections(), 2U);
}

TEST(Connections, ThatSaidSomethingUnaskedBetweenCallsAreOpenedAnew) {
  // As proxies do before they close an idle connection; it must not become the next call's answer.
  const Wake answered;
  const Wake closed;
  auto server = RawServer::on_unix({[&](RawConnection& connection) {
                                      connection.read_head();
                                      connection.send(empty_answer);
                                      EXPECT_EQ(patience().wait(answered.fd(), POLLIN), std::nullopt);
                                      connection.send("HTTP/1.1 408 Request Timeout\r\n\r\n");
                                      closed.raise();
                                    },
                                    answer_all});
  const auto transport = make_transport(unix_endpoint(server.path()));
  ASSERT_TRUE(transport->call(get(), patience()).ok());
  answered.raise();
  ASSERT_EQ(patience().wait(closed.fd(), POLLIN), std::nullopt);
  const auto second = transport->call(get(), patience());
  ASSERT_TRUE(second.ok()) << second.error().text;
  EXPECT_EQ(second->status, 200);
  EXPECT_TRUE(second->new_connection);
}

TEST(Connections, AreNotOpenedAnewForWhatMayNotBeAskedTwice) {
  auto server = RawServer::on_unix({[](RawConnection& connection) {
    connection.read_head();
    connection.send(empty_answer);
    connection.read_head();
  }});
  const auto transport = make_transport(unix_endpoint(server.path()));
  ASSERT_TRUE(transport->call(get(), patience()).ok());
  auto post = get();
  post.method = "POST";
  const auto result = transport->call(post, patience());
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().reason, Reason::connect);
  EXPECT_EQ(server.connections(), 1U);
}

TEST(Connections, ThatDieInTheMiddleOfASecondAnswerAreAnError) {
  auto server = RawServer::on_unix({[](RawConnection& connection) {
    connection.read_head();
    connection.send(empty_answer);
    connection.read_head();
    connection.send("HTTP/1.1 200 OK\r\nContent-");
  }});
  const auto transport = make_transport(unix_endpoint(server.path()));
  ASSERT_TRUE(transport->call(get(), patience()).ok());
  const auto result = transport->call(get(), patience());
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().reason, Reason::interrupted);
  EXPECT_EQ(server.connections(), 1U);
}

TEST(Connections, AreClosedAfterAnError) {
  Wake closed;
  auto server = RawServer::on_unix({[&](RawConnection& connection) {
                                      connection.read_head();
                                      connection.send("nonsense");
                                      connection.wait_for_close();
                                      closed.raise();
                                    },
                                    answer_all});
  const auto transport = make_transport(unix_endpoint(server.path()));
  ASSERT_FALSE(transport->call(get(), patience()).ok());
  EXPECT_EQ(patience().wait(closed.fd(), POLLIN), std::nullopt);
  EXPECT_TRUE(transport->call(get(), patience()).ok());
}

TEST(Connections, AnAnswerThatComesBeforeThePeerCloseIsRead) {
  // The server refuses without reading: our request meets a closed socket, but its words are there.
  auto server = RawServer::on_unix({[](RawConnection& connection) {
    connection.send("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy");
  }});
  const auto result = make_transport(unix_endpoint(server.path()))->call(get(), patience());
  // On a unix socket the unread request resets nothing; the words come, whenever the close came.
  ASSERT_TRUE(result.ok()) << result.error().text;
  EXPECT_EQ(result->body, "busy");
}

TEST(Connecting, ToNothingSaysWhatToDo) {
  const TemporaryFolder folder;
  const auto path = [&](const char* name) { return (folder.path() / name).string(); };
  const auto error = [](const std::string& where) {
    const auto result = make_transport(unix_endpoint(where))->call(get(), patience());
    EXPECT_FALSE(result.ok());
    return result.ok() ? Error{} : result.error();
  };

  EXPECT_EQ(error(path("missing.sock")).reason, Reason::connect);
  EXPECT_THAT(
      error(path("missing.sock")).text,
      AllOf(HasSubstr("missing.sock: it does not exist: is Docker running?"), HasSubstr("--docker.host")));
  EXPECT_THAT(error(path("no/docker.sock")).text, HasSubstr(path("no") + " does not exist"));

  std::ofstream(path("file")) << "x";
  EXPECT_THAT(error(path("file")).text, HasSubstr("it is not a socket"));
  EXPECT_THAT(error(path("file/docker.sock")).text, HasSubstr(path("file") + " is not a directory"));
  std::filesystem::create_directory(folder.path() / "directory");
  EXPECT_THAT(error(path("directory")).text, HasSubstr("it is a directory"));
  std::filesystem::create_symlink("gone.sock", folder.path() / "link");
  EXPECT_THAT(error(path("link")).text, HasSubstr(path("gone.sock") + " does not exist"));
  std::filesystem::create_symlink("loop", folder.path() / "loop");
  EXPECT_THAT(error(path("loop")).text, HasSubstr("too many levels of symbolic links"));

  EXPECT_THAT(error("/" + std::string(200, 'a')).text, HasSubstr("at most 107 bytes, this one has 201"));
  EXPECT_THAT(error("").text, HasSubstr("not a path"));
  EXPECT_THAT(error(std::string("\0abstract", 9)).text, HasSubstr("not a path"));
}

TEST(Connecting, ToASocketNobodyListensOnIsRefused) {
  std::uint16_t port = 0;
  {
    auto server = RawServer::on_tcp({answer_all});
    port = server.port();
  }
  const auto refused = make_transport(tcp_endpoint(port))->call(get(), patience());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().reason, Reason::connect);
  EXPECT_THAT(refused.error().text, HasSubstr("cannot connect to tcp://127.0.0.1:" + std::to_string(port) +
                                              ": connection refused"));

  const TemporaryFolder folder;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string left = (folder.path() / "left.sock").string();
  left.copy(address.sun_path, sizeof address.sun_path - 1);
  {
    const Fd bound(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(::bind(bound.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  EXPECT_THAT(make_transport(unix_endpoint(left))->call(get(), patience()).error().text,
              HasSubstr("left.sock: nobody listens on it: is Docker running?"));
}

TEST(Connecting, ToANameThatDoesNotExistSaysSo) {
  auto endpoint = tcp_endpoint(2375);
  endpoint.host = "no such host";  // a space is in no name, so no server is asked
  const auto result = make_transport(endpoint)->call(get(), patience());
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().reason, Reason::connect);
  EXPECT_THAT(result.error().text, HasSubstr("cannot find the host of tcp://no such host:2375"));
}

TEST(Waiting, EndsAtTheDeadlineWhereverThePeerHangs) {
  for (const std::string& beginning :
       {std::string(), std::string("HTTP/1.1 200 OK\r\nContent"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe")}) {
    auto server = RawServer::on_unix({[&](RawConnection& connection) {
      connection.read_head();
      connection.send(beginning);
      connection.wait_for_close();
    }});
    const auto result = make_transport(unix_endpoint(server.path()))
                            ->call(get(), Cancel().within(std::chrono::milliseconds(50)));
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().reason, Reason::timeout);
    if (beginning.empty()) {
      EXPECT_THAT(result.error().text, HasSubstr("no answer after "));
    }
  }
}

TEST(Waiting, EndsAtTheDeadlineThoughBytesKeepComing) {
  auto server = RawServer::on_tcp({[](RawConnection& connection) {
    connection.read_head();
    connection.send("HTTP/1.1 200 OK\r\n\r\n");
    connection.send_endlessly("a");
  }});
  const auto result =
      make_transport(tcp_endpoint(server.port()))
          ->call(get("/", std::size_t{1} << 40U), Cancel().within(std::chrono::milliseconds(100)));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().reason, Reason::timeout);
}

TEST(Waiting, ForAConnectionEndsAtTheDeadline) {
  const FullListener local(AF_UNIX);
  const FullListener loopback(AF_INET);
  for (const auto& endpoint : {unix_endpoint(local.path()), tcp_endpoint(loopback.port())}) {
    const auto result = make_transport(endpoint)->call(get(), Cancel().within(std::chrono::milliseconds(50)));
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().reason, Reason::timeout);
    EXPECT_THAT(result.error().text, HasSubstr("cannot connect to " + endpoint.text()));
  }
}

TEST(Waiting, EndsWhenAnotherThreadRaisesTheWake) {
  const FullListener local(AF_UNIX);
  const FullListener loopback(AF_INET);
  for (const auto& endpoint : {unix_endpoint(local.path()), tcp_endpoint(loopback.port())}) {
    const Wake wake;
    std::thread raiser([&] { wake.raise(); });
    const auto result = make_transport(endpoint)->call(get(), Cancel(wake));
    raiser.join();
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().reason, Reason::interrupted);
    EXPECT_THAT(result.error().text, HasSubstr("given up"));
  }
  const Wake wake;
  auto server = RawServer::on_unix({[&](RawConnection& connection) {
    connection.read_head();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel");
    wake.raise();
    connection.wait_for_close();
  }});
  const auto result = make_transport(unix_endpoint(server.path()))->call(get(), Cancel(wake));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().reason, Reason::interrupted);
}

TEST(Waiting, BehindAFullQueueSucceedsWhenItEmpties) {
  // Not a FullListener: this one starts to accept once a client has had to wait.
  const TemporaryFolder folder;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = (folder.path() / "slow.sock").string();
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 0), 0);
  const Fd filler(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(filler.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);

  const auto transport = make_transport(unix_endpoint(path));
  ASSERT_EQ(transport->call(get(), Cancel().within(std::chrono::milliseconds(30))).error().reason,
            Reason::timeout);
  std::thread acceptor([&] {
    const Fd first(::accept(listener.get(), nullptr, nullptr));
    const Fd second(::accept(listener.get(), nullptr, nullptr));
    RawConnection connection(second.get());
    connection.read_head();
    connection.send(empty_answer);
  });
  const auto result = transport->call(get(), patience());
  acceptor.join();
  EXPECT_TRUE(result.ok()) << result.error().text;
}

TEST(Streams, WriteToAClosedPeerWithoutASignal) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
  Stream stream((Fd(pair[0])));
  ::close(pair[1]);
  const auto written = stream.write("x", patience());
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().reason, Reason::connect);
  EXPECT_EQ(written.error().text, "broken pipe");
}

TEST(Streams, WriteMoreThanASocketHolds) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
  Stream stream((Fd(pair[0])));
  Stream peer((Fd(pair[1])));
  std::size_t got = 0;
  std::thread reader([&] {
    char buffer[65536];
    while (const auto size = *peer.read(buffer, sizeof buffer, patience())) got += size;
  });
  {
    const std::string large(std::size_t{4} << 20U, 'x');
    EXPECT_TRUE(stream.write(large, patience()).ok());
    ::shutdown(pair[0], SHUT_WR);
  }
  reader.join();
  EXPECT_EQ(got, std::size_t{4} << 20U);
}

}  // namespace
}  // namespace repodigest::transport
