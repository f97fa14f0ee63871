// The program under everything at once, for a while: 20 seconds, ten minutes with ./tests/run --full
// (REPODIGEST_FULL=1), or as many seconds as REPODIGEST_SOAK_SECONDS says. What it holds does not grow.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "support/generated_engine.h"
#include "support/program.h"
#include "support/raw_client.h"
#include "support/recording.h"
#include "support/replay_engine.h"

namespace repodigest {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using support::Daemon;
using support::eventually;
using support::Fault;
using support::generated_image;
using support::generated_recording;
using support::RawClient;
using support::Recording;
using support::ReplayEngine;

constexpr std::size_t images = 200;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;  // which keeps memory for itself, and is slow
#else
constexpr bool sanitized = false;
#endif

seconds length() {
  if (const char* const text = std::getenv("REPODIGEST_SOAK_SECONDS")) return seconds(std::atol(text));
  return seconds(std::getenv("REPODIGEST_FULL") != nullptr && !sanitized ? 600 : 20);
}

/// It is measured after each, when everybody has left.
int rounds() {
  return static_cast<int>(std::clamp<long>(length().count() / 15, 4, 40));
}

/// What the program holds. Its heap is in `kilobytes`: pages of its own that are in use, which malloc has
/// from the system and has not given back; what it shares with others (code) does not count.
struct Held {
  long kilobytes = 0;
  long descriptors = 0;
  long threads = 0;
};

long number_after(const std::string& text, const std::string& name) {
  const auto at = text.find(name);
  return at == std::string::npos ? -1 : std::strtol(text.c_str() + at + name.size(), nullptr, 10);
}

Held held_by(pid_t pid) {
  const std::string process = "/proc/" + std::to_string(pid);
  Held held;
  held.kilobytes = number_after(support::read_file(process + "/smaps_rollup"), "Private_Dirty:");
  held.threads = number_after(support::read_file(process + "/status"), "Threads:");
  std::error_code ignored;
  held.descriptors =
      std::distance(fs::directory_iterator(process + "/fd", ignored), fs::directory_iterator());
  return held;
}

class SoakTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto engine = ReplayEngine::on_unix_socket(generated_recording(images), folder_.path() / "engine.sock");
    ASSERT_TRUE(engine.ok()) << engine.error().text;
    engine_ = std::move(engine).value();
    daemon_ = std::make_unique<Daemon>(std::vector<std::string>{
        "--docker.host=" + engine_->host(), "--poll.interval=1s", "--poll.full-interval=2s",
        "--poll.max-engine-share=1", "--docker.timeout=1s", "--docker.list-timeout=2s",
        "--web.max-connections=64", "--cache.file=" + (folder_.path() / "cache").string(),
        "--docker-api.listen-address=unix://" + api_});
    ASSERT_TRUE(daemon_->wait_until_inspected()) << daemon_->log();
  }

  // Each does one thing, and is called again and again by a thread of its own.

  void change_images(std::minstd_rand& random) {
    const std::size_t number = images + random() % 20;
    const auto image = generated_image(number);
    const std::string id = json::parse(image.inspect)["Id"];
    const bool goes = random() % 2 == 0;
    engine_->change([&](Recording& recording) {
      recording.remove_image(id);
      if (!goes) recording.add_image(image.row, image.inspect);
    });
    engine_->ring(json{{"Type", "image"},
                       {"Action", goes ? "delete" : "tag"},
                       {"Actor", {{"ID", id}, {"Attributes", {{"name", id}}}}}}
                      .dump());
  }
  void trouble_the_engine(std::minstd_rand& random) {
    switch (random() % 5) {
      case 0:
        return engine_->drop_connections();
      case 1:
        engine_->refuse();
        engine_->drop_connections();
        pause(milliseconds(200));
        EXPECT_TRUE(engine_->accept_again());
        return;
      case 2:
        return engine_->end_events();
      case 3:
        return engine_->fail("/images/json", Fault::hanging_in_body_after(1000), 1);
      default:
        return engine_->fail("/images/json", Fault::with_body("[{\"truncated\":["), 1);
    }
  }
  void scrape(std::minstd_rand& random) {
    static const std::vector<std::string> pages = {"/metrics",       "/",
                                                   "/api/v1/images", "/api/v1/summary",
                                                   "/api/v1/engine", "/api/v1/images?anomaly=duplicate"};
    const auto answer = daemon_->get(pages[random() % pages.size()],
                                     {{"Accept-Encoding", random() % 2 == 0 ? "gzip" : "identity"}});
    // Refused for a moment, where the abuse takes all connections (503).
    if (answer.ok() && answer->status == 200) ++scrapes_;
  }
  void ask_the_docker_api(std::minstd_rand& random) {
    RawClient client = RawClient::unix_socket(api_);
    const std::string target = random() % 2 == 0 ? "/images/json" : "/events";
    if (!client.send("GET " + target + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")) return;
    if (target == "/images/json") (void)client.read_to_end();
  }
  void abuse(std::minstd_rand& random) {
    static const std::vector<std::string> requests = {
        "GET / HT",                                  // and hangs up
        "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n",  // and does not read
        "\x16\x03\x01\x02\x00\x01",                  // TLS where none is
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nxxxx",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
        "GET /" + std::string(10'000, 'x') + " HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\n" + std::string(1000, 'h') + ": \xff\r\nHost: a\r\n\r\n",
        std::string(100, '\0'),
    };
    std::vector<RawClient> herd;
    for (int i = 0; i < 20; ++i) {
      herd.push_back(RawClient::unix_socket(random() % 4 == 0 ? api_ : daemon_->socket().string()));
      const auto& request = requests[random() % requests.size()];
      (void)::send(herd.back().fd(), request.data(), request.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    ++herds_;
    pause(milliseconds(20));
  }

  /// Waits, unless the round ends before.
  void pause(milliseconds time) const {
    const auto end = std::chrono::steady_clock::now() + time;
    while (!over_ && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(milliseconds(1));
  }
  /// Everything at once for that long; then the engine is well and nobody is there.
  void play(milliseconds time, unsigned seed) {
    over_ = false;
    std::vector<std::thread> threads;
    const auto again_and_again = [&](auto act, milliseconds pause_between) {
      threads.emplace_back([this, act, pause_between, own_seed = ++seed] {
        std::minstd_rand random(own_seed);
        while (!over_) {
          act(random);
          pause(pause_between);
        }
      });
    };
    again_and_again([this](auto& random) { change_images(random); }, milliseconds(20));
    again_and_again([this](auto& random) { trouble_the_engine(random); }, milliseconds(300));
    for (int i = 0; i < 3; ++i) again_and_again([this](auto& random) { scrape(random); }, milliseconds(5));
    again_and_again([this](auto& random) { ask_the_docker_api(random); }, milliseconds(20));
    again_and_again([this](auto& random) { abuse(random); }, milliseconds(50));
    std::this_thread::sleep_for(time);  // how long it lasts is what this test is about
    over_ = true;
    for (auto& thread : threads) thread.join();
    engine_->heal();
    engine_->release();
    engine_->replace(generated_recording(images));
    engine_->drop_connections();
  }
  /// Waits until nobody is there, and the program hears of the engine again.
  [[nodiscard]] bool comes_to_rest() const {
    return eventually(
        [&] {
          const std::string metrics = daemon_->body("/metrics");
          return support::value_of(metrics, "docker_up") == 1 &&
                 support::value_of(metrics, "docker_events_connected") == 1 &&
                 support::value_of(metrics, "repodigest_exporter_http_connections") == 1;
        },
        seconds(60));
  }
  /// Waits until it shows what the engine has. An image whose inspect failed is tried again after minutes.
  [[nodiscard]] bool shows_what_is_there() const {
    return eventually(
        [&] {
          const std::string metrics = daemon_->body("/metrics");
          return support::value_of(metrics, "docker_images{state=\"tagged\"}") == images &&
                 support::value_of(metrics, "docker_images_inspection_failed{reason=\"parse\"}") == 0;
        },
        seconds(120));
  }

  const support::TemporaryFolder folder_;
  const std::string api_ = (folder_.path() / "docker.sock").string();
  std::unique_ptr<ReplayEngine> engine_;
  std::unique_ptr<Daemon> daemon_;
  std::atomic<bool> over_ = false;
  std::atomic<long> scrapes_ = 0;
  std::atomic<long> herds_ = 0;
};

TEST_F(SoakTest, HoldsNoMoreAtTheEndThanInTheMiddle) {
  std::vector<Held> measured;
  for (int round = 0; round < rounds(); ++round) {
    play(std::chrono::duration_cast<milliseconds>(length()) / rounds(), static_cast<unsigned>(round) * 100);
    ASSERT_TRUE(comes_to_rest()) << "round " << round << ": " << daemon_->body("/metrics") << daemon_->log();
    measured.push_back(held_by(daemon_->process().pid()));
    const Held& now = measured.back();
    std::printf("round %2d: %ld kB, %ld descriptors, %ld threads, %ld scrapes, %ld herds\n", round + 1,
                now.kilobytes, now.descriptors, now.threads, scrapes_.load(), herds_.load());
    std::fflush(stdout);
  }
  ASSERT_TRUE(daemon_->process().running());
  EXPECT_TRUE(shows_what_is_there()) << daemon_->body("/metrics") << daemon_->log();
  // The third quarter beside the fourth: the least of each, as what malloc keeps for later goes up and down.
  const auto least = [&](std::size_t from, long Held::*what) {
    long found = measured[from].*what;
    for (std::size_t i = from; i < from + measured.size() / 4; ++i)
      found = std::min(found, measured[i].*what);
    return found;
  };
  const std::size_t third = measured.size() / 2;
  const std::size_t fourth = third + measured.size() / 4;
  const auto growth = [&](long Held::*what) { return least(fourth, what) - least(third, what); };
  std::printf("soak of %ld s: from the third quarter to the fourth %+ld kB, %+ld descriptors, %+ld threads\n",
              static_cast<long>(length().count()), growth(&Held::kilobytes), growth(&Held::descriptors),
              growth(&Held::threads));
  EXPECT_GT(scrapes_, 0);
  // Connections to the engine, and workers, come as they are needed; what leaked would be one for each of the
  // hundreds that came and went.
  EXPECT_LE(growth(&Held::descriptors), 2);
  EXPECT_LE(growth(&Held::threads), 2);
  if (sanitized) return;
  EXPECT_LE(growth(&Held::kilobytes), 1024);
}

}  // namespace
}  // namespace repodigest
