#include <gtest/gtest.h>

#include <string>

#include "repodigest/web/server.h"

namespace repodigest::web {
namespace {

ListenAddress parsed(const std::string& text) {
  const auto address = ListenAddress::parse(text);
  EXPECT_TRUE(address) << text << ": " << (address ? "" : address.error().text);
  return address ? *address : ListenAddress();
}

TEST(ListenAddressTest, ReadsAndWritesEveryForm) {
  for (const std::string text : {":10474", "127.0.0.1:80", "localhost:1", "[::1]:65535", "[::]:0",
                                 "exporter.example:9100", "unix:///run/x.sock"})
    EXPECT_EQ(parsed(text).text(), text);
  EXPECT_EQ(parsed("[::1]:8080").host, "::1");
  EXPECT_EQ(parsed("[::1]:8080").port, 8080);
  EXPECT_EQ(parsed(":8080").host, "");
  EXPECT_TRUE(parsed("unix:///run/x.sock").is_unix);
  EXPECT_EQ(parsed("unix:///run/x.sock").path, "/run/x.sock");
}

TEST(ListenAddressTest, RefusesWhatItCannotListenAtAndQuotesIt) {
  for (const std::string text : {"",
                                 "8080",
                                 "localhost",
                                 "localhost:",
                                 ":",
                                 ":65536",
                                 ":-1",
                                 ":+1",
                                 ": 1",
                                 ":80x",
                                 "::1:80",
                                 "[::1]",
                                 "[::1:80",
                                 "::1]:80",
                                 "[localhost]:80",
                                 "[]:80",
                                 "a b:80",
                                 "http://localhost:80",
                                 "tcp://:80",
                                 "unix://",
                                 "unix:///",
                                 "unix://run/x.sock",
                                 "unix:/run/x.sock"}) {
    const auto address = ListenAddress::parse(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().reason, Reason::usage);
    EXPECT_NE(address.error().text.find("\"" + text + "\""), std::string::npos) << address.error().text;
  }
  EXPECT_FALSE(ListenAddress::parse("unix:///" + std::string(107, 'x')));
  EXPECT_TRUE(ListenAddress::parse("unix:///" + std::string(106, 'x')));
}

TEST(ListenAddressTest, KnowsWhatOnlyThisMachineCanReach) {
  for (const std::string text : {"localhost:1", "127.0.0.1:1", "127.8.9.10:1", "[::1]:1",
                                 "[::ffff:127.0.0.1]:1", "[::ffff:7f08:90a]:1", "unix:///run/x"})
    EXPECT_TRUE(parsed(text).loopback()) << text;
  for (const std::string text :
       {":1", "0.0.0.0:1", "[::]:1", "192.0.2.1:1", "[::ffff:192.0.2.1]:1", "[::ffff:0.0.0.0]:1",
        "[::127.0.0.1]:1", "[64:ff9b::127.0.0.1]:1", "example.org:1", "127.example:1"})
    EXPECT_FALSE(parsed(text).loopback()) << text;
}

}  // namespace
}  // namespace repodigest::web
