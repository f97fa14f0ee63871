// Web config files: each file of the corpus, and what the values become.
#include "repodigest/access/web_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <string>

#include "repodigest/access/keeper.h"
#include "support/web_config_corpus.h"

namespace repodigest::access {
namespace {

using support::WebConfigCorpus;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;

class WebConfigFile : public testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite() { corpus_ = std::make_unique<WebConfigCorpus>(); }
  static void TearDownTestSuite() { corpus_.reset(); }
  static inline std::unique_ptr<WebConfigCorpus> corpus_;
};

TEST_P(WebConfigFile, IsTakenForWhatItsNameSays) {
  const std::string path = corpus_->path(GetParam());
  const Status status = check_web_config(path);
  EXPECT_EQ(status.ok(), WebConfigCorpus::is_good(GetParam())) << (status.ok() ? "" : status.error().text);
  if (status.ok()) return;
  EXPECT_THAT(status.error().text, StartsWith(path)) << "which file it is stands first";
  EXPECT_EQ(status.error().text.find("klmnopqrs"), std::string::npos) << "no hash goes into a message";
}

std::string word_of(const testing::TestParamInfo<std::string>& info) {
  std::string word = info.param.substr(0, info.param.rfind('.'));
  std::replace(word.begin(), word.end(), '.', '_');
  return word;
}

INSTANTIATE_TEST_SUITE_P(Corpus, WebConfigFile, testing::ValuesIn(WebConfigCorpus::names()), word_of);

const std::string hash = "$2y$04$abcdefghijklmnopqrstuuZPMJyWrFJC4YwMXcJQKJqTcxvZAhLCe";

Result<WebConfig> parse(const std::string& content) {
  return parse_web_config("/etc/exporter/web.yml", content);
}
std::string error_of(const std::string& content) {
  const auto config = parse(content);
  return config ? "" : config.error().text;
}

TEST(WebConfigTest, TakesPathsFromTheFolderOfTheFile) {
  const auto config = parse("tls_server_config: {cert_file: tls/a.crt, key_file: /etc/b.key}");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->tls->certificate.file, "/etc/exporter/tls/a.crt");
  EXPECT_EQ(config->tls->key.file, "/etc/b.key");
  const auto beside = parse_web_config("web.yml", "tls_server_config: {cert_file: a.crt, key_file: b.key}");
  EXPECT_EQ(beside->tls->certificate.file, "a.crt");
}

TEST(WebConfigTest, HasTheDefaultsOfItsModel) {
  const auto config = parse("tls_server_config: {cert_file: a, key_file: b}");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->tls->min_version, TLS1_2_VERSION);
  EXPECT_EQ(config->tls->max_version, TLS1_3_VERSION);
  EXPECT_TRUE(config->tls->prefer_server_cipher_suites);
  EXPECT_FALSE(config->tls->cipher_suites);
  EXPECT_EQ(config->tls->client_auth, ClientAuth::none);
  EXPECT_THAT(config->notes, ElementsAre());
  EXPECT_FALSE(parse("")->tls);
}

TEST(WebConfigTest, TranslatesGosNames) {
  const auto config = parse(
      "tls_server_config: {cert_file: a, key_file: b, min_version: TLS13, curve_preferences: [CurveP256, "
      "X25519],"
      " cipher_suites: [TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, TLS_AES_128_GCM_SHA256]}");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->tls->min_version, TLS1_3_VERSION);
  EXPECT_THAT(*config->tls->cipher_suites, ElementsAre("ECDHE-RSA-CHACHA20-POLY1305"));
  EXPECT_THAT(config->tls->curves, ElementsAre("P-256", "X25519"));
}

TEST(WebConfigTest, NotesWhatIsServedInstead) {
  EXPECT_THAT(parse("http_server_config: {http2: true}")->notes,
              ElementsAre("http2: true changes nothing: HTTP/1.1 is served"));
  const auto old =
      parse("tls_server_config: {cert_file: a, key_file: b, min_version: TLS10, max_version: TLS11}");
  EXPECT_THAT(old->notes, ElementsAre(HasSubstr("TLS 1.2 is instead")));
  EXPECT_EQ(old->tls->max_version, TLS1_2_VERSION);
  EXPECT_THAT(parse("tls_server_config: {min_version: TLS13}")->notes, ElementsAre(HasSubstr("TLS is off")));
}

TEST(WebConfigTest, ReadsUsersHeadersAndLimits) {
  const auto config =
      parse("basic_auth_users: {one: " + hash + "}\nrate_limit: {interval: 100ms, burst: 3}\n" +
            "http_server_config: {headers: {X-Frame-Options: deny}}\n");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_THAT(config->users, ElementsAre(Pair("one", hash)));
  EXPECT_THAT(config->headers, ElementsAre(Pair("X-Frame-Options", "deny")));
  EXPECT_EQ(config->rate_limit->interval, std::chrono::milliseconds(100));
  EXPECT_EQ(config->rate_limit->burst, 3U);
}

TEST(WebConfigTest, SaysWhereAndWhatIsWrong) {
  EXPECT_EQ(error_of("tls_server_config:\n  cert_file: a\n  kee_file: b\n").substr(0, 60),
            "/etc/exporter/web.yml:3:3: unknown key kee_file: there is ce");
  EXPECT_EQ(
      error_of("basic_auth_users:\n  one: secret\n"),
      "/etc/exporter/web.yml:2:3: the password of one: it is no bcrypt hash; htpasswd -nBC 10 \"\" makes "
      "a bcrypt hash");
  EXPECT_EQ(error_of("a: [\n").substr(0, 28), "/etc/exporter/web.yml:2:1: n");
  EXPECT_THAT(error_of("tls_server_config: {cert_file: a}"), HasSubstr("key_file is missing"));
}

}  // namespace
}  // namespace repodigest::access
