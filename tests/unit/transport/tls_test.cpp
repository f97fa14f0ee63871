// TLS: what is trusted, what is refused, and in which words.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <csignal>
#include <fstream>
#include <string>
#include <thread>

#include "calls.h"
#include "support/test_certificates.h"
#include "transport/stream.h"

namespace repodigest::transport {
namespace {

using support::PemFiles;
using support::RawConnection;
using support::RawServer;
using support::TestAuthority;
using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

struct ServerOptions {
  PemFiles identity;
  std::string client_ca;  ///< if not empty, a client certificate of this authority is required
  int newest = TLS1_3_VERSION;
  bool goodbye = true;  ///< close_notify at the end
  std::string body = answer;
  int answers = 1000;
};

/// A script that speaks TLS and answers each request until the client leaves or `answers` were given.
RawServer::Script tls_server(const ServerOptions& options, std::string* server_name = nullptr) {
  return [=](RawConnection& connection) {
    // Writing to a client that hung up must not end the test.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_server_method()),
                                                                    &SSL_CTX_free);
    SSL_CTX_set_max_proto_version(context.get(), options.newest);
    SSL_CTX_use_certificate_chain_file(context.get(), options.identity.certificate.c_str());
    SSL_CTX_use_PrivateKey_file(context.get(), options.identity.key.c_str(), SSL_FILETYPE_PEM);
    if (!options.client_ca.empty()) {
      SSL_CTX_load_verify_file(context.get(), options.client_ca.c_str());
      SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    const std::unique_ptr<SSL, decltype(&SSL_free)> session(SSL_new(context.get()), &SSL_free);
    SSL_set_fd(session.get(), connection.socket());
    if (SSL_accept(session.get()) != 1) return;
    if (server_name != nullptr)
      if (const char* name = SSL_get_servername(session.get(), TLSEXT_NAMETYPE_host_name))
        *server_name = name;
    char request[4096];
    for (int i = 0; i < options.answers && SSL_read(session.get(), request, sizeof request) > 0; ++i)
      SSL_write(session.get(), options.body.data(), static_cast<int>(options.body.size()));
    if (options.goodbye) SSL_shutdown(session.get());
  };
}

class TlsTransport : public ::testing::Test {
 protected:
  support::TemporaryFolder folder_;
  TestAuthority authority_{folder_.path(), "authority"};
  TestAuthority other_{folder_.path(), "other"};
  ServerOptions good_{.identity = authority_.issue("good", "DNS:localhost,IP:127.0.0.1"), .client_ca = ""};

  [[nodiscard]] Endpoint endpoint(const RawServer& server) const {
    auto made = tcp_endpoint(server.port());
    made.kind = Endpoint::Kind::tls;
    made.tls.ca_file = authority_.certificate();
    return made;
  }
  /// The error of a call to a server with `options`.
  Error error_of(const ServerOptions& options, const Tls* tls = nullptr) {
    auto server = RawServer::on_tcp({tls_server(options)});
    auto where = endpoint(server);
    if (tls != nullptr) where.tls = *tls;
    const auto result = make_transport(where)->call(get(), patience());
    EXPECT_FALSE(result.ok());
    return result.ok() ? Error{} : result.error();
  }
};

TEST_F(TlsTransport, CallsAServerOfItsAuthorityByAddressAndByName) {
  std::string server_name;
  for (const std::string host : {"127.0.0.1", "localhost"}) {
    auto server = RawServer::on_tcp({tls_server(good_, &server_name)});
    auto where = endpoint(server);
    where.host = host;
    const auto transport = make_transport(where);
    for (const bool first : {true, false}) {
      const auto result = transport->call(get(), patience());
      ASSERT_TRUE(result.ok()) << result.error().text;
      EXPECT_EQ(result->body, "hi");
      EXPECT_EQ(result->new_connection, first);
    }
    EXPECT_EQ(server.connections(), 1U);
  }
  EXPECT_EQ(server_name, "localhost");
}

TEST_F(TlsTransport, SpeaksTls12ButNothingOlder) {
  auto options = good_;
  options.newest = TLS1_2_VERSION;
  auto server = RawServer::on_tcp({tls_server(options)});
  EXPECT_TRUE(make_transport(endpoint(server))->call(get(), patience()).ok());
  options.newest = TLS1_1_VERSION;
  EXPECT_EQ(error_of(options).reason, Reason::tls);
}

TEST_F(TlsTransport, RefusesACertificateForAnotherHost) {
  auto options = good_;
  for (const std::string names : {"DNS:elsewhere.example", "IP:127.0.0.2", ""}) {
    options.identity = authority_.issue("elsewhere", names);
    const Error error = error_of(options);
    EXPECT_EQ(error.reason, Reason::tls);
    EXPECT_THAT(error.text, AllOf(HasSubstr("the TLS handshake with https://127.0.0.1:"),
                                  HasSubstr("the server's certificate is for another host")));
  }
}

TEST_F(TlsTransport, RefusesAnExpiredCertificate) {
  auto options = good_;
  options.identity = authority_.issue("expired", "IP:127.0.0.1", true);
  const Error error = error_of(options);
  EXPECT_EQ(error.reason, Reason::tls);
  EXPECT_THAT(error.text, HasSubstr("the server's certificate has expired"));
}

TEST_F(TlsTransport, RefusesAnUnknownAuthority) {
  auto options = good_;
  options.identity = other_.issue("foreign", "IP:127.0.0.1");
  EXPECT_THAT(error_of(options).text, HasSubstr("from an unknown authority"));
  const Tls system;
  EXPECT_THAT(error_of(good_, &system).text, HasSubstr("from an unknown authority"));
}

TEST_F(TlsTransport, TakesAnyCertificateOnlyWhenToldTo) {
  auto options = good_;
  options.identity = other_.issue("foreign", "DNS:elsewhere.example", true);
  auto server = RawServer::on_tcp({tls_server(options)});
  auto where = endpoint(server);
  where.tls.verify = false;
  const auto result = make_transport(where)->call(get(), patience());
  EXPECT_TRUE(result.ok()) << result.error().text;
}

TEST_F(TlsTransport, ShowsItsClientCertificate) {
  auto options = good_;
  options.client_ca = authority_.certificate();
  const PemFiles client = authority_.issue("client", "");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    options.newest = version;
    auto server = RawServer::on_tcp({tls_server(options)});
    auto where = endpoint(server);
    where.tls.cert_file = client.certificate;
    where.tls.key_file = client.key;
    const auto result = make_transport(where)->call(get(), patience());
    ASSERT_TRUE(result.ok()) << result.error().text;
    EXPECT_EQ(result->body, "hi");
  }
}

TEST_F(TlsTransport, SaysThatTheServerWantsAClientCertificateOrAnotherOne) {
  auto options = good_;
  options.client_ca = authority_.certificate();
  const PemFiles foreign = other_.issue("client", "");
  Tls tls;
  tls.ca_file = authority_.certificate();
  Tls with_foreign = tls;
  with_foreign.cert_file = foreign.certificate;
  with_foreign.key_file = foreign.key;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    options.newest = version;
    const Error none = error_of(options, &tls);
    EXPECT_EQ(none.reason, Reason::tls) << none.text;
    EXPECT_THAT(none.text, HasSubstr("the server wants a client certificate"));
    const Error wrong = error_of(options, &with_foreign);
    EXPECT_EQ(wrong.reason, Reason::tls) << wrong.text;
    EXPECT_THAT(wrong.text, HasSubstr("the server refuses the client certificate"));
  }
}

TEST_F(TlsTransport, SaysThatTheServerDoesNotSpeakTls) {
  const std::vector<RawServer::Script> scripts = {[](RawConnection& connection) {
                                                    connection.send("HTTP/1.1 400 Bad Request\r\n\r\n");
                                                    connection.wait_for_close();
                                                  },
                                                  [](RawConnection& connection) {
                                                    connection.send("SSH-2.0-OpenSSH_9.2\r\n");
                                                    connection.wait_for_close();
                                                  },
                                                  [](RawConnection&) {}};
  auto server = RawServer::on_tcp(scripts);
  const auto transport = make_transport(endpoint(server));
  for (const std::string part :
       {"does not speak TLS there", "does not speak TLS there", "speak TLS there?"}) {
    const auto result = transport->call(get(), patience());
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().reason, Reason::tls);
    EXPECT_THAT(result.error().text, HasSubstr(part));
  }
}

TEST_F(TlsTransport, GivesUpAHandshakeThatHangs) {
  auto server = RawServer::on_tcp({[](RawConnection& connection) { connection.wait_for_close(); }});
  const auto late =
      make_transport(endpoint(server))->call(get(), Cancel().within(std::chrono::milliseconds(50)));
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().reason, Reason::timeout);

  const Wake wake;
  auto stopping = RawServer::on_tcp({[&](RawConnection& connection) {
    wake.raise();
    connection.wait_for_close();
  }});
  const auto stopped = make_transport(endpoint(stopping))->call(get(), Cancel(wake));
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().reason, Reason::interrupted);
}

TEST_F(TlsTransport, GivesUpInTheMiddleOfRecordsThatCarryNothing) {
  const Wake enough;
  auto server = RawServer::on_tcp({[&](RawConnection& connection) {
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_server_method()),
                                                                    &SSL_CTX_free);
    SSL_CTX_use_certificate_chain_file(context.get(), good_.identity.certificate.c_str());
    SSL_CTX_use_PrivateKey_file(context.get(), good_.identity.key.c_str(), SSL_FILETYPE_PEM);
    const std::unique_ptr<SSL, decltype(&SSL_free)> session(SSL_new(context.get()), &SSL_free);
    SSL_set_fd(session.get(), connection.socket());
    if (SSL_accept(session.get()) != 1) return;
    // Made before they are sent, so that the client is never faster: each is new keys for it, and then comes
    // the answer.
    BIO* const made = BIO_new(BIO_s_mem());
    SSL_set0_wbio(session.get(), made);
    for (int i = 0; i < 200'000; ++i)
      if (SSL_key_update(session.get(), SSL_KEY_UPDATE_NOT_REQUESTED) != 1 ||
          SSL_do_handshake(session.get()) != 1)
        return;
    SSL_write(session.get(), answer.data(), static_cast<int>(answer.size()));
    char* bytes = nullptr;
    const auto size = static_cast<std::size_t>(BIO_get_mem_data(made, &bytes));
    const std::string_view all(bytes, size);
    constexpr std::size_t beginning = 64U << 10U;
    if (!connection.send(all.substr(0, beginning))) return;
    enough.raise();
    connection.send(all.substr(beginning));
  }});
  const auto result = make_transport(endpoint(server))->call(get(), Cancel(enough));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().reason, Reason::interrupted);
}

TEST_F(TlsTransport, NamesThePemFileItCannotUse) {
  const auto path = [&](const char* name) { return (folder_.path() / name).string(); };
  std::ofstream(path("not.pem")) << "this is no PEM\n";
  const PemFiles one = authority_.issue("one", "");
  const PemFiles two = authority_.issue("two", "");
  const std::string ca = authority_.certificate();
  struct Case {
    Tls tls;
    std::string text;
  };
  for (const auto& [tls, text] :
       {Case{{path("no.pem"), "", "", true}, "cannot use the CA file " + path("no.pem") + ": no such file"},
        Case{{path("not.pem"), "", "", true}, path("not.pem") + ": there is no PEM certificate in it"},
        Case{{ca, path("no.pem"), one.key, true}, "client certificate " + path("no.pem") + ": no such file"},
        Case{{ca, path("not.pem"), one.key, true}, path("not.pem") + ": there is no PEM certificate in it"},
        Case{{ca, one.certificate, path("no.pem"), true}, "client key " + path("no.pem") + ": no such file"},
        Case{{ca, one.certificate, path("not.pem"), true}, path("not.pem") + ": there is no PEM private key"},
        Case{{ca, one.certificate, two.key, true}, two.key + ": it does not belong to " + one.certificate},
        Case{{ca, one.certificate, "", true}, "needs both"}}) {
    const Error error = error_of(good_, &tls);
    EXPECT_EQ(error.reason, Reason::tls);
    EXPECT_THAT(error.text, HasSubstr(text));
  }
}

TEST_F(TlsTransport, DoesNotTakeACutConnectionForTheEndOfABody) {
  auto options = good_;
  options.answers = 1;
  options.body = "HTTP/1.1 200 OK\r\n\r\nhello";
  auto server = RawServer::on_tcp({tls_server(options)});
  const auto whole = make_transport(endpoint(server))->call(get(), patience());
  ASSERT_TRUE(whole.ok()) << whole.error().text;
  EXPECT_EQ(whole->body, "hello");
  options.goodbye = false;  // whoever cuts the TCP connection can't forge TLS's goodbye
  EXPECT_EQ(error_of(options).reason, Reason::interrupted);
}

TEST_F(TlsTransport, OpensAnewWhatTheServerClosedBetweenCalls) {
  for (const bool goodbye : {true, false}) {
    auto options = good_;
    options.answers = 1;
    options.goodbye = goodbye;
    auto server = RawServer::on_tcp({tls_server(options)});
    const auto transport = make_transport(endpoint(server));
    for (int i = 0; i < 3; ++i) {
      const auto result = transport->call(get(), patience());
      ASSERT_TRUE(result.ok()) << result.error().text;
      EXPECT_TRUE(result->new_connection);
    }
  }
}

TEST_F(TlsTransport, WritesToAClosedPeerWithoutASignal) {
  // Over a pair of unix sockets, where a write to a closed peer is a broken pipe at once.
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  Fd socket(pair[0]);
  ASSERT_EQ(::fcntl(socket.get(), F_SETFL, O_NONBLOCK), 0);
  auto options = good_;
  options.answers = 0;
  options.goodbye = false;
  std::thread server([&, peer = pair[1]] {
    const Fd closed_at_the_end(peer);
    RawConnection connection(peer);
    tls_server(options)(connection);
  });
  auto where = tcp_endpoint(0);
  where.kind = Endpoint::Kind::tls;
  where.tls.ca_file = authority_.certificate();
  auto session = tls_connect(where, socket.get(), patience());
  server.join();
  ASSERT_TRUE(session.ok()) << session.error().text;
  Stream stream(std::move(socket), std::move(session).value());
  const auto written = stream.write("x", patience());
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().text, "broken pipe");
}

}  // namespace
}  // namespace repodigest::transport
