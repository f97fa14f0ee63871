// What the daemon takes of memory with 10,000 images of four names each: after 20 full polls that each find
// one image changed and 100 gzip scrapes, then the same again with the JSON asked for too. The built program
// tells what is resident; the same program inside a child of this one, which can ask its malloc, what is in
// use. Ends with 1 if a limit is broken.
#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/child.h"
#include "repodigest/app/commands.h"
#include "repodigest/base/cancel.h"
#include "repodigest/base/log.h"
#include "repodigest/cli/config.h"
#include "repodigest/transport/transport.h"
#include "support/generated_engine.h"
#include "support/program.h"
#include "support/recording.h"
#include "support/replay_engine.h"
#include "support/temporary_folder.h"

namespace repodigest {
namespace {

using bench::Child;
using bench::give_up;
using bench::must;

constexpr std::size_t images = 10'000;
constexpr std::size_t polls = 20;
constexpr std::size_t scrapes_a_poll = 5;
constexpr double resident_limit = 32e6;
constexpr double resident_limit_with_json = 48e6;
constexpr double growth_limit = 512 * 1024;
// "Flat": what each thread's malloc has cached counts as in use, and takes some polls to settle.
constexpr double in_use_growth_limit = 64 * 1024;

/// The first image's name in its n-th state.
std::string tag_of(std::uint32_t state) {
  return ":1." + std::to_string(state) + ".0";
}

/// An engine in a process of its own.
class Engine {
 public:
  Engine()
      : child_([](const auto& serve) {
          auto recording = support::generated_recording(images);
          const std::string list = recording.body("/images/json");
          const auto first = support::generated_image(0);
          auto engine = must(support::ReplayEngine::on_loopback(std::move(recording)));
          serve([&](std::uint32_t state) {
            const auto retagged = [state](std::string body) {
              return body.replace(body.find(":1.0.0"), 6, tag_of(state));
            };
            engine->change([&](support::Recording& all) {
              const auto id = all.ids().front();
              all.set_body("/images/json", retagged(list));
              all.set_inspect(id, retagged(first.inspect));
            });
            return engine->host();
          });
        }),
        host_(child_.ask(0)) {}

  [[nodiscard]] const std::string& host() const { return host_; }
  /// The first image gets another name than ever before.
  std::string change() {
    (void)child_.ask(++state_);
    return tag_of(state_);
  }

 private:
  const Child child_;
  const std::string host_;
  std::uint32_t state_ = 0;
};

std::vector<std::string> flags(const Engine& engine) {
  return {"--docker.host=" + engine.host(), "--poll.interval=500ms", "--no-poll.events",
          "--poll.max-engine-share=1", "--metrics.max-images=" + std::to_string(images)};
}

/// How to ask a daemon that listens on this socket.
class Asked {
 public:
  explicit Asked(std::filesystem::path socket) { endpoint_.path = std::move(socket); }

  [[nodiscard]] Result<transport::Response> get(const std::string& target, bool gzip) const {
    transport::Request request;
    request.target = target;
    request.max_body_bytes = std::size_t{1} << 30U;
    if (gzip) request.headers = {{"Accept-Encoding", "gzip"}};
    return transport::make_transport(endpoint_)->call(request, Cancel().within(std::chrono::seconds(30)));
  }
  void must_get(const std::string& target, bool gzip) const {
    if (must(get(target, gzip)).status != 200) give_up(target + " is not answered");
  }
  /// Waits until a small document has this text in it.
  void await(const std::string& target, const std::string& text) const {
    const auto has = [&] {
      const auto answer = get(target, false);
      return answer.ok() && answer->body.find(text) != std::string::npos;
    };
    if (!support::eventually(has, std::chrono::seconds(120))) give_up(target + " does not come to " + text);
  }

 private:
  transport::Endpoint endpoint_;
};

void scrape(const Asked& daemon, bool json) {
  daemon.must_get("/metrics", true);
  if (!json) return;
  daemon.must_get("/api/v1/images", false);
  daemon.must_get("/api/v1/images", true);
}

/// Polls and scrapes; calls `each` after each poll with its number, from 1.
void load(Engine& engine, const Asked& daemon, bool json, const std::function<void(std::size_t)>& each) {
  const std::string first = "/api/v1/images/" + support::generated_recording(1).ids().front();
  for (std::size_t poll = 1; poll <= polls; ++poll) {
    daemon.await(first, engine.change());
    for (std::size_t i = 1; i < scrapes_a_poll; ++i) daemon.must_get("/metrics", true);
    scrape(daemon, json);
    each(poll);
  }
}

std::string inspected() {
  return "\"inspected\":" + std::to_string(images);
}

/// Bytes of a process, by the names of /proc/<pid>/status.
std::map<std::string, double> resident_of(pid_t pid) {
  std::map<std::string, double> found;
  std::istringstream text(support::read_file("/proc/" + std::to_string(pid) + "/status"));
  for (std::string line; std::getline(text, line);) {
    const auto colon = line.find(':');
    if (line.starts_with("VmRSS") || line.starts_with("VmHWM") || line.starts_with("Rss"))
      found[line.substr(0, colon)] = std::strtod(line.c_str() + colon + 1, nullptr) * 1024;
  }
  return found;
}

/// The least of what is measured over some polls' time, each time after a scrape that lets go of what was
/// published before: what a poll needs for a moment is not meant.
double at_rest(const Asked& daemon, bool json, const std::function<double()>& measure) {
  double least = measure();
  for (int i = 0; i < 40; ++i) {
    if (i % 10 == 0) scrape(daemon, json);
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    least = std::min(least, measure());
  }
  return least;
}

bool verdict(const char* what, double value, double limit) {
  const bool kept = value <= limit;
  std::printf("  %-44s %9.3f MB, limit %7.3f MB%s\n", what, value / 1e6, limit / 1e6, kept ? "" : "  BROKEN");
  return kept;
}

bool measure_resident(Engine& engine) {
  support::Daemon daemon(flags(engine));
  const Asked asked(daemon.socket());
  asked.await("/api/v1/summary", inspected());
  bool good = true;
  for (const bool json : {false, true}) {
    std::printf("\n%s\n  poll   VmRSS  (RssAnon, RssFile, peak) in MB\n",
                json ? "gzip scrapes, JSON plain and gzip" : "gzip scrapes");
    double half = 0;
    double end = 0;
    load(engine, asked, json, [&](std::size_t poll) {
      if (poll % 5 != 0) return;
      std::map<std::string, double> now;
      end = at_rest(asked, json, [&] {
        auto seen = resident_of(daemon.process().pid());
        if (now.empty() || seen["VmRSS"] < now["VmRSS"]) now = seen;
        return seen["VmRSS"];
      });
      if (poll == polls / 2) half = end;
      std::printf("  %4zu %7.2f  (%.2f, %.2f, %.2f)\n", poll, end / 1e6, now["RssAnon"] / 1e6,
                  now["RssFile"] / 1e6, now["VmHWM"] / 1e6);
    });
    good &= verdict("resident", end, json ? resident_limit_with_json : resident_limit);
    good &= verdict("growth over the last half", end - half, growth_limit);
  }
  return good;
}

bool measure_in_use(Engine& engine) {
  const support::TemporaryFolder folder;
  const auto socket = folder.path() / "web.sock";
  auto arguments = flags(engine);
  arguments.insert(
      arguments.begin(),
      {"repodigest_exporter", "--web.listen-address=unix://" + socket.string(), "--log.level=error"});
  const Child child([&](const auto& serve) {
    std::vector<const char*> words;
    for (const auto& word : arguments) words.push_back(word.c_str());
    const auto surroundings = engine::Surroundings::of_process();
    const auto parsed = cli::parse(static_cast<int>(words.size()), words.data(), surroundings);
    if (!parsed.config) give_up(parsed.output);
    log::configure(parsed.config->log_level, parsed.config->log_format);
    std::thread([&] {
      serve([](std::uint32_t) {
        const auto info = ::mallinfo2();
        return std::to_string(info.uordblks + info.hblkhd) + " " + std::to_string(info.arena + info.hblkhd);
      });
    }).detach();
    (void)app::run_daemon(
        parsed, [&] { return parsed; }, surroundings);
  });
  const Asked asked(socket);
  asked.await("/api/v1/summary", inspected());
  bool good = true;
  for (const bool json : {false, true}) {
    std::printf("\n%s\n  poll  in use  of what malloc holds, in MB\n",
                json ? "gzip scrapes, JSON plain and gzip" : "gzip scrapes");
    double half = 0;
    double end = 0;
    load(engine, asked, json, [&](std::size_t poll) {
      if (poll % 5 != 0) return;
      double held = 0;
      end = at_rest(asked, json, [&] {
        double in_use = 0;
        std::istringstream(child.ask(0)) >> in_use >> held;
        return in_use;
      });
      if (poll == polls / 2) half = end;
      std::printf("  %4zu %7.3f  %.3f\n", poll, end / 1e6, held / 1e6);
    });
    good &= verdict("growth of what is in use over the last half", end - half, in_use_growth_limit);
  }
  return good;
}

}  // namespace
}  // namespace repodigest

int main() {
  ::setvbuf(stdout, nullptr, _IOLBF, 0);
  repodigest::Engine engine;
  std::printf("%zu images of 4 names; %zu polls that find a change, %zu gzip scrapes\n", repodigest::images,
              repodigest::polls, repodigest::polls * repodigest::scrapes_a_poll);
  const bool resident = repodigest::measure_resident(engine);
  const bool in_use = repodigest::measure_in_use(engine);
  return resident && in_use ? 0 : 1;
}
