// An engine in memory whose images are changed, whose answers are spoiled and which is replaced by another
// one, all at random; it keeps what it said, so that a test can tell what nobody said. Its rules for list and
// inspect are those of moby (24.0.0 to 29.7.2, both image stores).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <new>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "repodigest/base/clock.h"
#include "repodigest/transport/transport.h"

namespace repodigest::model {

using Strings = std::vector<std::string>;

/// A clock that goes on a little at each look at it, so that whoever waits for it gets there without
/// sleeping. It begins in the far past of the machine's own: whatever waits on both finds its deadline
/// passed. Thread rule: one thread.
class RunningClock final : public Clock {
 public:
  Duration step = std::chrono::milliseconds(250);

  [[nodiscard]] SteadyTime now() const override {
    advance(step);
    return peek();
  }
  [[nodiscard]] WallTime wall() const override {
    return WallTime(
        std::chrono::duration_cast<WallTime::duration>(std::chrono::hours(24 * 365 * 50) + since_start_));
  }
  void wait(SteadyTime until, const Cancel& cancel) const override {
    if (const auto waited = until - peek(); !cancel.ended() && waited > Duration::zero()) advance(waited);
  }
  void advance(Duration duration) const {
    since_start_ += duration;
    if (since_start_ >= end_) std::exchange(at_end_, [] {})();
  }
  [[nodiscard]] SteadyTime peek() const { return SteadyTime(since_start_ - std::chrono::hours(24 * 365)); }
  [[nodiscard]] Duration since_start() const { return since_start_; }
  /// Calls `what` once so long after the start.
  void at(Duration end, std::function<void()> what) {
    end_ = end;
    at_end_ = std::move(what);
  }

 private:
  mutable Duration since_start_{};
  Duration end_ = Duration::max();
  mutable std::function<void()> at_end_ = [] {};
};

/// Thread rule: one thread.
class ModelEngine {
 public:
  struct Identity {
    std::string id;
    std::string version;
    bool containerd = true;
    friend bool operator==(const Identity&, const Identity&) = default;
  };

  ModelEngine(std::uint64_t seed, const RunningClock& clock) : random_(seed), clock_(clock) {
    keeps_connections_ = below(4) != 0;
    survives_replacement_ = below(3) == 0;
    identity_ = another_identity();
    for (std::size_t i = below(12); i > 0; --i) change_images();
  }

  /// From now on nothing changes and nothing goes wrong.
  void settle() { settled_ = true; }

  /// Called after each call, when whatever was published before it can be judged.
  std::function<void()> after_call = [] {};

  [[nodiscard]] const Identity& identity() const { return identity_; }
  /// Id to names.
  [[nodiscard]] const std::map<std::string, std::set<std::string>>& images() const { return images_; }
  [[nodiscard]] Strings inspected_digests(const std::string& image) const {
    const auto found = images_.find(image);
    return found == images_.end() ? Strings()
                                  : digests_of(image, {found->second.begin(), found->second.end()});
  }
  /// Whether an engine of that identity ever answered an inspect of `image` so.
  [[nodiscard]] bool ever_said(const Identity& who, const std::string& image, const Strings& digests) const {
    const auto found = said_.find(key(who) + '/' + who.version + '/' + image);
    return found != said_.end() && found->second.count(digests) > 0;
  }
  /// Whether an engine of that Id and store ever listed just these.
  [[nodiscard]] bool ever_listed(const Identity& who, const std::set<std::string>& ids) const {
    const auto found = listed_.find(key(who));
    return found != listed_.end() && found->second.count(ids) > 0;
  }

  Result<transport::Response> call(const transport::Request& request) {
    clock_.advance(std::chrono::milliseconds(below(200)));
    if (!settled_) {
      if (below(200) == 0) away_until_ = clock_.since_start() + std::chrono::seconds(below(90));
      if (clock_.since_start() < away_until_) return behind_a_proxy();
      if (below(10) == 0) change_images();
      if (below(60) == 0) replace();
      if (auto fault = spoil(request.target)) {
        connected_ = false;
        after_call();
        return std::move(*fault);
      }
    }
    transport::Response response = answer(request.target);
    if (!settled_ && below(40) == 0) response.status = 500;
    if (!settled_ && below(80) == 0) response.body.resize(response.body.size() / 2);
    response.headers = {{"Api-Version", "1.47"}, {"Server", "Docker/" + identity_.version + " (linux)"}};
    response.body.reserve(response.body.size() + transport::body_padding);
    response.new_connection = !std::exchange(connected_, keeps_connections_);
    after_call();
    return response;
  }

 private:
  using Json = nlohmann::json;

  std::size_t below(std::size_t end) { return random_() % end; }

  static std::string key(const Identity& who) {
    return who.id + (who.containerd ? "/containerd" : "/graphdriver");
  }

  Identity another_identity() {
    static const Strings versions = {"24.0.0", "26.1.5", "27.3.1", "27.4.0", "29.7.2"};
    replaced_at_ = clock_.since_start();
    // In place: the next version on the same data. Else another engine or store, that was never there before:
    // an answer of one that comes and goes between two looks can't be told from the others'.
    const bool in_place = !identity_.id.empty() && below(2) == 0;
    Identity next = identity_;
    do next.version = versions[below(versions.size())];
    while (next.version == identity_.version);
    if (in_place) return next;
    next.id = "engine-" + std::to_string(++engines_);
    next.containerd = below(3) != 0;
    return next;
  }

  void replace() {
    if (clock_.since_start() - replaced_at_ < std::chrono::seconds(30)) return;
    const Identity next = another_identity();
    if (key(next) != key(identity_)) {
      images_.clear();
      for (std::size_t i = below(12); i > 0; --i) change_images();
    }
    identity_ = next;
    connected_ = connected_ && survives_replacement_;
  }

  void change_images() {
    const std::string image = "sha256:" + std::string(64, "0123456789abcdef"[below(10)]);
    const std::string name = std::string(below(2) == 0 ? "team/app:" : "web:") + "abcd"[below(4)];
    if (below(5) == 0) {
      images_.erase(image);
      return;
    }
    if (below(3) == 0) {
      if (const auto found = images_.find(image); found != images_.end()) found->second.erase(name);
      return;
    }
    for (auto& [id, names] : images_) names.erase(name);
    images_[image].insert(name);
  }

  /// What a proxy says while the engine behind it is away.
  transport::Response behind_a_proxy() {
    transport::Response response;
    response.status = 503;
    response.body = "no server is available";
    response.new_connection = !std::exchange(connected_, false);
    return response;
  }

  std::optional<Error> spoil(const std::string& target) {
    const bool list = target.ends_with("/images/json");
    switch (below(120)) {
      case 0:
      case 1:
        return Error{Reason::connect, "connection refused"};
      case 2:
        return Error{Reason::interrupted, "the answer ended in the middle"};
      case 3:
        throw std::bad_alloc();
      case 4:
        clock_.advance(list ? std::chrono::minutes(5) : std::chrono::seconds(30));
        return Error{Reason::timeout, "no answer"};
      default:
        return std::nullopt;
    }
  }

  [[nodiscard]] Strings digests_of(const std::string& image, const Strings& names) const {
    const bool repeats = identity_.containerd && identity_.version < "27.4.0";
    const std::string digest = identity_.containerd ? image : "sha256:" + std::string(64, 'f');
    Strings digests;
    for (const std::string& name : names) {
      const std::string entry = name.substr(0, name.find(':')) + "@" + digest;
      if (repeats || std::find(digests.begin(), digests.end(), entry) == digests.end())
        digests.push_back(entry);
    }
    return digests;
  }

  [[nodiscard]] Json rows_of(const std::string& image, const Strings& names) const {
    const auto row = [&](const Strings& tags, const Strings& digests) {
      return Json{{"Id", image}, {"RepoTags", tags}, {"RepoDigests", digests}, {"Created", 1}, {"Size", 2}};
    };
    if (!identity_.containerd) return Json::array({row(names, digests_of(image, names))});
    if (names.empty()) return Json::array({row({}, {})});
    if (identity_.version != "24.0.0") return Json::array({row(names, digests_of(image, {names.back()}))});
    Json rows = Json::array();
    for (const std::string& name : names) rows.push_back(row({name}, digests_of(image, {name})));
    return rows;
  }

  transport::Response list() {
    std::set<std::string> ids;
    Json all = Json::array();
    for (const auto& [image, names] : images_) {
      ids.insert(image);
      for (Json& row : rows_of(image, {names.begin(), names.end()})) all.push_back(std::move(row));
    }
    std::shuffle(all.begin(), all.end(), random_);
    if (identity_.version == "24.0.0") std::sort(all.begin(), all.end());
    listed_[key(identity_)].insert(ids);
    return ok(all);
  }

  transport::Response inspect(const std::string& name) {
    for (const auto& [image, names] : images_) {
      if (image != name && names.count(name) == 0) continue;
      const Strings tags(names.begin(), names.end());
      const Strings digests = digests_of(image, tags);
      said_[key(identity_) + '/' + identity_.version + '/' + image].insert(digests);
      return ok({{"Id", image}, {"RepoTags", tags}, {"RepoDigests", digests}});
    }
    transport::Response missing = ok({{"message", "No such image: " + name}});
    missing.status = 404;
    return missing;
  }

  static transport::Response ok(const Json& body) {
    transport::Response response;
    response.status = 200;
    response.body = body.dump();
    return response;
  }

  transport::Response answer(std::string target) {
    if (target == "/_ping") {
      transport::Response pong = ok(nullptr);
      pong.body = "OK";
      return pong;
    }
    if (target == "/version")
      return ok({{"Version", identity_.version}, {"ApiVersion", "1.47"}, {"MinAPIVersion", "1.24"}});
    target.erase(0, std::string("/v1.47").size());
    if (target == "/info")
      return ok(
          {{"ID", identity_.id},
           {"Driver", identity_.containerd ? "overlayfs" : "overlay2"},
           {"DriverStatus", identity_.containerd
                                ? Json::array({Json::array({"driver-type", "io.containerd.snapshotter.v1"})})
                                : Json::array()}});
    if (target == "/images/json") return list();
    target.erase(0, std::string("/images/").size());
    return inspect(target.substr(0, target.size() - std::string("/json").size()));
  }

  std::mt19937_64 random_;
  const RunningClock& clock_;
  Identity identity_;
  std::size_t engines_ = 0;
  Duration replaced_at_{};
  Duration away_until_{};
  std::map<std::string, std::set<std::string>> images_;
  std::map<std::string, std::set<Strings>> said_;
  std::map<std::string, std::set<std::set<std::string>>> listed_;
  bool settled_ = false;
  bool connected_ = false;
  bool keeps_connections_ = true;      // false: behind a proxy that closes each
  bool survives_replacement_ = false;  // behind a proxy that keeps them while the engine is replaced
};

/// Calls a ModelEngine, which outlives it.
class ModelTransport final : public transport::Transport {
 public:
  explicit ModelTransport(ModelEngine& engine) : engine_(engine) {}
  Result<transport::Response> call(const transport::Request& request, const Cancel&) override {
    return engine_.call(request);
  }
  Status stream(const transport::Request&, const transport::Receiver&, const Cancel&) override {
    return Error{Reason::connect, "the model has no streams"};
  }

 private:
  ModelEngine& engine_;
};

}  // namespace repodigest::model
