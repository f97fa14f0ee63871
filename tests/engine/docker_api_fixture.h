// A real engine with the defect, and the program's corrected Docker API in front of it, for clients that
// others wrote.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "engine/dockerd_fixture.h"
#include "repodigest/transport/transport.h"
#include "support/program.h"
#include "support/reference_splice.h"
#include "support/temporary_folder.h"

namespace repodigest::support {

/// The daemon with its corrected Docker API on a unix socket and on loopback.
class DockerApi {
 public:
  /// `flags` go to the daemon besides the addresses.
  DockerApi(const std::string& engine_host, std::vector<std::string> flags) {
    flags.insert(flags.end(),
                 {"--docker.host=" + engine_host, "--docker-api.listen-address=unix://" + socket(),
                  "--docker-api.listen-address=127.0.0.1:0", "--docker-api.insecure"});
    daemon_ = std::make_unique<Daemon>(std::move(flags));
    port_ = logged_port(daemon_->process(), "address=127.0.0.1:");
  }

  /// As DOCKER_HOST takes them.
  [[nodiscard]] std::string host() const { return "unix://" + socket(); }
  [[nodiscard]] std::vector<std::string> hosts() const {
    return {host(), "tcp://127.0.0.1:" + std::to_string(port_)};
  }
  [[nodiscard]] std::string socket() const { return (folder_.path() / "api.sock").string(); }
  Daemon& daemon() { return *daemon_; }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<Daemon> daemon_;
  std::uint16_t port_ = 0;
};

/// What the corrected API must make of a text that the engine or a client printed: by another implementation
/// than the program's. Text that is not JSON stays as it is.
inline std::string corrected(const std::string& text) {
  return ReferenceSplice(text, true).output();
}

/// Tests that leave the engine as it is; they share one. Skipped with the reason where none can be had.
class OnDockerApi : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto started = Dockerd::start(Dockerd::Store::containerd);
    if (!started) {
      no_engine_ = started.error().text;
      return;
    }
    engine_ = std::move(started).value();
    // The images are old, so that "2 years ago" is the same a second later.
    const auto loaded =
        engine_->load({{{"base\n", "issue\n"}, issue_names},
                       {{"base\n", "other\n"}, {"team/once:1", "plain:1"}, "2022-10-24T10:00:00Z"}});
    ASSERT_TRUE(loaded.ok()) << loaded.error().text;
    const auto created =
        engine_->call("POST", "/containers/create?name=made",
                      R"({"Image": "localhost:5000/namespace1/myimage:1.0.0", "Cmd": ["/none"]})");
    ASSERT_EQ(created.status, 201) << created.body;
    closed_ = std::make_unique<DockerApi>(engine_->host(), std::vector<std::string>{});
    open_ = std::make_unique<DockerApi>(
        engine_->host(), std::vector<std::string>{"--docker-api.allow=df,containers,export,events"});
  }
  static void TearDownTestSuite() {
    for (const auto& api : {std::cref(open_), std::cref(closed_)}) {
      if (!api.get()) continue;
      // A sanitizer that found something says so at the end.
      Process& process = api.get()->daemon().process();
      process.signal(SIGTERM);
      const auto ended = process.wait();
      EXPECT_TRUE(ended && ended->exit_code == 0) << process.errors();
      EXPECT_FALSE(std::filesystem::exists(api.get()->socket()));
    }
    open_.reset();
    closed_.reset();
    engine_.reset();
  }
  void SetUp() override {
    if (!engine_) GTEST_SKIP() << "no real Docker engine, so nothing was tested: " << no_engine_;
    ASSERT_TRUE(open_ && closed_);
  }

  /// Everything a client could have changed, in an order of our own.
  static std::vector<std::string> engine_state() {
    std::vector<std::string> state;
    for (const char* const target :
         {"/images/json?all=1", "/containers/json?all=1", "/networks", "/volumes", "/plugins"}) {
      const auto things = nlohmann::json::parse(engine_->call("GET", target).body);
      for (const auto& thing : things) state.push_back(thing.dump());
    }
    std::sort(state.begin(), state.end());
    return state;
  }

  static inline std::string no_engine_ = {};
  static inline std::unique_ptr<Dockerd> engine_ = {};
  static inline std::unique_ptr<DockerApi> closed_ = {};  ///< nothing allowed besides what always is
  static inline std::unique_ptr<DockerApi> open_ = {};    ///< every group of --docker-api.allow
};

/// The same with Docker's own command line.
class OnDockerCommandLine : public OnDockerApi {
 protected:
  void SetUp() override {
    OnDockerApi::SetUp();
    if (IsSkipped()) return;
    const auto path = Dockerd::command_line();
    if (!path) GTEST_SKIP() << "no command line of Docker, so nothing was tested: " << path.error().text;
    docker_ = *path;
  }

  std::string docker_;  ///< its path
};

}  // namespace repodigest::support
