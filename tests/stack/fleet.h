// A fleet: modelled engines of many versions and both stores, a real exporter beside each, and what the model
// knows of them.
#pragma once

#include <sys/resource.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/dice.h"
#include "model_server.h"
#include "repodigest/digest/digest.h"
#include "support/program.h"

namespace repodigest::stack {

/// What is so of one host, whoever asks.
struct Truth {
  std::string version;
  std::string image_store;
  bool repeats_entries = false;       ///< moby-48747
  bool doubles_single_names = false;  ///< moby-46007
  double images = 0;
  double raw = 0;
  double unique = 0;
  double with_duplicates = 0;
  double running_with_duplicates = 0;
};

inline Truth truth_of(const ServedEngine& engine) {
  const model::Rules& rules = engine.store.rules();
  Truth truth{.version = rules.version,
              .image_store = rules.store == model::Store::containerd ? "containerd" : "graphdriver",
              .repeats_entries = rules.doubles_names,
              .doubles_single_names = rules.doubles_single_names};
  for (const auto& [id, image] : engine.store.images()) {
    if (image.hidden) continue;
    const digest::Analysis found = digest::analyse(rules.inspect(image).digests);
    ++truth.images;
    truth.raw += static_cast<double>(found.raw_count);
    truth.unique += static_cast<double>(found.unique.size());
    if (found.duplicates.empty()) continue;
    ++truth.with_duplicates;
    for (const engine::Container& one : engine.containers)
      truth.running_with_duplicates += one.image_id == id && one.state == "running" ? 1 : 0;
  }
  return truth;
}

class Fleet {
 public:
  explicit Fleet(std::size_t size) : engines_(that_many_engines(size)) {
    for (std::size_t i = 0; i < size; ++i)
      exporters_.push_back(std::make_unique<support::Daemon>(std::vector<std::string>{
          "--docker.host=" + engines_.host(i), "--web.listen-address=127.0.0.1:0", "--poll.interval=3s",
          "--poll.stale-after=6s", "--poll.max-engine-share=1"}));
    for (const auto& exporter : exporters_)
      addresses_.push_back("127.0.0.1:" +
                           std::to_string(support::logged_port(exporter->process(), "msg=listening")));
  }

  [[nodiscard]] std::size_t size() const { return addresses_.size(); }
  /// What is `instance` of its series.
  [[nodiscard]] const std::string& address(std::size_t host) const { return addresses_[host]; }
  [[nodiscard]] const support::Daemon& exporter(std::size_t host) const { return *exporters_[host]; }
  ModelServer& engines() { return engines_; }
  [[nodiscard]] std::vector<Truth> truths() {
    std::vector<Truth> truths(size());
    for (std::size_t i = 0; i < size(); ++i)
      engines_.with(i, [&](const ServedEngine& engine) { truths[i] = truth_of(engine); });
    return truths;
  }
  /// As file_sd_configs reads them.
  void write_targets(const std::filesystem::path& file) const {
    std::ofstream out(file);
    for (std::size_t i = 0; i < size(); ++i)
      out << "- targets: ['" << addresses_[i] << "']\n  labels: {host: 'host" << i << "'}\n";
  }

 private:
  /// Every fourth has the old store; versions go round. Each has a dozen images that came in every way that
  /// there is, and a few containers of them.
  static ServedEngine an_engine(std::size_t number) {
    model::Dice dice(number, 7);
    const auto& versions = model::docker_versions();
    const model::Store store = number % 4 == 3 ? model::Store::graphdriver : model::Store::containerd;
    ServedEngine engine{.id = "engine-" + std::to_string(number),
                        .store = {model::rules_of(versions[number % versions.size()], store), number + 1},
                        .containers = {}};
    for (int i = 0; i < 25; ++i) static_cast<void>(engine.store.change(dice));
    for (int i = 0; i < 3; ++i) static_cast<void>(engine.store.pull_by_digest(dice));
    for (const auto& [id, image] : engine.store.images()) {
      if (!dice.one_in(number % 2 == 0 ? 2 : 1000)) continue;
      const std::string count = std::to_string(engine.containers.size());
      engine.containers.push_back({std::string(64 - count.size(), 'c') + count, "name-" + count, id,
                                   dice.one_in(3) ? "exited" : "running"});
    }
    return engine;
  }
  /// With descriptors for the connections of all exporters.
  static std::vector<ServedEngine> that_many_engines(std::size_t size) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    std::vector<ServedEngine> engines;
    for (std::size_t i = 0; i < size; ++i) engines.push_back(an_engine(i));
    return engines;
  }

  ModelServer engines_;
  std::vector<std::unique_ptr<support::Daemon>> exporters_;
  std::vector<std::string> addresses_;
};

}  // namespace repodigest::stack
