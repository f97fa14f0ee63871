// What a poll costs us (not the engine) per image, for 1,000, 10,000 and 100,000 images: decode, analyse,
// render, and the full poll from the socket to the text. Ends with how the cost per image grows; of the full
// poll at most 1.3 times from 1,000 to 10,000 images and 2 times to 100,000 is asked. Each is measured
// several times in mixed order, so that a busy machine shows as a wide range, and each time in a process of
// its own: whether memory is there or must be had from the system depends on what ran before. Beside our own
// there are the libraries' ways of doing the same, for 10,000 images.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <prometheus/text_serializer.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <random>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "bench/child.h"
#include "repodigest/base/clock.h"
#include "repodigest/base/fd.h"
#include "repodigest/base/memory.h"
#include "repodigest/base/stats.h"
#include "repodigest/digest/digest.h"
#include "repodigest/engine/client.h"
#include "repodigest/engine/decode.h"
#include "repodigest/engine/endpoint.h"
#include "repodigest/exposition/gzip.h"
#include "repodigest/exposition/json.h"
#include "repodigest/exposition/text.h"
#include "repodigest/inventory/inventory.h"
#include "repodigest/transport/transport.h"
#include "support/generated_engine.h"
#include "support/recording.h"
#include "support/replay_engine.h"

namespace repodigest {
namespace {

using bench::must;

std::string padded(std::string body) {
  body.reserve(body.size() + transport::body_padding);
  return body;
}

/// The bodies of an engine with `count` images; made once a size.
struct Bodies {
  std::string list;
  std::vector<std::string> inspects;  ///< in the order of the list
};

const Bodies& bodies_of(const benchmark::State& state) {
  static std::map<std::int64_t, Bodies> made;
  auto& bodies = made[state.range(0)];
  if (bodies.list.empty()) {
    bodies.list = "[";
    for (std::size_t i = 0; i < static_cast<std::size_t>(state.range(0)); ++i) {
      auto text = support::generated_image(i);
      bodies.list += (i == 0 ? "" : ",") + text.row;
      bodies.inspects.push_back(padded(std::move(text.inspect)));
    }
    bodies.list = padded(bodies.list + "]");
  }
  return bodies;
}

/// An inventory in which everything is inspected.
inventory::Inventory filled_inventory(const Bodies& bodies) {
  engine::Decoder decoder;
  inventory::Inventory inventory;
  inventory.set_identity(
      {"id", "bench", "27.3.1", "1.47", "linux", "amd64", "overlayfs", engine::ImageStore::containerd});
  const SteadyTime now{};
  inventory.apply_list(must(decoder.image_list(bodies.list)), now);
  for (const auto& body : bodies.inspects)  // all are suspects, so due in the order of the list
    inventory.apply_inspect(inventory.next_due(now).value(), decoder.image_inspect(body), now);
  if (inventory.due_count(now) > 0) std::abort();
  return inventory;
}

exposition::SeriesOptions all_series() {
  exposition::SeriesOptions all;
  all.max_images = static_cast<std::size_t>(-1);
  return all;
}

void decode_list(benchmark::State& state) {
  const Bodies& bodies = bodies_of(state);
  engine::Decoder decoder;
  for (auto _ : state) benchmark::DoNotOptimize(must(decoder.image_list(bodies.list)));
}

/// The same body as a tree of the library that writes our documents.
void decode_list_by_nlohmann(benchmark::State& state) {
  const Bodies& bodies = bodies_of(state);
  for (auto _ : state) benchmark::DoNotOptimize(nlohmann::json::parse(bodies.list));
}

void decode_inspects(benchmark::State& state) {
  const Bodies& bodies = bodies_of(state);
  engine::Decoder decoder;
  for (auto _ : state)
    for (const auto& body : bodies.inspects) benchmark::DoNotOptimize(must(decoder.image_inspect(body)));
}

void analyse(benchmark::State& state) {
  engine::Decoder decoder;
  std::vector<engine::ImageInspect> inspects;
  for (const auto& body : bodies_of(state).inspects) inspects.push_back(must(decoder.image_inspect(body)));
  for (auto _ : state)
    for (const auto& inspect : inspects) benchmark::DoNotOptimize(digest::analyse(inspect.repo_digests));
}

void render_text(benchmark::State& state) {
  const auto snapshot = filled_inventory(bodies_of(state)).snapshot({});
  for (auto _ : state) benchmark::DoNotOptimize(exposition::render_text(*snapshot, false, all_series()));
}

/// The same two series of each image by the library that keeps our own metrics.
void render_text_by_prometheus_cpp(benchmark::State& state) {
  const auto snapshot = filled_inventory(bodies_of(state)).snapshot({});
  std::vector<prometheus::MetricFamily> families(2);
  families[0].name = "docker_image_repo_digests";
  families[1].name = "docker_image_repo_digests_unique";
  for (auto& family : families) {
    family.type = prometheus::MetricType::Gauge;
    for (const auto& image : snapshot->images) {
      auto& metric = family.metric.emplace_back();
      metric.label = {{"image_id", image->id}, {"image", image->name}};
      metric.gauge.value = 4;
    }
  }
  for (auto _ : state) benchmark::DoNotOptimize(prometheus::TextSerializer().Serialize(families));
}

void render_json(benchmark::State& state) {
  const auto snapshot = filled_inventory(bodies_of(state)).snapshot({});
  for (auto _ : state) benchmark::DoNotOptimize(exposition::render_images(*snapshot, false));
}

/// A first poll: list and every inspect decoded, compared, analysed, published, rendered.
void first_poll(benchmark::State& state) {
  const Bodies& bodies = bodies_of(state);
  for (auto _ : state) {
    std::optional<inventory::Inventory> inventory = filled_inventory(bodies);
    benchmark::DoNotOptimize(exposition::render_text(*inventory->snapshot({}), false, all_series()));
    state.PauseTiming();
    inventory.reset();  // which a daemon does not do
    state.ResumeTiming();
  }
}

/// The first image under another name.
std::string retagged(std::string body) {
  return padded(body.replace(body.find(":latest"), 7, ":newest"));
}

/// All engines, in a process of their own. Its answer to 2n is the address of one with n images, to 2n+1 of
/// one where the first of them is retagged.
struct Engines {
  /// To be called first, before there are threads.
  static const bench::Child& all() {
    static const bench::Child child([](const auto& serve) {
      std::map<std::uint32_t, std::unique_ptr<support::ReplayEngine>> engines;
      serve([&](std::uint32_t which) {
        auto& engine = engines[which];
        if (!engine) {
          std::string list = "[";
          for (std::size_t i = 0; i < which / 2; ++i)
            list += (i == 0 ? "" : ",") + support::generated_image(i).row;
          list += "]";
          auto recording = support::Recording::embedded();
          recording.set_body("/images/json", which % 2 == 0 ? list : retagged(list));
          engine = must(support::ReplayEngine::on_loopback(std::move(recording)));
        }
        return engine->host();
      });
    });
    return child;
  }
};

/// An engine with a client to ask it by.
class Asked {
 public:
  explicit Asked(std::uint32_t which) {
    engine::ClientOptions options;
    options.max_list_bytes = std::size_t{1} << 30U;
    client_.emplace(transport::make_transport(must(engine::parse_host(Engines::all().ask(which)))), "bench",
                    options, stats_, system_clock());
    must(client_->look(Cancel()));
  }
  engine::ImageList list() { return must(client_->list_images(Cancel())); }

 private:
  Stats stats_;
  std::optional<engine::Client> client_;
};

/// The poll that comes every interval: received over a socket, decoded, compared, one image changed and
/// inspected, published, rendered; `gzip` as a scrape wants it.
void poll_in_full(benchmark::State& state, bool gzip) {
  const Bodies& bodies = bodies_of(state);
  // Two engines that differ in one tag of the first image, asked in turn.
  const auto images = static_cast<std::uint32_t>(state.range(0));
  Asked engines[] = {Asked(2 * images), Asked(2 * images + 1)};
  const std::string inspects[] = {bodies.inspects[0], retagged(bodies.inspects[0])};
  engine::Decoder decoder;
  auto inventory = filled_inventory(bodies);
  std::size_t turn = 0;
  for (auto _ : state) {
    turn = 1 - turn;
    inventory.apply_list(engines[turn].list(), {});
    while (const auto due = inventory.next_due({}))
      inventory.apply_inspect(*due, decoder.image_inspect(inspects[turn]), {});
    const std::string text = exposition::render_text(*inventory.snapshot({}), false, all_series());
    benchmark::DoNotOptimize(text.data());
    if (gzip) benchmark::DoNotOptimize(exposition::gzip_part(text));
  }
}

void full_poll(benchmark::State& state) {
  poll_in_full(state, false);
}

void full_poll_with_gzip(benchmark::State& state) {
  poll_in_full(state, true);
}

void sizes(benchmark::internal::Benchmark* benchmark) {
  for (const std::int64_t images : {1'000, 10'000, 100'000}) benchmark->Arg(images);
  benchmark->Unit(benchmark::kMillisecond);
}
void one_size(benchmark::internal::Benchmark* benchmark) {
  benchmark->Arg(10'000)->Unit(benchmark::kMillisecond);
}
BENCHMARK(decode_list)->Apply(sizes);
BENCHMARK(decode_list_by_nlohmann)->Apply(one_size);
BENCHMARK(decode_inspects)->Apply(sizes);
BENCHMARK(analyse)->Apply(sizes);
BENCHMARK(render_text)->Apply(sizes);
BENCHMARK(render_text_by_prometheus_cpp)->Apply(one_size);
BENCHMARK(render_json)->Apply(sizes);
BENCHMARK(first_poll)->Apply(sizes);
BENCHMARK(full_poll)->Apply(sizes);
BENCHMARK(full_poll_with_gzip)->Apply(sizes);

constexpr int rounds = 5;

/// One run, as it goes from the child that made it to us.
struct Measured {
  double cpu = 0;  ///< microseconds an image
  double wall = 0;
};

/// Keeps the run that was made.
class Reporter : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    const Run& run = runs.front();
    const double per_image = 1e6 / static_cast<double>(run.iterations) / std::stod(run.run_name.args);
    measured = {run.cpu_accumulated_time * per_image, run.real_accumulated_time * per_image};
  }
  Measured measured;
};

/// A benchmark of one size, in a process of its own.
Measured run_apart(const std::string& name) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) bench::give_up("no pipe");
  const Fd from_child(pipe[0]);
  Fd to_us(pipe[1]);
  const pid_t child = ::fork();
  if (child < 0) bench::give_up("cannot fork");
  if (child == 0) {
    Reporter reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter, "^" + name + "$");
    const auto sent = ::write(to_us.get(), &reporter.measured, sizeof reporter.measured);
    ::_exit(sent == sizeof reporter.measured ? 0 : 1);
  }
  to_us.reset();
  Measured measured;
  if (::read(from_child.get(), &measured, sizeof measured) != sizeof measured)
    bench::give_up(name + " came to no end");
  ::waitpid(child, nullptr, 0);
  return measured;
}

/// Sorts them.
double median(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void run_all() {
  const std::vector<std::string> names = {"decode_list",     "decode_list_by_nlohmann",
                                          "decode_inspects", "analyse",
                                          "render_text",     "render_text_by_prometheus_cpp",
                                          "render_json",     "first_poll",
                                          "full_poll",       "full_poll_with_gzip"};
  const std::string filter = benchmark::GetBenchmarkFilter();
  const std::regex wanted(filter == "all" ? "." : filter);
  struct Series {
    std::string name;
    int images;
    std::vector<double> cpu = {};
    std::vector<double> wall = {};
  };
  std::vector<Series> all;
  for (const auto& name : names)
    for (const int images : {1'000, 10'000, 100'000}) {
      const bool library = name.find("_by_") != std::string::npos;
      if ((!library || images == 10'000) && std::regex_search(name + "/" + std::to_string(images), wanted))
        all.push_back({name, images});
    }
  std::vector<std::size_t> order(all.size());
  std::iota(order.begin(), order.end(), 0);
  std::mt19937 dice(1);
  for (int round = 0; round < rounds; ++round) {
    std::shuffle(order.begin(), order.end(), dice);
    for (const auto i : order) {
      const Measured measured = run_apart(all[i].name + "/" + std::to_string(all[i].images));
      all[i].cpu.push_back(measured.cpu);
      all[i].wall.push_back(measured.wall);
    }
  }
  std::printf("µs of our thread's CPU per image: median (least to most) x growth | wall median\n");
  double smallest = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    Series& series = all[i];
    const double cpu = median(series.cpu);
    if (i == 0 || all[i - 1].name != series.name) {
      std::printf("%s\n", series.name.c_str());
      smallest = cpu;
    }
    std::printf("  %7d images  %6.2f (%.2f to %.2f) x %.2f | %.2f\n", series.images, cpu, series.cpu.front(),
                series.cpu.back(), cpu / smallest, median(series.wall));
  }
}

}  // namespace
}  // namespace repodigest

int main(int argc, char** argv) {
  repodigest::Engines::all();
  repodigest::give_back_large_blocks();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  repodigest::run_all();
  return 0;
}
