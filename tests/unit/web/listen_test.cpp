#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "serving.h"
#include "support/temporary_folder.h"
#include "support/without_privileges.h"

namespace repodigest::web {
namespace {

using support::TemporaryFolder;

ServerOptions at(std::vector<ListenAddress> addresses) {
  ServerOptions options;
  options.addresses = std::move(addresses);
  return options;
}

ListenAddress unix_address(const std::filesystem::path& path) {
  return {true, path.string(), "", 0};
}

/// The error of starting there, or "" if it started.
std::string refusal(ServerOptions options, Reason reason = Reason::connect) {
  Stats stats;
  Server server(std::move(options), Routes(), stats);
  const auto started = server.start();
  if (started) return "";
  EXPECT_EQ(started.error().reason, reason);
  EXPECT_TRUE(server.bound().empty());
  return started.error().text;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

constexpr gid_t group_of_nobody = 54321;

/// The permissions of what stands there.
unsigned mode_of(const std::filesystem::path& path) {
  struct stat found {};
  EXPECT_EQ(::stat(path.c_str(), &found), 0);
  return found.st_mode & 07777U;
}

void leave_a_dead_socket(const std::filesystem::path& path) {
  const Fd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.string().copy(name.sun_path, sizeof name.sun_path - 1);
  ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
}

TEST(ListenTest, ServesSeveralAddressesAtOnce) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "web.sock";
  Serving serving(at({{false, "", "127.0.0.1", 0}, {false, "", "localhost", 0}, unix_address(path)}));
  ASSERT_EQ(serving.server().bound().size(), 3U);
  EXPECT_NE(serving.server().bound()[1].port, 0);
  RawClient by_name = RawClient::tcp(serving.server().bound()[1].port);
  ASSERT_TRUE(by_name.send(get("/")));
  EXPECT_EQ(by_name.read_reply().body, "page");
  RawClient by_path = RawClient::unix_socket(path);
  ASSERT_TRUE(by_path.send(get("/")));
  EXPECT_EQ(by_path.read_reply().body, "page");
}

TEST(ListenTest, TakesIpv4WithoutAHost) {
  Serving serving(at({{false, "", "", 0}}));
  EXPECT_EQ(serving.ask(get("/")).body, "page");
  EXPECT_EQ(serving.server().bound()[0].text(), ":" + std::to_string(serving.port()));
}

/// Whether this machine has an IPv6 address to listen at.
bool has_ipv6() {
  Stats stats;
  return Server(at({{false, "", "::1", 0}}), Routes(), stats).start().ok();
}

TEST(ListenTest, ListensAtIpv6AloneOrBesideTheOthers) {
  if (!has_ipv6()) GTEST_SKIP() << "THERE IS NO IPV6 HERE: listening at it was not tested";
  const TemporaryFolder folder;
  const auto path = folder.path() / "web.sock";
  Serving serving(at({{false, "", "::1", 0}, {false, "", "127.0.0.1", 0}, unix_address(path)}));
  const auto& bound = serving.server().bound();
  EXPECT_EQ(bound[0].text(), "[::1]:" + std::to_string(bound[0].port));
  std::vector<RawClient> clients;
  clients.push_back(RawClient::tcp6(bound[0].port));
  clients.push_back(RawClient::tcp(bound[1].port));
  clients.push_back(RawClient::unix_socket(path));
  for (RawClient& client : clients) {
    ASSERT_TRUE(client.send(get("/")));
    EXPECT_EQ(client.read_reply().body, "page");
  }
}

TEST(ListenTest, TakesBothFamiliesWithoutAHostOrAtAllOfIpv6) {
  if (!has_ipv6()) GTEST_SKIP() << "THERE IS NO IPV6 HERE: listening at it was not tested";
  for (const char* host : {"", "::"}) {
    Serving serving(at({{false, "", host, 0}}));
    RawClient six = RawClient::tcp6(serving.port());
    ASSERT_TRUE(six.send(get("/")));
    EXPECT_EQ(six.read_reply().body, "page") << host;
    EXPECT_EQ(serving.ask(get("/")).body, "page") << host;
  }
}

TEST(ListenTest, RefusesAPortThatIsTakenAndSaysWhichFlagToChange) {
  const Serving first;
  const std::string where = "127.0.0.1:" + std::to_string(first.port());
  auto options = at({{false, "", "127.0.0.1", first.port()}});
  options.address_flag = "--docker-api.listen-address";
  const auto text = refusal(std::move(options));
  EXPECT_TRUE(contains(text, where)) << text;
  EXPECT_TRUE(contains(text, "address already in use")) << text;
  EXPECT_TRUE(contains(text, "--docker-api.listen-address")) << text;
  EXPECT_TRUE(contains(refusal(at({{false, "", "", first.port()}})), "already in use"));
}

TEST(ListenTest, StartsNothingIfOneOfItsAddressesIsTaken) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "web.sock";
  const Serving first;
  EXPECT_NE(refusal(at({unix_address(path), {false, "", "127.0.0.1", first.port()}})), "");
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ListenTest, TakesAPortAgainRightAfterAServersEnd) {
  std::uint16_t port = 0;
  {
    Serving first;
    port = first.port();
    RawClient client = first.client();
    ASSERT_TRUE(client.send(get("/")));
    EXPECT_EQ(client.read_reply().status, 200);
    first.server().stop(std::chrono::seconds(1));  // the server closes first: its side waits in TIME_WAIT
  }
  EXPECT_EQ(Serving(at({{false, "", "127.0.0.1", port}})).ask(get("/")).status, 200);
}

TEST(ListenTest, SaysWhatIsWrongWithAnAddress) {
  EXPECT_TRUE(contains(refusal(at({{false, "", "192.0.2.1", 0}})), "this machine has no such address"));
  EXPECT_TRUE(contains(refusal(at({{false, "", "no-such-host.invalid", 0}})), "no-such-host.invalid:0"));
  EXPECT_TRUE(contains(refusal(at({unix_address("/nonexistent/folder/x.sock")})), "make that folder"));
}

TEST(ListenTest, MakesAUnixSocketForOwnerAndGroupWhateverTheUmask) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "web.sock";
  for (const mode_t mask : {0U, 0077U}) {
    const mode_t before = ::umask(mask);
    const Serving serving(at({unix_address(path)}));
    ::umask(before);
    EXPECT_EQ(mode_of(path), 0660U);
  }
  EXPECT_FALSE(std::filesystem::exists(path)) << "it is removed at the end";
}

TEST(ListenTest, GivesAUnixSocketTheModeItIsToldWhateverTheUmask) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "web.sock";
  for (const unsigned mode : {0600U, 0666U, 0640U}) {
    auto options = at({unix_address(path)});
    options.socket_mode = mode;
    const mode_t before = ::umask(0027);
    const Serving serving(options);
    ::umask(before);
    EXPECT_EQ(mode_of(path), mode);
  }
}

TEST(ListenTest, GivesAUnixSocketToTheGroupItIsTold) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root has a group to give it to for certain";
  const TemporaryFolder folder;
  const auto path = folder.path() / "web.sock";
  auto options = at({unix_address(path)});
  options.socket_group = group_of_nobody;
  const Serving serving(options);
  struct stat made {};
  ASSERT_EQ(::stat(path.c_str(), &made), 0);
  EXPECT_EQ(made.st_gid, group_of_nobody);
  EXPECT_EQ(made.st_uid, ::geteuid());
  EXPECT_EQ(mode_of(path), 0660U);
}

TEST(ListenTest, SaysThatTheProcessMustBeAMemberOfTheSocketsGroup) {
  const TemporaryFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0777), 0);
  const auto path = folder.path() / "web.sock";
  auto options = at({unix_address(path)});
  options.socket_group = group_of_nobody;
  const support::WithoutPrivileges nobody;
  const auto text = refusal(std::move(options), Reason::permission);
  EXPECT_TRUE(contains(text, "to group 54321: operation not permitted")) << text;
  EXPECT_TRUE(contains(text, "must be a member of that group")) << text;
  EXPECT_FALSE(std::filesystem::exists(path)) << "no socket of another group is left behind";
}

TEST(ListenTest, ReplacesADeadUnixSocket) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "web.sock";
  leave_a_dead_socket(path);
  const Serving serving(at({unix_address(path)}));
  RawClient client = RawClient::unix_socket(path);
  ASSERT_TRUE(client.send(get("/")));
  EXPECT_EQ(client.read_reply().status, 200);
}

TEST(ListenTest, LeavesALivingUnixSocketToItsOwner) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "web.sock";
  const Serving first(at({unix_address(path)}));
  const auto text = refusal(at({unix_address(path)}));
  EXPECT_TRUE(contains(text, "already in use")) << text;
  RawClient client = RawClient::unix_socket(path);
  ASSERT_TRUE(client.send(get("/")));
  EXPECT_EQ(client.read_reply().status, 200);
}

TEST(ListenTest, RefusesToReplaceWhatIsNoSocket) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "precious";
  const auto link = folder.path() / "link.sock";
  const auto target = folder.path() / "target.sock";
  std::ofstream(file) << "data";
  leave_a_dead_socket(target);
  std::filesystem::create_symlink(target, link);
  const auto hard_link = folder.path() / "hard_link";
  std::filesystem::create_hard_link(file, hard_link);
  const auto pipe = folder.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const auto& path : {file, link, hard_link, pipe, folder.path()})
    EXPECT_TRUE(contains(refusal(at({unix_address(path)})), "not a socket")) << path;
  EXPECT_EQ(std::filesystem::file_size(file), 4U);
  EXPECT_EQ(std::filesystem::hard_link_count(file), 2U);
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
}

TEST(ListenTest, DoesNotRemoveAUnixSocketThatIsNoLongerItsOwn) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "web.sock";
  const auto moved = folder.path() / "moved.sock";
  {
    const Serving first(at({unix_address(path)}));
    std::filesystem::rename(path, moved);  // so that its inode is not given away again
    leave_a_dead_socket(path);
  }
  EXPECT_TRUE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace repodigest::web
