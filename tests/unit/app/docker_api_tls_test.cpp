// The corrected Docker API of the running program on TCP: only who has a certificate of the right authority
// gets anything there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "support/basic.h"
#include "support/program.h"
#include "support/raw_client.h"
#include "support/recording.h"
#include "support/replay_engine.h"
#include "support/web_config_folder.h"

namespace repodigest {
namespace {

using nlohmann::json;
using support::basic;
using support::Daemon;
using support::eventually;
using support::hash_of_secret;
using support::PemFiles;
using support::RawClient;
using support::Recording;
using support::ReplayEngine;
using support::serves_tls;
using support::wants_certificates;
using testing::HasSubstr;

const std::string issue_path = "/images/localhost:5000/namespace1/myimage:1.0.0/json";
const std::string one_user = "basic_auth_users: {docker: " + hash_of_secret + "}\n";

class DockerApiTlsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto engine = ReplayEngine::on_loopback(Recording::embedded());
    ASSERT_TRUE(engine.ok()) << engine.error().text;
    engine_ = std::move(engine).value();
  }
  /// The flags of a daemon with that web config for its Docker API on TCP.
  [[nodiscard]] std::vector<std::string> flags(const std::string& web_config,
                                               std::vector<std::string> more = {}) const {
    folder_.write("api.yml", web_config);
    more.insert(more.end(), {"--docker.host=" + engine_->host(), "--docker-api.listen-address=127.0.0.1:0",
                             "--docker-api.web.config.file=" + folder_.path("api.yml")});
    return more;
  }
  void start(const std::string& web_config, std::vector<std::string> more = {}) {
    daemon_ = std::make_unique<Daemon>(flags(web_config, std::move(more)));
    port_ = support::logged_port(daemon_->process(), "what=\"docker api\"");
    ASSERT_NE(port_, 0) << daemon_->log();
  }
  [[nodiscard]] PemFiles client() { return folder_.authority().issue("client", ""); }

  /// The status of an answer, 0 where there is none.
  [[nodiscard]] int status_for(const PemFiles& identity, const std::string& target = issue_path,
                               const std::string& pair = "") const {
    std::vector<std::pair<std::string, std::string>> headers;
    if (!pair.empty()) headers.emplace_back("Authorization", basic(pair));
    const auto answer = support::ask(port_, target, folder_.client(identity), std::move(headers));
    return answer.ok() ? answer->status : 0;
  }

  support::WebConfigFolder folder_;
  std::unique_ptr<ReplayEngine> engine_;
  std::unique_ptr<Daemon> daemon_;
  std::uint16_t port_ = 0;
};

TEST_F(DockerApiTlsTest, DoesNotStartUnlessItVerifiesClientCertificates) {
  const std::string authority = "  client_ca_file: ca.pem\n";
  for (const std::string& config : {std::string(), one_user, serves_tls, serves_tls + one_user,
                                    serves_tls + "  client_auth_type: RequestClientCert\n" + authority,
                                    serves_tls + "  client_auth_type: RequireAnyClientCert\n" + authority,
                                    serves_tls + "  client_auth_type: VerifyClientCertIfGiven\n" + authority,
                                    // All that any public authority ever issued would do.
                                    serves_tls + "  client_auth_type: RequireAndVerifyClientCert\n"}) {
    auto command = flags(config, {"--web.listen-address=127.0.0.1:0"});
    const auto outcome = support::run_program(command);
    EXPECT_EQ(outcome.exit_code, 2) << config << outcome.errors;
    EXPECT_THAT(outcome.errors, HasSubstr(folder_.path("api.yml")));
    EXPECT_THAT(outcome.errors, HasSubstr("RequireAndVerifyClientCert and client_ca_file"));
    EXPECT_THAT(outcome.errors, HasSubstr("--docker-api.insecure"));

    command.emplace_back("--config.check");
    const auto checked = support::run_program(command);
    EXPECT_EQ(checked.exit_code, 2) << "what the daemon will refuse is not ok: " << checked.output;
    EXPECT_THAT(checked.errors, HasSubstr("RequireAndVerifyClientCert and client_ca_file"));
  }
}

TEST_F(DockerApiTlsTest, StartsWithoutThemWhereThatIsMeant) {
  start(serves_tls, {"--docker-api.insecure"});
  EXPECT_EQ(status_for({}), 200);
}

TEST_F(DockerApiTlsTest, AnswersCorrectedToWhoHasACertificate) {
  start(serves_tls + wants_certificates);
  const auto answer = support::ask(port_, issue_path, folder_.client(client()));
  ASSERT_TRUE(answer.ok()) << answer.error().text;
  EXPECT_EQ(json::parse(answer->body).at("RepoDigests").size(), 2U);
  EXPECT_EQ(daemon_->metric("repodigest_exporter_insecure_listener"), 0);
}

TEST_F(DockerApiTlsTest, TellsOthersNothingAndAsksTheEngineNothingForThem) {
  start(serves_tls + wants_certificates, {"--no-poll"});
  support::TestAuthority stranger(folder_.path(""), "stranger");
  const auto before = engine_->asked("*");
  EXPECT_EQ(status_for({}), 0) << "no certificate";
  EXPECT_EQ(status_for(stranger.issue("other", "")), 0);
  EXPECT_EQ(status_for(folder_.authority().issue("late", "", /*expired=*/true)), 0);
  RawClient old = RawClient::tcp(port_);
  EXPECT_FALSE(old.shake_hands({.identity = client(), .newest = TLS1_1_VERSION}));
  const auto plain = support::ask(port_, issue_path);
  EXPECT_TRUE(!plain.ok() || plain->status == 400);
  EXPECT_EQ(engine_->asked("*"), before);
  EXPECT_TRUE(eventually([&] { return daemon_->log().find("a TLS handshake failed") != std::string::npos; }));
  EXPECT_EQ(status_for(client()), 200);
}

TEST_F(DockerApiTlsTest, LogsARefusedCallWithTheNameOfTheCertificate) {
  start(serves_tls + wants_certificates);
  EXPECT_EQ(status_for(client(), "/containers/json"), 403);
  EXPECT_TRUE(eventually([&] { return daemon_->log().find("certificate=client\"") != std::string::npos; }))
      << daemon_->log();
  EXPECT_EQ(status_for(folder_.authority().issue("a\"\nlevel=error x=\x1b[31m", ""), "/containers/json"),
            403);
  EXPECT_TRUE(eventually([&] { return daemon_->log().find("certificate=a") != std::string::npos; }))
      << daemon_->log();
  EXPECT_EQ(daemon_->log().find("\nlevel=error"), std::string::npos);
  EXPECT_EQ(daemon_->log().find('\x1b'), std::string::npos);
}

TEST_F(DockerApiTlsTest, KeepsTheOldConfigWhereTheNewOneDoesNotVerify) {
  const std::string succeeded = "repodigest_exporter_config_last_reload_successful";
  const std::string good = serves_tls + wants_certificates;
  start(good);
  folder_.write("api.yml", serves_tls);
  EXPECT_EQ(status_for({}), 0);
  EXPECT_TRUE(daemon_->wait_for_metric(succeeded, 0)) << daemon_->log();
  EXPECT_THAT(daemon_->log(), HasSubstr("does not verify client certificates"));
  EXPECT_EQ(status_for(client()), 200);
  daemon_->process().signal(SIGHUP);
  const std::string broken = "a web config is broken";
  ASSERT_TRUE(eventually([&] {
    const std::string log = daemon_->log();
    return log.find(broken, log.find(broken) + 1) != std::string::npos;
  })) << daemon_->log();
  EXPECT_EQ(status_for({}), 0);

  folder_.write("api.yml", good + one_user);
  daemon_->process().signal(SIGHUP);
  EXPECT_TRUE(daemon_->wait_for_metric(succeeded, 1)) << daemon_->log();
  EXPECT_EQ(status_for(client()), 401);
}

TEST_F(DockerApiTlsTest, GivesNothingToThoseWhoMayScrape) {
  folder_.write("web.yml", serves_tls + "basic_auth_users: {scraper: " + hash_of_secret + "}\n");
  start(serves_tls + wants_certificates + one_user,
        {"--web.config.file=" + folder_.path("web.yml"), "--web.listen-address=127.0.0.1:0"});
  const auto web = support::logged_port(daemon_->process(), "what=web tls=yes");
  const auto metrics =
      support::ask(web, "/metrics", folder_.client(), {{"Authorization", basic("scraper:secret")}});
  ASSERT_TRUE(metrics.ok()) << metrics.error().text;
  EXPECT_EQ(metrics->status, 200);

  EXPECT_EQ(status_for({}, issue_path, "scraper:secret"), 0);
  EXPECT_EQ(status_for(client(), issue_path, "scraper:secret"), 401);
  EXPECT_EQ(status_for(client(), issue_path), 401);
  EXPECT_EQ(status_for(client(), issue_path, "docker:secret"), 200);
  const auto theirs =
      support::ask(web, "/metrics", folder_.client(client()), {{"Authorization", basic("docker:secret")}});
  ASSERT_TRUE(theirs.ok()) << theirs.error().text;
  EXPECT_EQ(theirs->status, 401) << "nor the other way around";
}

TEST_F(DockerApiTlsTest, StreamsEvents) {
  start(serves_tls + wants_certificates, {"--no-poll"});
  auto events = RawClient::tcp(port_);
  ASSERT_TRUE(events.shake_hands({.identity = client()}));
  ASSERT_TRUE(events.send("GET /events HTTP/1.1\r\nHost: docker\r\n\r\n"));
  ASSERT_TRUE(engine_->wait_until_listened_to(1));
  const auto event = [](const std::string& id) {
    return R"({"Type":"image","Action":"tag","Actor":{"ID":")" + id + R"(","Attributes":{"name":"x:1"}}})";
  };
  engine_->ring(event("first"));
  EXPECT_EQ(events.read_reply().status, 200);
  EXPECT_TRUE(events.read_until("\"first\""));
  engine_->ring(event("second"));
  EXPECT_TRUE(events.read_until("\"second\"")) << "while it goes on";
  folder_.write("api.yml", serves_tls + wants_certificates + one_user);
  EXPECT_EQ(status_for(client()), 401);
  engine_->ring(event("third"));
  EXPECT_TRUE(events.read_until("\"third\"")) << "who is in stays in";
  daemon_->process().signal(SIGTERM);
  const auto ended = daemon_->process().wait(std::chrono::seconds(5));
  ASSERT_TRUE(ended) << "it must stop within 5 seconds: " << daemon_->log();
  EXPECT_EQ(ended->exit_code, 0);
}

}  // namespace
}  // namespace repodigest
