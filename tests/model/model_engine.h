// Answers as the world's engine would, after the time it would take, with faults on the way at random; and
// keeps what it said, so that a test can tell what nobody said.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>

#include "dice.h"
#include "repodigest/transport/transport.h"
#include "simulated_clock.h"
#include "world.h"

namespace repodigest::model {

/// Thread rule: one thread.
class ModelEngine {
 public:
  ModelEngine(std::uint64_t seed, World& world, SimulatedClock& clock);

  Result<transport::Response> call(const transport::Request& request);
  /// Its process ended. What no client could tell apart comes over a new connection at least.
  void restarted() { connected_ = connected_ && proxy_keeps_connections_ && !world_.is_mistakable(); }

  /// Whether an engine of that ID and version ever answered an inspect of `image` with so many RepoDigests,
  /// and those.
  [[nodiscard]] bool ever_inspected(const std::string& engine, const std::string& version,
                                    const std::string& image, std::size_t raw_count,
                                    const Strings& unique) const;
  /// Whether an engine of that ID ever said that `image` is there, or has that name.
  [[nodiscard]] bool ever_had(const std::string& engine, const std::string& image) const;
  [[nodiscard]] bool ever_named(const std::string& engine, const std::string& image,
                                const std::string& name) const;

  /// A proxy before it lets nobody ask for containers.
  [[nodiscard]] bool refuses_containers() const { return refuses_containers_; }

  /// Time with a request for a list, an inspect or containers under way, and the longest of them; how many
  /// were for a list.
  struct Spent {
    Duration all{};
    Duration longest{};
    std::size_t lists = 0;
    std::size_t exceptions = 0;  ///< thrown at who asked
  };
  [[nodiscard]] const Spent& spent() const { return spent_; }
  /// At most, of one that does not hang.
  [[nodiscard]] Duration longest_list() const { return list_effort() * 3 / 2; }

 private:
  enum class Kind { light, list, inspect, containers };
  static Kind kind_of(const std::string& target);
  /// How long a call of that kind takes.
  Duration effort(Kind kind, const std::string& target);
  [[nodiscard]] Duration list_effort() const;
  std::optional<Error> spoil(Kind kind);
  transport::Response behind_a_proxy();
  transport::Response answer(const std::string& target);
  transport::Response list();
  transport::Response inspect(const std::string& name);
  transport::Response containers() const;
  [[nodiscard]] transport::Response info();
  [[nodiscard]] std::string who() const;

  Dice dice_;
  World& world_;
  SimulatedClock& clock_;
  std::unordered_set<std::size_t> said_;  // hashes of what was said
  Spent spent_;
  const std::size_t scale_;  // how much larger the store is than what is seen of it
  bool connected_ = false;
  const bool keeps_connections_;        // false: behind a proxy that closes each
  const bool proxy_keeps_connections_;  // while the engine behind it is replaced
  const bool refuses_containers_;
};

/// Calls a ModelEngine, which outlives it.
class ModelTransport final : public transport::Transport {
 public:
  explicit ModelTransport(ModelEngine& engine) : engine_(engine) {}
  Result<transport::Response> call(const transport::Request& request, const Cancel&) override {
    return engine_.call(request);
  }
  Status stream(const transport::Request&, const transport::Receiver&, const Cancel&) override {
    return Error{.reason = Reason::http, .text = "events come another way here"};
  }

 private:
  ModelEngine& engine_;
};

}  // namespace repodigest::model
