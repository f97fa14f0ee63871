// Socket activation: which of the passed sockets become whose, and what is wrong with them.
#include "passed_sockets.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "support/temporary_folder.h"

namespace repodigest::app {
namespace {

using testing::HasSubstr;

Fd on_loopback() {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  EXPECT_EQ(::listen(fd.get(), 1), 0) << std::strerror(errno);
  return fd;
}

Fd on_unix(const std::filesystem::path& path) {
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.string().copy(name.sun_path, sizeof name.sun_path - 1);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  EXPECT_EQ(::listen(fd.get(), 1), 0) << std::strerror(errno);
  return fd;
}

class PassedSocketsTest : public ::testing::Test {
 protected:
  PassedSocketsTest() {
    config_.web_systemd_socket = true;
    config_.web_listen_addresses = {{false, "", "", 10474}};
  }
  void pass(Fd fd, std::string name) { sockets_.push_back({std::move(fd), std::move(name)}); }
  [[nodiscard]] std::string refusal() const {
    const auto placed = with_passed_sockets(config_, sockets_);
    EXPECT_FALSE(placed.ok());
    return placed.ok() ? "" : placed.error().text;
  }

  support::TemporaryFolder folder_;
  cli::Config config_;
  std::vector<PassedSocket> sockets_;
};

TEST_F(PassedSocketsTest, AreTheWebsInPlaceOfItsAddressesButForThoseNamedDockerApi) {
  const auto path = folder_.path() / "d.sock";
  config_.docker_api_listen_addresses = {{true, "/run/other.sock", "", 0}};
  pass(on_loopback(), "repodigest_exporter.socket");
  pass(on_unix(path), "docker-api");
  pass(on_loopback(), "");
  const auto placed = with_passed_sockets(config_, sockets_);
  ASSERT_TRUE(placed.ok()) << placed.error().text;
  ASSERT_EQ(placed->web_listen_addresses.size(), 2U);
  EXPECT_EQ(placed->web_listen_addresses[0].socket, sockets_[0].fd.get());
  EXPECT_EQ(placed->web_listen_addresses[1].socket, sockets_[2].fd.get());
  ASSERT_EQ(placed->docker_api_listen_addresses.size(), 2U) << "what was asked for stands";
  EXPECT_EQ(placed->docker_api_listen_addresses[1].path, path);
  EXPECT_EQ(placed->docker_api_listen_addresses[1].socket, sockets_[1].fd.get());
}

TEST_F(PassedSocketsTest, AreLeftAloneWithoutTheFlag) {
  config_.web_systemd_socket = false;
  pass(on_loopback(), "");
  const auto placed = with_passed_sockets(config_, sockets_);
  ASSERT_TRUE(placed.ok());
  EXPECT_EQ(placed->web_listen_addresses.at(0).text(), ":10474");
}

TEST_F(PassedSocketsTest, MustBeThereAndOneMustBeTheWebs) {
  EXPECT_THAT(refusal(), HasSubstr("none was passed"));
  pass(on_unix(folder_.path() / "d.sock"), "docker-api");
  EXPECT_THAT(refusal(), HasSubstr("the web needs one too"));
}

TEST_F(PassedSocketsTest, OfTheDockerApiAreNotTcpUnlessItIsMeant) {
  pass(on_loopback(), "web");
  pass(on_loopback(), "docker-api");
  EXPECT_THAT(refusal(), HasSubstr("--docker-api.insecure"));
  EXPECT_EQ(with_passed_sockets(config_, sockets_).error().reason, Reason::usage) << "and so it ends with 2";
  config_.docker_api_insecure = true;
  EXPECT_TRUE(with_passed_sockets(config_, sockets_).ok());
}

TEST_F(PassedSocketsTest, MustListen) {
  pass(Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)), "web");
  EXPECT_THAT(refusal(), HasSubstr("not a socket"));
}

TEST_F(PassedSocketsTest, LeaveSomethingToDoWithoutPolling) {
  config_.poll = false;
  pass(on_loopback(), "web");
  EXPECT_THAT(refusal(), HasSubstr("--no-poll"));
  pass(on_unix(folder_.path() / "d.sock"), "docker-api");
  EXPECT_TRUE(with_passed_sockets(config_, sockets_).ok());
}

/// A child process to which that was passed; it leaves with the exit code of `check`.
template <typename Check>
[[noreturn]] void in_a_child(int sockets, const std::string& count, const char* names, Check check) {
  const Fd one = on_loopback();
  const int kept = ::fcntl(one.get(), F_DUPFD, 100);
  ::closefrom(100 + 1);
  for (int fd = 3; fd < 100; ++fd) ::close(fd);
  for (int i = 0; i < sockets; ++i) ::dup2(kept, 3 + i);
  ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
  ::setenv("LISTEN_FDS", count.c_str(), 1);
  if (names != nullptr) ::setenv("LISTEN_FDNAMES", names, 1);
  const auto taken = take_passed_sockets();
  for (const char* variable : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
    if (std::getenv(variable) != nullptr) ::_exit(2);
  ::_exit(check(taken) ? 0 : 1);
}

using Taken = Result<std::vector<PassedSocket>>;

TEST(TakePassedSocketsTest, TakesThemWithTheirNamesAndKeepsThemFromChildren) {
  const auto check = [](const Taken& taken) {
    return taken.ok() && taken->size() == 2 && (*taken)[0].fd.get() == 3 && (*taken)[1].fd.get() == 4 &&
           (*taken)[0].name == "web" && (*taken)[1].name == "docker-api" && ::fcntl(4, F_GETFD) == FD_CLOEXEC;
  };
  EXPECT_EXIT(in_a_child(2, "2", "web:docker-api", check), testing::ExitedWithCode(0), "");
  const auto nameless = [](const Taken& taken) { return taken.ok() && taken->at(0).name.empty(); };
  EXPECT_EXIT(in_a_child(1, "1", nullptr, nameless), testing::ExitedWithCode(0), "");
}

TEST(TakePassedSocketsTest, RefusesWhatDoesNotAddUp) {
  const auto refused = [](const char* why) {
    return [why](const Taken& taken) {
      return !taken.ok() && taken.error().text.find(why) != std::string::npos;
    };
  };
  EXPECT_EXIT(in_a_child(1, "2", nullptr, refused("descriptor 4 is not open")), testing::ExitedWithCode(0),
              "");
  EXPECT_EXIT(in_a_child(1, "1", "a:b", refused("2 names for 1 sockets")), testing::ExitedWithCode(0), "");
  for (const char* count : {"one", "-1", "2147483647", "99999999999"})
    EXPECT_EXIT(in_a_child(1, count, nullptr, refused("no number of sockets")), testing::ExitedWithCode(0),
                "");
}

TEST(TakePassedSocketsTest, TakesAnEmptyCountForNone) {
  const auto none = [](const Taken& taken) { return taken.ok() && taken->empty(); };
  EXPECT_EXIT(in_a_child(0, "", nullptr, none), testing::ExitedWithCode(0), "");
}

TEST(TakePassedSocketsTest, LeavesThoseOfAnotherProcess) {
  ::setenv("LISTEN_PID", std::to_string(::getppid()).c_str(), 1);
  ::setenv("LISTEN_FDS", "1", 1);
  const auto taken = take_passed_sockets();
  EXPECT_TRUE(taken.ok() && taken->empty());
  EXPECT_EQ(std::getenv("LISTEN_PID"), nullptr);
  EXPECT_TRUE(take_passed_sockets().ok()) << "without any variable";
}

}  // namespace
}  // namespace repodigest::app
