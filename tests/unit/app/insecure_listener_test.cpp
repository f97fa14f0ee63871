// repodigest_exporter_insecure_listener: whether strangers on other machines can read. Nothing is opened to
// other machines for it: the program runs in a network of its own, where there is nobody else.
#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "guards.h"
#include "support/basic.h"
#include "support/fake_clock.h"
#include "support/feed_command.h"
#include "support/program.h"
#include "support/web_config_folder.h"

namespace repodigest::app {
namespace {

using support::serves_tls;
using support::wants_certificates;

const std::string one_user = "basic_auth_users: {one: " + support::hash_of_secret + "}\n";
const std::string a_header = "http_server_config: {headers: {X-Frame-Options: deny}}\n";

// --- As it is computed

class InsecureListener : public ::testing::Test {
 protected:
  /// After a start with that web config ("" for none) and those addresses.
  [[nodiscard]] bool is_insecure(const std::string& web_config,
                                 const std::vector<web::ListenAddress>& addresses) {
    cli::Config config;
    if (!web_config.empty()) {
      folder_.write("web.yml", web_config);
      config.web_config_file = folder_.path("web.yml");
    }
    auto guards = Guards::open(config, stats_, clock_);
    EXPECT_TRUE(guards.ok());
    guards_ = *std::move(guards);
    stats_.insecure_listener = false;
    guards_->announce_web(addresses);
    return stats_.insecure_listener;
  }

  const web::ListenAddress everywhere_{false, "", "0.0.0.0", 10474};
  const web::ListenAddress loopback_{false, "", "127.0.0.1", 10474};
  const web::ListenAddress local_{true, "/run/web.sock", "", 0};
  support::WebConfigFolder folder_;
  support::FakeClock clock_;
  Stats stats_;
  std::unique_ptr<Guards> guards_;
};

TEST_F(InsecureListener, IsOneBeyondLoopbackWithoutTlsOrUsers) {
  EXPECT_TRUE(is_insecure("", {everywhere_}));
  EXPECT_TRUE(is_insecure("", {loopback_, everywhere_}));
  EXPECT_TRUE(is_insecure("", {{false, "", "", 10474}}));
  EXPECT_TRUE(is_insecure("", {{false, "", "192.0.2.1", 10474}}));
  EXPECT_TRUE(is_insecure(a_header, {everywhere_}));
}

TEST_F(InsecureListener, IsNoneOnThisMachineOrWithTlsOrUsers) {
  EXPECT_FALSE(is_insecure("", {loopback_, local_}));
  EXPECT_FALSE(is_insecure("", {{false, "", "::1", 10474}, {false, "", "localhost", 10474}}));
  EXPECT_FALSE(is_insecure(serves_tls, {everywhere_}));
  EXPECT_FALSE(is_insecure(one_user, {everywhere_}));
  EXPECT_FALSE(is_insecure(a_header, {loopback_}));
}

TEST_F(InsecureListener, IsAlsoTheDockerApiThatIsMeantToBeOpen) {
  cli::Config config;
  config.docker_api_listen_addresses = {everywhere_};
  config.docker_api_insecure = true;
  config.docker_api_web_config_file = folder_.path("api.yml");
  folder_.write("api.yml", a_header);
  const auto guards = Guards::open(config, stats_, clock_);
  ASSERT_TRUE(guards.ok()) << guards.error().text;
  (*guards)->announce_web({loopback_});
  EXPECT_FALSE(stats_.insecure_listener);
  (*guards)->announce_docker_api({everywhere_});
  EXPECT_TRUE(stats_.insecure_listener);
  folder_.write("api.yml", serves_tls + wants_certificates);
  EXPECT_TRUE((*guards)->reload());
  EXPECT_FALSE(stats_.insecure_listener);
}

TEST_F(InsecureListener, FollowsTheFileAndABrokenOneChangesNothing) {
  ASSERT_FALSE(is_insecure(serves_tls, {everywhere_}));
  folder_.write("web.yml", a_header);
  EXPECT_TRUE(guards_->reload());
  EXPECT_TRUE(stats_.insecure_listener);
  folder_.write("web.yml", "no_such_key: 1\n");
  EXPECT_FALSE(guards_->reload());
  EXPECT_TRUE(stats_.insecure_listener);
  folder_.write("web.yml", one_user);
  (void)guards_->web()->current();  // as a request does
  EXPECT_FALSE(stats_.insecure_listener);
}

// --- In the running program

class InsecureDaemon : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!support::succeeds("unshare --user --map-root-user --net true"))
      GTEST_SKIP()
          << "NO NETWORK OF ITS OWN CAN BE HAD HERE (unshare): whether the running program says that "
             "it listens beyond this machine was not tested";
  }
  /// Whether it says so of itself.
  [[nodiscard]] static bool says(const support::Daemon& daemon, int insecure) {
    return daemon.wait_for_metric("repodigest_exporter_insecure_listener", insecure);
  }
  [[nodiscard]] std::unique_ptr<support::Daemon> start(std::vector<std::string> flags) const {
    flags.push_back("--docker.host=unix://" + folder_.path("no-engine.sock"));
    return std::make_unique<support::Daemon>(
        std::move(flags), support::Process::Environment{},
        std::vector<std::string>{"unshare", "--user", "--map-root-user", "--net"});
  }

  support::WebConfigFolder folder_;
};

TEST_F(InsecureDaemon, SaysSoOfAllAddresses) {
  for (const char* address : {"0.0.0.0:0", ":0"}) {
    const auto daemon = start({"--web.listen-address=" + std::string(address)});
    EXPECT_TRUE(says(*daemon, 1)) << daemon->log();
    EXPECT_NE(daemon->log().find("without TLS or a password"), std::string::npos) << daemon->log();
  }
}

TEST_F(InsecureDaemon, SaysSoOnlyAsLongAsItsFileHasNeitherTlsNorUsers) {
  folder_.write("web.yml", serves_tls);
  const auto daemon =
      start({"--web.listen-address=0.0.0.0:0", "--web.config.file=" + folder_.path("web.yml")});
  EXPECT_TRUE(says(*daemon, 0)) << daemon->log();
  EXPECT_EQ(daemon->log().find("without TLS or a password"), std::string::npos) << daemon->log();
  for (const auto& [config, insecure] : std::vector<std::pair<std::string, int>>{
           {a_header, 1}, {one_user, 0}, {"", 1}, {serves_tls + one_user, 0}}) {
    folder_.write("web.yml", config);
    daemon->process().signal(SIGHUP);
    EXPECT_TRUE(says(*daemon, insecure)) << config << daemon->log();
  }
}

}  // namespace
}  // namespace repodigest::app
