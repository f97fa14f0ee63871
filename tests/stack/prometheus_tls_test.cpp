// A real Prometheus scrapes the program over TLS, with a certificate or a password, and is told why not.
#include <gtest/gtest.h>
#include <openssl/x509.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "prometheus.h"
#include "support/basic.h"
#include "support/program.h"
#include "support/raw_client.h"
#include "support/recording.h"
#include "support/replay_engine.h"
#include "support/web_config_folder.h"

namespace repodigest {
namespace {

using stack::Prometheus;
using support::Daemon;
using support::eventually;
using support::PemFiles;
using support::RawClient;
using support::ReplayEngine;
using support::serves_tls;
using support::wants_certificates;

/// One program, with the web config of its folder.
struct Exporter {
  Exporter(const std::string& web_config, const std::string& engine) {
    folder.write("web.yml", web_config);
    daemon = std::make_unique<Daemon>(std::vector<std::string>{
        "--docker.host=" + engine, "--web.listen-address=127.0.0.1:0", "--poll.interval=500ms",
        "--web.config.file=" + folder.path("web.yml"), "--web.max-connections=8"});
    port = support::logged_port(daemon->process(), "msg=listening");
  }

  /// A job that scrapes it; `how` are lines of it.
  [[nodiscard]] std::string job(const std::string& name, const std::string& how) const {
    return "  - job_name: " + name + "\n    static_configs: [{targets: ['127.0.0.1:" + std::to_string(port) +
           "']}]\n" + how;
  }
  [[nodiscard]] std::string job_over_tls(const std::string& name, const PemFiles& identity,
                                         const std::string& more = "") const {
    const std::string own = identity.certificate.empty()
                                ? ""
                                : ", cert_file: " + identity.certificate + ", key_file: " + identity.key;
    return job(name, "    scheme: https\n    tls_config: {ca_file: " + folder.path("trusted.pem") + own +
                         "}\n" + more);
  }
  [[nodiscard]] std::string job_of_user(const std::string& name, const std::string& password) const {
    folder.write(name + ".password", password);
    return job_over_tls(
        name, {},
        "    basic_auth: {username: prometheus, password_file: " + folder.path(name + ".password") + "}\n");
  }
  /// The number of the certificate that a handshake gets now; 0 where there is none.
  [[nodiscard]] long serial(const PemFiles& identity) const {
    RawClient client = RawClient::tcp(port);
    if (!client.shake_hands({.identity = identity})) return 0;
    const std::unique_ptr<X509, FreedBy<X509_free>> certificate(SSL_get1_peer_certificate(client.tls()));
    return ASN1_INTEGER_get(X509_get0_serialNumber(certificate.get()));
  }

  support::WebConfigFolder folder;
  std::unique_ptr<Daemon> daemon;
  std::uint16_t port = 0;
};

class ScrapedOverTls : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!Prometheus::is_here()) return;
    auto engine = ReplayEngine::on_loopback(support::Recording::embedded());
    if (!engine.ok()) return;
    engine_ = std::move(engine).value();
    by_certificate_ = std::make_unique<Exporter>(serves_tls + wants_certificates, engine_->host());
    by_password_ = std::make_unique<Exporter>(with_users, engine_->host());
    prometheus_ = std::make_unique<Prometheus>(jobs());
  }
  static void TearDownTestSuite() {
    prometheus_.reset();
    by_password_.reset();
    by_certificate_.reset();
    engine_.reset();
  }
  void SetUp() override {
    if (!Prometheus::is_here())
      GTEST_SKIP() << "THERE IS NO PROMETHEUS HERE: what it says of a program that speaks TLS was not tested";
    ASSERT_TRUE(prometheus_);
  }

  static std::string jobs() {
    support::WebConfigFolder& certificates = by_certificate_->folder;
    support::TestAuthority stranger(certificates.path(""), "stranger");
    client_ = certificates.authority().issue("prometheus", "DNS:prometheus");
    for (const Exporter* const one : {by_certificate_.get(), by_password_.get()})
      std::filesystem::copy_file(one->folder.path("ca.pem"), one->folder.path("trusted.pem"));
    return by_certificate_->job_over_tls("certificate", client_) +
           by_certificate_->job_over_tls("no_certificate", {}) +
           by_certificate_->job_over_tls("stranger", stranger.issue("other", "DNS:prometheus")) +
           by_certificate_->job_over_tls("expired",
                                         certificates.authority().issue("late", "DNS:prometheus", true)) +
           by_certificate_->job("plain", "") + by_password_->job_of_user("password", "secret") +
           by_password_->job_of_user("wrong_password", "wrong") +
           by_password_->job_over_tls("no_password", {}) +
           by_password_->job("old_tls", "    scheme: https\n    tls_config: {ca_file: " +
                                            by_password_->folder.path("trusted.pem") +
                                            ", min_version: TLS11, max_version: TLS11}\n");
  }
  /// Whether a job's target is down and Prometheus says this of it; what it says else is told.
  static void expect_down(const std::string& job, const std::string& error) {
    EXPECT_TRUE(eventually([&] { return prometheus_->last_error(job).find(error) != std::string::npos; }))
        << job << ": " << prometheus_->last_error(job);
    EXPECT_TRUE(is_up(job, 0)) << job;
  }
  static bool is_up(const std::string& job, int up = 1) {
    return prometheus_->wait_for("up{job='" + job + "'}", up);
  }
  /// Lets the one that verifies certificates drop the connections it keeps, so that each has to shake hands
  /// again.
  static void make_all_shake_hands_again() {
    std::vector<RawClient> newcomers;
    for (int i = 0; i < 8; ++i) {
      newcomers.push_back(RawClient::tcp(by_certificate_->port));
      EXPECT_TRUE(newcomers.back().shake_hands({.identity = client_}));
    }
  }

  static inline const std::string with_users =
      serves_tls + "basic_auth_users: {prometheus: " + support::hash_of_secret + "}\n";
  static inline std::unique_ptr<ReplayEngine> engine_;
  static inline std::unique_ptr<Exporter> by_certificate_;
  static inline std::unique_ptr<Exporter> by_password_;
  static inline std::unique_ptr<Prometheus> prometheus_;
  static inline PemFiles client_;
};

TEST_F(ScrapedOverTls, WithACertificateOfTheAuthority) {
  EXPECT_TRUE(is_up("certificate")) << prometheus_->last_error("certificate")
                                    << by_certificate_->daemon->log();
  EXPECT_TRUE(prometheus_->wait_for("docker_repo_digests{job='certificate'}", 155));
  EXPECT_EQ(prometheus_->value("repodigest_exporter_insecure_listener{job='certificate'}"), 0);
}

TEST_F(ScrapedOverTls, WithTheRightPassword) {
  EXPECT_TRUE(is_up("password")) << prometheus_->last_error("password") << by_password_->daemon->log();
  EXPECT_TRUE(prometheus_->wait_for("docker_repo_digests{job='password'}", 155));
}

TEST_F(ScrapedOverTls, NotWithAWrongPasswordOrWithoutOne) {
  expect_down("wrong_password", "server returned HTTP status 401 Unauthorized");
  expect_down("no_password", "server returned HTTP status 401 Unauthorized");
}

TEST_F(ScrapedOverTls, NotWithoutAGoodCertificate) {
  expect_down("no_certificate", "remote error: tls: certificate required");
  expect_down("stranger", "remote error: tls: unknown certificate authority");
  expect_down("expired", "remote error: tls: expired certificate");
  EXPECT_NE(by_certificate_->daemon->log().find("the client gave no certificate"), std::string::npos)
      << by_certificate_->daemon->log();
  EXPECT_NE(by_certificate_->daemon->log().find("certificate has expired"), std::string::npos);
}

TEST_F(ScrapedOverTls, NotWithoutTlsOrWithAnOldOne) {
  expect_down("plain", "server returned HTTP status 400 Bad Request");
  expect_down("old_tls", "tls: protocol version not supported");
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    RawClient old = RawClient::tcp(by_password_->port);
    EXPECT_FALSE(old.shake_hands({.newest = version}));
  }
}

TEST_F(ScrapedOverTls, TheNextHandshakeGetsTheCertificateThatTookTheOldOnesPlace) {
  ASSERT_TRUE(is_up("certificate")) << prometheus_->last_error("certificate");
  support::WebConfigFolder& folder = by_certificate_->folder;
  const long before = by_certificate_->serial(client_);
  ASSERT_NE(before, 0);

  // Of an authority that Prometheus does not know: so it shows that it really looks at it.
  support::TestAuthority stranger(folder.path(""), "strange_issuer");
  (void)stranger.issue("spare", "");  // its serial is that of the old one
  (void)stranger.issue("strange", "IP:127.0.0.1");
  folder.replace("server.crt", "strange.crt");
  EXPECT_EQ(by_certificate_->serial(client_), before) << "the key is not yet there: the old pair stays";
  folder.replace("server.key", "strange.key");
  EXPECT_NE(by_certificate_->serial(client_), before);
  make_all_shake_hands_again();
  EXPECT_TRUE(is_up("certificate", 0));
  expect_down("certificate", "x509: certificate signed by unknown authority");

  (void)folder.authority().issue("renewed", "IP:127.0.0.1");
  folder.replace("server.crt", "renewed.crt");
  folder.replace("server.key", "renewed.key");
  const long after = by_certificate_->serial(client_);
  EXPECT_GT(after, before);
  EXPECT_TRUE(is_up("certificate")) << prometheus_->last_error("certificate");
  make_all_shake_hands_again();
  const std::string scrapes = "count_over_time(up{job='certificate'}[1h])";
  const auto so_far = prometheus_->value(scrapes).value_or(0);
  EXPECT_TRUE(eventually([&] { return prometheus_->value(scrapes).value_or(0) >= so_far + 3; }));
  EXPECT_EQ(prometheus_->value("min_over_time(up{job='certificate'}[2s])"), 1) << "it goes on";
  EXPECT_TRUE(
      prometheus_->wait_for("repodigest_exporter_config_last_reload_successful{job='certificate'}", 1));
}

TEST_F(ScrapedOverTls, ABrokenWebConfigShowsInPrometheusWhichIsStillLetInUntilItIsMended) {
  ASSERT_TRUE(is_up("password")) << prometheus_->last_error("password");
  const std::string succeeded = "repodigest_exporter_config_last_reload_successful{job='password'}";
  EXPECT_TRUE(prometheus_->wait_for(succeeded, 1));
  by_password_->folder.write("web.yml", with_users + "no_such_key: 1\n");
  EXPECT_TRUE(prometheus_->wait_for(succeeded, 0)) << by_password_->daemon->log();
  expect_down("wrong_password", "server returned HTTP status 401 Unauthorized");
  const std::string time = "repodigest_exporter_config_last_reload_success_timestamp_seconds{job='password'}";
  const auto before = prometheus_->value(time);
  by_password_->folder.write("web.yml", with_users);
  EXPECT_TRUE(prometheus_->wait_for(succeeded, 1)) << by_password_->daemon->log();
  EXPECT_GT(prometheus_->value(time), before);
  EXPECT_TRUE(is_up("password"));
}

}  // namespace
}  // namespace repodigest
