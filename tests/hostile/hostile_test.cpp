// Hostile HTTP against every listener of the built program: each request and each connection meets its fate,
// memory does not grow, and honest clients are answered meanwhile.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <functional>
#include <iostream>
#include <iterator>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "stage.h"

namespace repodigest {
namespace {

using std::chrono::seconds;
using support::closed;
using support::eventually;
using support::Fate;
using support::HostileRequest;
using support::HostileRequests;
using support::open;

/// The program's own deadlines (web::ServerOptions).
constexpr seconds head_timeout{5};
constexpr seconds send_timeout{30};
/// How late a loaded machine may be with them.
constexpr seconds grace{60};
/// Which two daemons may have in use or not, for the engine and a scrape.
constexpr std::size_t spare_descriptors = 16;
/// How many come to each listener, and stay.
constexpr std::size_t crowd_size = 10'000;
/// --web.max-connections, and those who are told that there is no room.
constexpr std::int64_t max_connections = 512 + 64;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool memory_is_ours = false;  // a sanitizer keeps what was freed
#else
constexpr bool memory_is_ours = true;
#endif

/// As many open files as the system lets us have.
std::size_t allow_many_files() {
  rlimit files{};
  EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = files.rlim_max;
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  return files.rlim_max;
}

/// What only the paths of the web have to withstand.
std::vector<HostileRequest> web_requests(const HostileRequests& make) {
  const std::string image = "/api/v1/images/";
  const auto get = [&](const std::string& what, const std::string& target, int status) {
    return HostileRequest(what, make.get(target), open({status}));
  };
  return {
      get("a limit that is too large", "/api/v1/images?limit=99999999999999999999", 400),
      get("a limit below nothing", "/api/v1/images?limit=-1", 400),
      get("a parameter nobody knows", "/api/v1/images?a=b", 400),
      get("an anomaly nobody knows", "/api/v1/images?anomaly=%00", 400),
      get("a name that is a pattern", "/api/v1/images?name=(a%2b)%2b$", 200),
      get("a name of 7,000 letters", "/api/v1/images?name=" + std::string(7000, 'a'), 200),
      get("an image of no name", image, 404),
      get("an image that is a way out", image + "..%2f..%2f..%2fetc%2fpasswd", 404),
      get("an image with NUL in its name", image + "a%00b", 404),
      get("an image with a line end in its name", image + "a%0d%0aX-Injected:%20yes", 404),
      get("an image that is no UTF-8", image + "%ff%fe", 404),
      get("an image that is a script", image + "<script>alert(1)</script>", 404),
      get("an image of 7,000 letters", image + std::string(7000, 'a'), 404),
      get("an id of one letter", image + "s", 404),
      {"a reload that is not allowed", make.request("POST", "/-/reload"), closed({405})},
      {"a request and no more",
       make.get("/metrics", "Accept-Encoding: gzip;q=0, *;q=0\r\nConnection: close\r\n"), closed({200})},
  };
}

/// Whoever has not the right password is nobody.
std::vector<HostileRequest> users_requests(const HostileRequests& without) {
  const auto refused = [&](const std::string& what, const std::string& authorization) {
    return HostileRequest(what, without.good(authorization), closed({401}));
  };
  const auto basic = [](const std::string& pair) {
    return "Authorization: " + support::basic(pair) + "\r\n";
  };
  return {
      refused("nobody", ""),
      refused("an empty authorization", "Authorization:\r\n"),
      refused("another scheme", "Authorization: Bearer c2NyYXBlcjpzZWNyZXQ=\r\n"),
      refused("no base64", "Authorization: Basic ====\r\n"),
      refused("no colon", basic("scraper")),
      refused("another password", basic("scraper:Secret")),
      refused("an empty password", basic("scraper:")),
      refused("another user", basic("root:secret")),
      refused("a password with NUL behind it", basic(std::string("scraper:secret\0a", 16))),
      refused("a user with NUL behind it", basic(std::string("scraper\0:secret", 15))),
      refused("a password of 5,000 letters", basic("scraper:" + std::string(5000, 'a'))),
      refused("the authorization of a proxy", "Proxy-" + basic("scraper:secret")),
      refused("a name that is another", "X-" + basic("scraper:secret")),
      {"nobody who asks twice", without.good() + without.good(), closed({401})},
  };
}

/// Bytes that come where a handshake or records should.
std::vector<std::pair<std::string, std::string>> tls_garbage() {
  const auto record = [](char type, const std::string& content) {
    return std::string(
               {type, 3, 3, static_cast<char>(content.size() >> 8U), static_cast<char>(content.size())}) +
           content;
  };
  const auto repeated = [](const std::string& piece, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += piece;
    return all;
  };
  return {
      {"zeros", std::string(4096, '\0')},
      {"letters", std::string(20000, 'x')},
      {"SSH", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"},
      {"a hello of SSL 2",
       std::string("\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10", 11) + std::string(37, 'a')},
      {"a handshake of garbage", record(22, std::string(2000, 'x'))},
      {"a hello that is longer than it says",
       record(22, std::string("\x01\x00\x00\x02\x03\x03", 6) + std::string(500, 'a'))},
      {"a hello of sixteen megabytes",
       repeated(record(22, std::string("\x01\xff\xff\xff", 4) + std::string(16000, 'a')), 20)},
      {"a record that is too long", std::string("\x16\x03\x01\xff\xff", 5) + std::string(65535, 'a')},
      {"an empty record", record(22, "")},
      {"a hundred empty records", repeated(record(22, ""), 100)},
      {"data before a handshake", record(23, std::string(100, 'a'))},
      {"alerts", repeated(record(21, std::string("\x01\x5a", 2)), 100)},
      {"changes of ciphers", repeated(record(20, "\x01"), 200)},
      {"heartbeats", record(24, std::string("\x01\x40\x00", 3))},
      {"a record nobody knows", record(99, "aaaa")},
  };
}

/// Everything hostile, and the stage that it happens on.
class Hostility {
 public:
  /// `files` may be open at once.
  explicit Hostility(std::size_t files) : crowd_at_once_(std::min(crowd_size, files - 6'000)) {}

  /// Everything once; the end of slow readers is half a minute away.
  void pass(bool wait_for_slow_readers) {
    const auto began = std::chrono::steady_clock::now();
    std::vector<SlowReader> slow_readers = read_slowly();
    cases_ = 0;
    for (const Listener& listener : stage_.listeners()) {
      SCOPED_TRACE(listener.name);
      meet_their_fates(listener);
      if (listener.is_tls)
        speak_tls_badly(listener);
      else
        EXPECT_FALSE(listener.connect().shake_hands()) << "TLS to who speaks none";
      close_a_half(listener);
      leave_rudely(listener);
      crowd(listener);
    }
    if (wait_for_slow_readers) expect_cut(slow_readers, began);
    slow_readers.clear();
    send_heads_slowly();  // last, and a crowd: it is then that memory is given back
    EXPECT_TRUE(settled());
  }

  /// What each daemon has in memory when it has given back what it does not need.
  [[nodiscard]] std::vector<std::int64_t> memory() const {
    std::vector<std::int64_t> least(stage_.daemons().size(), std::numeric_limits<std::int64_t>::max());
    for (const auto end = Cancel().within(seconds(3)); !end.ended();) {
      for (std::size_t i = 0; i < least.size(); ++i)
        least[i] = std::min(least[i], resident_bytes(stage_.daemons()[i]->process().pid()));
      (void)Cancel().within(std::chrono::milliseconds(50)).wait(-1, 0);
    }
    return least;
  }
  /// How many descriptors the daemons have.
  [[nodiscard]] std::size_t descriptors() const {
    std::size_t count = 0;
    for (support::Daemon* const daemon : stage_.daemons()) count += open_descriptors(daemon->process().pid());
    return count;
  }

  Stage& stage() { return stage_; }
  Scraper& scraper() { return scraper_; }
  [[nodiscard]] std::size_t cases() const { return cases_; }
  [[nodiscard]] std::uint64_t answers() const { return answers_; }
  [[nodiscard]] std::uint64_t connections() const { return connections_; }

 private:
  struct SlowReader {
    RawClient client;
    std::string name;
  };
  /// Who sends a head, or the beginning of a handshake, that does not end.
  struct SlowSender {
    RawClient client;
    bool in_handshake = false;
    std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
  };

  RawClient client_of(const Listener& listener) {
    ++connections_;
    return listener.client();
  }
  RawClient connection_to(const Listener& listener) {
    ++connections_;
    return listener.connect();
  }
  void expect_served(const Listener& listener) {
    RawClient client = client_of(listener);
    EXPECT_TRUE(client.send(listener.requests.good()));
    EXPECT_EQ(client.read_reply().status, 200);
    ++answers_;
  }

  void meet_their_fates(const Listener& listener) {
    std::vector<HostileRequest> all = listener.requests.all();
    const auto add = [&](std::vector<HostileRequest> more) {
      all.insert(all.end(), more.begin(), more.end());
    };
    if (!listener.is_docker_api) add(web_requests(listener.requests));
    if (!listener.credentials.empty()) add(users_requests(HostileRequests("/-/healthy")));
    for (const HostileRequest& hostile : all) {
      SCOPED_TRACE(hostile.what);
      meet_fate(listener, hostile, hostile.bytes.size());
      SCOPED_TRACE("in pieces");
      meet_fate(listener, hostile, hostile.bytes.size() > 1000 ? hostile.bytes.size() / 100 : 1);
    }
    cases_ += all.size();
  }
  void meet_fate(const Listener& listener, const HostileRequest& hostile, std::size_t piece) {
    const Fate& fate = listener.is_docker_api ? hostile.docker_api : hostile.web;
    RawClient client = client_of(listener);
    for (std::size_t at = 0; at < hostile.bytes.size(); at += piece)
      if (!client.send(std::string_view(hostile.bytes).substr(at, piece))) break;  // it has been refused
    std::string last_word;
    for (const int status : fate.statuses) {
      const RawReply reply = client.read_reply(hostile.bytes.starts_with("HEAD "));
      EXPECT_EQ(reply.status, status) << reply.head << reply.body;
      EXPECT_EQ(reply.header("X-Injected"), "");
      last_word = reply.header("Connection");
      ++answers_;
    }
    if (!fate.closes) {
      EXPECT_NE(last_word, "close");
      EXPECT_TRUE(client.send(listener.requests.good()));
      EXPECT_EQ(client.read_reply().status, 200) << "the next request";
      ++answers_;
    }
    client.finish_sending();
    EXPECT_TRUE(client.is_closed()) << "nothing behind it is a request";
  }

  void speak_tls_badly(const Listener& listener) {
    const auto expect_no_answer = [this](RawClient& client) {
      EXPECT_EQ(client.read_to_end().find("HTTP/1.1 2"), std::string::npos);
      ++cases_;
    };
    for (const auto& [what, bytes] : tls_garbage()) {
      SCOPED_TRACE(what);
      RawClient early = connection_to(listener);
      (void)early.send(bytes);
      early.finish_sending();
      expect_no_answer(early);
      SCOPED_TRACE("behind a handshake");
      RawClient late = client_of(listener);
      (void)::send(late.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      late.finish_sending();
      expect_no_answer(late);
    }
    {
      SCOPED_TRACE("a plain request");
      RawClient plain = connection_to(listener);
      EXPECT_TRUE(plain.send(listener.requests.good()));
      const RawReply reply = plain.read_reply();
      EXPECT_EQ(reply.status, 400);
      EXPECT_NE(reply.body.find("https://"), std::string::npos) << reply.body;
      plain.finish_sending();
      EXPECT_TRUE(plain.is_closed());
      ++cases_;
    }
    RawClient::Handshake how = listener.handshake;
    for (const int old : {TLS1_VERSION, TLS1_1_VERSION}) {
      how.newest = old;
      EXPECT_FALSE(connection_to(listener).shake_hands(how)) << old;
      ++cases_;
    }
    how.newest = TLS1_2_VERSION;
    for (const std::string& before : {std::string(), std::string("GET / HTTP/1.1\r\nHost: a\r\n")}) {
      SCOPED_TRACE("a second handshake " + before);
      RawClient again = connection_to(listener);
      EXPECT_TRUE(again.shake_hands(how));
      EXPECT_TRUE(before.empty() || again.send(before));
      SSL_renegotiate(again.tls());
      EXPECT_LE(SSL_do_handshake(again.tls()), 0);
      ++cases_;
    }
    {
      // Whether it is cut off for that or not depends on who is faster; the others do not feel it.
      SCOPED_TRACE("new keys again and again");
      RawClient restless = client_of(listener);
      for (int i = 0; i < 10'000; ++i)
        if (SSL_key_update(restless.tls(), SSL_KEY_UPDATE_NOT_REQUESTED) != 1 ||
            SSL_do_handshake(restless.tls()) != 1)
          break;
      expect_served(listener);
      ++cases_;
    }
    if (listener.is_docker_api) come_without_certificate(listener);
    expect_served(listener);
  }
  void come_without_certificate(const Listener& listener) {
    auto& authority = stage_.config().authority();
    for (const support::PemFiles& identity : {support::PemFiles(), stranger_.issue("client", "DNS:client"),
                                              authority.issue("late", "DNS:client", /*expired=*/true)}) {
      RawClient client = connection_to(listener);
      // With TLS 1.3 the client is through before it hears that it is not welcome.
      if (client.shake_hands({.identity = identity}) && client.send(listener.requests.good())) {
        EXPECT_EQ(client.read_reply().status, 0) << identity.certificate;
      }
      ++cases_;
    }
  }

  void close_a_half(const Listener& listener) {
    SCOPED_TRACE("a request, and the client's half is closed");
    RawClient client = client_of(listener);
    EXPECT_TRUE(client.send(listener.requests.good()));
    client.finish_sending();
    const int status = client.read_reply().status;
    // To the Docker API that means, as in Go's net/http, that the client is gone, unless it was quicker.
    EXPECT_TRUE(status == 200 || (status == 0 && listener.is_docker_api)) << status;
    EXPECT_TRUE(client.is_closed());
    ++cases_;
  }

  /// Resets connections in the middle of everything.
  void leave_rudely(const Listener& listener) {
    const std::string request = listener.requests.good();
    std::string many;
    for (int i = 0; i < 50; ++i) many += request;
    for (const std::string& bytes : {std::string(), request.substr(0, 20), request, many})
      for (int i = 0; i < 10; ++i) {
        RawClient client = client_of(listener);
        (void)(bytes.empty() || client.send(bytes));
        const linger at_once{1, 0};
        EXPECT_EQ(::setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
      }
    expect_served(listener);
    cases_ += 4;
  }

  /// Many who only hold connections, while a scrape goes on, and a herd that stays.
  void crowd(const Listener& listener) {
    SCOPED_TRACE("a crowd");
    for (std::size_t made = 0; made < crowd_size;) {
      std::vector<RawClient> crowd;
      for (; made < crowd_size && crowd.size() < crowd_at_once_; ++made) {
        crowd.push_back(connection_to(listener));
        if (made % 250 == 249) scraper_.wait_for_one();
      }
      expect_served(listener);
      for (support::Daemon* const daemon : stage_.daemons())
        EXPECT_LE(daemon->metric("repodigest_exporter_http_connections").value_or(1e9), 2 * max_connections);
    }
    ++cases_;
  }

  std::vector<SlowReader> read_slowly() {
    std::vector<SlowReader> readers;
    for (const Listener& listener : stage_.listeners()) {
      // Far more than the kernel keeps for a client.
      std::string requests;
      for (int i = 0; i < 600; ++i)
        requests += listener.requests.get(listener.is_docker_api ? "/images/json" : "/metrics");
      for (int i = 0; i < 3; ++i) {
        readers.push_back({client_of(listener), listener.name});
        EXPECT_TRUE(readers.back().client.send(requests)) << listener.name;
      }
      ++cases_;
    }
    return readers;
  }
  static void expect_cut(const std::vector<SlowReader>& readers,
                         std::chrono::steady_clock::time_point began) {
    for (const SlowReader& reader : readers) {
      SCOPED_TRACE("a slow reader of " + reader.name);
      EXPECT_FALSE(Cancel().within(send_timeout + grace).wait(reader.client.fd(), 0)) << "it is let be";
      EXPECT_GE(std::chrono::steady_clock::now() - began, send_timeout - seconds(1));
    }
  }

  SlowSender slow_sender(const Listener& listener, bool in_handshake) {
    RawClient::Handshake how = listener.handshake;
    how.newest = TLS1_2_VERSION;  // after it nothing comes that is no answer
    SlowSender sender{connection_to(listener), in_handshake};
    EXPECT_TRUE(!listener.is_tls || in_handshake || sender.client.shake_hands(how));
    sender.began = std::chrono::steady_clock::now();
    EXPECT_TRUE(sender.client.send(in_handshake ? std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9)
                                                : "GET / HTTP/1.1\r\nHost: a\r\nX-A: "));
    return sender;
  }
  /// More slow heads and handshakes than there is room for, and at last some that drip.
  void send_heads_slowly() {
    SCOPED_TRACE("slow heads");
    std::vector<SlowSender> herd;
    for (const Listener& listener : stage_.listeners()) {
      for (int i = 0; i < 600; ++i) {
        herd.push_back(slow_sender(listener, listener.is_tls && i % 2 == 0));
        if (i % 200 == 199) scraper_.wait_for_one();
      }
      expect_served(listener);
      ++cases_;
    }
    std::vector<SlowSender> drips;
    for (const Listener& listener : stage_.listeners())
      for (int i = 0; i < 8; ++i) drips.push_back(slow_sender(listener, listener.is_tls && i % 2 == 0));
    drip(drips);
    for (SlowSender& slow : herd) {
      const std::string said = slow.client.read_to_end();
      EXPECT_TRUE(said.empty() || said.starts_with("HTTP/1.1 408 ")) << said;
    }
  }
  /// A byte from each, again and again, until the server has had enough of all of them.
  static void drip(std::vector<SlowSender>& drips) {
    const auto limit = Cancel().within(head_timeout + grace);
    std::vector<SlowSender*> waiting;
    for (SlowSender& each : drips) waiting.push_back(&each);
    while (!waiting.empty() && !limit.ended()) {
      std::erase_if(waiting, [](SlowSender* each) {
        pollfd socket{each->client.fd(), POLLIN, 0};
        const bool is_over = ::poll(&socket, 1, 0) > 0;
        // Each byte is another sign of life; the deadline does not care.
        if (!is_over) (void)each->client.send("a");
        if (is_over) expect_ended_in_time(*each);
        return is_over;
      });
      (void)Cancel().within(std::chrono::milliseconds(20)).wait(-1, 0);
    }
    EXPECT_TRUE(waiting.empty()) << waiting.size() << " may go on for ever";
  }
  static void expect_ended_in_time(SlowSender& slow) {
    EXPECT_GE(std::chrono::steady_clock::now() - slow.began, head_timeout - std::chrono::milliseconds(100));
    EXPECT_EQ(slow.client.read_reply().status, slow.in_handshake ? 0 : 408);
    EXPECT_TRUE(slow.client.is_closed());
  }

  /// Whether everybody is gone but who asks.
  [[nodiscard]] bool settled() const {
    const auto daemons = stage_.daemons();
    return std::all_of(daemons.begin(), daemons.end(), [](support::Daemon* daemon) {
      return daemon->wait_for_metric("repodigest_exporter_http_connections", 1);
    });
  }

  const std::size_t crowd_at_once_;
  support::TemporaryFolder elsewhere_;
  support::TestAuthority stranger_{elsewhere_.path(), "stranger"};
  Stage stage_;
  Scraper scraper_{stage_};
  std::size_t cases_ = 0;  ///< of one pass
  std::uint64_t answers_ = 0;
  std::uint64_t connections_ = 0;
};

TEST(HostileHttp, MeetsItsFateAtEveryListenerWhileScrapesAreAnsweredAndMemoryStays) {
  const std::size_t files = allow_many_files();
  if (files < 8'000) GTEST_SKIP() << "ONLY " << files << " FILES MAY BE OPEN: HOSTILE HTTP WAS NOT TESTED";
  Hostility hostility(files);
  // The heap has its final shape, with its holes, after a few passes: a dozen more added nothing.
  hostility.pass(false);
  hostility.pass(false);
  const auto memory = hostility.memory();
  const std::size_t descriptors = hostility.descriptors();
  hostility.pass(true);
  const auto memory_after = hostility.memory();
  hostility.scraper().stop();

  std::vector<std::int64_t> growth;
  std::transform(memory_after.begin(), memory_after.end(), memory.begin(), std::back_inserter(growth),
                 std::minus<>());
  const std::int64_t most_growth = *std::max_element(growth.begin(), growth.end());
  EXPECT_TRUE(!memory_is_ours || most_growth < 1'000'000) << most_growth;
  // The pool of connections to the engine may have grown or not.
  EXPECT_TRUE(eventually([&] { return hostility.descriptors() <= descriptors + spare_descriptors; }))
      << descriptors << " " << hostility.descriptors();
  EXPECT_LT(hostility.scraper().slowest(), seconds(10)) << "as long as Prometheus waits";
  for (const char* const path : {"*passwd*", "*nowhere*", "*X-Injected*"})
    EXPECT_EQ(hostility.stage().engine().asked(path), 0U) << "the engine was asked for " << path;
  for (support::Daemon* const daemon : hostility.stage().daemons()) {
    EXPECT_EQ(daemon->log().find("level=error"), std::string::npos) << daemon->log();
    daemon->process().signal(SIGTERM);
    const auto ended = daemon->process().wait();
    EXPECT_TRUE(ended && ended->exit_code == 0) << daemon->log();
  }
  std::cout << "hostile HTTP: " << hostility.cases() << " cases over " << hostility.stage().listeners().size()
            << " listeners, in three passes " << hostility.answers() << " answers on "
            << hostility.connections() << " connections; memory grew in the last by " << most_growth / 1000
            << " kB (limit 1000); of " << hostility.scraper().scrapes()
            << " scrapes beside them the slowest took " << std::lround(hostility.scraper().slowest().count())
            << " ms\n";
}

}  // namespace
}  // namespace repodigest
