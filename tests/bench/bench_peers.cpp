// What a gzip scrape of 10,000 images costs the server in CPU time, system time included: ours, the same
// 20,000 series by Prometheus' clients for Python and Go (Debian's packages, section `bench` of
// deploy/packages.txt), and the same bytes from a bare loop around epoll. One client, connections kept as
// Prometheus keeps its own, turns in mixed order, ratios of what was measured side by side; self metrics are
// in all but the bare one. Ends with 1 if a limit is broken.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/child.h"
#include "repodigest/base/cancel.h"
#include "repodigest/transport/transport.h"
#include "support/generated_engine.h"
#include "support/program.h"
#include "support/recording.h"
#include "support/replay_engine.h"
#include "support/temporary_folder.h"

namespace repodigest {
namespace {

using bench::cpu_of;
using bench::give_up;
using bench::must;

constexpr std::size_t images = 10'000;
constexpr int rounds = 31;
constexpr int rounds_of_the_slow = 5;

/// A process that serves /metrics on loopback.
struct Server {
  const char* name;
  pid_t pid;
  std::uint16_t port;
  int scrapes_a_round;
  std::unique_ptr<transport::Transport> connection = {};
  std::vector<double> microseconds = {};  ///< of CPU for a scrape, of each round
  std::size_t bytes = 0;
};

/// Opens a new connection.
void connect(Server& server) {
  if (server.port == 0) give_up(std::string(server.name) + " does not say its port");
  transport::Endpoint endpoint;
  endpoint.kind = transport::Endpoint::Kind::tcp;
  endpoint.host = "127.0.0.1";
  endpoint.port = server.port;
  server.connection = transport::make_transport(endpoint);
}

std::string scrape(Server& server, bool gzip = true) {
  transport::Request request;
  request.target = "/metrics";
  request.headers = {{"Accept", "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"},
                     {"User-Agent", "Prometheus/2.42.0"},
                     {"X-Prometheus-Scrape-Timeout-Seconds", "10"}};
  if (gzip) request.headers.emplace_back("Accept-Encoding", "gzip");
  auto answer = must(server.connection->call(request, Cancel().within(std::chrono::seconds(60))));
  if (answer.status != 200 || (answer.header("Content-Encoding") == "gzip") != gzip)
    give_up(std::string(server.name) + " does not answer as it is asked");
  return std::move(answer.body);
}

/// The image series of a text, one a line as metric, image_id, image, value.
std::string series_in(const std::string& text) {
  std::string found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("docker_image_repo_digests")) continue;
    std::vector<std::string> fields = {line.substr(0, line.find('{'))};
    for (const std::string before : {"{image_id=\"", ",image=\""}) {
      const auto begin = line.find(before) + before.size();
      fields.push_back(line.substr(begin, line.find('"', begin) - begin));
    }
    fields.push_back(line.substr(line.rfind(' ') + 1));
    found += fields[0] + "\t" + fields[1] + "\t" + fields[2] + "\t" + fields[3] + "\n";
  }
  return found;
}

void measure(Server& server) {
  connect(server);  // how a connection grows its buffers is chance, and lasts
  for (int i = 0; i < 3; ++i) scrape(server);
  const double before = cpu_of(server.pid);
  for (int i = 0; i < server.scrapes_a_round; ++i) server.bytes = scrape(server).size();
  server.microseconds.push_back((cpu_of(server.pid) - before) / server.scrapes_a_round);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// How many times `one` is `other`, from measurements that lie side by side in time.
double ratio(const std::vector<double>& one, const std::vector<double>& other) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < std::min(one.size(), other.size()); ++i) ratios.push_back(one[i] / other[i]);
  return median(std::move(ratios));
}

int run() {
  const bench::Child engine([](const auto& serve) {
    const auto made = must(support::ReplayEngine::on_loopback(support::generated_recording(images)));
    serve([&](std::uint32_t) { return made->host(); });
  });
  support::Daemon daemon({"--docker.host=" + engine.ask(0), "--web.listen-address=127.0.0.1:0",
                          "--poll.interval=1h", "--no-poll.containers", "--poll.max-engine-share=1",
                          "--metrics.max-images=" + std::to_string(images)});
  const auto port = support::logged_port(daemon.process(), "msg=listening address=127.0.0.1:");
  if (!daemon.wait_until_inspected())
    give_up("the daemon does not come to an end of its poll:\n" + daemon.log());
  Server ours{"repodigest_exporter", daemon.process().pid(), port, 200};
  connect(ours);
  const std::string bytes = scrape(ours);
  const std::string series = series_in(scrape(ours, false));

  const support::TemporaryFolder folder;
  const auto write = [&folder](const char* name, const std::string& content) {
    auto path = folder.path() / name;
    std::ofstream(path, std::ios::binary) << content;
    return path.string();
  };
  const std::string peers = REPODIGEST_SOURCE_DIR "/tests/bench/peers/";
  const std::string built = REPODIGEST_BINARY_DIR "/tests/bench/peers/";
  const std::string series_file = write("series", series);
  support::Process bare({built + "bare_epoll", write("reply", bytes)});
  std::vector<std::unique_ptr<support::Process>> processes;
  std::vector<Server> servers;
  servers.push_back(std::move(ours));
  servers.push_back({"bare epoll", bare.pid(), support::logged_port(bare, "port=", "port="), 200});

  const auto add_peer = [&](const char* name, std::vector<std::string> command, int scrapes) {
    processes.push_back(std::make_unique<support::Process>(std::move(command)));
    support::Process& process = *processes.back();
    const bool here = support::eventually(
        [&] { return !process.running() || process.errors().find("port=") != std::string::npos; });
    if (!here || !process.running()) {
      std::printf("%s is not here: deploy/install-packages bench, then build again\n", name);
      return;
    }
    Server peer{name, process.pid(), support::logged_port(process, "port=", "port="), scrapes};
    connect(peer);
    const std::string theirs = series_in(scrape(peer, false));
    const auto lines = [](const std::string& text) { return std::count(text.begin(), text.end(), '\n'); };
    if (lines(theirs) != lines(series)) give_up(std::string(name) + " has other series");
    servers.push_back(std::move(peer));
  };
  add_peer("client_golang", {built + "client_golang", series_file}, 10);
  add_peer("prometheus_client", {"/usr/bin/python3", peers + "client_python.py", series_file}, 3);

  std::mt19937 dice(1);
  std::vector<std::size_t> order(servers.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (int round = 0; round < rounds; ++round) {
    std::shuffle(order.begin(), order.end(), dice);
    for (const auto i : order)
      if (i < 2 || round < rounds_of_the_slow) measure(servers[i]);
  }

  std::printf("%zu images, %td series of images; CPU of the server for a scrape with gzip, %d rounds\n",
              images, std::count(series.begin(), series.end(), '\n'), rounds);
  std::printf("%-20s %9s %12s %12s %12s %10s  limit\n", "", "bytes", "median us", "least us", "most us",
              "ours is");
  const auto& own = servers[0].microseconds;
  bool good = servers.size() == 4;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const Server& server = servers[i];
    const auto [least, most] = std::minmax_element(server.microseconds.begin(), server.microseconds.end());
    std::printf("%-20s %9zu %12.1f %12.1f %12.1f", server.name, server.bytes, median(server.microseconds),
                *least, *most);
    if (i == 1) {
      const double times = ratio(own, server.microseconds);
      good &= times <= 2;
      std::printf(" %8.2f x  2 x%s", times, times <= 2 ? "" : "  BROKEN");
    } else if (i > 1) {
      const double parts = ratio(server.microseconds, own);
      good &= parts >= 150;
      std::printf("  1/%-7.0f  1/150%s", parts, parts >= 150 ? "" : "  BROKEN");
    }
    std::printf("\n");
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace repodigest

int main() {
  return repodigest::run();
}
