// How long a scrape takes while many clients are idle or slow, against the same daemon without them; for a
// small engine and one with 10,000 images. What is asked of it: with 500 idle and 200 slow connections open a
// scrape is answered in under 100 ms.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/child.h"
#include "repodigest/base/cancel.h"
#include "repodigest/base/fd.h"
#include "repodigest/transport/transport.h"
#include "support/generated_engine.h"
#include "support/program.h"
#include "support/recording.h"
#include "support/replay_engine.h"

namespace repodigest {
namespace {

constexpr std::size_t idle_clients = 500;
constexpr std::size_t slow_heads = 200;
constexpr std::size_t slow_readers = 50;
constexpr int scrapes = 200;                                     // of each form
constexpr auto between_scrapes = std::chrono::milliseconds(30);  // 12 s: over two head timeouts of the daemon

using bench::give_up;
using bench::must;

transport::Endpoint loopback(std::uint16_t port) {
  transport::Endpoint endpoint;
  endpoint.kind = transport::Endpoint::Kind::tcp;
  endpoint.host = "127.0.0.1";
  endpoint.port = port;
  return endpoint;
}

transport::Response get(transport::Transport& connection, const std::string& target, bool gzip = false) {
  transport::Request request;
  request.target = target;
  if (gzip) request.headers = {{"Accept-Encoding", "gzip"}};
  return must(connection.call(request, Cancel().within(std::chrono::seconds(30))));
}

/// A client that does not play by the rules, on a bare socket.
class SlowClient {
 public:
  enum class Manner {
    slow_head,    ///< sends its request at one byte a second
    slow_reader,  ///< reads its reply at ten bytes a second
  };
  SlowClient(std::uint16_t port, Manner manner) : port_(port), manner_(manner) { connect(); }

  /// Its next byte; a new connection where the daemon has ended the old one. Returns whether it had.
  bool step() {
    if (manner_ == Manner::slow_head) {
      // The end of the head never comes.
      static constexpr char head[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Padding: ";
      const char byte = sent_ < sizeof head - 1 ? head[sent_] : 'x';
      ++sent_;
      ::send(socket_.get(), &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    char byte = 0;
    const auto count = ::recv(socket_.get(), &byte, 1, MSG_DONTWAIT);
    const bool alive = count < 0 ? errno == EAGAIN : count > 0 && manner_ == Manner::slow_reader;
    if (!alive) connect();
    return !alive;
  }

 private:
  void connect() {
    socket_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // What is not read must wait at the daemon, not here.
    const int small = 4096;
    if (manner_ == Manner::slow_reader)
      ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port_);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0)
      give_up(std::string("cannot connect: ") + std::strerror(errno));
    sent_ = 0;
    static constexpr char request[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    if (manner_ == Manner::slow_head) return;
    ::send(socket_.get(), request, sizeof request - 1, MSG_NOSIGNAL);
    // Fifty requests in one moment would be more than --web.max-requests: each waits until its reply begins.
    char byte = 0;
    ::recv(socket_.get(), &byte, 1, 0);
  }

  std::uint16_t port_;
  Manner manner_;
  Fd socket_;
  std::size_t sent_ = 0;
};

/// All the clients that are not Prometheus.
class Crowd {
 public:
  explicit Crowd(std::uint16_t port) {
    for (std::size_t i = 0; i < idle_clients; ++i) {
      idle_.push_back(transport::make_transport(loopback(port)));
      get(*idle_.back(), "/-/healthy");
    }
    for (std::size_t i = 0; i < slow_heads; ++i) heads_.emplace_back(port, SlowClient::Manner::slow_head);
    for (std::size_t i = 0; i < slow_readers; ++i)
      readers_.emplace_back(port, SlowClient::Manner::slow_reader);
    thread_ = std::thread([this] { run(); });
  }
  ~Crowd() {
    stop_.raise();
    thread_.join();
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  /// How many idle connections are still the ones that were opened at first; asks on each of them.
  std::size_t still_idle() {
    std::size_t count = 0;
    for (auto& one : idle_) count += get(*one, "/-/healthy").new_connection ? 0U : 1U;
    return count;
  }
  [[nodiscard]] std::size_t heads_ended() const { return heads_ended_; }
  [[nodiscard]] std::size_t readers_ended() const { return readers_ended_; }

 private:
  void run() {
    constexpr std::size_t turns_a_second = 10;
    constexpr Duration pause = std::chrono::milliseconds(1000) / turns_a_second;
    std::size_t turn = 0;
    do {
      for (std::size_t i = turn++ % turns_a_second; i < heads_.size(); i += turns_a_second)
        heads_ended_ += heads_[i].step() ? 1U : 0U;
      for (auto& reader : readers_) readers_ended_ += reader.step() ? 1U : 0U;
    } while (Cancel(stop_).within(pause).wait(-1, 0) == Reason::timeout);
  }

  std::vector<std::unique_ptr<transport::Transport>> idle_;
  std::vector<SlowClient> heads_;
  std::vector<SlowClient> readers_;
  std::atomic<std::size_t> heads_ended_ = 0;
  std::atomic<std::size_t> readers_ended_ = 0;
  const Wake stop_;
  std::thread thread_;
};

/// Scrapes on a new connection each, in both forms by turns, and prints a line for each form.
void measure(const char* crowd, std::uint16_t port) {
  struct Form {
    const char* name;
    std::vector<double> milliseconds;
    std::size_t bytes = 0;
    std::size_t refused = 0;
  };
  Form forms[] = {{"plain", {}}, {"gzip", {}}};
  for (int i = 0; i < scrapes; ++i)
    for (Form& form : forms) {
      const auto start = std::chrono::steady_clock::now();
      const auto connection = transport::make_transport(loopback(port));
      const auto response = get(*connection, "/metrics", &form == &forms[1]);
      const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
      if (response.status == 200) {
        form.milliseconds.push_back(took.count());
        form.bytes = response.body.size();
      } else {
        ++form.refused;
      }
      std::this_thread::sleep_for(between_scrapes);
    }
  for (Form& form : forms) {
    auto& all = form.milliseconds;
    std::sort(all.begin(), all.end());
    if (all.empty()) give_up("every scrape was refused");
    std::printf("%-8s %-6s %9zu %9.2f %9.2f %9.2f %9zu\n", crowd, form.name, form.bytes, all[all.size() / 2],
                all[all.size() * 99 / 100], all.back(), form.refused);
  }
}

void measure_engine(support::Recording recording) {
  const std::size_t images = recording.ids().size();
  const auto engine = must(support::ReplayEngine::on_loopback(std::move(recording)));
  support::Daemon daemon({"--docker.host=" + engine->host(), "--web.listen-address=127.0.0.1:0",
                          "--web.max-connections=1000", "--metrics.max-images=" + std::to_string(images)});
  const auto port = support::logged_port(daemon.process(), "msg=listening address=127.0.0.1:");
  if (!daemon.wait_until_inspected())
    give_up("the daemon does not come to an end of its poll:\n" + daemon.log());
  const auto resident = [&] { return daemon.metric("process_resident_memory_bytes").value_or(0) / 1e6; };

  std::printf("\n%zu images\ncrowd    form       bytes  median ms    p99 ms    max ms   refused\n", images);
  measure("none", port);
  const double before = resident();
  Crowd crowd(port);
  measure("here", port);
  std::printf("connections at the end: %.0f; of %zu idle ones %zu are still open;",
              daemon.metric("repodigest_exporter_http_connections").value_or(0), idle_clients,
              crowd.still_idle());
  std::printf(" ended by the daemon and opened anew: %zu slow heads, %zu slow readers\n", crowd.heads_ended(),
              crowd.readers_ended());
  std::printf("resident memory of the daemon: %.1f MB without, %.1f MB with the crowd\n", before, resident());
}

}  // namespace
}  // namespace repodigest

int main() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  std::printf(
      "crowd: %zu idle kept connections, %zu that send a head at 1 byte/s, %zu that read a reply at 10 "
      "bytes/s; %d scrapes a line\n",
      repodigest::idle_clients, repodigest::slow_heads, repodigest::slow_readers, repodigest::scrapes);
  repodigest::measure_engine(repodigest::support::Recording::embedded());
  repodigest::measure_engine(repodigest::support::generated_recording(10'000));
  return 0;
}
