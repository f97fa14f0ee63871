// The built program with every kind of listener it has, a recorded engine behind it, and somebody who scrapes
// it all the time.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "repodigest/base/cancel.h"
#include "support/basic.h"
#include "support/hostile_requests.h"
#include "support/program.h"
#include "support/raw_client.h"
#include "support/replay_engine.h"
#include "support/temporary_folder.h"
#include "support/web_config_folder.h"

namespace repodigest {

using support::RawClient;
using support::RawReply;

/// What a process has in memory and no file has, in bytes: heap, stacks, and what was written to.
inline std::int64_t resident_bytes(pid_t pid) {
  const std::string rollup = support::read_file("/proc/" + std::to_string(pid) + "/smaps_rollup");
  const auto at = rollup.find("\nAnonymous:");
  EXPECT_NE(at, std::string::npos) << "cannot read smaps_rollup";
  return at == std::string::npos ? 0 : std::strtoll(rollup.c_str() + at + 11, nullptr, 10) * 1024;
}

inline std::size_t open_descriptors(pid_t pid) {
  const std::filesystem::directory_iterator entries("/proc/" + std::to_string(pid) + "/fd");
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

/// One place where the program listens.
struct Listener {
  std::string name;
  bool is_docker_api = false;
  bool is_tls = false;
  std::function<RawClient()> connect = {};
  RawClient::Handshake handshake = {};
  support::HostileRequests requests;
  std::string credentials = {};

  /// Connected, and through with the handshake where there is one.
  [[nodiscard]] RawClient client() const {
    RawClient client = connect();
    EXPECT_TRUE(!is_tls || client.shake_hands(handshake)) << name;
    return client;
  }
};

/// Two daemons, since TLS and users count for all but the unix sockets of one: the web on TCP and a unix
/// socket and the corrected Docker API on a unix socket; the web over TLS with users and the corrected Docker
/// API over TLS with client certificates.
class Stage {
 public:
  Stage() {
    config_.write("web.yml",
                  support::serves_tls + "basic_auth_users:\n  scraper: " + support::hash_of_secret + "\n");
    config_.write("docker-api.yml", support::serves_tls + support::wants_certificates);
    const auto start = [&](std::vector<std::string> flags) {
      flags.insert(flags.end(), {"--docker.host=" + engine_->host(), "--web.listen-address=127.0.0.1:0"});
      return std::make_unique<support::Daemon>(std::move(flags));
    };
    plain_ = start({"--docker-api.listen-address=unix://" + api_socket()});
    tls_ = start({"--web.config.file=" + config_.path("web.yml"), "--docker-api.listen-address=127.0.0.1:0",
                  "--docker-api.web.config.file=" + config_.path("docker-api.yml")});
    EXPECT_TRUE(plain_->wait_until_inspected() && tls_->wait_until_inspected());
    add_listeners();
  }

  [[nodiscard]] const std::vector<Listener>& listeners() const { return listeners_; }
  [[nodiscard]] std::vector<support::Daemon*> daemons() const { return {plain_.get(), tls_.get()}; }
  support::ReplayEngine& engine() { return *engine_; }
  support::WebConfigFolder& config() { return config_; }

 private:
  [[nodiscard]] std::string api_socket() const { return (folder_.path() / "api.sock").string(); }
  void add_listeners() {
    const auto to_port = [](support::Daemon& daemon, const std::string& words) {
      const auto port = support::logged_port(daemon.process(), words);
      EXPECT_NE(port, 0) << daemon.log();
      return [port] { return RawClient::tcp(port); };
    };
    const auto to_socket = [](const std::string& path) {
      return [path] { return RawClient::unix_socket(path); };
    };
    const std::string web = "/-/healthy";
    const std::string api = "/_ping";
    const std::string user = "Authorization: " + support::basic("scraper:secret") + "\r\n";
    const RawClient::Handshake with_certificate{.identity =
                                                    config_.authority().issue("client", "DNS:client")};
    const std::string web_words = "what=web";
    const std::string api_words = "what=\"docker api\"";
    using Requests = support::HostileRequests;
    listeners_ = {
        {.name = "the web on TCP", .connect = to_port(*plain_, web_words), .requests = Requests(web)},
        {.name = "the web on a unix socket",
         .connect = to_socket(plain_->socket().string()),
         .requests = Requests(web)},
        {.name = "the web over TLS with users",
         .is_tls = true,
         .connect = to_port(*tls_, web_words),
         .requests = Requests(web, user, true),
         .credentials = user},
        {.name = "the Docker API on a unix socket",
         .is_docker_api = true,
         .connect = to_socket(api_socket()),
         .requests = Requests(api)},
        {.name = "the Docker API over TLS with certificates",
         .is_docker_api = true,
         .is_tls = true,
         .connect = to_port(*tls_, api_words),
         .handshake = with_certificate,
         .requests = Requests(api, "", true)}};
  }

  support::TemporaryFolder folder_;
  support::WebConfigFolder config_;
  std::unique_ptr<support::ReplayEngine> engine_ =
      support::ReplayEngine::on_unix_socket(support::Recording::embedded(), folder_.path() / "engine.sock")
          .value();
  std::unique_ptr<support::Daemon> plain_;
  std::unique_ptr<support::Daemon> tls_;
  std::vector<Listener> listeners_;
};

/// Asks every listener in turn for what honest clients come for, on a new connection each time, and wants a
/// whole answer.
class Scraper {
 public:
  explicit Scraper(const Stage& stage) : stage_(stage), thread_([this] { run(); }) {}
  ~Scraper() { stop(); }
  Scraper(const Scraper&) = delete;
  Scraper& operator=(const Scraper&) = delete;

  /// Waits for the end of a scrape: who does so after every few hundred connections gives each scrape the
  /// time that these take.
  void wait_for_one() const {
    const std::uint64_t before = scrapes_;
    EXPECT_TRUE(support::eventually([&] { return scrapes_ > before; }, RawClient::patience))
        << "no scrape ends";
  }
  void stop() {
    stop_.raise();
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] std::uint64_t scrapes() const { return scrapes_; }
  /// After stop().
  [[nodiscard]] std::chrono::duration<double, std::milli> slowest() const { return slowest_; }

 private:
  void run() {
    const Cancel stopped(stop_);
    for (std::size_t i = 0; stopped.within(std::chrono::milliseconds(10)).wait(-1, 0) == Reason::timeout;
         ++i) {
      scrape(stage_.listeners()[i % stage_.listeners().size()]);
      ++scrapes_;
    }
  }
  void scrape(const Listener& listener) {
    SCOPED_TRACE("a scrape of " + listener.name);
    const auto begin = std::chrono::steady_clock::now();
    RawClient client = listener.client();
    EXPECT_TRUE(client.send(listener.requests.get(listener.is_docker_api ? "/_ping" : "/metrics")));
    const RawReply reply = client.read_reply();
    slowest_ = std::max(slowest_,
                        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin));
    EXPECT_EQ(reply.status, 200) << reply.head << reply.body;
    EXPECT_EQ(std::to_string(reply.body.size()), reply.header("Content-Length"));
    if (!listener.is_docker_api) {
      EXPECT_NE(reply.body.find("\ndocker_up 1\n"), std::string::npos) << reply.body;
    }
  }

  const Stage& stage_;
  Wake stop_;
  std::atomic<std::uint64_t> scrapes_{0};
  std::chrono::duration<double, std::milli> slowest_{};
  std::thread thread_;
};

}  // namespace repodigest
