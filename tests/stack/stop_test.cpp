// SIGTERM ends the program within five seconds and with 0, in whatever state it is. Each state is waited for.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "repodigest/base/fd.h"
#include "support/basic.h"
#include "support/feed_command.h"
#include "support/program.h"
#include "support/raw_client.h"
#include "support/recording.h"
#include "support/replay_engine.h"
#include "support/web_config_folder.h"

namespace repodigest {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using support::Daemon;
using support::eventually;
using support::Fault;
using support::RawClient;
using support::Recording;
using support::ReplayEngine;

/// What a state needs besides a daemon and an engine.
struct Stage {
  explicit Stage(const std::filesystem::path& folder)
      : engine(ReplayEngine::on_unix_socket(Recording::embedded(), folder / "engine.sock").value()),
        api((folder / "docker.sock").string()) {}

  void start(std::vector<std::string> flags = {}, std::vector<std::string> launcher = {}) {
    flags.push_back("--docker.host=" + engine->host());
    daemon = std::make_unique<Daemon>(std::move(flags), support::Process::Environment{}, std::move(launcher));
  }
  [[nodiscard]] bool start_and_wait_until_inspected(std::vector<std::string> flags = {}) {
    start(std::move(flags));
    return daemon->wait_until_inspected();
  }
  /// Starts with an engine that has this trouble there, and waits until it hangs.
  [[nodiscard]] bool start_with(const std::string& path, const Fault& fault) {
    engine->fail(path, fault);
    start();
    return engine->wait_until_hanging(1);
  }
  [[nodiscard]] bool logs(const std::string& words) const {
    return eventually([&] { return daemon->log().find(words) != std::string::npos; });
  }
  /// A client of the daemon's that has sent that.
  [[nodiscard]] bool connect(const std::string& socket, const std::string& bytes) {
    clients.push_back(RawClient::unix_socket(socket));
    return clients.back().send(bytes);
  }
  [[nodiscard]] bool has_connections(double count) const {
    return daemon->wait_for_metric("repodigest_exporter_http_connections", count);
  }

  std::unique_ptr<ReplayEngine> engine;
  std::string api;  ///< where the corrected Docker API listens, where it does
  support::WebConfigFolder web;
  std::vector<RawClient> clients;
  std::vector<Fd> sockets;
  std::unique_ptr<Daemon> daemon;  ///< the first to go
};

/// A state, and how the program gets into it: false if it does not.
struct State {
  std::string name;
  std::function<bool(Stage&)> reach;
};
void PrintTo(const State& state, std::ostream* out) {
  *out << state.name;
}

/// A port of 127.0.0.1 that takes no further connection: its queue is full (tcp(7), listen(2)).
std::uint16_t full_port(Stage& stage) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof name;
  Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  EXPECT_EQ(::listen(listener.get(), 0), 0);
  EXPECT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&name), &size), 0);
  for (int i = 0; i < 3; ++i) {
    Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    (void)::connect(client.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name);
    stage.sockets.push_back(std::move(client));
  }
  stage.sockets.push_back(std::move(listener));
  return ntohs(name.sin_port);
}

std::string hexadecimal(std::uint16_t port) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), ":%04X", port);
  return text.data();
}

/// Whether a process of that network is about to connect to `port`: a line with it as the remote one, in
/// state SYN_SENT (2), made by this process.
bool connects_to(pid_t pid, std::uint16_t port) {
  std::istringstream lines(support::read_file("/proc/" + std::to_string(pid) + "/net/tcp"));
  for (std::string line; std::getline(lines, line);) {
    if (line.find(hexadecimal(port) + " 02 ") == std::string::npos) continue;
    std::istringstream words(line);
    std::string word;
    for (int i = 0; i < 10; ++i) words >> word;  // the tenth is the inode
    std::error_code ignored;
    for (const auto& each :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd", ignored))
      if (std::filesystem::read_symlink(each, ignored) == "socket:[" + word + "]") return true;
  }
  return false;
}

/// Where names are asked for at an address that takes every question and gives no answer.
const std::vector<std::string> where_names_hang = {
    "unshare",
    "--user",
    "--map-root-user",
    "--net",
    "--mount",
    "sh",
    "-c",
    "ip link set lo up && ip route add 192.0.2.1/32 dev lo && echo nameserver 192.0.2.1 >\"$HOME/resolv\" && "
    "mount --bind \"$HOME/resolv\" /etc/resolv.conf && exec \"$@\"",
    "sh"};

const std::string get_metrics = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";

const std::vector<State> states = {
    {"Starting",
     [](Stage& stage) {
       stage.start();
       return stage.logs("starting repodigest_exporter");
     }},
    {"AtRest", [](Stage& stage) { return stage.start_and_wait_until_inspected(); }},
    {"WithoutAnEngine",
     [](Stage& stage) {
       stage.engine->stop();
       stage.start();
       return stage.daemon->wait_for_metric("docker_poll_failures_total{reason=\"connect\"}", 1);
     }},
    {"ConnectHangs",
     [](Stage& stage) {
       const auto port = full_port(stage);
       stage.daemon = std::make_unique<Daemon>(
           std::vector<std::string>{"--docker.host=tcp://127.0.0.1:" + std::to_string(port)});
       return eventually([&] { return connects_to(stage.daemon->process().pid(), port); });
     }},
    {"PingHangs", [](Stage& stage) { return stage.start_with("/_ping", Fault::hanging_before_head()); }},
    {"VersionHangs", [](Stage& stage) { return stage.start_with("/version", Fault::hanging_before_head()); }},
    {"InfoHangs", [](Stage& stage) { return stage.start_with("/info", Fault::hanging_before_head()); }},
    {"ListHangs",
     [](Stage& stage) { return stage.start_with("/images/json", Fault::hanging_before_head()); }},
    {"ListHangsInItsHead",
     [](Stage& stage) { return stage.start_with("/images/json", Fault::hanging_after(20)); }},
    {"ListHangsInItsBody",
     [](Stage& stage) { return stage.start_with("/images/json", Fault::hanging_in_body_after(1000)); }},
    {"ListComesAByteAtATime",
     [](Stage& stage) {
       stage.engine->fail("/images/json", Fault::slow(milliseconds(100)));
       stage.start();
       return stage.engine->wait_until_asked("/images/json", 1);
     }},
    {"InspectHangs",
     [](Stage& stage) { return stage.start_with("/images/*/json", Fault::hanging_before_head()); }},
    {"ContainersHang",
     [](Stage& stage) { return stage.start_with("/containers/json", Fault::hanging_before_head()); }},
    {"EventsHang", [](Stage& stage) { return stage.start_with("/events", Fault::hanging_before_head()); }},
    {"EventsAreOpen",
     [](Stage& stage) {
       return stage.start_and_wait_until_inspected() && stage.engine->wait_until_listened_to(1);
     }},
    {"DockerApiHangs",
     [](Stage& stage) {
       stage.engine->fail("/images/json", Fault::hanging_in_body_after(1000));
       stage.start({"--no-poll", "--docker-api.listen-address=unix://" + stage.api});
       return stage.logs("what=\"docker api\"") &&
              stage.connect(stage.api, "GET /images/json HTTP/1.1\r\nHost: a\r\n\r\n") &&
              stage.engine->wait_until_hanging(1);
     }},
    {"DockerApiPassesEvents",
     [](Stage& stage) {
       stage.start({"--no-poll", "--docker-api.listen-address=unix://" + stage.api});
       return stage.logs("what=\"docker api\"") &&
              stage.connect(stage.api, "GET /events HTTP/1.1\r\nHost: a\r\n\r\n") &&
              stage.engine->wait_until_listened_to(1);
     }},
    {"DockerApiIsNotReadFrom",
     [](Stage& stage) {
       stage.engine->fail("/images/json", Fault::endless_chunks());
       stage.start({"--no-poll", "--docker-api.listen-address=unix://" + stage.api});
       return stage.logs("what=\"docker api\"") &&
              stage.connect(stage.api, "GET /images/json HTTP/1.1\r\nHost: a\r\n\r\n") &&
              stage.engine->wait_until_asked("/images/json", 1);
     }},
    {"ClientsHang",  // idle, in the middle of a head, without reading
     [](Stage& stage) {
       if (!stage.start_and_wait_until_inspected()) return false;
       const std::string socket = stage.daemon->socket().string();
       bool sent = true;
       for (int i = 0; i < 20; ++i) {
         std::string many;
         for (int k = 0; k < 50; ++k) many += get_metrics;
         sent = sent && stage.connect(socket, "") && stage.connect(socket, "GET /metr") &&
                stage.connect(socket, many);
       }
       return sent && stage.has_connections(61);
     }},
    {"HandshakesAreHalfDone",
     [](Stage& stage) {
       stage.web.write("web.yml", support::serves_tls);
       if (!stage.start_and_wait_until_inspected(
               {"--web.listen-address=127.0.0.1:0", "--web.config.file=" + stage.web.path("web.yml")}))
         return false;
       const auto port = support::logged_port(stage.daemon->process(), "msg=listening");
       for (int i = 0; i < 20; ++i) {
         stage.clients.push_back(RawClient::tcp(port));
         // The beginning of a record of 512 bytes, a ClientHello (RFC 8446 5.1).
         if (!stage.clients.back().send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)))
           return false;
       }
       return stage.has_connections(21);
     }},
    {"DuringAReload",
     [](Stage& stage) {
       std::string users = "basic_auth_users:\n";
       for (int i = 0; i < 500; ++i)
         users += "  user" + std::to_string(i) + ": " + support::hash_of_secret + "\n";
       stage.web.write("web.yml", users);
       if (!stage.start_and_wait_until_inspected({"--web.config.file=" + stage.web.path("web.yml")}))
         return false;
       // Both are pending before the first is taken, which is SIGHUP (signal(7): the lowest number first).
       stage.daemon->process().signal(SIGSTOP);
       stage.daemon->process().signal(SIGHUP);
       stage.daemon->process().signal(SIGTERM);
       stage.daemon->process().signal(SIGCONT);
       return true;
     }},
    {"ANameIsLookedUp",
     [](Stage& stage) {
       stage.daemon =
           std::make_unique<Daemon>(std::vector<std::string>{"--docker.host=tcp://engine.example:1"},
                                    support::Process::Environment{}, where_names_hang);
       const std::string sockets = "/proc/" + std::to_string(stage.daemon->process().pid()) + "/net/udp";
       return eventually(
           [&] { return support::read_file(sockets).find("010200C0:0035") != std::string::npos; });
     }},
};

class StopTest : public ::testing::TestWithParam<State> {};

TEST_P(StopTest, EndsWithinFiveSeconds) {
  if (GetParam().name == "ANameIsLookedUp" &&
      !support::succeeds("unshare --user --map-root-user --net --mount ip link set lo up"))
    GTEST_SKIP() << "NO NETWORK OF ITS OWN CAN BE HAD HERE (unshare, ip): stopping while a name is looked up "
                    "was not tested";
  const support::TemporaryFolder folder;
  Stage stage(folder.path());
  ASSERT_TRUE(GetParam().reach(stage)) << stage.daemon->log();
  const std::string socket = stage.daemon->socket().string();
  const auto begin = std::chrono::steady_clock::now();
  stage.daemon->process().signal(SIGTERM);
  const auto ended = stage.daemon->process().wait(seconds(5));
  const auto took = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
  ASSERT_TRUE(ended) << "it must stop within 5 seconds: " << stage.daemon->log();
  EXPECT_EQ(ended->exit_code, 0) << ended->errors;
  EXPECT_FALSE(std::filesystem::exists(socket)) << "its socket is left behind";
  EXPECT_FALSE(std::filesystem::exists(stage.api)) << "the socket of its Docker API is left behind";
  std::printf("%s: stopped after %ld ms\n", GetParam().name.c_str(), static_cast<long>(took.count()));
}

INSTANTIATE_TEST_SUITE_P(States, StopTest, ::testing::ValuesIn(states),
                         [](const auto& state) { return state.param.name; });

}  // namespace
}  // namespace repodigest
