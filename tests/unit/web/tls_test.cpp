// TLS of the server: who gets in, what is spoken, and what a client in the middle of a handshake cannot do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "serving.h"

namespace repodigest::web {
namespace {

using support::wants_certificates;
using testing::HasSubstr;
using testing::StartsWith;

constexpr Duration never = std::chrono::hours(24);

class TlsTest : public ::testing::Test {
 protected:
  /// With TLS and `more` of the config.
  Serving& serve(const std::string& more = "", ServerOptions options = {}) {
    options.keeper = policies_.use(more);
    return serving_.emplace(std::move(options));
  }
  [[nodiscard]] RawClient connect() const { return RawClient::tcp(serving_->port()); }
  /// The status of an answer, or 0 where the handshake or the request was refused.
  [[nodiscard]] int status_for(const RawClient::Handshake& how = {}) const {
    RawClient client = connect();
    if (!client.shake_hands(how) || !client.send(get("/"))) return 0;
    return client.read_reply().status;
  }

  Policies policies_;
  std::optional<Serving> serving_;
};

TEST_F(TlsTest, AnswersOverTls12And13AndNothingOlder) {
  serve();
  EXPECT_EQ(status_for(), 200);
  EXPECT_EQ(status_for({.newest = TLS1_2_VERSION}), 200);
  EXPECT_EQ(status_for({.newest = TLS1_1_VERSION}), 0);
  EXPECT_EQ(status_for({.newest = TLS1_VERSION}), 0);
}

TEST_F(TlsTest, SpeaksNothingOlderThanItsLeastVersion) {
  serve("  min_version: TLS13\n");
  EXPECT_EQ(status_for(), 200);
  EXPECT_EQ(status_for({.newest = TLS1_2_VERSION}), 0);
}

TEST_F(TlsTest, SpeaksOnlyTls13WhereNoSuiteOf12IsLeft) {
  serve("  cipher_suites: [TLS_AES_128_GCM_SHA256]\n");
  EXPECT_EQ(status_for(), 200);
  EXPECT_EQ(status_for({.newest = TLS1_2_VERSION}), 0);
}

TEST_F(TlsTest, UsesTheSuitesItIsGiven) {
  serve("  cipher_suites: [TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256]\n");
  RawClient client = connect();
  ASSERT_TRUE(client.shake_hands({.newest = TLS1_2_VERSION}));
  EXPECT_STREQ(SSL_get_cipher_name(client.tls()), "ECDHE-ECDSA-CHACHA20-POLY1305");
}

TEST_F(TlsTest, LetsInWhoHasACertificateOfTheAuthority) {
  serve(wants_certificates);
  support::TestAuthority stranger(policies_.path(""), "stranger");
  EXPECT_EQ(status_for({.identity = policies_.authority().issue("client", "DNS:client")}), 200);
  EXPECT_EQ(status_for(), 0) << "no certificate";
  EXPECT_EQ(status_for({.identity = stranger.issue("other", "DNS:client")}), 0);
  EXPECT_EQ(status_for({.identity = policies_.authority().issue("late", "DNS:client", /*expired=*/true)}), 0);
  EXPECT_EQ(status_for({.identity = stranger.issue("other", ""), .newest = TLS1_2_VERSION}), 0);
}

TEST_F(TlsTest, VerifiesACertificateOnlyWhereItIsToldTo) {
  support::TestAuthority stranger(policies_.path(""), "stranger");
  const auto theirs = stranger.issue("other", "DNS:client");
  for (const auto& [kind, without, with_theirs] :
       std::vector<std::tuple<std::string, int, int>>{{"NoClientCert", 200, 200},
                                                      {"RequestClientCert", 200, 200},
                                                      {"RequireAnyClientCert", 0, 200},
                                                      {"VerifyClientCertIfGiven", 200, 0}}) {
    const std::string authority = kind == "NoClientCert" ? "" : "  client_ca_file: ca.pem\n";
    serve("  client_auth_type: " + kind + "\n" + authority);
    EXPECT_EQ(status_for(), without) << kind;
    EXPECT_EQ(status_for({.identity = theirs}), with_theirs) << kind;
  }
}

TEST_F(TlsTest, LetsInWhoseCertificateHasOneOfTheNames) {
  serve(wants_certificates + "  client_allowed_sans: [prometheus.example, 10.0.0.7, 'spiffe://prom']\n");
  auto& authority = policies_.authority();
  EXPECT_EQ(status_for({.identity = authority.issue("a", "DNS:prometheus.example")}), 200);
  EXPECT_EQ(status_for({.identity = authority.issue("b", "DNS:x,IP:10.0.0.7")}), 200);
  EXPECT_EQ(status_for({.identity = authority.issue("c", "URI:spiffe://prom")}), 200);
  EXPECT_EQ(status_for({.identity = authority.issue("d", "DNS:a.prometheus.example")}), 0);
  EXPECT_EQ(status_for({.identity = authority.issue("prometheus.example", "DNS:other")}), 0)
      << "the common name is none of them";
}

TEST_F(TlsTest, ServesANewCertificateWithTheNextHandshake) {
  serve();
  const auto serial = [&] {
    RawClient client = connect();
    EXPECT_TRUE(client.shake_hands());
    const std::unique_ptr<X509, FreedBy<X509_free>> certificate(SSL_get1_peer_certificate(client.tls()));
    return ASN1_INTEGER_get(X509_get0_serialNumber(certificate.get()));
  };
  const long before = serial();
  EXPECT_EQ(serial(), before);
  RawClient old = connect();
  ASSERT_TRUE(old.shake_hands());

  (void)policies_.authority().issue("fresh", "DNS:localhost");
  policies_.write("tls_server_config:\n  cert_file: fresh.crt\n  key_file: fresh.key\n");
  EXPECT_EQ(serial(), before + 1);
  EXPECT_TRUE(old.is_closed()) << "an idle connection of the old one comes again";
}

TEST_F(TlsTest, AnswersAPlainRequestWithPlainWords) {
  serve();
  RawClient client = connect();
  ASSERT_TRUE(client.send(get("/")));
  const RawReply reply = client.read_reply();
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("https://"));
  EXPECT_TRUE(client.is_closed());
}

TEST_F(TlsTest, ClosesOnGarbageAndOnAHandshakeThatDoesNotEnd) {
  ServerOptions options;
  options.head_timeout = std::chrono::milliseconds(100);
  serve("", options);
  RawClient garbage = connect();
  ASSERT_TRUE(garbage.send(std::string("\x16\x03\x01\x40\x00", 5) + std::string(2000, 'x')));
  (void)garbage.read_to_end();  // an alert, perhaps
  RawClient silent = connect();
  EXPECT_TRUE(silent.is_closed());
  RawClient slow = connect();
  ASSERT_TRUE(slow.send(std::string("\x16\x03\x01\x02\x00\x01", 6)));
  EXPECT_TRUE(slow.is_closed());
  EXPECT_TRUE(eventually([&] { return serving_->connections() == 0; }));
  EXPECT_EQ(status_for(), 200);
}

TEST_F(TlsTest, EndsAClientThatSendsRecordsWithoutEndAndNothingInThem) {
  serve();
  RawClient client = connect();
  ASSERT_TRUE(client.shake_hands());
  // Each is work for the server: new keys.
  int taken = 0;
  while (taken < 1'000'000 && SSL_key_update(client.tls(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
         SSL_do_handshake(client.tls()) == 1)
    ++taken;
  EXPECT_LT(taken, 1'000'000);
  EXPECT_EQ(status_for(), 200);
}

TEST_F(TlsTest, ServesNobodyOnAConnectionThatANewPolicyWouldNotHaveLetIn) {
  serve();
  policies_.write("");
  RawClient plain = connect();
  ASSERT_TRUE(plain.send(get("/")));
  ASSERT_EQ(plain.read_reply().status, 200);
  policies_.write("tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n");
  ASSERT_TRUE(plain.send(get("/")));
  EXPECT_EQ(plain.read_reply().status, 400);
  RawClient anybody = connect();
  ASSERT_TRUE(anybody.shake_hands());
  ASSERT_TRUE(anybody.send(get("/")));
  ASSERT_EQ(anybody.read_reply().status, 200);
  policies_.write("tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n" +
                  wants_certificates);
  (void)anybody.send(get("/"));
  EXPECT_TRUE(anybody.is_closed());
}

TEST_F(TlsTest, KeepsConnectionsWhereTheChangeIsNotAboutThem) {
  serve();
  RawClient client = connect();
  ASSERT_TRUE(client.shake_hands());
  for (const std::string users : {"", "basic_auth_users: {}\n"}) {
    policies_.write("tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n" + users);
    ASSERT_TRUE(client.send(get("/")));
    EXPECT_EQ(client.read_reply().status, 200);
  }
}

TEST_F(TlsTest, LetsNobodyNegotiateTwice) {
  serve();
  RawClient client = connect();
  ASSERT_TRUE(client.shake_hands({.newest = TLS1_2_VERSION}));
  SSL_renegotiate(client.tls());
  EXPECT_LE(SSL_do_handshake(client.tls()), 0);
}

TEST_F(TlsTest, SpeaksHttp11WhateverElseIsOffered) {
  serve();
  RawClient client = connect();
  ASSERT_TRUE(client.shake_hands({.protocols = "\x02h2\x08http/1.1"}));
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(client.tls(), &chosen, &size);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(chosen), size), "http/1.1");
  EXPECT_EQ(status_for({.protocols = "\x02h2"}), 0);
}

TEST_F(TlsTest, KeepsConnectionsAndTakesRequestsThatComeTogether) {
  serve();
  RawClient client = connect();
  ASSERT_TRUE(client.shake_hands());
  std::string many;
  for (int i = 0; i < 100; ++i) many += get("/query?i=" + std::to_string(i));
  ASSERT_TRUE(client.send(many));
  for (int i = 0; i < 100; ++i) ASSERT_EQ(client.read_reply().body, "GET|i=" + std::to_string(i) + "|");
  // A head that comes in records of a byte.
  for (const char c : get("/")) ASSERT_TRUE(client.send({&c, 1}));
  EXPECT_EQ(client.read_reply().body, "page");
}

TEST_F(TlsTest, SendsALargeBodyWholeAlsoToASlowReader) {
  serve();
  RawClient slow = RawClient::tcp(serving_->port(), 4096);
  ASSERT_TRUE(slow.shake_hands());
  ASSERT_TRUE(slow.send(get("/big")));
  EXPECT_EQ(status_for(), 200);
  EXPECT_TRUE(slow.read_reply().body == *serving_->big());
}

TEST_F(TlsTest, MakesRoomForANewcomerAmongThoseWhoShakeHands) {
  ServerOptions options;
  options.max_connections = 4;
  options.head_timeout = never;
  serve("", options);
  std::vector<RawClient> silent;
  for (int i = 0; i < 4; ++i) silent.push_back(connect());
  ASSERT_TRUE(eventually([&] { return serving_->connections() == 4; }));
  EXPECT_EQ(status_for(), 200);
  EXPECT_TRUE(silent.front().is_closed());
}

TEST_F(TlsTest, LeavesUnixSocketsToTheirModeAndGroup) {
  ServerOptions options;
  options.addresses.push_back({true, policies_.path("web.sock"), "", 0});
  options.addresses.push_back({false, "", "127.0.0.1", 0});
  serve("basic_auth_users: {one: " + support::hash_of_secret + "}\n", options);
  RawClient client = RawClient::unix_socket(policies_.path("web.sock"));
  ASSERT_TRUE(client.send(get("/")));
  EXPECT_EQ(client.read_reply().status, 200);
}

TEST_F(TlsTest, MayBeTurnedOffAndOnWhileItServes) {
  serve();
  policies_.write("");
  RawClient plain = connect();
  ASSERT_TRUE(plain.send(get("/")));
  EXPECT_EQ(plain.read_reply().status, 200);
  policies_.write("tls_server_config: {cert_file: server.crt, key_file: server.key}\n");
  EXPECT_EQ(status_for(), 200);
}

}  // namespace
}  // namespace repodigest::web
