// The program as a user who has nothing but the group of the engine's socket: no capability, and no way to
// get one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "support/basic.h"
#include "support/feed_command.h"
#include "support/program.h"
#include "support/recording.h"
#include "support/replay_engine.h"
#include "support/web_config_folder.h"

namespace repodigest {
namespace {

namespace fs = std::filesystem;
using support::eventually;
using support::Process;
using support::Recording;
using support::ReplayEngine;
using testing::HasSubstr;

constexpr uid_t user = 65534;
constexpr gid_t engines_group = 54321;

class UnprivilegedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0 || !support::succeeds("setpriv --reuid=65534 --clear-groups true"))
      GTEST_SKIP()
          << "ONLY ROOT CAN BE SOMEBODY ELSE, WITH setpriv: that the program needs no privileges was "
             "not tested";
    ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
    fs::copy_file(support::program_path(), program_);  // the build's folder may be closed to others
    ASSERT_EQ(::chmod(program_.c_str(), 0755), 0);
    fs::create_directory(run_);
    ASSERT_EQ(::chown(run_.c_str(), user, user), 0);
    auto engine = ReplayEngine::on_unix_socket(Recording::embedded(), folder_.path() / "engine.sock");
    ASSERT_TRUE(engine.ok()) << engine.error().text;
    engine_ = std::move(engine).value();
    give_to_the_group(folder_.path() / "engine.sock", 0660);
  }
  /// To be read (and written, by the mode) by root and the engine's group alone.
  static void give_to_the_group(const fs::path& path, mode_t mode) {
    ASSERT_EQ(::chown(path.c_str(), 0, engines_group), 0);
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
  }
  void start(const std::string& groups, std::vector<std::string> flags = {}) {
    std::vector<std::string> command = {"setpriv",
                                        "--reuid=" + std::to_string(user),
                                        "--regid=" + std::to_string(user),
                                        groups,
                                        "--bounding-set=-all",
                                        "--inh-caps=-all",
                                        "--no-new-privs",
                                        program_.string(),
                                        "--docker.host=" + engine_->host(),
                                        "--poll.interval=1s",
                                        "--web.listen-address=unix://" + web_.string()};
    command.insert(command.end(), flags.begin(), flags.end());
    daemon_ = std::make_unique<Process>(std::move(command));
  }
  [[nodiscard]] static std::string get(const fs::path& socket, const std::string& target) {
    transport::Endpoint endpoint;
    endpoint.path = socket.string();
    transport::Request request;
    request.target = target;
    request.max_body_bytes = std::size_t{1} << 24U;
    const auto answer =
        transport::make_transport(endpoint)->call(request, Cancel().within(std::chrono::seconds(30)));
    return answer.ok() && answer->status == 200 ? answer->body : "";
  }
  [[nodiscard]] bool wait_for_metric(const std::string& series, double value) const {
    return eventually([&] { return support::value_of(get(web_, "/metrics"), series) == value; });
  }
  /// What the kernel says of the process, without blanks: "CapEff:0000000000000000".
  [[nodiscard]] bool is(const std::string& what) const {
    std::istringstream lines(support::read_file("/proc/" + std::to_string(daemon_->pid()) + "/status"));
    for (std::string line; std::getline(lines, line);) {
      line.erase(std::remove(line.begin(), line.end(), '\t'), line.end());
      if (line == what) return true;
    }
    return false;
  }

  const support::TemporaryFolder folder_;
  const fs::path program_ = folder_.path() / "repodigest_exporter";
  const fs::path run_ = folder_.path() / "run";
  const fs::path web_ = run_ / "web.sock";
  std::unique_ptr<ReplayEngine> engine_;
  std::unique_ptr<Process> daemon_;
};

TEST_F(UnprivilegedTest, DoesEverythingWithTheGroupOfTheSocketAlone) {
  const support::WebConfigFolder config;
  const fs::path config_folder = fs::path(config.path("web.yml")).parent_path();
  ASSERT_EQ(::chmod(config_folder.c_str(), 0755), 0);
  config.write("web.yml", support::serves_tls);
  for (const char* const name : {"web.yml", "server.crt", "server.key"})
    give_to_the_group(config.path(name), 0640);
  const fs::path api = run_ / "docker.sock";
  const fs::path cache = run_ / "cache";
  start("--groups=" + std::to_string(engines_group),
        {"--web.listen-address=127.0.0.1:0", "--web.config.file=" + config.path("web.yml"),
         "--cache.file=" + cache.string(), "--docker-api.listen-address=unix://" + api.string(),
         "--docker-api.socket-group=" + std::to_string(engines_group)});
  ASSERT_TRUE(wait_for_metric("docker_repo_digests", 155)) << daemon_->errors();
  for (const char* const none : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
    EXPECT_TRUE(is(std::string(none) + ":0000000000000000")) << none;
  EXPECT_TRUE(is("NoNewPrivs:1"));

  EXPECT_TRUE(wait_for_metric("docker_events_connected", 1)) << daemon_->errors();
  const auto port = support::logged_port(*daemon_, "msg=listening");
  const auto over_tls = support::ask(port, "/-/healthy", config.client());
  EXPECT_TRUE(over_tls.ok() && over_tls->status == 200);
  EXPECT_NE(get(api, "/images/json"), "");
  struct stat socket {};
  ASSERT_EQ(::stat(api.c_str(), &socket), 0);
  EXPECT_EQ(socket.st_uid, user);
  EXPECT_EQ(socket.st_gid, engines_group);
  EXPECT_TRUE(eventually([&] { return fs::exists(cache); })) << daemon_->errors();

  config.write("web.yml", support::serves_tls + "basic_auth_users: {one: " + support::hash_of_secret + "}\n");
  give_to_the_group(config.path("web.yml"), 0640);
  daemon_->signal(SIGHUP);
  EXPECT_TRUE(eventually([&] {
    const auto answer = support::ask(port, "/-/healthy", config.client());
    return answer.ok() && answer->status == 401;
  })) << daemon_->errors();

  daemon_->signal(SIGTERM);
  const auto ended = daemon_->wait();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->exit_code, 0) << ended->errors;
  EXPECT_EQ(ended->errors.find("ermission denied"), std::string::npos) << ended->errors;
  EXPECT_FALSE(fs::exists(web_));
  EXPECT_FALSE(fs::exists(api));
}

TEST_F(UnprivilegedTest, WithoutThatGroupItServesSaysWhatIsMissingAndGoesOnOnceItIsThere) {
  start("--clear-groups");
  ASSERT_TRUE(eventually([&] {
    return support::value_of(get(web_, "/metrics"), "docker_poll_failures_total{reason=\"permission\"}") > 0;
  })) << daemon_->errors();
  EXPECT_THAT(daemon_->errors(),
              HasSubstr("cannot open " + (folder_.path() / "engine.sock").string() +
                        ": permission denied: its group is " + std::to_string(engines_group)));
  ASSERT_EQ(::chown((folder_.path() / "engine.sock").c_str(), 0, user), 0);
  EXPECT_TRUE(wait_for_metric("docker_repo_digests", 155)) << daemon_->errors();
}

}  // namespace
}  // namespace repodigest
