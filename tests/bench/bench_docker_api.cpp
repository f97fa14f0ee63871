// What the corrected Docker API costs: CPU time of the daemon for an inspect, the latency it adds, inspects a
// second, and a list of 5.8 MB with its memory. The engine is a server of recorded bytes in a process of its
// own, so that nothing but the way through the daemon is measured. Ends with 1 if a limit is broken.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "bench/child.h"
#include "repodigest/base/cancel.h"
#include "repodigest/transport/transport.h"
#include "support/generated_engine.h"
#include "support/program.h"
#include "support/raw_server.h"
#include "support/temporary_folder.h"

namespace repodigest {
namespace {

using bench::cpu_of;
using bench::give_up;
using bench::must;
using std::chrono::steady_clock;

constexpr int inspects = 20'000;
constexpr int rounds = 5;
constexpr int clients = 4;
constexpr int lists = 20;
constexpr std::size_t list_bytes = 5'800'000;
constexpr double cpu_limit = 100;  // microseconds for an inspect

const std::string inspect_target = "/v1.45/images/localhost:5000/namespace1/myimage:latest/json";
const std::string list_target = "/v1.45/images/json";

std::string chunk_of(std::string_view bytes) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return size + std::string(bytes) + "\r\n";
}

/// An answer as Go's net/http writes it: a small one with its length, others in chunks.
std::string answer_of(const std::string& body) {
  constexpr std::size_t buffer = 2048;
  std::string answer =
      "HTTP/1.1 200 OK\r\nApi-Version: 1.45\r\nContent-Type: application/json\r\n"
      "Docker-Experimental: false\r\nOstype: linux\r\nServer: Docker/26.1.5+dfsg1 (linux)\r\n"
      "Date: Mon, 23 Nov 2026 20:05:28 GMT\r\n";
  if (body.size() <= buffer)
    return answer + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  answer += "Transfer-Encoding: chunked\r\n\r\n";
  // Its JSON encoder hands over a document at once, and what does not fit the buffer goes past it.
  return answer + chunk_of(body) + "0\r\n\r\n";
}

std::string list_of(std::size_t bytes) {
  std::string list;
  for (std::size_t i = 0; list.size() < bytes; ++i)
    list += (list.empty() ? "[" : ",") + support::generated_image(i).row;
  return list + "]\n";
}

/// Megabytes, by a name of /proc/<pid>/status.
double memory_of(pid_t pid, const std::string& name) {
  const std::string status = support::read_file("/proc/" + std::to_string(pid) + "/status");
  const auto at = status.find(name + ":");
  if (at == std::string::npos) give_up("the daemon is gone");
  return std::strtod(status.c_str() + at + name.size() + 1, nullptr) * 1024 / 1e6;
}

/// Calls on one kept connection.
class Caller {
 public:
  explicit Caller(const std::string& socket) {
    transport::Endpoint endpoint;
    endpoint.path = socket;
    transport_ = transport::make_transport(endpoint);
  }
  transport::Response get(const std::string& target) {
    transport::Request request;
    request.target = target;
    auto answer = must(transport_->call(request, Cancel().within(std::chrono::seconds(30))));
    if (answer.status != 200) give_up(target + ": " + answer.body);
    return answer;
  }

 private:
  std::unique_ptr<transport::Transport> transport_;
};

double at(std::vector<double>& sorted, double part) {
  return sorted[static_cast<std::size_t>(static_cast<double>(sorted.size() - 1) * part)];
}

/// Inspects one after the other, and prints their latency. Returns the CPU time of one.
double measure_latency(const char* what, const std::string& socket, pid_t pid) {
  Caller caller(socket);
  for (int i = 0; i < inspects / 20; ++i) caller.get(inspect_target);
  std::vector<double> cpu;
  std::vector<double> microseconds;
  for (int round = 0; round < rounds; ++round) {
    const double before = pid > 0 ? cpu_of(pid) : 0;
    for (int i = 0; i < inspects / rounds; ++i) {
      const auto began = steady_clock::now();
      caller.get(inspect_target);
      microseconds.push_back(std::chrono::duration<double, std::micro>(steady_clock::now() - began).count());
    }
    if (pid > 0) cpu.push_back((cpu_of(pid) - before) / (inspects / rounds));
  }
  std::sort(cpu.begin(), cpu.end());
  std::sort(microseconds.begin(), microseconds.end());
  double sum = 0;
  for (const double one : microseconds) sum += one;
  std::printf("%-18s %10.1f %10.1f %10.1f %12.0f", what, at(microseconds, 0.5), at(microseconds, 0.99),
              microseconds.back(), inspects / (sum / 1e6));
  if (pid == 0) {
    std::printf("\n");
    return 0;
  }
  std::printf(" %10.1f %10.1f %10.1f\n", at(cpu, 0.5), cpu.front(), cpu.back());
  return at(cpu, 0.5);
}

/// As many a second as several clients can have at once.
void measure_rate(const char* what, const std::string& socket, pid_t pid) {
  const double before = pid > 0 ? cpu_of(pid) : 0;
  const auto began = steady_clock::now();
  std::vector<std::thread> threads;
  threads.reserve(clients);
  for (int i = 0; i < clients; ++i)
    threads.emplace_back([&] {
      Caller caller(socket);
      for (int j = 0; j < inspects / clients; ++j) caller.get(inspect_target);
    });
  for (std::thread& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(steady_clock::now() - began).count();
  std::printf("%-18s %10.0f a second", what, inspects / seconds);
  if (pid > 0) std::printf(", %.1f us of CPU each", (cpu_of(pid) - before) / inspects);
  std::printf("\n");
}

void measure_lists(const char* what, const std::string& socket, pid_t pid) {
  Caller caller(socket);
  const std::size_t size = caller.get(list_target).body.size();
  const double before = pid > 0 ? cpu_of(pid) : 0;
  std::vector<double> milliseconds;
  for (int i = 0; i < lists; ++i) {
    const auto began = steady_clock::now();
    caller.get(list_target);
    milliseconds.push_back(std::chrono::duration<double, std::milli>(steady_clock::now() - began).count());
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  std::printf("%-18s %10zu bytes, median %.2f ms, most %.2f ms", what, size, at(milliseconds, 0.5),
              milliseconds.back());
  if (pid > 0) {
    const double cpu = (cpu_of(pid) - before) / lists / 1e3;
    std::printf("; CPU %.2f ms each (%.0f MB/s)", cpu, static_cast<double>(size) / 1e3 / cpu);
  }
  std::printf("\n");
}

int measure() {
  const std::string inspect =
      support::read_file(REPODIGEST_SOURCE_DIR "/tests/recorded/26.1.5-containerd/inspect_issue_by_tag.json");
  if (inspect.empty()) give_up("no recorded body");
  const bench::Child engine([&](const auto& serve) {
    const std::string one = answer_of(inspect);
    const std::string list = answer_of(list_of(list_bytes));
    const auto server = support::RawServer::on_unix({[&](support::RawConnection& connection) {
      for (std::string head; !(head = connection.read_head()).empty();)
        if (!connection.send(head.find(list_target + " ") != head.npos ? list : one)) return;
    }});
    serve([&](std::uint32_t) { return server.path(); });
  });
  const support::TemporaryFolder folder;
  const std::string straight = engine.ask(0);
  struct Door {
    const char* name;
    std::string socket;
    std::unique_ptr<support::Daemon> daemon;
  };
  std::vector<Door> doors;
  for (const char* const flag : {"--docker-api.correct", "--no-docker-api.correct"}) {
    const bool corrects = flag[2] == 'd';
    Door door{corrects ? "corrected" : "not corrected",
              (folder.path() / (corrects ? "corrected.sock" : "narrow.sock")).string(), nullptr};
    door.daemon = std::make_unique<support::Daemon>(
        std::vector<std::string>{"--docker.host=unix://" + straight, "--no-poll", flag,
                                 "--docker-api.listen-address=unix://" + door.socket});
    if (!support::eventually([&] { return std::filesystem::is_socket(door.socket); }))
      give_up("the daemon does not listen:\n" + door.daemon->log());
    doors.push_back(std::move(door));
  }
  const std::size_t removed = inspect.size() - Caller(doors[0].socket).get(inspect_target).body.size();
  if (removed == 0 || Caller(doors[1].socket).get(inspect_target).body != inspect)
    give_up("the daemon does not correct what it should, or what it should not");

  std::printf("%d inspects of %zu bytes on a kept connection, unix sockets, one at a time\n", inspects,
              inspect.size());
  std::printf("%-18s %10s %10s %10s %12s %10s %10s %10s\n", "", "median us", "p99 us", "most us", "a second",
              "CPU us", "least us", "most us");
  measure_latency("engine alone", straight, 0);
  double cpu = 0;
  for (Door& door : doors) {
    const double one = measure_latency(door.name, door.socket, door.daemon->process().pid());
    cpu = std::max(cpu, one);
  }
  std::printf("CPU of the daemon for an inspect: %.1f us, limit %.0f us%s\n", cpu, cpu_limit,
              cpu <= cpu_limit ? "" : "  BROKEN");

  std::printf("\n%d clients at once\n", clients);
  measure_rate("engine alone", straight, 0);
  for (Door& door : doors) measure_rate(door.name, door.socket, door.daemon->process().pid());

  std::printf("\n%d lists\n", lists);
  measure_lists("engine alone", straight, 0);
  for (Door& door : doors) {
    const pid_t pid = door.daemon->process().pid();
    std::ofstream("/proc/" + std::to_string(pid) + "/clear_refs") << "5";  // the peak is of now
    const double before = memory_of(pid, "VmRSS");
    measure_lists(door.name, door.socket, pid);
    std::printf("  resident: %.1f MB before, %.1f MB at most\n", before, memory_of(pid, "VmHWM"));
  }
  return cpu <= cpu_limit ? 0 : 1;
}

}  // namespace
}  // namespace repodigest

int main() {
  ::setvbuf(stdout, nullptr, _IOLBF, 0);
  return repodigest::measure();
}
