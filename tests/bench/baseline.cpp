// What a scrape and a poll cost in allocations and, under callgrind, in instructions: counts that repeat,
// unlike times. `baseline IMAGES` prints a line "what kind number" for each; valgrind --tool=callgrind
// --instr-atstart=no leaves a file for each piece of work. baseline_test compares them with baseline.txt.
#include <gnu/libc-version.h>
#include <simdjson.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "baseline_allocations.h"
#include "repodigest/app/handlers.h"
#include "repodigest/base/memory.h"
#include "repodigest/base/stats.h"
#include "repodigest/engine/client.h"
#include "repodigest/engine/decode.h"
#include "repodigest/exposition/forms.h"
#include "repodigest/inventory/inventory.h"
#include "support/fake_clock.h"
#include "support/fake_transport.h"
#include "support/generated_engine.h"

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else  // no instructions are counted then
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_ZERO_STATS
#define CALLGRIND_DUMP_STATS_AT(what)
#define CALLGRIND_STOP_INSTRUMENTATION
#endif

namespace repodigest {
namespace {

template <typename T>
T must(Result<T> result) {
  if (result.ok()) return std::move(result).value();
  std::fprintf(stderr, "%s\n", result.error().text.c_str());
  std::abort();
}

std::string padded(std::string body) {
  body.reserve(body.size() + transport::body_padding);
  return body;
}

/// Does `work` twice, so that what is kept between two times is there, and counts the third time.
void count(const char* what, const std::function<void()>& work) {
  work();
  work();
  CALLGRIND_START_INSTRUMENTATION;
  CALLGRIND_ZERO_STATS;
  const Allocations before = allocations_so_far();
  work();
  const Allocations after = allocations_so_far();
  CALLGRIND_DUMP_STATS_AT(what);
  CALLGRIND_STOP_INSTRUMENTATION;
  std::printf("%s allocations %llu\n%s bytes %llu\n", what,
              static_cast<unsigned long long>(after.count - before.count), what,
              static_cast<unsigned long long>(after.bytes - before.bytes));
}

const engine::Identity identity = {"id",    "bench", "27.3.1",    "1.47",
                                   "linux", "amd64", "overlayfs", engine::ImageStore::containerd};

/// An engine in two states that differ in one tag of its first image.
class Engine {
 public:
  explicit Engine(std::size_t images) {
    std::string list = "[";
    for (std::size_t i = 0; i < images; ++i) {
      auto image = support::generated_image(i);
      list += (i == 0 ? "" : ",") + image.row;
      inspects_.push_back(padded(std::move(image.inspect)));
    }
    list += ']';
    retagged_ = {padded(retag(list)), padded(retag(inspects_[0]))};
    first_ = {padded(std::move(list)), inspects_[0]};
  }

  /// The next poll finds the other state.
  void change() { std::swap(first_, retagged_); }
  [[nodiscard]] const std::string& list() const { return first_.list; }
  /// Of the image with this place in the list.
  [[nodiscard]] const std::string& inspect(std::size_t i) const {
    return i == 0 ? first_.inspect : inspects_[i];
  }

 private:
  struct State {
    std::string list;
    std::string inspect;
  };
  static std::string retag(std::string body) { return body.replace(body.find(":latest"), 7, ":newest"); }

  std::vector<std::string> inspects_;
  State first_;
  State retagged_;
};

/// What the daemon has, without threads and sockets.
class Daemon {
 public:
  explicit Daemon(std::size_t images) : engine_(images), forms_(series()) {
    inventory_.set_identity(identity);
    inventory_.apply_list(must(decoder_.image_list(engine_.list())), clock_.now());
    for (std::size_t i = 0; i < images; ++i)  // all are suspects, so due in the order of the list
      inventory_.apply_inspect(inventory_.next_due(clock_.now()).value(),
                               decoder_.image_inspect(engine_.inspect(i)), clock_.now());
    if (inventory_.due_count(clock_.now()) > 0) std::abort();
    snapshots_.publish(inventory_.snapshot(clock_.wall()));
    cli::Config config;
    config.series = series();
    routes_ = app::make_routes(config, {snapshots_, health_, stats_, clock_, forms_});

    engine_answers_.set(
        "/_ping", {.body = "OK", .headers = {{"Api-Version", "1.47"}, {"Server", "Docker/27.3.1 (linux)"}}});
    engine_answers_.set("/version", {.body = R"({"Version":"27.3.1","ApiVersion":"1.47",)"
                                             R"("MinAPIVersion":"1.24","Os":"linux","Arch":"amd64"})"});
    engine_answers_.set("/v1.47/info", {.body = R"({"ID":"id","Name":"bench","Driver":"overlayfs",)"
                                                R"("DriverStatus":[["driver-type",)"
                                                R"("io.containerd.snapshotter.v1"]]})"});
  }

  using Headers = std::vector<std::pair<std::string, std::string>>;

  /// A request from the handler's side, and its reply thrown away.
  void scrape(Headers headers) {
    web::Request request;
    request.method = "GET";
    request.path = "/metrics";
    request.headers = std::move(headers);
    const auto* route = routes_.find(request.path);
    if (route == nullptr || route->function(request).status != 200) std::abort();
  }

  /// From the body of a list in which one image has another tag to the bytes of its text, gzipped.
  void poll_with_a_change() {
    engine_.change();
    inventory_.apply_list(must(decoder_.image_list(engine_.list())), clock_.now());
    std::size_t inspected = 0;
    for (; const auto due = inventory_.next_due(clock_.now()); ++inspected)
      inventory_.apply_inspect(*due, decoder_.image_inspect(engine_.inspect(0)), clock_.now());
    if (inspected != 1) std::abort();
    snapshots_.publish(inventory_.snapshot(clock_.wall()));
    forms_.text_gzip(snapshots_.current(), false);
  }

  /// A look finds the engine as it was; there is nothing to publish.
  void quiet_poll() {
    inventory_.set_identity(must(client_.look(Cancel())).identity);
    snapshots_.publish(inventory_.snapshot(clock_.wall()));
  }

 private:
  static exposition::SeriesOptions series() {
    exposition::SeriesOptions all;
    all.max_images = static_cast<std::size_t>(-1);
    return all;
  }

  Engine engine_;
  support::FakeEngine engine_answers_;
  support::FakeClock clock_;
  Stats stats_;
  engine::Client client_{std::make_unique<support::FakeTransport>(engine_answers_), "bench",
                         engine::ClientOptions(), stats_, clock_};
  engine::Decoder decoder_;
  inventory::Inventory inventory_;
  inventory::SnapshotStore snapshots_;
  poll::HealthBoard health_;
  exposition::Forms forms_;
  web::Routes routes_;
};

void count_all(std::size_t images) {
  // Under callgrind simdjson takes another implementation than without.
  std::printf("made with %s, %s %s, glibc %s, zlib %s, simdjson %d.%d %s\n", REPODIGEST_BUILD_TYPE,
#ifdef __clang__
              "clang",
#else
              "g++",
#endif
              __VERSION__, gnu_get_libc_version(), zlibVersion(), simdjson::SIMDJSON_VERSION_MAJOR,
              simdjson::SIMDJSON_VERSION_MINOR, simdjson::get_active_implementation()->name().c_str());
  Daemon daemon(images);
  const std::string prometheus_2_42 =
      "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
      "text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
  count("scrape", [&] { daemon.scrape({}); });
  count("scrape_gzip", [&] { daemon.scrape({{"Accept-Encoding", "gzip"}}); });
  count("scrape_openmetrics_gzip", [&] {
    daemon.scrape({{"Accept", prometheus_2_42}, {"Accept-Encoding", "gzip"}});
  });
  count("quiet_poll", [&] { daemon.quiet_poll(); });
  count("poll_with_a_change", [&] { daemon.poll_with_a_change(); });
}

}  // namespace
}  // namespace repodigest

int main(int argc, char** argv) {
  const std::size_t images = argc == 2 ? std::strtoul(argv[1], nullptr, 10) : 0;
  if (images == 0) {
    std::fprintf(stderr, "usage: baseline IMAGES\n");
    return 2;
  }
  ::close_range(3, 1000, 0);  // a scrape counts the open files; what valgrind keeps lies above
  repodigest::give_back_large_blocks();
  repodigest::count_all(images);
  return 0;
}
