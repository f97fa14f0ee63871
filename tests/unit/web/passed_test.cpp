// Sockets that another opened, as systemd does: taken as they are, and never taken away.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

#include "serving.h"
#include "support/temporary_folder.h"

namespace repodigest::web {
namespace {

using support::TemporaryFolder;

/// A socket with a name, listening or not.
Fd named(int family, const sockaddr* name, socklen_t size, bool listening = true, int type = SOCK_STREAM) {
  Fd fd(::socket(family, type, 0));
  EXPECT_EQ(::bind(fd.get(), name, size), 0) << std::strerror(errno);
  if (listening) {
    EXPECT_EQ(::listen(fd.get(), 16), 0);
  }
  return fd;
}

Fd on_loopback(bool listening = true, int type = SOCK_STREAM) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return named(AF_INET, reinterpret_cast<const sockaddr*>(&name), sizeof name, listening, type);
}

/// A path, or a name without one if it begins with a zero.
Fd on_unix(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, sizeof name.sun_path - 1);
  return named(AF_UNIX, reinterpret_cast<const sockaddr*>(&name),
               static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size()));
}

ListenAddress address_of(const Fd& fd) {
  const auto address = ListenAddress::of_socket(fd.get());
  EXPECT_TRUE(address) << (address ? "" : address.error().text);
  return address ? *address : ListenAddress();
}

/// Why that descriptor is refused.
std::string refusal(int fd) {
  const auto address = ListenAddress::of_socket(fd);
  EXPECT_FALSE(address);
  if (address) return "";
  EXPECT_EQ(address.error().reason, Reason::usage);
  return address.error().text;
}

std::unique_ptr<Serving> serving_at(const Fd& fd) {
  ServerOptions options;
  options.addresses = {address_of(fd)};
  return std::make_unique<Serving>(options);
}

TEST(PassedSocketTest, SaysWhereItListens) {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "x.sock").string();
  EXPECT_EQ(address_of(on_unix(path)).text(), "unix://" + path);
  const std::string name = "repodigest-test-" + std::to_string(::getpid());
  EXPECT_EQ(address_of(on_unix(std::string(1, '\0') + name)).text(), "unix://@" + name);
  const auto tcp = address_of(on_loopback());
  EXPECT_EQ(tcp.host, "127.0.0.1");
  EXPECT_NE(tcp.port, 0);
  EXPECT_TRUE(tcp.loopback());
}

TEST(PassedSocketTest, IsRefusedUnlessItIsAStreamThatListens) {
  EXPECT_NE(refusal(on_loopback(false).get()).find("not listening"), std::string::npos);
  EXPECT_NE(refusal(on_loopback(false, SOCK_DGRAM).get()).find("no stream socket"), std::string::npos);
  const Fd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_NE(refusal(file.get()).find("not a socket"), std::string::npos);
  EXPECT_NE(refusal(1 << 20).find("not open"), std::string::npos);
}

TEST(PassedSocketTest, IsServedThoughItBlocksAndItsGiverClosesIt) {
  Fd fd = on_loopback();
  const auto serving = serving_at(fd);
  EXPECT_NE(::fcntl(fd.get(), F_GETFL) & O_NONBLOCK, 0);
  fd.reset();
  EXPECT_EQ(serving->ask(get("/")).body, "page");
  EXPECT_EQ(serving->ask(get("/")).body, "page");
}

TEST(PassedSocketTest, StaysWithItsGiverWhenTheServerEnds) {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "x.sock").string();
  const Fd fd = on_unix(path);
  for (int start = 0; start < 2; ++start) {
    const auto serving = serving_at(fd);
    RawClient client = RawClient::unix_socket(path);
    ASSERT_TRUE(client.send(get("/")));
    EXPECT_EQ(client.read_reply().body, "page");
  }
  EXPECT_TRUE(std::filesystem::exists(path));
  // Who comes between two servers waits for the next.
  RawClient early = RawClient::unix_socket(path);
  ASSERT_TRUE(early.send(get("/")));
  const auto serving = serving_at(fd);
  EXPECT_EQ(early.read_reply().body, "page");
}

}  // namespace
}  // namespace repodigest::web
