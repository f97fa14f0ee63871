// How large a cache file is, and how long it takes to write and to read it, for 1,000, 10,000 and 100,000
// images. Medians; writing includes the fsync.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "repodigest/base/log.h"
#include "repodigest/cache/cache_file.h"
#include "repodigest/engine/decode.h"
#include "repodigest/transport/transport.h"
#include "support/generated_engine.h"
#include "support/temporary_folder.h"

namespace repodigest {
namespace {

std::vector<inventory::Remembered> images(std::size_t count) {
  engine::Decoder decoder;
  std::vector<inventory::Remembered> all;
  for (std::size_t i = 0; i < count; ++i) {
    std::string body = support::generated_image(i).inspect;
    body.reserve(body.size() + transport::body_padding);
    auto inspect = decoder.image_inspect(body);
    if (!inspect.ok()) std::abort();
    // The row has one digest only, as with the containerd store.
    all.push_back({inspect->id, inspect->repo_tags, {inspect->repo_digests.back()}, inspect->repo_digests});
  }
  return all;
}

double median_ms(const std::function<void()>& work) {
  std::vector<double> times;
  for (int i = 0; i < 7; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

void measure(std::size_t count) {
  const support::TemporaryFolder folder;
  const cache::CacheFile file(folder.path() / "cache");
  engine::Identity engine;
  engine.id = "id";
  const auto kept = images(count);
  const double save = median_ms([&] {
    if (!file.save(engine, kept).ok()) std::abort();
  });
  const double load = median_ms([&] {
    if (file.load(engine) != kept) std::abort();
  });
  std::printf("%7zu images %10zu bytes  save %7.1f ms  load %7.1f ms\n", count,
              static_cast<std::size_t>(std::filesystem::file_size(file.path())), save, load);
}

}  // namespace
}  // namespace repodigest

int main() {
  repodigest::log::configure(repodigest::log::Level::error, repodigest::log::Format::logfmt);
  for (const std::size_t count : {1'000U, 10'000U, 100'000U}) repodigest::measure(count);
  return 0;
}
