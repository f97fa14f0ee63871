// What a poll costs us (not the engine) per image, for 1,000, 10,000 and 100,000 images: decode, analyse,
// render, and the full poll from the socket to the text. Ends with how the cost per image grows.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "repodigest/base/clock.h"
#include "repodigest/base/stats.h"
#include "repodigest/digest/digest.h"
#include "repodigest/engine/client.h"
#include "repodigest/engine/decode.h"
#include "repodigest/engine/endpoint.h"
#include "repodigest/exposition/json.h"
#include "repodigest/exposition/text.h"
#include "repodigest/inventory/inventory.h"
#include "repodigest/transport/transport.h"
#include "support/generated_engine.h"
#include "support/recording.h"
#include "support/replay_engine.h"

namespace repodigest {
namespace {

std::string padded(std::string body) {
  body.reserve(body.size() + transport::body_padding);
  return body;
}

/// The bodies of an engine with `count` images; made once a size.
struct Bodies {
  std::string list;
  std::vector<std::string> inspects;
};

const Bodies& bodies_of(std::size_t count) {
  static std::map<std::size_t, Bodies> made;
  auto& bodies = made[count];
  if (bodies.list.empty()) {
    bodies.list = "[";
    for (std::size_t i = 0; i < count; ++i) {
      auto text = support::generated_image(i);
      bodies.list += (i == 0 ? "" : ",") + text.row;
      bodies.inspects.push_back(padded(std::move(text.inspect)));
    }
    bodies.list = padded(bodies.list + "]");
  }
  return bodies;
}

template <typename T>
T must(Result<T> result) {
  if (result.ok()) return std::move(result).value();
  std::fprintf(stderr, "%s\n", result.error().text.c_str());
  std::abort();
}

std::size_t size_of(const benchmark::State& state) {
  return static_cast<std::size_t>(state.range(0));
}

void per_image(benchmark::State& state) {
  state.counters["us_per_image"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(state.range(0)) * 1e-6,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

/// An inventory in which everything is inspected.
inventory::Inventory filled_inventory(std::size_t count) {
  const Bodies& bodies = bodies_of(count);
  engine::Decoder decoder;
  inventory::Inventory inventory;
  inventory.set_identity(
      {"id", "bench", "27.3.1", "1.47", "linux", "amd64", "overlayfs", engine::ImageStore::containerd});
  const SteadyTime now{};
  inventory.apply_list(must(decoder.image_list(bodies.list)), now);
  std::map<std::string, const std::string*> by_id;
  for (const auto& body : bodies.inspects) by_id[body.substr(7, 71)] = &body;
  while (const auto due = inventory.next_due(now))
    inventory.apply_inspect(*due, decoder.image_inspect(*by_id.at(due->id)), now);
  return inventory;
}

void decode_list(benchmark::State& state) {
  const Bodies& bodies = bodies_of(size_of(state));
  engine::Decoder decoder;
  for (auto _ : state) benchmark::DoNotOptimize(must(decoder.image_list(bodies.list)));
  per_image(state);
}

void decode_inspects(benchmark::State& state) {
  const Bodies& bodies = bodies_of(size_of(state));
  engine::Decoder decoder;
  for (auto _ : state)
    for (const auto& body : bodies.inspects) benchmark::DoNotOptimize(must(decoder.image_inspect(body)));
  per_image(state);
}

void analyse(benchmark::State& state) {
  engine::Decoder decoder;
  std::vector<engine::ImageInspect> inspects;
  for (const auto& body : bodies_of(size_of(state)).inspects)
    inspects.push_back(must(decoder.image_inspect(body)));
  for (auto _ : state)
    for (const auto& inspect : inspects) benchmark::DoNotOptimize(digest::analyse(inspect.repo_digests));
  per_image(state);
}

void render_text(benchmark::State& state) {
  auto inventory = filled_inventory(size_of(state));
  const auto snapshot = inventory.snapshot({});
  const exposition::SeriesOptions all{.max_images = size_of(state)};
  for (auto _ : state) benchmark::DoNotOptimize(exposition::render_text(*snapshot, false, all));
  per_image(state);
}

void render_json(benchmark::State& state) {
  auto inventory = filled_inventory(size_of(state));
  const auto snapshot = inventory.snapshot({});
  for (auto _ : state) benchmark::DoNotOptimize(exposition::render_images(*snapshot, false));
  per_image(state);
}

/// A first poll: list and every inspect decoded, compared, analysed, published, rendered.
void first_poll(benchmark::State& state) {
  for (auto _ : state) {
    auto inventory = filled_inventory(size_of(state));
    benchmark::DoNotOptimize(
        exposition::render_text(*inventory.snapshot({}), false, {.max_images = size_of(state)}));
  }
  per_image(state);
}

/// The poll that comes every interval: received over a unix socket, decoded, compared, one image changed and
/// inspected, published, rendered.
void full_poll(benchmark::State& state) {
  // Two engines that differ in one tag, asked in turn: each poll finds one image changed.
  struct Engine {
    explicit Engine(std::string list) {
      recording.set_body("/images/json", std::move(list));
      replay = must(support::ReplayEngine::on_loopback(recording));
      options.max_list_bytes = std::size_t{1} << 30U;
      client.emplace(transport::make_transport(must(engine::parse_host(replay->host()))), "bench", options,
                     stats, system_clock());
      must(client->look(Cancel()));
    }
    support::Recording recording = support::Recording::embedded();
    std::unique_ptr<support::ReplayEngine> replay;
    Stats stats;
    engine::ClientOptions options;
    std::optional<engine::Client> client;
  };
  std::string list = bodies_of(size_of(state)).list;
  Engine one(list);
  list.replace(list.find(":latest"), 7, ":newest");
  Engine other(std::move(list));
  auto inventory = filled_inventory(size_of(state));
  bool turn = false;
  for (auto _ : state) {
    inventory.apply_list(must((turn ? one : other).client->list_images(Cancel())), {});
    turn = !turn;
    while (const auto due = inventory.next_due({})) {
      engine::ImageInspect answer;
      answer.id = due->id;
      inventory.apply_inspect(*due, std::move(answer), {});
    }
    benchmark::DoNotOptimize(
        exposition::render_text(*inventory.snapshot({}), false, {.max_images = size_of(state)}));
  }
  per_image(state);
}

#define REPODIGEST_SIZES Arg(1'000)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMillisecond)
BENCHMARK(decode_list)->REPODIGEST_SIZES;
BENCHMARK(decode_inspects)->REPODIGEST_SIZES;
BENCHMARK(analyse)->REPODIGEST_SIZES;
BENCHMARK(render_text)->REPODIGEST_SIZES;
BENCHMARK(render_json)->REPODIGEST_SIZES;
BENCHMARK(first_poll)->REPODIGEST_SIZES;
BENCHMARK(full_poll)->REPODIGEST_SIZES->MinTime(2);

/// Prints as usual, and at the end how the time per image grows from the smallest size.
class GrowthReporter : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    ConsoleReporter::ReportRuns(runs);
    for (const auto& run : runs) {
      const std::string name = run.benchmark_name();
      const auto slash = name.find('/');
      const std::size_t images = std::stoul(name.substr(slash + 1));
      // Seconds of wall time an iteration, whatever unit is printed.
      const double seconds = run.real_accumulated_time / static_cast<double>(run.iterations);
      growth_[name.substr(0, slash)][images] = seconds / static_cast<double>(images) * 1e6;
    }
  }
  void print_growth() const {
    std::printf("\nµs per image (growth from the smallest size)\n");
    for (const auto& [name, sizes] : growth_) {
      std::printf("%-16s", name.c_str());
      for (const auto& [images, cost] : sizes)
        std::printf("  %6zu: %7.2f (%.2f)", images, cost, cost / sizes.begin()->second);
      std::printf("\n");
    }
  }

 private:
  std::map<std::string, std::map<std::size_t, double>> growth_;
};

}  // namespace
}  // namespace repodigest

int main(int argc, char** argv) {
  ::mallopt(M_ARENA_MAX, 2);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  repodigest::GrowthReporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  reporter.print_growth();
  return 0;
}
