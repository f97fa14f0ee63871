// Socket activation by systemd's own tool, with a service manager that hears.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "support/feed_command.h"
#include "support/program.h"
#include "support/raw_client.h"
#include "support/service_manager.h"

namespace repodigest {
namespace {

using support::RawClient;
using testing::HasSubstr;
using testing::StartsWith;

/// A port of loopback that was free a moment ago: systemd's tool cannot choose one and say so.
std::uint16_t free_port() {
  const Fd fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 name{};
  name.sin6_family = AF_INET6;
  name.sin6_addr = in6addr_loopback;
  socklen_t size = sizeof name;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) return 0;
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &size) != 0) return 0;
  return ntohs(name.sin6_port);
}

class SystemdTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!support::succeeds("systemd-socket-activate --version"))
      GTEST_SKIP() << "THERE IS NO SYSTEMD-SOCKET-ACTIVATE HERE: socket activation was not tested for real";
  }
  [[nodiscard]] std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  /// Starts systemd's tool with its own arguments before the program's. It execs the program, in its own
  /// process, when the first client comes.
  void activate(std::vector<std::string> listening, const std::vector<std::string>& flags) {
    std::vector<std::string> command = {"systemd-socket-activate", "-E", "NOTIFY_SOCKET=" + manager_.name()};
    command.insert(command.end(), listening.begin(), listening.end());
    command.insert(command.end(), {support::program_path(), "--demo", "--web.systemd-socket"});
    command.insert(command.end(), flags.begin(), flags.end());
    process_ = std::make_unique<support::Process>(command);
    ASSERT_TRUE(support::eventually([&] {
      return process_->errors().find("Listening on") != std::string::npos;
    })) << process_->errors();
  }
  void wait_for(const std::string& socket) const {
    ASSERT_TRUE(support::eventually([&] { return std::filesystem::exists(socket); })) << process_->errors();
  }
  /// The whole answer, its head too: the corrected Docker API's comes in chunks.
  static std::string ask(RawClient client, const std::string& target) {
    EXPECT_TRUE(client.send("GET " + target + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    return client.read_to_end();
  }

  support::TemporaryFolder folder_;
  support::ServiceManager manager_{path("notify")};
  std::unique_ptr<support::Process> process_;
};

TEST_F(SystemdTest, StartsWithTheFirstClientAndAnswersIt) {
  const std::string web = path("web.sock");
  const std::string docker = path("docker.sock");
  activate({"-l", web, "-l", docker, "--fdname=web:docker-api"}, {"--web.listen-address=192.0.2.1:1"});
  wait_for(web);
  wait_for(docker);
  EXPECT_THAT(ask(RawClient::unix_socket(web), "/-/healthy"), HasSubstr("Healthy\n")) << process_->errors();
  EXPECT_THAT(manager_.next(), StartsWith("READY=1\nSTATUS=listening at unix://" + web));
  EXPECT_THAT(ask(RawClient::unix_socket(docker), "/images/single:1.0/json"), HasSubstr("RepoDigests"));
  EXPECT_THAT(ask(RawClient::unix_socket(web), "/metrics"),
              HasSubstr("repodigest_exporter_docker_api_requests_total"));

  process_->signal(SIGTERM);
  EXPECT_THAT(manager_.next(), StartsWith("STOPPING=1"));
  const auto ended = process_->wait(std::chrono::seconds(5));
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->exit_code, 0) << ended->errors;
  for (const auto& socket : {web, docker}) EXPECT_TRUE(std::filesystem::exists(socket)) << "it is systemd's";
}

TEST_F(SystemdTest, PassesIpv6) {
  const auto port = free_port();
  if (port == 0) GTEST_SKIP() << "THERE IS NO IPV6 HERE: an activated socket of it was not tested";
  activate({"-l", "[::1]:" + std::to_string(port)}, {});
  EXPECT_THAT(ask(RawClient::tcp6(port), "/-/healthy"), HasSubstr("Healthy\n")) << process_->errors();
  EXPECT_THAT(manager_.next(), HasSubstr("listening at [::1]:" + std::to_string(port)));
}

TEST_F(SystemdTest, MayPassNoDatagrams) {
  const std::string socket = path("web.sock");
  activate({"--datagram", "-l", socket}, {});
  wait_for(socket);
  const Fd client(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  socket.copy(name.sun_path, sizeof name.sun_path - 1);
  ASSERT_EQ(::sendto(client.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&name), sizeof name), 1);
  const auto ended = process_->wait();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->exit_code, 1);
  EXPECT_THAT(ended->errors, HasSubstr("no stream socket"));
}

TEST_F(SystemdTest, IsMissedWhereTheFlagWantsIt) {
  const auto alone = support::run_program({"--demo", "--web.systemd-socket"});
  EXPECT_EQ(alone.exit_code, 1);
  EXPECT_THAT(alone.errors, HasSubstr("--web.systemd-socket is given, but none was passed"));
}

}  // namespace
}  // namespace repodigest
