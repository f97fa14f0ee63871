// What a real engine pays for being watched, and how soon its changes show: Debian's dockerd 26.1.5 with the
// containerd store, fetched by tests/engine/dockerd.sh, and the built daemon. Needs root and half an hour.
//   bench_engine [--images=300] [--folder=FOLDER] [--quiet=300] [--only=hour|tag|start]
// FOLDER keeps the engines' images for the next run; --quiet is how many seconds of quiet are measured.
// Exits with 1 if a limit is missed.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "engine/dockerd_fixture.h"
#include "repodigest/base/cancel.h"
#include "repodigest/transport/transport.h"
#include "support/program.h"
#include "support/temporary_folder.h"

namespace repodigest {
namespace {

using nlohmann::json;
using support::Daemon;
using support::Dockerd;
using Seconds = std::chrono::duration<double>;
using std::chrono::steady_clock;

constexpr auto quiet_interval = std::chrono::seconds(5);
constexpr auto idle_stretch = std::chrono::seconds(60);
constexpr auto settling = std::chrono::seconds(15);
/// What an hour of quiet at the default intervals (60 s, 1 h) asks the engine for: a look a minute, and the
/// containers with it; every fifth look counts, and one before the list does; the full list.
constexpr int hourly_looks = 60;
constexpr int hourly_counts = 13;
constexpr int hourly_lists = 1;
constexpr int naive_polls = 3;
constexpr int tags = 20;
constexpr int starts = 5;

bool all_kept = true;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

void must(const Status& status) {
  if (!status) give_up(status.error().text);
}

struct Options {
  int images = 300;
  std::string folder;
  std::chrono::seconds quiet{300};
  std::string only;

  [[nodiscard]] bool wants(std::string_view part) const { return only.empty() || only == part; }
};

Options options_of(int count, char** words) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const auto value = [&](std::string_view flag) -> std::optional<std::string> {
      if (word.rfind(flag, 0) != 0) return std::nullopt;
      return word.substr(flag.size());
    };
    if (const auto images = value("--images="))
      options.images = std::atoi(images->c_str());
    else if (const auto folder = value("--folder="))
      options.folder = *folder;
    else if (const auto quiet = value("--quiet="))
      options.quiet = std::chrono::seconds(std::atoi(quiet->c_str()));
    else if (const auto only = value("--only="))
      options.only = *only;
    else
      give_up("unknown argument " + word);
  }
  return options;
}

void print_machine(const char* when) {
  double load[3]{};
  ::getloadavg(load, 3);
  std::printf("[%s: load %.2f %.2f %.2f on %ld cores]\n", when, load[0], load[1], load[2],
              ::sysconf(_SC_NPROCESSORS_ONLN));
  std::fflush(stdout);
}

void print_limit(const char* what, double value, double limit, const char* unit) {
  const bool kept = value <= limit;
  all_kept = all_kept && kept;
  std::printf("%s: %.3f %s, limit %.3f %s: %s\n", what, value, unit, limit, unit, kept ? "kept" : "MISSED");
  std::fflush(stdout);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

void print_row(const char* what, const std::vector<double>& values) {
  std::printf("%s:", what);
  for (const double value : values) std::printf(" %.3f", value);
  std::printf(" s\n");
}

/// Calls on one kept connection.
class Caller {
 public:
  explicit Caller(const std::string& socket) {
    transport::Endpoint endpoint;
    endpoint.path = socket;
    transport_ = transport::make_transport(endpoint);
  }
  std::string get(const std::string& target) {
    transport::Request request;
    request.target = target;
    request.max_body_bytes = std::size_t{1} << 28U;
    auto answer = transport_->call(request, Cancel().within(std::chrono::minutes(5)));
    if (!answer.ok()) give_up(target + ": " + answer.error().text);
    if (answer->status != 200) give_up(target + ": " + answer->body);
    return std::move(answer->body);
  }

 private:
  std::unique_ptr<transport::Transport> transport_;
};

std::string socket_of(const Dockerd& engine) {
  return engine.host().substr(std::string_view("unix://").size());
}

/// CPU time of the engine, seconds: of dockerd and its containerd, and of their children that have ended
/// (proc(5): utime, stime, cutime, cstime).
double cpu_of(const Dockerd& engine) {
  long ticks = 0;
  for (const pid_t id : engine.processes()) {
    const std::string line = support::read_file("/proc/" + std::to_string(id) + "/stat");
    const auto name_end = line.rfind(')');
    if (name_end == std::string::npos) give_up("the engine is gone");
    std::istringstream rest(line.substr(name_end + 2));
    std::string skipped;
    for (int field = 3; field < 14; ++field) rest >> skipped;
    for (int field = 14; field <= 17; ++field) {
      long value = 0;
      rest >> value;
      ticks += value;
    }
  }
  return static_cast<double>(ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

// --- The images: three layers in common and one of its own, four names.

enum class Shape {
  two_repositories,  ///< two names in each of two: every image has duplicates
  one_duplicate,     ///< a repository for each name, but for one image as above
};

std::vector<std::string> names_of(int image, int images, Shape shape) {
  const std::string path =
      ".example.com/team" + std::to_string(image % 20) + "/app" + std::to_string(image) + ":";
  if (shape == Shape::one_duplicate && image != images / 2)
    return {"registry" + path + "1.0.0", "mirror" + path + "1.0.0", "backup" + path + "1.0.0",
            "archive" + path + "1.0.0"};
  return {"registry" + path + "latest", "registry" + path + "1.0.0", "mirror" + path + "latest",
          "mirror" + path + "1.0.0"};
}

std::unique_ptr<Dockerd> engine_with(const std::string& folder, int images, Shape shape) {
  auto started = Dockerd::start_in(folder, Dockerd::Store::containerd);
  if (!started) give_up(started.error().text);
  const Dockerd& engine = **started;
  const auto held = [&] { return json::parse(engine.call("GET", "/info").body).at("Images").get<int>(); };
  if (held() != 4 * images) {  // this store counts names
    std::printf("loading %d images\n", images);
    std::fflush(stdout);
    std::vector<support::ArchivedImage> batch;
    for (int image = 0; image < images; ++image) {
      batch.push_back(
          {{"base 0", "base 1", "base 2", "app " + std::to_string(image)}, names_of(image, images, shape)});
      if (batch.size() < 50 && image + 1 < images) continue;
      must(engine.load(batch));
      batch.clear();
    }
    if (held() != 4 * images) give_up("the engine holds other images than those wanted: take another folder");
  }
  return std::move(started).value();
}

void wait_until_followed(const Daemon& daemon) {
  const bool there = support::eventually(
      [&] {
        const std::string metrics = daemon.body("/metrics");
        return support::value_of(metrics, "docker_images_pending_inspection{suspect=\"true\"}") == 0 &&
               support::value_of(metrics, "docker_images_pending_inspection{suspect=\"false\"}") == 0 &&
               support::value_of(metrics, "docker_events_connected") == 1;
      },
      std::chrono::minutes(10));
  if (!there) give_up("the daemon does not come to an end of its first inspection:\n" + daemon.log());
}

// --- What a quiet hour costs.

/// What a call costs the engine, CPU seconds, over `times` of them.
template <typename Call>
double cost_of(const Dockerd& engine, int times, double idle_rate, const Call& call) {
  const auto began = steady_clock::now();
  const double before = cpu_of(engine);
  for (int i = 0; i < times; ++i) call();
  std::this_thread::sleep_for(std::chrono::seconds(1));  // what it does after its answer
  return (cpu_of(engine) - before - idle_rate * Seconds(steady_clock::now() - began).count()) / times;
}

/// CPU seconds a second of an engine that nobody asks.
double idle_rate_of(const Dockerd& engine) {
  std::this_thread::sleep_for(settling);
  const double before = cpu_of(engine);
  std::this_thread::sleep_for(idle_stretch);
  return (cpu_of(engine) - before) / Seconds(idle_stretch).count();
}

void naive_poll(Caller& caller) {
  for (const json& row : json::parse(caller.get("/images/json")))
    caller.get("/images/" + row.at("Id").get<std::string>() + "/json");
}

void measure_hour(const Dockerd& engine, std::chrono::seconds quiet) {
  std::printf("\n--- A quiet hour at an interval of 60 s, against a list and all inspects a minute\n");
  print_machine("before");
  const double idle_before = idle_rate_of(engine);
  std::map<std::string, double> asked;
  double stretch = 0;
  {
    const Daemon daemon({"--docker.host=" + engine.host(),
                         "--poll.interval=" + std::to_string(quiet_interval.count()) + "s"});
    wait_until_followed(daemon);
    std::this_thread::sleep_for(settling);
    const auto count = [&](double sign) {
      const std::string metrics = daemon.body("/metrics");
      for (const char* operation :
           {"ping", "version", "info", "image_list", "image_inspect", "container_list"})
        asked[operation] +=
            sign * support::value_of(metrics, "docker_api_request_duration_seconds_count{operation=\"" +
                                                  std::string(operation) + "\"}")
                       .value_or(0);
    };
    count(-1);
    const double before = cpu_of(engine);
    std::this_thread::sleep_for(quiet);
    stretch = cpu_of(engine) - before;
    count(1);
  }
  const double idle_after = idle_rate_of(engine);
  const double idle = (idle_before + idle_after) / 2;
  std::printf("idle engine: %.3f ms/s before, %.3f ms/s after\n", 1000 * idle_before, 1000 * idle_after);
  const double stretch_above = stretch - idle * Seconds(quiet).count();
  std::printf("%lld s with the daemon at an interval of %lld s: %.2f s, above idle %.3f s; asked:",
              static_cast<long long>(quiet.count()), static_cast<long long>(quiet_interval.count()), stretch,
              stretch_above);
  for (const auto& [operation, times] : asked) std::printf(" %s %.0f", operation.c_str(), times);
  std::printf("\n");
  if (asked["ping"] < 1) give_up("the daemon made no look");

  Caller caller(socket_of(engine));
  const double ping = cost_of(engine, 500, idle, [&] { caller.get("/_ping"); });
  const double containers = cost_of(engine, 500, idle, [&] { caller.get("/containers/json?all=1"); });
  const double info = cost_of(engine, 50, idle, [&] { caller.get("/info"); });
  const double list = cost_of(engine, 3, idle, [&] { caller.get("/images/json"); });
  const double naive = cost_of(engine, naive_polls, idle, [&] { naive_poll(caller); });
  std::printf(
      "alone, CPU of the engine: ping %.2f ms, containers %.2f ms, info %.2f ms, list %.2f s, list and "
      "all inspects %.2f s\n",
      1000 * ping, 1000 * containers, 1000 * info, list, naive);

  // Of the stretch, what is neither a count nor a list is its looks, with all that comes with them.
  const double look = (stretch_above - asked["info"] * info - asked["image_list"] * list) / asked["ping"];
  const double hour = hourly_looks * look + hourly_counts * info + hourly_lists * list;
  std::printf("a quiet look, with the containers and the open stream: %.2f ms\n", 1000 * look);
  std::printf(
      "hour = %d looks + %d counts + %d list = %.2f + %.2f + %.2f = %.2f s; naive hour = 60 polls = "
      "%.1f s\n",
      hourly_looks, hourly_counts, hourly_lists, hourly_looks * look, hourly_counts * info,
      hourly_lists * list, hour, 60 * naive);
  // The other way to read the stretch: all of it as the price of listening, which an hour has more of.
  const double by_time =
      stretch_above * 3600 / Seconds(quiet).count() + hourly_counts * info + hourly_lists * list;
  std::printf("were the stretch's cost that of listening and not of its looks: %.2f s, %.3f %%\n", by_time,
              100 * by_time / (60 * naive));
  print_limit("share of the naive poller's", 100 * hour / (60 * naive), 1, "%");
  print_machine("after");
}

// --- How soon a change shows.

void measure_tags(const Dockerd& engine, int images) {
  std::printf("\n--- A new duplicate tag: from the API call's return to /metrics\n");
  print_machine("before");
  const Daemon daemon({"--docker.host=" + engine.host()});
  wait_until_followed(daemon);
  Caller caller(daemon.socket().string());
  const auto digests = [&] { return support::value_of(caller.get("/metrics"), "docker_repo_digests"); };
  const double before = digests().value_or(-1);
  std::vector<double> took;
  for (int i = 0; i < tags; ++i) {
    const std::string image = names_of(i * images / tags, images, Shape::two_repositories).front();
    const auto tagged = engine.call(
        "POST", "/images/" + image + "/tag?repo=" + image.substr(0, image.rfind(':')) + "&tag=new");
    const auto began = steady_clock::now();
    if (tagged.status != 201) give_up("cannot tag " + image + ": " + tagged.body);
    while (digests() != before + i + 1) {
      if (steady_clock::now() > began + std::chrono::minutes(2))
        give_up("a tag does not show:\n" + daemon.log());
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    took.push_back(Seconds(steady_clock::now() - began).count());
    std::this_thread::sleep_for(std::chrono::milliseconds(500));  // each a change of its own
  }
  for (int i = 0; i < tags; ++i) {
    const std::string image = names_of(i * images / tags, images, Shape::two_repositories).front();
    const std::string added = image.substr(0, image.rfind(':')) + ":new";
    if (const auto removed = engine.call("DELETE", "/images/" + added); removed.status != 200)
      give_up("cannot remove " + added + ": " + removed.body);
  }
  print_row("each", took);
  print_limit("median", median(took), 1, "s");
  print_machine("after");
}

void measure_starts(const Dockerd& engine) {
  std::printf("\n--- Start of the daemon to the first duplicate on /metrics, one image of all having some\n");
  print_machine("before");
  Caller caller(socket_of(engine));
  std::vector<double> lists;
  std::vector<double> shown;
  for (int i = 0; i < starts; ++i) {
    auto began = steady_clock::now();
    caller.get("/images/json");
    lists.push_back(Seconds(steady_clock::now() - began).count());
    began = steady_clock::now();
    const Daemon daemon({"--docker.host=" + engine.host()});
    const bool there = support::eventually(
        [&] { return daemon.metric("docker_images_with_duplicate_repo_digests").value_or(0) > 0; },
        std::chrono::minutes(5));
    if (!there) give_up("no duplicate shows:\n" + daemon.log());
    shown.push_back(Seconds(steady_clock::now() - began).count());
  }
  print_row("a list", lists);
  print_row("shown", shown);
  print_limit("median", median(shown), median(lists) + 1, "s");
  print_machine("after");
}

void measure(const Options& options) {
  std::optional<support::TemporaryFolder> own;
  const std::string folder = options.folder.empty() ? own.emplace().path().string() : options.folder;
  std::printf("%d images x 4 names; images are kept in %s\n", options.images, folder.c_str());
  if (options.wants("hour") || options.wants("tag")) {
    const auto engine = engine_with(folder + "/two", options.images, Shape::two_repositories);
    if (options.wants("hour")) measure_hour(*engine, options.quiet);
    if (options.wants("tag")) measure_tags(*engine, options.images);
  }
  if (options.wants("start")) {
    const auto engine = engine_with(folder + "/one", options.images, Shape::one_duplicate);
    measure_starts(*engine);
  }
}

}  // namespace
}  // namespace repodigest

int main(int count, char** words) {
  repodigest::measure(repodigest::options_of(count, words));
  return repodigest::all_kept ? 0 : 1;
}
