// The running program with --web.config.file: what is read again and when, what healthcheck and
// --config.check make of it, and what never stands in a log.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "support/basic.h"
#include "support/program.h"
#include "support/raw_client.h"
#include "support/web_config_folder.h"

namespace repodigest {
namespace {

using support::basic;
using support::Daemon;
using support::eventually;
using support::hash_of_secret;
using support::serves_tls;
using support::wants_certificates;
using testing::HasSubstr;
using testing::Not;

const std::string reload_succeeded = "repodigest_exporter_config_last_reload_successful";
const std::string one_user = "basic_auth_users: {one: " + hash_of_secret + "}\n";
const std::string other_user = "basic_auth_users: {other: " + hash_of_secret + "}\n";

class WebConfigTest : public ::testing::Test {
 protected:
  /// A daemon with that web config, on a port of its own besides its unix socket, where nobody is asked
  /// anything and no web config is looked at.
  void start(const std::string& web_config, std::vector<std::string> flags = {}) {
    folder_.write("web.yml", web_config);
    flags.insert(flags.end(), {"--demo", "--web.listen-address=127.0.0.1:0", web_config_flag()});
    daemon_ = std::make_unique<Daemon>(std::move(flags));
    port_ = support::logged_port(daemon_->process(), "msg=listening");
    ASSERT_NE(port_, 0) << daemon_->log();
  }
  [[nodiscard]] std::string web_config_flag() const { return "--web.config.file=" + folder_.path("web.yml"); }
  [[nodiscard]] std::string config_flag() const { return "--config.file=" + folder_.path("config.yml"); }

  /// The status over TLS with that user and password, 0 where there is no answer.
  [[nodiscard]] int status_for(const std::string& pair, const support::PemFiles& identity = {}) const {
    const auto answer =
        support::ask(port_, "/-/healthy", folder_.client(identity), {{"Authorization", basic(pair)}});
    return answer.ok() ? answer->status : 0;
  }
  [[nodiscard]] int post(const std::string& path) const {
    auto client = support::RawClient::unix_socket(daemon_->socket().string());
    EXPECT_TRUE(client.send("POST " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"));
    return client.read_reply().status;
  }
  void hang_up() const { daemon_->process().signal(SIGHUP); }
  [[nodiscard]] bool logs(const std::string& words, std::size_t times = 1) const {
    return eventually([&] { return count_in_log(words) >= times; });
  }
  [[nodiscard]] std::size_t count_in_log(const std::string& words) const {
    const std::string log = daemon_->log();
    std::size_t count = 0;
    for (auto at = log.find(words); at != std::string::npos; at = log.find(words, at + words.size())) ++count;
    return count;
  }

  support::WebConfigFolder folder_;
  std::unique_ptr<Daemon> daemon_;
  std::uint16_t port_ = 0;
};

TEST_F(WebConfigTest, LetsUsersInOverTlsAndNobodyElse) {
  start(serves_tls + one_user);
  EXPECT_EQ(status_for("one:secret"), 200);
  EXPECT_EQ(status_for("one:wrong"), 401);
  const auto plain = support::ask(port_, "/metrics");
  ASSERT_TRUE(plain.ok()) << plain.error().text;
  EXPECT_EQ(plain->status, 400);
  EXPECT_THAT(daemon_->log(), HasSubstr("tls=yes"));
}

TEST_F(WebConfigTest, IsReadAgainAtSighupBeforeAnybodyAsks) {
  start(serves_tls + one_user);
  const auto time = daemon_->metric("repodigest_exporter_config_last_reload_success_timestamp_seconds");
  folder_.write("web.yml", serves_tls + other_user);
  hang_up();
  ASSERT_TRUE(logs("msg=reloaded")) << daemon_->log();
  EXPECT_EQ(count_in_log("the web config is applied"), 2U);
  EXPECT_GT(daemon_->metric("repodigest_exporter_config_last_reload_success_timestamp_seconds"), time);
  EXPECT_EQ(status_for("one:secret"), 401);
  EXPECT_EQ(status_for("other:secret"), 200);
}

TEST_F(WebConfigTest, ThatIsBrokenAtSighupChangesNothingAndShowsInTheMetric) {
  start(serves_tls + one_user);
  EXPECT_EQ(daemon_->metric(reload_succeeded), 1);
  folder_.write("web.yml", "no_such_key: 1\n");
  hang_up();
  EXPECT_TRUE(daemon_->wait_for_metric(reload_succeeded, 0)) << daemon_->log();
  EXPECT_THAT(daemon_->log(), HasSubstr(folder_.path("web.yml")));
  EXPECT_THAT(daemon_->log(), HasSubstr("no_such_key"));
  EXPECT_EQ(status_for("one:secret"), 200);
  folder_.write("web.yml", serves_tls + one_user);
  hang_up();
  EXPECT_TRUE(daemon_->wait_for_metric(reload_succeeded, 1)) << daemon_->log();
}

TEST_F(WebConfigTest, IsReadAgainByAPostWhereTheLifecycleIsEnabled) {
  start(one_user, {"--web.enable-lifecycle"});
  EXPECT_EQ(post("/-/reload"), 200);
  EXPECT_EQ(count_in_log("the web config is applied"), 2U) << daemon_->log();
  EXPECT_EQ(daemon_->get("/-/reload")->status, 405);
  EXPECT_EQ(daemon_->get("/-/reload")->header("Allow"), "POST");
  folder_.write("web.yml", "basic_auth_users: {one: }\n");
  EXPECT_EQ(post("/-/reload"), 500);
  EXPECT_EQ(daemon_->metric(reload_succeeded), 0);
  EXPECT_EQ(post("/-/reload?x=1"), 405);
  EXPECT_EQ(post("/metrics"), 405);
}

TEST_F(WebConfigTest, IsNotReadAgainByAPostUnlessThatIsWanted) {
  start(one_user);
  EXPECT_EQ(post("/-/reload"), 405);
  EXPECT_EQ(daemon_->get("/-/reload")->status, 404);
  EXPECT_EQ(count_in_log("the web config is applied"), 1U);
}

TEST_F(WebConfigTest, IsReadAgainByAPostBelowTheRoutePrefix) {
  const std::string prefix = "/a/path/that/is/too/long/to/stand/in/a/string/itself";
  for (const std::string& one : {std::string("/x"), prefix}) {
    start(one_user, {"--web.enable-lifecycle", "--web.route-prefix=" + one});
    EXPECT_EQ(post(one + "/-/reload"), 200);
    EXPECT_EQ(post("/-/reload"), 405);
  }
}

TEST_F(WebConfigTest, GuardsTheReloadToo) {
  start(one_user, {"--web.enable-lifecycle"});
  const auto status = [this](const std::string& header) {
    auto client = support::RawClient::tcp(port_);
    EXPECT_TRUE(client.send("POST /-/reload HTTP/1.1\r\nHost: a\r\n" + header + "\r\n"));
    return client.read_reply().status;
  };
  EXPECT_EQ(status(""), 401);
  EXPECT_EQ(count_in_log("the web config is applied"), 1U);
  EXPECT_EQ(status("Authorization: " + basic("one:secret") + "\r\n"), 200);
}

TEST_F(WebConfigTest, BesideItALogLevelOfTheConfigFileAppliesWhileItRuns) {
  folder_.write("config.yml", "log.level: error\n");
  folder_.write("web.yml", one_user);
  daemon_ = std::make_unique<Daemon>(std::vector<std::string>{"--demo", web_config_flag(), config_flag()});
  ASSERT_TRUE(eventually([&] { return !daemon_->body("/-/healthy").empty(); }));
  EXPECT_EQ(daemon_->log(), "");
  folder_.write("config.yml", "log: {level: info, format: json}\n");
  hang_up();
  ASSERT_TRUE(logs("\"msg\":\"reloaded\"")) << daemon_->log();
  EXPECT_EQ(count_in_log("next start"), 0U) << daemon_->log();
}

TEST_F(WebConfigTest, BesideItAnotherSettingThatChangesIsSaidToWantARestart) {
  folder_.write("config.yml", "poll: {interval: 30s}\n");
  start(one_user, {config_flag()});
  folder_.write("config.yml", "poll: {interval: 45s}\nlog.level: debug\nweb.max-requests: 3\n");
  hang_up();
  ASSERT_TRUE(logs("msg=reloaded")) << daemon_->log();
  EXPECT_TRUE(logs("count from the next start on\" settings=\"poll.interval, web.max-requests\""))
      << daemon_->log();
  EXPECT_EQ(daemon_->metric("docker_poll_interval_seconds"), 30);
  folder_.write("config.yml", "poll: {interval: 30s}\n");
  hang_up();
  ASSERT_TRUE(logs("msg=reloaded", 2));
  EXPECT_EQ(count_in_log("next start"), 1U) << "it is again what the daemon began with";
}

TEST_F(WebConfigTest, BesideItABrokenConfigFileKeepsItRunningAndShowsInTheMetric) {
  folder_.write("config.yml", "poll.interval: 30s\n");
  start(one_user, {config_flag()});
  folder_.write("config.yml", "\nno.such.setting: 1\n");
  hang_up();
  EXPECT_TRUE(daemon_->wait_for_metric(reload_succeeded, 0)) << daemon_->log();
  EXPECT_TRUE(logs("the configuration is broken")) << daemon_->log();
  EXPECT_THAT(daemon_->log(), HasSubstr("no.such.setting"));
  std::filesystem::remove(folder_.path("config.yml"));
  hang_up();
  ASSERT_TRUE(logs("the configuration is broken", 2)) << daemon_->log();
  EXPECT_EQ(daemon_->body("/-/healthy"), "Healthy\n");
  folder_.write("config.yml", "poll.interval: 30s\n");
  hang_up();
  EXPECT_TRUE(daemon_->wait_for_metric(reload_succeeded, 1)) << daemon_->log();
}

TEST_F(WebConfigTest, IsCheckedWithTheConfigurationCertificatesAndAll) {
  const auto check = [this](const std::string& flag, const std::string& text) {
    folder_.write("web.yml", text);
    return support::run_program({"--config.check", flag + "=" + folder_.path("web.yml")});
  };
  for (const std::string flag : {"--web.config.file", "--docker-api.web.config.file"}) {
    const auto good = check(flag, serves_tls + wants_certificates + one_user);
    EXPECT_EQ(good.exit_code, 0) << good.errors;
    EXPECT_THAT(good.output, HasSubstr("config ok"));
    const auto broken = check(flag, "\nno_such_key: 1\n");
    EXPECT_EQ(broken.exit_code, 2);
    EXPECT_THAT(broken.errors, HasSubstr(folder_.path("web.yml")));
    EXPECT_THAT(broken.errors, HasSubstr("no_such_key"));
    const auto missing = check(flag, "tls_server_config: {cert_file: gone.crt, key_file: server.key}\n");
    EXPECT_EQ(missing.exit_code, 2);
    EXPECT_THAT(missing.errors, HasSubstr(folder_.path("gone.crt")));
  }
  const auto none = support::run_program({"--config.check", "--web.config.file=" + folder_.path("no.yml")});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.errors, HasSubstr(folder_.path("no.yml")));
}

TEST_F(WebConfigTest, ThatCannotBeUsedKeepsTheDaemonFromStarting) {
  const auto outcome = [this](const std::string& text) {
    folder_.write("web.yml", text);
    return support::run_program({"--demo", "--web.listen-address=127.0.0.1:0", web_config_flag()});
  };
  const auto broken = outcome("no_such_key: 1\n");
  EXPECT_EQ(broken.exit_code, 2);
  EXPECT_THAT(broken.errors, HasSubstr("no_such_key"));
  (void)folder_.authority().issue("another", "DNS:localhost");
  folder_.write("garbage.crt", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
  for (const std::string pair :
       {"cert_file: gone.crt, key_file: server.key", "cert_file: server.crt, key_file: gone.key",
        "cert_file: server.crt, key_file: another.key", "cert_file: garbage.crt, key_file: server.key"}) {
    const auto bad = outcome("tls_server_config: {" + pair + "}\n");
    EXPECT_EQ(bad.exit_code, 1) << pair << ": a bad certificate is no usage error; " << bad.errors;
    EXPECT_THAT(bad.errors, HasSubstr(folder_.path("web.yml")));
  }
}

// --- healthcheck

class HealthcheckOfAWebConfig : public WebConfigTest {
 protected:
  [[nodiscard]] support::Outcome healthcheck() const {
    return support::run_program(
        {"healthcheck", "--web.listen-address=127.0.0.1:" + std::to_string(port_), web_config_flag()});
  }
};

TEST_F(HealthcheckOfAWebConfig, FindsItAliveWhoeverMayAsk) {
  for (const std::string& config :
       {serves_tls, one_user, serves_tls + one_user, serves_tls + wants_certificates,
        serves_tls + "  max_version: TLS12\n" + wants_certificates,
        std::string("rate_limit: {interval: 1h, burst: 1}\n")}) {
    start(config);
    for (int i = 0; i < 2; ++i) {
      const auto outcome = healthcheck();
      EXPECT_EQ(outcome.exit_code, 0) << config << outcome.errors;
    }
  }
}

TEST_F(HealthcheckOfAWebConfig, FindsItAliveWhileItsFileIsBrokenAndTheOldOneServes) {
  for (const std::string& config : {serves_tls, one_user, serves_tls + wants_certificates}) {
    start(config);
    folder_.write("web.yml", "no_such_key: 1\n");
    const auto outcome = healthcheck();
    EXPECT_EQ(outcome.exit_code, 0) << config << outcome.errors;
  }
}

TEST_F(HealthcheckOfAWebConfig, FindsNothingWhereNothingIs) {
  start(serves_tls + wants_certificates);
  daemon_->process().signal(SIGTERM);
  ASSERT_TRUE(daemon_->process().wait());
  const auto outcome = healthcheck();
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.errors, HasSubstr("not healthy"));
  folder_.write("web.yml", "no_such_key: 1\n");
  EXPECT_EQ(healthcheck().exit_code, 1);
}

// --- What is never told

TEST_F(WebConfigTest, TellsNoPasswordHashOrKeyToAnybody) {
  const auto key = support::read_file(folder_.path("server.key"));
  const std::string key_text = key.substr(key.find('\n') + 1, 40);
  const auto indented = [](const std::string& pem) {
    std::istringstream lines(pem);
    std::string text;
    for (std::string line; std::getline(lines, line);) text += "    " + line + "\n";
    return text;
  };
  const std::string inline_tls =
      "tls_server_config:\n  cert: |\n" + indented(support::read_file(folder_.path("server.crt")));
  start(inline_tls + "  key: |\n" + indented(key) + one_user, {"--log.level=debug"});
  EXPECT_EQ(status_for("one:secret"), 200);
  EXPECT_EQ(status_for("one:pl4nted"), 401);
  EXPECT_EQ(status_for("pl4nted:pl4nted"), 401);

  const std::vector<std::string> secrets = {"pl4nted", hash_of_secret.substr(7),
                                            basic("one:secret").substr(6), key_text};
  // Mistakes that would show it, if a message showed what it complains of.
  const std::vector<std::string> mistakes = {
      "basic_auth_users: {one: pl4nted}\n",
      "basic_auth_users: {one: [pl4nted]}\n",
      "basic_auth_users: pl4nted\n",
      "basic_auth_users:\n  one: 'pl4nted\n",
      "basic_auth_users:\n  one: " + hash_of_secret + "pl4nted\n",
      "basic_auth_users: {one: " + hash_of_secret + ", one: " + hash_of_secret + "}\n",
      inline_tls + "  key: |\n" + key,                // not to the right of its name
      inline_tls + "  key: " + key_text + "\n",       // a part of it
      "tls_server_config: {key: " + key_text + "}\n"  // alone
  };
  std::size_t broken = 0;
  for (const auto& mistake : mistakes) {
    folder_.write("web.yml", mistake);
    hang_up();
    ASSERT_TRUE(logs("a web config is broken", ++broken)) << mistake << daemon_->log();
    const auto checked = support::run_program({"--config.check", web_config_flag()});
    EXPECT_EQ(checked.exit_code, 2) << mistake;
    for (const auto& secret : secrets) EXPECT_THAT(checked.errors, Not(HasSubstr(secret))) << mistake;
  }
  for (const std::string& text : {daemon_->log(), daemon_->body("/metrics"), daemon_->body("/"),
                                  daemon_->body("/api/v1/engine"), daemon_->body("/api/v1/summary")}) {
    EXPECT_FALSE(text.empty());
    for (const auto& secret : secrets) EXPECT_THAT(text, Not(HasSubstr(secret)));
  }
}

}  // namespace
}  // namespace repodigest
