#include "support/replay_engine.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include "repodigest/base/fd.h"
#include "support/recorded_engines.h"
#include "support/temporary_folder.h"

namespace repodigest::support {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

/// A client that knows nothing of HTTP but what a test says.
class Client {
 public:
  explicit Client(const ReplayEngine& engine) {
    sockaddr_storage address{};
    socklen_t size = 0;
    if (engine.port() != 0) {
      auto* const tcp = reinterpret_cast<sockaddr_in*>(&address);
      *tcp = {};
      tcp->sin_family = AF_INET;
      tcp->sin_port = htons(engine.port());
      tcp->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      size = sizeof *tcp;
    } else {
      auto* const local = reinterpret_cast<sockaddr_un*>(&address);
      local->sun_family = AF_UNIX;
      engine.host()
          .substr(std::string_view("unix://").size())
          .copy(local->sun_path, sizeof local->sun_path - 1);
      size = sizeof *local;
    }
    socket_ = Fd(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    connected_ = ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0;
  }

  [[nodiscard]] bool connected() const { return connected_; }
  void send(const std::string& bytes) const {
    EXPECT_EQ(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  void get(const std::string& target, const std::string& headers = "") const {
    send("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n");
  }
  /// One byte, or nothing at the end of the connection.
  [[nodiscard]] std::optional<char> byte() const {
    char one = 0;
    return ::recv(socket_.get(), &one, 1, 0) == 1 ? std::optional(one) : std::nullopt;
  }
  [[nodiscard]] std::string read(std::size_t size) const {
    std::string bytes;
    while (bytes.size() < size) {
      std::array<char, 4096> piece;
      const auto got = ::recv(socket_.get(), piece.data(), std::min(piece.size(), size - bytes.size()), 0);
      if (got <= 0) break;
      bytes.append(piece.data(), static_cast<std::size_t>(got));
    }
    return bytes;
  }
  [[nodiscard]] std::string read_to_end() const { return read(std::size_t{64} << 20U); }
  [[nodiscard]] std::string read_head() const {
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
      const auto one = byte();
      if (!one) break;
      head.push_back(*one);
    }
    return head;
  }
  /// Reads one whole answer and takes the chunks apart.
  [[nodiscard]] std::string read_body() const {
    const std::string head = read_head();
    constexpr std::string_view length = "Content-Length: ";
    if (const auto at = head.find(length); at != std::string::npos)
      return read(std::strtoul(head.c_str() + at + length.size(), nullptr, 10));
    EXPECT_THAT(head, HasSubstr("Transfer-Encoding: chunked\r\n"));
    std::string body;
    while (true) {
      std::string line;
      while (!line.ends_with("\r\n")) {
        const auto one = byte();
        if (!one) return "cut off after " + body;
        line.push_back(*one);
      }
      const std::size_t size = std::strtoul(line.c_str(), nullptr, 16);
      body += read(size);
      EXPECT_EQ(read(2), "\r\n");
      if (size == 0) return body;
    }
  }
  void close() { socket_.reset(); }

 private:
  Fd socket_;
  bool connected_ = false;
};

class ReplayEngineTest : public testing::Test {
 protected:
  [[nodiscard]] std::string whole_answer(const std::string& target) const {
    const Client client(*engine_);
    client.get(target, "Connection: close\r\n");
    return client.read_to_end();
  }
  [[nodiscard]] std::string body(const std::string& target) const {
    const Client client(*engine_);
    client.get(target);
    return client.read_body();
  }

  TemporaryFolder folder_;
  std::unique_ptr<ReplayEngine> engine_ =
      ReplayEngine::on_unix_socket(Recording::embedded(), folder_.path() / "docker.sock").value();
};

TEST_F(ReplayEngineTest, AnswersWithTheRecordedStatusHeadersAndBody) {
  const std::string answer = whole_answer("/_ping");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nApi-Version: 1.47\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nServer: Docker/27.3.1 (linux)\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nOK"));
}

TEST_F(ReplayEngineTest, HeadOfThePingHasALengthOfZeroAndNoBody) {
  const Client client(*engine_);
  client.send("HEAD /_ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  const std::string answer = client.read_to_end();
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Length: 0\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(ReplayEngineTest, ServesTheSameOnALoopbackPort) {
  const auto engine = ReplayEngine::on_loopback(Recording::embedded());
  ASSERT_TRUE(engine.ok());
  EXPECT_EQ((*engine)->host(), "tcp://127.0.0.1:" + std::to_string((*engine)->port()));
  const Client client(**engine);
  client.get("/version");
  EXPECT_EQ(client.read_body(), Recording::embedded().body("/version"));
}

TEST_F(ReplayEngineTest, ChunksExactlyTheBodiesThatTheEnginesChunked) {
  std::size_t compared = 0;
  for (const auto& name : recorded_engines()) {
    const auto folder = recorded_folder / name;
    engine_->replace(Recording::from_folder(folder).value());
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
      if (file.path().extension() != ".headers") continue;
      std::ifstream stream(file.path());
      std::string arrow;
      std::string method;
      std::string target;
      stream >> arrow >> method >> target;
      const std::string rest{std::istreambuf_iterator<char>(stream), {}};
      // What is served, and answered the same to every query.
      const bool served = target == "/version" || target == "/info" || target == "/images/json" ||
                          (target.starts_with("/images/sha256:") && target.ends_with("/json"));
      if (method != "GET" || !served) continue;
      const bool was_chunked = rest.find("Transfer-Encoding: chunked") != std::string::npos;
      const bool is_chunked = whole_answer(target).find("Transfer-Encoding: chunked") != std::string::npos;
      EXPECT_EQ(is_chunked, was_chunked) << file.path();
      ++compared;
    }
  }
  EXPECT_GT(compared, 120U);
}

TEST_F(ReplayEngineTest, KeepsAConnectionForManyRequestsEvenPipelinedOnes) {
  const Client client(*engine_);
  client.get("/images/json");
  client.get("/version");
  client.get("/images/nowhere/json");
  EXPECT_EQ(client.read_body(), Recording::embedded().body("/images/json"));
  EXPECT_EQ(client.read_body(), Recording::embedded().body("/version"));
  EXPECT_THAT(client.read_body(), HasSubstr("No such image: nowhere:latest"));
  EXPECT_EQ(engine_->connections(), 1U);
}

TEST_F(ReplayEngineTest, RefusesTheSocketPathAsHostAsGoDoes) {
  const Client client(*engine_);
  client.send("GET /_ping HTTP/1.1\r\nHost: /run/docker.sock\r\n\r\n");
  EXPECT_THAT(client.read_to_end(), StartsWith("HTTP/1.1 400 Bad Request: malformed Host header\r\n"));
}

TEST_F(ReplayEngineTest, ClosesOnWhatIsNotHttp) {
  const Client client(*engine_);
  client.send("hello\r\n\r\n");
  EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(ReplayEngineTest, CountsRequestsByPathWithoutVersionAndQuery) {
  (void)body("/v1.47/images/json?all=0");
  (void)body("/images/json");
  (void)body("/images/localhost:5000/team/both:v1/json");
  EXPECT_EQ(engine_->asked("/images/json"), 2U);
  EXPECT_EQ(engine_->asked("/images/*/json"), 1U);
  EXPECT_EQ(engine_->asked("*"), 3U);
  EXPECT_EQ(engine_->asked("/version"), 0U);
  EXPECT_TRUE(engine_->wait_until_asked("/images/json", 2));
}

TEST_F(ReplayEngineTest, TellsTheHeadOfTheLastRequestToAPath) {
  EXPECT_EQ(engine_->last_request("*"), "");
  const Client client(*engine_);
  client.get("/v1.47/images/json?all=1", "X-One: 1\r\n");
  (void)client.read_body();
  (void)body("/version");
  EXPECT_EQ(engine_->last_request("/images/*"),
            "GET /v1.47/images/json?all=1 HTTP/1.1\r\nHost: localhost\r\nX-One: 1\r\n");
  EXPECT_THAT(engine_->last_request("*"), StartsWith("GET /version "));
}

TEST_F(ReplayEngineTest, AnotherEngineAnswersOnTheSameConnection) {
  const Client client(*engine_);
  client.get("/version");
  EXPECT_THAT(client.read_body(), HasSubstr("27.3.1"));
  const auto folder = std::filesystem::path(REPODIGEST_SOURCE_DIR) / "tests/recorded/29.7.2-containerd";
  engine_->replace(Recording::from_folder(folder).value());
  client.get("/version");
  EXPECT_THAT(client.read_body(), HasSubstr("29.7.2"));
}

TEST_F(ReplayEngineTest, ChangesShowInTheNextAnswer) {
  engine_->change([](Recording& recording) { recording.set_body("/images/json", "[]"); });
  EXPECT_EQ(body("/images/json"), "[]");
}

TEST_F(ReplayEngineTest, DroppedConnectionsEndAtOnceAndNewOnesAreTaken) {
  const Client client(*engine_);
  client.get("/_ping");
  EXPECT_EQ(client.read_body(), "OK");
  engine_->drop_connections();
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_EQ(body("/_ping"), "OK");
}

TEST_F(ReplayEngineTest, RefusesNewConnectionsUntilItAcceptsAgain) {
  const auto tcp = ReplayEngine::on_loopback(Recording::embedded()).value();
  for (ReplayEngine* const engine : {engine_.get(), tcp.get()}) {
    SCOPED_TRACE(engine->host());
    const Client open(*engine);
    open.get("/_ping");
    EXPECT_EQ(open.read_body(), "OK");
    engine->refuse();
    EXPECT_FALSE(Client(*engine).connected());
    open.get("/_ping");
    EXPECT_EQ(open.read_body(), "OK");
    ASSERT_TRUE(engine->accept_again().ok());
    EXPECT_TRUE(Client(*engine).connected());
  }
}

TEST_F(ReplayEngineTest, SaysWhereItCannotListen) {
  const auto engine =
      ReplayEngine::on_unix_socket(Recording::embedded(), folder_.path() / "no" / "folder.sock");
  ASSERT_FALSE(engine.ok());
  EXPECT_THAT(engine.error().text, HasSubstr("folder.sock: "));
  EXPECT_FALSE(ReplayEngine::on_unix_socket(Recording::embedded(), "/" + std::string(200, 'x')).ok());
}

TEST_F(ReplayEngineTest, StopEndsHangingSlowAndIdleConnectionsAndRemovesTheSocket) {
  engine_->fail("/version", Fault::hanging_before_head());
  engine_->fail("/info", Fault::slow(1h));
  engine_->fail("/images/json", Fault::endless_chunks());
  const Client hanging(*engine_);
  const Client slow(*engine_);
  const Client endless(*engine_);
  const Client idle(*engine_);
  hanging.get("/version");
  slow.get("/info");
  endless.get("/images/json");
  EXPECT_TRUE(slow.byte().has_value());
  EXPECT_TRUE(endless.byte().has_value());
  EXPECT_TRUE(engine_->wait_until_hanging(1));
  engine_->stop();
  EXPECT_EQ(hanging.read_to_end(), "");
  EXPECT_FALSE(slow.byte().has_value());
  EXPECT_EQ(idle.read_to_end(), "");
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "docker.sock"));
  engine_->stop();
}

TEST_F(ReplayEngineTest, FaultsHitOnlyTheirPathAndOnlySoOften) {
  engine_->fail("/images/*/json", Fault::answering(500, R"({"message":"boom"})"), 2);
  EXPECT_EQ(body("/_ping"), "OK");
  EXPECT_THAT(whole_answer("/images/retag/json"), StartsWith("HTTP/1.1 500 Internal Server Error\r\n"));
  EXPECT_EQ(body("/images/retag/json"), R"({"message":"boom"})");
  EXPECT_THAT(body("/images/retag/json"), HasSubstr("\"Id\""));
}

TEST_F(ReplayEngineTest, EarlierFaultsComeFirstAndAllAreHealed) {
  engine_->fail("*", Fault::with_body("first"), 1);
  engine_->fail("*", Fault::with_body("second"));
  EXPECT_EQ(body("/_ping"), "first");
  EXPECT_EQ(body("/_ping"), "second");
  EXPECT_EQ(body("/_ping"), "second");
  engine_->heal();
  EXPECT_EQ(body("/_ping"), "OK");
}

TEST_F(ReplayEngineTest, ClosesBeforeTheAnswerOrInTheMiddleOfIt) {
  const std::string whole = whole_answer("/_ping");
  engine_->fail("/_ping", Fault::closed_before_answer(), 1);
  EXPECT_EQ(whole_answer("/_ping"), "");
  engine_->fail("/_ping", Fault::closed_after(20), 1);
  EXPECT_EQ(whole_answer("/_ping"), whole.substr(0, 20));
  engine_->fail("/_ping", Fault::closed_after(100'000), 1);
  EXPECT_EQ(whole_answer("/_ping"), whole);
}

TEST_F(ReplayEngineTest, ResetsAConnectionBehindWhatItSaid) {
  const auto engine = ReplayEngine::on_loopback(Recording::embedded()).value();
  engine->fail("/_ping", Fault::reset_after(4), 1);
  const Client client(*engine);
  client.get("/_ping");
  EXPECT_EQ(client.read(4), "HTTP");
  EXPECT_EQ(client.byte(), std::nullopt);
  EXPECT_EQ(errno, ECONNRESET);
}

TEST_F(ReplayEngineTest, HangsWhereItIsToldAndGoesOnWhenReleased) {
  engine_->fail("/_ping", Fault::hanging_in_body_after(1), 1);
  const Client client(*engine_);
  client.get("/_ping");
  EXPECT_THAT(client.read_head(), HasSubstr("Content-Length: 2\r\n"));
  EXPECT_EQ(client.byte(), 'O');
  ASSERT_TRUE(engine_->wait_until_hanging(1));
  engine_->release();
  EXPECT_EQ(client.byte(), 'K');
  EXPECT_TRUE(engine_->wait_until_hanging(0));

  engine_->fail("/_ping", Fault::hanging_after(4), 1);
  client.get("/_ping");
  EXPECT_EQ(client.read(4), "HTTP");
  ASSERT_TRUE(engine_->wait_until_hanging(1)) << "a release is for those that hang, not for those to come";
  engine_->release();
  EXPECT_EQ(client.read_body(), "OK");
}

TEST_F(ReplayEngineTest, AClientThatHangsUpEndsTheHanging) {
  engine_->fail("/_ping", Fault::hanging_before_head());
  Client client(*engine_);
  client.get("/_ping");
  ASSERT_TRUE(engine_->wait_until_hanging(1));
  client.close();
  EXPECT_TRUE(engine_->wait_until_hanging(0));
}

TEST_F(ReplayEngineTest, SlowAnswersArriveWhole) {
  const std::string whole = whole_answer("/_ping");
  engine_->fail("/_ping", Fault::slow(1us));
  EXPECT_EQ(whole_answer("/_ping"), whole);
}

TEST_F(ReplayEngineTest, LiesAboutTheLength) {
  engine_->fail("/_ping", Fault::content_length_too_long(3), 1);
  const std::string too_long = whole_answer("/_ping");
  EXPECT_THAT(too_long, HasSubstr("\r\nContent-Length: 5\r\n"));
  EXPECT_THAT(too_long, EndsWith("\r\n\r\nOK"));
  engine_->fail("/_ping", Fault::content_length_too_short(1), 1);
  const std::string too_short = whole_answer("/_ping");
  EXPECT_THAT(too_short, HasSubstr("\r\nContent-Length: 1\r\n"));
  EXPECT_THAT(too_short, EndsWith("\r\n\r\nOK"));
}

TEST_F(ReplayEngineTest, PromisesTenGigabytesAndKeepsSending) {
  engine_->fail("/version", Fault::promising(10'000'000'000));
  const Client client(*engine_);
  client.get("/version");
  EXPECT_THAT(client.read_head(), HasSubstr("\r\nContent-Length: 10000000000\r\n"));
  const std::string version = Recording::embedded().body("/version");
  const std::string body = client.read(1'000'000);
  EXPECT_EQ(body, version + std::string(1'000'000 - version.size(), ' '));
}

TEST_F(ReplayEngineTest, EndlessChunksGoOnBehindTheBody) {
  engine_->fail("/_ping", Fault::endless_chunks());
  const Client client(*engine_);
  client.get("/_ping");
  EXPECT_THAT(client.read_head(), HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
  EXPECT_THAT(client.read(1'000'000), StartsWith("2\r\nOK\r\n4000\r\n    "));
}

TEST_F(ReplayEngineTest, ReplacesHeaderOrBodyOrEverything) {
  engine_->fail("/_ping", Fault::with_header("api-version", "9.99"), 1);
  const std::string other_header = whole_answer("/_ping");
  EXPECT_THAT(other_header, HasSubstr("Api-Version: 9.99\r\n"));
  EXPECT_EQ(other_header.find("1.47"), std::string::npos);

  engine_->fail("/images/json", Fault::with_body("[{\"Id\":\"\xff\"}]"), 1);
  EXPECT_EQ(body("/images/json"), "[{\"Id\":\"\xff\"}]");

  engine_->fail("/_ping", Fault::raw_bytes("<html>not Docker</html>"), 1);
  EXPECT_EQ(whole_answer("/_ping"), "<html>not Docker</html>");

  engine_->fail("/_ping", Fault::endless_after("hello"), 1);
  const Client client(*engine_);
  client.get("/_ping");
  EXPECT_EQ(client.read(1'000'000), "hello" + std::string(999'995, ' '));
}

TEST_F(ReplayEngineTest, KeepsEventsOpenAndQuietUntilItRings) {
  const Client first(*engine_);
  const Client second(*engine_);
  first.get("/v1.47/events?filters=x");
  second.get("/events");
  for (const Client* client : {&first, &second}) {
    const std::string head = client->read_head();
    EXPECT_THAT(head, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(head, HasSubstr("\r\nApi-Version: 1.47\r\n"));
    EXPECT_THAT(head, HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
  }
  ASSERT_TRUE(engine_->wait_until_listened_to(2));
  engine_->ring("{}");
  engine_->ring(R"({"Type":"image"})");
  const std::string chunks = "3\r\n{}\n\r\n11\r\n{\"Type\":\"image\"}\n\r\n";
  EXPECT_EQ(first.read(chunks.size()), chunks);
  EXPECT_EQ(second.read(chunks.size()), chunks);
  engine_->end_events();
  EXPECT_EQ(first.read(5), "0\r\n\r\n");
  EXPECT_TRUE(engine_->wait_until_listened_to(0));
  first.get("/_ping");  // the connection lives on
  EXPECT_EQ(first.read_body(), "OK");
  EXPECT_EQ(engine_->asked("/events"), 2U);
}

TEST_F(ReplayEngineTest, RefusesEventsAsAnyOtherPath) {
  engine_->fail("/events", Fault::answering(403, "no"), 1);
  EXPECT_THAT(whole_answer("/events"), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(body("/v1.99/events"), HasSubstr("too new"));
}

TEST_F(ReplayEngineTest, EndsEventsWithTheirConnection) {
  const Client dropped(*engine_);
  dropped.get("/events");
  EXPECT_THAT(dropped.read_head(), StartsWith("HTTP/1.1 200 "));
  engine_->drop_connections();
  EXPECT_EQ(dropped.read_to_end(), "");
  EXPECT_TRUE(engine_->wait_until_listened_to(0));

  Client leaving(*engine_);
  leaving.get("/events");
  EXPECT_THAT(leaving.read_head(), StartsWith("HTTP/1.1 200 "));
  leaving.close();
  EXPECT_TRUE(engine_->wait_until_listened_to(0));

  const Client stopped(*engine_);
  stopped.get("/events");
  EXPECT_THAT(stopped.read_head(), StartsWith("HTTP/1.1 200 "));
  engine_->stop();
  EXPECT_EQ(stopped.read_to_end(), "");
}

}  // namespace
}  // namespace repodigest::support
