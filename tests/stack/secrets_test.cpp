// Secrets are put wherever the program could come by one, and looked for in all that it says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "repodigest/base/sha256.h"
#include "support/basic.h"
#include "support/program.h"
#include "support/raw_client.h"
#include "support/recording.h"
#include "support/replay_engine.h"
#include "support/web_config_folder.h"

namespace repodigest {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using support::Daemon;
using support::eventually;
using support::Outcome;
using support::Process;
using support::RawClient;
using support::Recording;
using support::ReplayEngine;
using testing::HasSubstr;
using testing::Not;

/// All secrets but keys and hashes begin so; what follows says which one was told.
const std::string planted = "pl4nted";
const std::string issue_name = "localhost:5000/namespace1/myimage:1.0.0";

/// An engine whose images, containers and settings are full of secrets.
Recording engine_with_secrets() {
  Recording recording = Recording::embedded();
  for (const auto& id : recording.ids()) {
    auto inspect = json::parse(recording.inspect_body(id), nullptr, false);
    if (!inspect.is_object()) continue;
    inspect["Config"]["Env"] = {"TOKEN=pl4nted-image-env"};
    inspect["Config"]["Labels"] = {{"key", "pl4nted-image-label"}};
    inspect["Config"]["Cmd"] = {"run", "--password=pl4nted-image-command"};
    inspect["Comment"] = "pl4nted-image-comment";
    inspect["Author"] = "pl4nted-image-author";
    recording.set_inspect(id, inspect.dump());
  }
  auto rows = json::parse(recording.body("/images/json"));
  for (auto& row : rows) row["Labels"] = {{"key", "pl4nted-row-label"}};
  recording.set_body("/images/json", rows.dump());
  auto info = json::parse(recording.body("/info"));
  info["HttpProxy"] = "http://user:pl4nted-proxy@proxy.example:3128";
  info["Labels"] = {"key=pl4nted-engine-label"};
  info["RegistryConfig"]["Mirrors"] = {"https://user:pl4nted-mirror@mirror.example"};
  recording.set_body("/info", info.dump());
  const json container = {
      {"Id", "id-of-web"},
      {"Names", {"/web"}},
      {"ImageID", json::parse(recording.answer("GET", "/images/" + issue_name + "/json").body)["Id"]},
      {"State", "running"},
      {"Status", "Up, pl4nted-container-status"},
      {"Command", "run --password=pl4nted-container-command"},
      {"Labels", {{"key", "pl4nted-container-label"}}},
      {"Env", {"TOKEN=pl4nted-container-env"}},
      {"Mounts", {{{"Source", "/pl4nted-container-mount"}}}}};
  recording.set_body("/containers/json", json::array({container}).dump());
  return recording;
}

class SecretsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto engine = ReplayEngine::on_unix_socket(engine_with_secrets(), folder_.path() / "engine.sock");
    ASSERT_TRUE(engine.ok()) << engine.error().text;
    engine_ = std::move(engine).value();
    fs::create_directories(docker_);
    std::ofstream(docker_ / "config.json")
        << R"({"auths":{"registry.example":{"auth":"pl4nted-auth","identitytoken":"pl4nted-token"}},)"
        << R"("HttpHeaders":{"X-Secret":"pl4nted-header"},"proxies":{"default":{"httpProxy":"pl4nted-proxies"}}})";
    std::ofstream(docker_ / "key.pem") << "-----BEGIN PRIVATE KEY-----\npl4nted-docker-key\n";
    std::ofstream(docker_ / "cert.pem") << "-----BEGIN CERTIFICATE-----\npl4nted-docker-cert\n";
    std::ofstream(docker_ / "ca.pem") << "-----BEGIN CERTIFICATE-----\npl4nted-docker-ca\n";
    const std::string key = support::read_file(web_.path("server.key"));
    key_text_ = key.substr(key.find('\n') + 1, 40);
    web_.write("web.yml", support::serves_tls + "basic_auth_users: {one: " + support::hash_of_secret + "}\n");
  }
  /// What the person who starts the program has in the environment.
  [[nodiscard]] Process::Environment environment(Process::Environment more = {}) const {
    more.insert({{"DOCKER_CONFIG", docker_.string()},
                 {"DOCKER_AUTH_CONFIG", "pl4nted-env-auth"},
                 {"DOCKER_PASSWORD", "pl4nted-env-password"},
                 {"REPODIGEST_EXPORTER_PASSWORD", "pl4nted-env-own"},
                 {"AWS_SECRET_ACCESS_KEY", "pl4nted-env-other"}});
    return more;
  }
  void expect_no_secret(const std::string& text, const std::string& where) const {
    for (const auto& secret :
         {planted, key_text_, support::hash_of_secret.substr(7), support::basic("one:secret").substr(6),
          support::basic("one:pl4nted-guess").substr(6)})
      EXPECT_EQ(text.find(secret), std::string::npos)
          << where << ": "
          << text.substr(text.find(secret) - std::min<std::size_t>(text.find(secret), 200), 300);
  }
  /// A run that complains, and of that.
  void expect_no_secret(const Outcome& outcome, const std::string& complaint) const {
    EXPECT_THAT(outcome.errors + outcome.output, HasSubstr(complaint));
    expect_no_secret(outcome.errors, "stderr");
    expect_no_secret(outcome.output, "stdout");
  }

  const support::TemporaryFolder folder_;
  const fs::path docker_ = folder_.path() / "docker";
  support::WebConfigFolder web_;
  std::string key_text_;
  std::unique_ptr<ReplayEngine> engine_;
};

class SecretsOfADaemon : public SecretsTest, public ::testing::WithParamInterface<std::string> {};

TEST_P(SecretsOfADaemon, AreInNothingThatItSays) {
  const fs::path cache = folder_.path() / "cache";
  Daemon daemon({"--docker.host=" + engine_->host(), "--log.level=debug", "--log.format=" + GetParam(),
                 "--cache.file=" + cache.string(), "--web.listen-address=127.0.0.1:0",
                 "--web.config.file=" + web_.path("web.yml")},
                environment());
  ASSERT_TRUE(daemon.wait_until_inspected()) << daemon.log();
  ASSERT_TRUE(daemon.wait_for_metric("docker_events_connected", 1)) << daemon.log();
  const auto port = GetParam() == "json" ? support::logged_port(daemon.process(), "listening", "127.0.0.1:")
                                         : support::logged_port(daemon.process(), "msg=listening");
  // What clients bring along.
  for (const auto& [pair, status] :
       std::map<std::string, int>{{"one:secret", 200}, {"one:pl4nted-guess", 401}}) {
    const auto answer = support::ask(port, "/metrics?token=pl4nted-query", web_.client(),
                                     {{"Authorization", support::basic(pair)}, {"Cookie", "pl4nted-cookie"}});
    ASSERT_TRUE(answer.ok()) << answer.error().text;
    EXPECT_EQ(answer->status, status);
    expect_no_secret(answer->body, "the answer to a client with a password");
  }
  for (const std::string request :
       {"GET /nowhere?token=pl4nted-query HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "POST /pl4nted-post HTTP/1.1\r\nHost: a\r\n\r\n", "pl4nted-line\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\npl4nted-header\r\n\r\n"}) {
    auto client = RawClient::unix_socket(daemon.socket().string());
    EXPECT_TRUE(client.send(request));
    expect_no_secret(client.read_to_end(), request);
  }
  {
    auto client = RawClient::tcp(port);  // where TLS is wanted
    EXPECT_TRUE(
        client.send("GET /?token=pl4nted-plain HTTP/1.1\r\nHost: a\r\nAuthorization: pl4nted\r\n\r\n"));
    expect_no_secret(client.read_to_end(), "the answer to plain HTTP");
  }
  // What changes, and files that break while it runs.
  engine_->ring(json{{"Type", "image"},
                     {"Action", "tag"},
                     {"Actor",
                      {{"ID", "sha256:" + std::string(64, '7')},
                       {"Attributes", {{"name", "rung:1"}, {"label", "pl4nted-event-label"}}}}}}
                    .dump());
  EXPECT_TRUE(daemon.wait_for_metric("docker_events_total{action=\"tag\"}", 1));
  web_.write("web.yml", "basic_auth_users: {one: 'pl4nted-hash'}\n");
  daemon.process().signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return daemon.log().find("a web config is broken") != std::string::npos; }));

  const std::vector<std::string> pages = {"/",
                                          "/metrics",
                                          "/api/v1/images",
                                          "/api/v1/images/" + issue_name,
                                          "/api/v1/images?anomaly=duplicate",
                                          "/api/v1/summary",
                                          "/api/v1/engine",
                                          "/-/healthy",
                                          "/-/ready"};
  for (const auto& page : pages) {
    const auto text = daemon.body(page);
    EXPECT_NE(text, "") << page;
    expect_no_secret(text, page);
  }
  const auto open_metrics =
      daemon.get("/metrics", {{"Accept", "application/openmetrics-text; version=1.0.0"}});
  ASSERT_TRUE(open_metrics.ok());
  expect_no_secret(open_metrics->body, "OpenMetrics");
  EXPECT_THAT(daemon.body("/api/v1/images"), HasSubstr("id-of-web")) << "containers are told of";
  daemon.process().signal(SIGTERM);
  const auto ended = daemon.process().wait();
  ASSERT_TRUE(ended);
  expect_no_secret(ended->errors, "the log");
  expect_no_secret(ended->output, "stdout");
  const auto kept = support::read_file(cache);
  EXPECT_NE(kept, "");
  expect_no_secret(kept, "the cache file");
}

INSTANTIATE_TEST_SUITE_P(Logs, SecretsOfADaemon, ::testing::Values("logfmt", "json"),
                         [](const auto& format) { return format.param; });

TEST_F(SecretsTest, AreInNoReportOfCheckAndNoAnswerOfHealthcheck) {
  for (const std::string format : {"table", "json", "prometheus", "nagios"}) {
    const auto report = support::run_program({"check", "--format=" + format, "--log.level=debug"},
                                             environment({{"DOCKER_HOST", engine_->host()}}));
    expect_no_secret(report, format == "nagios" ? "dup=" : "acme/built");
  }
  const auto digest =
      support::run_program({"digest", "single:1.0"}, environment({{"DOCKER_HOST", engine_->host()}}));
  expect_no_secret(digest, "sha256:");
  expect_no_secret(support::run_program({"healthcheck", "--url=http://127.0.0.1:1"}, environment()),
                   "healthy");
}

TEST_F(SecretsTest, AreInNoComplaintAboutAnAddress) {
  const fs::path context = docker_ / "contexts" / "meta" / sha256_hex("planted");
  fs::create_directories(context);
  for (const std::string scheme : {"tcp", "http", "https", "ssh", "unix", "ftp"}) {
    const std::string url = scheme + "://one:pl4nted-url@host.example";
    expect_no_secret(support::run_program({"--docker.host=" + url}, environment()), "one:***@host.example");
    expect_no_secret(support::run_program({"check"}, environment({{"DOCKER_HOST", url}})),
                     "one:***@host.example");
    for (const std::string command : {"check", "healthcheck"})
      expect_no_secret(support::run_program({command, "--url=" + url}, environment()),
                       "one:***@host.example");
    std::ofstream(context / "meta.json") << json{{"Endpoints", {{"docker", {{"Host", url}}}}}};
    expect_no_secret(support::run_program({"check", "--docker.context=planted"}, environment()),
                     "one:***@host.example");
    std::ofstream(folder_.path() / "config.yml") << "docker.host: " << url << "\n";
    expect_no_secret(
        support::run_program({"--config.file=" + (folder_.path() / "config.yml").string()}, environment()),
        "one:***@host.example");
  }
  expect_no_secret(
      support::run_program({"--web.external-url=https://one:pl4nted-url@host.example"}, environment()),
      "one:***@host.example");
}

TEST_F(SecretsTest, AreInNoComplaintAboutAFile) {
  const std::string config = (folder_.path() / "config.yml").string();
  const std::string key = support::read_file(web_.path("server.key"));
  const std::vector<std::string> mistakes = {
      key,  // a file of another kind in its place
      "PASSWORD=pl4nted-line\n",
      "basic_auth_users: {one: pl4nted-value}\n",
      "basic_auth_users: {one: *pl4nted-alias}\n",
      "basic_auth_users: {one: @pl4nted-token}\n",
      "basic_auth_users: {one: \"pl4nted-quote\n",
      "basic_auth_users: {one: |pl4nted-block}\n",
      "basic_auth_users: {one: !<pl4nted-tag}\n",
      "basic_auth_users:\n  one: " + support::hash_of_secret + ": x\n",
      "basic_auth_users:\n  one: " + support::hash_of_secret + "\n two: x\n",
      "tls_server_config: {key_file: web.key, cert: '" + key_text_ + "'}\n",
  };
  for (const auto& mistake : mistakes) {
    SCOPED_TRACE(mistake);
    std::ofstream(config) << mistake;
    for (const std::string flag : {"--config.file=", "--web.config.file=", "--docker-api.web.config.file="}) {
      const auto outcome = support::run_program({"--config.check", flag + config}, environment());
      EXPECT_EQ(outcome.exit_code, 2) << flag;
      expect_no_secret(outcome, config);
    }
  }
  // Docker's own: a key that is none, and a config.json that is not JSON.
  const auto engine = ReplayEngine::on_loopback(Recording::embedded());
  ASSERT_TRUE(engine.ok()) << engine.error().text;
  const Process::Environment over_tls = {{"DOCKER_HOST", (*engine)->host()},
                                         {"DOCKER_CERT_PATH", docker_.string()}};
  expect_no_secret(support::run_program({"check", "--log.level=debug"}, environment(over_tls)),
                   docker_.string());
  std::ofstream(docker_ / "config.json")
      << R"({"auths":{"registry.example":{"auth":"pl4nted-auth"}}, pl4nted)";
  expect_no_secret(support::run_program({"check", "--log.level=debug"}, environment()), "config.json");
}

}  // namespace
}  // namespace repodigest
