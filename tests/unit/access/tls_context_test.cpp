// Sessions and the context that began them.
#include "repodigest/access/tls_context.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "repodigest/base/fd.h"
#include "support/temporary_folder.h"
#include "support/test_certificates.h"

namespace repodigest::access {
namespace {

class TlsContextTest : public ::testing::Test {
 protected:
  [[nodiscard]] TlsSettings settings() {
    TlsSettings settings;
    settings.certificate.file = server_.certificate;
    settings.key.file = server_.key;
    settings.client_ca.file = authority_.certificate();
    settings.client_auth = ClientAuth::require_and_verify;
    settings.min_version = TLS1_2_VERSION;
    settings.max_version = TLS1_3_VERSION;
    return settings;
  }

  support::TemporaryFolder folder_;
  support::TestAuthority authority_{folder_.path(), "ca"};
  support::PemFiles server_ = authority_.issue("server", "DNS:localhost");
};

/// Lets both ends of a pair of sockets shake hands, a step each by turns; `between` is called once the server
/// has answered. Whether the server let the client in.
template <typename Between>
bool shake_hands(TlsSession server, SSL& client, Between between) {
  bool in_the_middle = false;
  for (int i = 0; i < 20; ++i) {
    const int connected = SSL_do_handshake(&client);
    const int accepted = SSL_do_handshake(server.get());
    if (!std::exchange(in_the_middle, true)) between();
    if (accepted == 1) return true;
    const bool ended = SSL_get_error(server.get(), accepted) != SSL_ERROR_WANT_READ;
    if (ended) return false;
    if (connected == 1) continue;
  }
  return false;
}

TEST_F(TlsContextTest, IsKeptByItsSessionsWithWhatItAsksOfClients) {
  support::TestAuthority stranger(folder_.path(), "stranger");
  const auto theirs = stranger.issue("evil", "DNS:client");
  const auto ours = authority_.issue("good", "DNS:client");
  for (const auto& [identity, welcome] : {std::pair(theirs, false), std::pair(ours, true)}) {
    for (const bool with_names : {false, true}) {
      auto asked = settings();
      if (with_names) asked.client_allowed_sans = {"client"};
      auto made = TlsContext::make(asked);
      ASSERT_TRUE(made) << made.error().text;
      std::optional<TlsContext> context = *std::move(made);

      std::array<int, 2> ends{};
      ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
      const Fd one(ends[0]);
      const Fd other(ends[1]);
      const std::unique_ptr<SSL_CTX, FreedBy<SSL_CTX_free>> theirs_context(SSL_CTX_new(TLS_client_method()));
      ASSERT_EQ(
          SSL_CTX_use_certificate_file(theirs_context.get(), identity.certificate.c_str(), SSL_FILETYPE_PEM),
          1);
      ASSERT_EQ(SSL_CTX_use_PrivateKey_file(theirs_context.get(), identity.key.c_str(), SSL_FILETYPE_PEM), 1);
      const TlsSession client(SSL_new(theirs_context.get()));
      attach_socket(*client, other.get());
      SSL_set_connect_state(client.get());

      TlsSession server = context->begin(one.get());
      EXPECT_TRUE(context->began(*server));
      const bool let_in = shake_hands(std::move(server), *client, [&] {
        context.reset();  // as a reload does
        const auto next = TlsContext::make(settings());
        ASSERT_TRUE(next);
      });
      EXPECT_EQ(let_in, welcome) << with_names;
    }
  }
}

TEST_F(TlsContextTest, IsTheSameAsLongAsSettingsAndFilesAre) {
  const auto make = [&](const TlsSettings& asked) { return TlsContext::make(asked).value(); };
  const auto before = make(settings());
  EXPECT_TRUE(before.same_as(make(settings())));
  auto other = settings();
  other.client_allowed_sans = {"client"};
  EXPECT_FALSE(before.same_as(make(other)));
  other = settings();
  other.client_auth = ClientAuth::verify_if_given;
  EXPECT_FALSE(before.same_as(make(other)));
  server_ = authority_.issue("server", "DNS:localhost");
  EXPECT_FALSE(before.same_as(make(settings()))) << "renewed";
}

}  // namespace
}  // namespace repodigest::access
