#include "repodigest/access/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <new>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "certificates.h"
#include "repodigest/base/file.h"
#include "repodigest/base/sha256.h"

namespace repodigest::access {
namespace {

constexpr std::size_t max_pem_bytes = std::size_t{1} << 20U;

/// A PEM of the config, read.
struct Material {
  std::string pem;
  std::string name;  ///< for messages: "cert_file /etc/x.pem", "cert"
};

Result<Material> read_pem(const Pem& pem, const std::string& key) {
  if (pem.file.empty()) return Material{pem.text, key};
  auto text = read_regular_file(pem.file, max_pem_bytes);
  if (!text) return Error{text.error().reason, key + "_file: " + text.error().text};
  return Material{*std::move(text), key + "_file " + pem.file};
}

Error unusable(const Material& material, const std::string& why) {
  return {Reason::tls, material.name + ": " + why};
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text.append(text.empty() ? "" : ":").append(word);
  return text;
}

Error unsupported(const std::string& what) {
  const std::string why = openssl_text(ERR_peek_last_error());
  ERR_clear_error();
  return {Reason::usage, "this system's OpenSSL serves " + what + ": " + why};
}

/// All that the settings name, read once.
struct Materials {
  Material certificate;
  Material key;
  std::optional<Material> client_ca;
};

Result<Materials> read_materials(const TlsSettings& settings) {
  auto certificate = read_pem(settings.certificate, "cert");
  if (!certificate) return std::move(certificate).error();
  auto key = read_pem(settings.key, "key");
  if (!key) return std::move(key).error();
  Materials materials{*std::move(certificate), *std::move(key), {}};
  if (!settings.client_ca.given()) return materials;
  auto client_ca = read_pem(settings.client_ca, "client_ca");
  if (!client_ca) return std::move(client_ca).error();
  materials.client_ca = *std::move(client_ca);
  return materials;
}

Status set_certificate(SSL_CTX& context, const Materials& files) {
  const auto chain = read_certificates(files.certificate.pem);
  if (chain.empty()) return unusable(files.certificate, "there is no PEM certificate in it");
  const auto key = read_private_key(files.key.pem);
  if (!key) return unusable(files.key, "there is no PEM private key in it that needs no passphrase");
  ERR_clear_error();
  if (SSL_CTX_use_certificate(&context, chain.front().get()) != 1)
    return unusable(files.certificate, openssl_text(ERR_get_error()));
  for (std::size_t i = 1; i < chain.size(); ++i)
    if (SSL_CTX_add1_chain_cert(&context, chain[i].get()) != 1)
      return unusable(files.certificate, openssl_text(ERR_get_error()));
  if (X509_check_private_key(chain.front().get(), key.get()) != 1)
    return unusable(files.key, "the key does not belong to the certificate of " + files.certificate.name);
  if (SSL_CTX_use_PrivateKey(&context, key.get()) != 1)
    return unusable(files.key, openssl_text(ERR_get_error()));
  return {};
}

Status set_client_ca(SSL_CTX& context, const Materials& files) {
  if (!files.client_ca) {
    // As in Go: without an authority of its own those that the system trusts count.
    SSL_CTX_set_default_verify_paths(&context);
    return {};
  }
  const auto authorities = read_certificates(files.client_ca->pem);
  if (authorities.empty()) return unusable(*files.client_ca, "there is no PEM certificate in it");
  for (const auto& one : authorities) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(&context), one.get()) != 1 ||
        SSL_CTX_add_client_CA(&context, one.get()) != 1)
      return unusable(*files.client_ca, openssl_text(ERR_get_error()));
  }
  return {};
}

/// What a client's certificate must come to. It belongs to the SSL_CTX, which each session keeps: a session
/// may outlive everything of ours that it was begun with.
struct ClientRules {
  bool verifies = false;  ///< it must be of an authority that is trusted
  std::vector<std::string> allowed_sans;

  static void give(SSL_CTX& context, ClientRules rules) {
    auto owned = std::make_unique<ClientRules>(std::move(rules));
    if (SSL_CTX_set_ex_data(&context, slot(), owned.get()) != 1) throw std::bad_alloc();
    (void)owned.release();
  }

  /// OpenSSL's verify callback: its chain first, then the names of the client's own certificate.
  static int verify(int good, X509_STORE_CTX* store) {
    const auto* const session =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    const auto& rules =
        *static_cast<const ClientRules*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(session), slot()));
    if (rules.verifies && good == 0) return 0;
    if (X509_STORE_CTX_get_error_depth(store) > 0 || rules.allowed_sans.empty()) return 1;
    const auto names = alternative_names(*X509_STORE_CTX_get0_cert(store));
    const auto allows = [&](const std::string& name) {
      return std::find(rules.allowed_sans.begin(), rules.allowed_sans.end(), name) !=
             rules.allowed_sans.end();
    };
    if (std::any_of(names.begin(), names.end(), allows)) return 1;
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
  }

 private:
  static int slot() {
    static const int index = SSL_CTX_get_ex_new_index(
        0, nullptr, nullptr, nullptr, [](void*, void* rules, CRYPTO_EX_DATA*, int, long, void*) {
          delete static_cast<ClientRules*>(rules);  // NOLINT(cppcoreguidelines-owning-memory): OpenSSL's way
        });
    return index;
  }
};

std::string fingerprint_of(const TlsSettings& settings, const Materials& files) {
  Sha256 hash;
  const auto add = [&hash](std::string_view text) {
    hash.add(std::to_string(text.size()) + ":");
    hash.add(text);
  };
  for (const int number : {static_cast<int>(settings.client_auth), settings.min_version, settings.max_version,
                           settings.prefer_server_cipher_suites ? 1 : 0, settings.cipher_suites ? 1 : 0})
    add(std::to_string(number));
  add(joined(settings.cipher_suites.value_or(std::vector<std::string>())));
  add(joined(settings.curves));
  for (const auto& name : settings.client_allowed_sans) add(name);
  add(files.certificate.pem);
  add(files.key.pem);
  add(files.client_ca ? files.client_ca->pem : "");
  const Sha256::Sum sum = hash.finish();
  return {sum.begin(), sum.end()};
}

/// http/1.1 is all there is (RFC 7301 3.2).
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                    unsigned int offered_size, void*) {
  static constexpr auto ours = std::to_array<unsigned char>({8, 'h', 't', 't', 'p', '/', '1', '.', '1'});
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, size, ours.data(), ours.size(), offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

Result<TlsContext> TlsContext::make(const TlsSettings& settings) {
  ERR_clear_error();
  const std::shared_ptr<SSL_CTX> shared(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!shared) throw std::bad_alloc();
  SSL_CTX& context = *shared;
  SSL_CTX_set_mode(&context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(&context,
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                          (settings.prefer_server_cipher_suites ? SSL_OP_CIPHER_SERVER_PREFERENCE : 0));
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(&context, 0);
  SSL_CTX_set_alpn_select_cb(&context, choose_protocol, nullptr);
  // What the client may make us keep: its certificate and its authority's.
  SSL_CTX_set_max_cert_list(&context, 64L << 10U);

  // Without a suite for 1.2 there is nothing to be spoken but 1.3.
  const bool only_1_3 = settings.cipher_suites && settings.cipher_suites->empty();
  SSL_CTX_set_min_proto_version(&context, only_1_3 ? TLS1_3_VERSION : settings.min_version);
  SSL_CTX_set_max_proto_version(&context, settings.max_version);
  if (settings.cipher_suites && !only_1_3 &&
      SSL_CTX_set_cipher_list(&context, joined(*settings.cipher_suites).c_str()) != 1)
    return unsupported("none of the cipher_suites");
  if (!settings.curves.empty() && SSL_CTX_set1_groups_list(&context, joined(settings.curves).c_str()) != 1)
    return unsupported("not all of the curve_preferences");

  const auto files = read_materials(settings);
  if (!files) return files.error();
  if (auto status = set_certificate(context, *files); !status) return std::move(status).error();
  if (settings.client_auth != ClientAuth::none) {
    if (auto status = set_client_ca(context, *files); !status) return std::move(status).error();
    const bool requires_one = settings.client_auth == ClientAuth::require_any ||
                              settings.client_auth == ClientAuth::require_and_verify;
    const bool verifies = settings.client_auth == ClientAuth::verify_if_given ||
                          settings.client_auth == ClientAuth::require_and_verify;
    ClientRules::give(context, {verifies, settings.client_allowed_sans});
    SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | (requires_one ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       ClientRules::verify);
  }
  ERR_clear_error();
  return TlsContext(shared, fingerprint_of(settings, *files));
}

TlsSession TlsContext::begin(int socket) const {
  TlsSession session(SSL_new(context_.get()));
  if (!session) throw std::bad_alloc();
  attach_socket(*session, socket);
  SSL_set_accept_state(session.get());
  return session;
}

bool TlsContext::began(const ssl_st& session) const {
  return SSL_get_SSL_CTX(&session) == context_.get();
}

std::string tls_trouble(ssl_st& session) {
  const unsigned long code = ERR_peek_error();
  ERR_clear_error();
  if (code == 0) return "the client ended the connection";
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) return openssl_text(code);
  switch (ERR_GET_REASON(code)) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      if (SSL_get_verify_result(&session) == X509_V_ERR_APPLICATION_VERIFICATION)
        return "the client's certificate has none of the names in client_allowed_sans";
      return std::string("the client's certificate is not accepted: ") +
             X509_verify_cert_error_string(SSL_get_verify_result(&session));
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return "the client gave no certificate";
    case SSL_R_HTTP_REQUEST:
      return "the client speaks HTTP without TLS";
    default:
      return openssl_text(code);
  }
}

std::string certificate_name(const ssl_st& session) {
  const Certificate certificate(SSL_get1_peer_certificate(&session));
  if (!certificate) return "";
  std::string name = common_name(*certificate);
  if (!name.empty()) return name;
  auto names = alternative_names(*certificate);
  return names.empty() ? "" : std::move(names.front());
}

}  // namespace repodigest::access
