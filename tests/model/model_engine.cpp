#include "model_engine.h"

#include <algorithm>
#include <array>
#include <functional>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

#include "answers.h"

namespace repodigest::model {
namespace {

using namespace std::chrono_literals;

transport::Response ok(std::string body) {
  transport::Response response;
  response.status = 200;
  response.body = std::move(body);
  return response;
}

transport::Response refusal(int status, const std::string& message) {
  transport::Response response = ok(message_body(message));
  response.status = status;
  return response;
}

std::size_t hash_of(std::string_view kind, const std::string& engine, const std::string& image,
                    const std::string& rest) {
  std::string all(kind);
  all.append(engine).append(1, '|').append(image).append(1, '|').append(rest);
  return std::hash<std::string>()(all);
}

/// What counts of an inspect: how many entries, and which.
std::string counts(const std::string& version, std::size_t raw_count, Strings unique) {
  std::sort(unique.begin(), unique.end());
  unique.erase(std::unique(unique.begin(), unique.end()), unique.end());
  std::string all = version + ' ' + std::to_string(raw_count);
  for (const std::string& entry : unique) all.append(1, ' ').append(entry);
  return all;
}

}  // namespace

ModelEngine::ModelEngine(std::uint64_t seed, World& world, SimulatedClock& clock)
    : dice_(seed, 2),
      world_(world),
      clock_(clock),
      scale_(dice_.one_of(std::array<std::size_t, 4>{1, 1, 30, world.tame() ? 30U : 1000U})),
      keeps_connections_(!dice_.one_in(4)),
      proxy_keeps_connections_(dice_.one_in(3)),
      refuses_containers_(dice_.one_in(8)) {}

std::string ModelEngine::who() const {
  return world_.rules().store == Store::podman ? "" : world_.engine_id();
}

ModelEngine::Kind ModelEngine::kind_of(const std::string& target) {
  if (target.ends_with("/images/json")) return Kind::list;
  if (target.find("/images/") != std::string::npos) return Kind::inspect;
  return target.find("/containers/") != std::string::npos ? Kind::containers : Kind::light;
}

Duration ModelEngine::list_effort() const {
  const auto images = static_cast<Duration::rep>(world_.store().images().size() * scale_);
  return 1ms + images * (world_.rules().store == Store::containerd ? Duration(9ms) : Duration(50us));
}

Duration ModelEngine::effort(Kind kind, const std::string& target) {
  const bool slow_store = world_.rules().store == Store::containerd;
  const auto names = static_cast<Duration::rep>(world_.store().name_count() * scale_);
  Duration effort = 500us;
  if (target.ends_with("/info")) effort = Duration(20ms) + names * 9us;
  if (kind == Kind::list) effort = list_effort();
  if (kind == Kind::inspect) effort = 1ms + (slow_store ? names * 15us : 0us);
  if (kind == Kind::containers) effort = 2ms;
  effort += dice_.up_to(effort) - effort / 2;
  const bool hangs = world_.restless() && !world_.tame() && dice_.one_in(300);
  return hangs ? effort + dice_.up_to(kind == Kind::list ? Duration(3min) : Duration(20s)) : effort;
}

Result<transport::Response> ModelEngine::call(const transport::Request& request) {
  const Kind kind = kind_of(request.target);
  const SteadyTime began = clock_.now();
  const auto pay = [&] {
    if (kind == Kind::light) return;
    const Duration took = clock_.now() - began;
    spent_.all += took;
    spent_.longest = std::max(spent_.longest, took);
    spent_.lists += kind == Kind::list ? 1 : 0;
  };
  const bool faulty = world_.restless() && !world_.tame();
  if (world_.away()) {
    clock_.advance(dice_.up_to(5ms));
    pay();
    return behind_a_proxy();
  }
  if (faulty) {
    if (auto fault = spoil(kind)) {
      connected_ = false;
      clock_.trace(request.target, ": ", fault->text);
      pay();
      return std::move(*fault);
    }
  }
  // What it says is of a moment somewhere between question and answer.
  const Duration effort = this->effort(kind, request.target);
  const Duration first = dice_.up_to(effort);
  clock_.advance(first);
  transport::Response response = answer(request.target);
  const Rules& rules = world_.rules();
  response.headers = {{"Api-Version", rules.api_version}, {"Server", "Docker/" + rules.version + " (linux)"}};
  if (rules.store == Store::podman)
    response.headers = {{"Api-Version", rules.api_version},
                        {"Server", "Libpod/" + rules.version + " (linux)"},
                        {"Libpod-Api-Version", rules.version}};
  response.new_connection = !std::exchange(connected_, keeps_connections_);
  clock_.trace(request.target, ": ", response.status, response.new_connection ? " (new connection) " : " ",
               response.body);
  if (faulty && dice_.one_in(40)) response.status = 500;
  if (faulty && dice_.one_in(80)) response.body.resize(response.body.size() / 2);
  response.body.reserve(response.body.size() + transport::body_padding);
  clock_.advance(effort - first);
  pay();
  return response;
}

/// What a proxy says while the engine behind it is away.
transport::Response ModelEngine::behind_a_proxy() {
  transport::Response response = refusal(503, "no server is available");
  response.new_connection = !std::exchange(connected_, false);
  return response;
}

std::optional<Error> ModelEngine::spoil(Kind kind) {
  switch (dice_.below(600)) {
    case 0:
    case 1:
    case 2:
      return Error{Reason::connect, "connection refused"};
    case 3:
    case 4:
    case 5:
      clock_.advance(dice_.up_to(50ms));
      return Error{Reason::interrupted, "the answer ended in the middle"};
    case 6:
      ++spent_.exceptions;
      connected_ = false;
      throw std::bad_alloc();
    case 7:
    case 8:
      clock_.advance(kind == Kind::list ? 5min : 30s);
      return Error{Reason::timeout, "no answer"};
    default:
      return std::nullopt;
  }
}

transport::Response ModelEngine::list() {
  const Rules& rules = world_.rules();
  std::vector<Row> rows = rows_of(world_.store());
  // Rows of equal age come in another order from call to call (but for 24.0).
  if (!rules.a_row_per_name)
    for (std::size_t i = rows.size(); i > 1; --i) std::swap(rows[i - 1], rows[dice_.below(i)]);
  std::stable_sort(rows.begin(), rows.end(), [](const Row& one, const Row& other) {
    return one.image->created > other.image->created;
  });
  for (const Row& row : rows) {
    said_.insert(hash_of("there", who(), row.image->id, ""));
    for (const std::string& tag : row.said.tags) said_.insert(hash_of("named", who(), row.image->id, tag));
  }
  return ok(list_body(rules, rows));
}

transport::Response ModelEngine::inspect(const std::string& name) {
  const Rules& rules = world_.rules();
  const Image* const image = world_.store().find(name);
  if (image == nullptr) return refusal(404, "No such image: " + name);
  const Said said = rules.inspect(*image);
  said_.insert(hash_of("there", who(), image->id, ""));
  for (const std::string& tag : said.tags) said_.insert(hash_of("named", who(), image->id, tag));
  said_.insert(hash_of("named", who(), image->id, name));
  said_.insert(
      hash_of("inspected", who(), image->id, counts(rules.version, said.digests.size(), said.digests)));
  return ok(inspect_body(rules, *image, said));
}

transport::Response ModelEngine::containers() const {
  return ok(containers_body(world_.containers()));
}

transport::Response ModelEngine::info() {
  // Podman makes up another ID for each answer.
  const bool podman = world_.rules().store == Store::podman;
  const std::string id = podman ? std::to_string(dice_.next()) : world_.engine_id();
  return ok(info_body(world_.rules(), id, world_.store().count()));
}

transport::Response ModelEngine::answer(const std::string& target) {
  const Rules& rules = world_.rules();
  if (target == "/_ping") return ok("OK");
  if (target == "/version") return ok(version_body(rules));
  const std::size_t slash = target.find('/', 1);
  const std::string spoken = target.substr(2, slash - 2);
  const std::string path = target.substr(slash);
  if (is_too_new(spoken, rules)) return refusal(400, too_new_message(spoken, rules));
  if (path == "/info") return info();
  if (path == "/images/json") return list();
  if (path.starts_with("/containers/"))
    return refuses_containers_ ? refusal(403, "not allowed") : containers();
  constexpr std::string_view before = "/images/";
  constexpr std::string_view behind = "/json";
  return inspect(path.substr(before.size(), path.size() - before.size() - behind.size()));
}

bool ModelEngine::ever_inspected(const std::string& engine, const std::string& version,
                                 const std::string& image, std::size_t raw_count,
                                 const Strings& unique) const {
  return said_.count(hash_of("inspected", engine, image, counts(version, raw_count, unique))) > 0;
}
bool ModelEngine::ever_had(const std::string& engine, const std::string& image) const {
  return said_.count(hash_of("there", engine, image, "")) > 0;
}
bool ModelEngine::ever_named(const std::string& engine, const std::string& image,
                             const std::string& name) const {
  return said_.count(hash_of("named", engine, image, name)) > 0;
}

}  // namespace repodigest::model
