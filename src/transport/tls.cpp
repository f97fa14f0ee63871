#include "tls.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "repodigest/base/fd.h"

namespace repodigest::transport {
namespace {

using Context = std::unique_ptr<SSL_CTX, FreedBy<SSL_CTX_free>>;

// --- Texts

bool has_client_certificate(SSL* session) {
  return SSL_get_certificate(session) != nullptr;
}

/// The cause behind an SSL_ERROR_SSL, from OpenSSL's queue and the verification's result.
std::string tls_cause(SSL* session, unsigned long code) {
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) return openssl_text(code);
  switch (ERR_GET_REASON(code)) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      switch (SSL_get_verify_result(session)) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
          return "the server's certificate has expired: renew it there";
        case X509_V_ERR_CERT_NOT_YET_VALID:
          return "the server's certificate is not valid yet: compare the clocks of both hosts";
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
          return "the server's certificate is for another host: use a name or address that stands in it";
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
          return "the server's certificate is from an unknown authority: give the certificate of its "
                 "authority "
                 "(ca.pem)";
        default:
          return std::string("the server's certificate is not accepted: ") +
                 X509_verify_cert_error_string(SSL_get_verify_result(session));
      }
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_BAD_RECORD_TYPE:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
      return "the server does not speak TLS there: use the port of its TLS listener, or http:// for one "
             "without TLS";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      return "the server only speaks a TLS older than 1.2";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
      return (has_client_certificate(session)
                  ? "the server refuses the client certificate ("
                  : "the server wants a client certificate: give one (cert.pem and key.pem) (") +
             openssl_text(code) + ")";
    default:
      return openssl_text(code);
  }
}

// --- Certificates

/// Why `file` can't be used: a whole sentence about a file that can't be opened, else `otherwise`.
Error file_trouble(std::string_view what, const std::string& file, std::string_view otherwise) {
  const Fd opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  const int error_number = opened ? 0 : errno;
  const std::string text = "cannot use the " + std::string(what) + " " + file + ": ";
  if (opened) return {Reason::tls, text + std::string(otherwise)};
  return {error_number == EACCES ? Reason::permission : Reason::tls, text + errno_text(error_number)};
}

Result<Context> make_context(const Tls& tls) {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_client_method()));
  if (!context) return Error{Reason::tls, "cannot set up TLS: " + openssl_text(ERR_get_error())};
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_default_passwd_cb(context.get(), no_passphrase);
  SSL_CTX_set_verify(context.get(), tls.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);

  if (tls.ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(context.get());
  } else if (SSL_CTX_load_verify_file(context.get(), tls.ca_file.c_str()) != 1) {
    return file_trouble("CA file", tls.ca_file, "there is no PEM certificate in it");
  }
  if (tls.cert_file.empty() && tls.key_file.empty()) return context;
  if (tls.cert_file.empty() || tls.key_file.empty())
    return Error{Reason::tls, "a client certificate needs both its certificate file and its key file: only " +
                                  tls.cert_file + tls.key_file + " is given"};
  if (SSL_CTX_use_certificate_chain_file(context.get(), tls.cert_file.c_str()) != 1)
    return file_trouble("client certificate", tls.cert_file, "there is no PEM certificate in it");
  if (SSL_CTX_use_PrivateKey_file(context.get(), tls.key_file.c_str(), SSL_FILETYPE_PEM) == 1) return context;
  const unsigned long code = ERR_peek_last_error();
  if (ERR_GET_LIB(code) == ERR_LIB_X509 && ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH)
    return file_trouble("client key", tls.key_file, "it does not belong to " + tls.cert_file);
  return file_trouble("client key", tls.key_file,
                      "there is no PEM private key in it that is readable without a passphrase");
}

}  // namespace

Error cancelled(Reason why) {
  return {why, why == Reason::timeout ? "the time is up" : "it was given up"};
}

Result<std::size_t> tls_step(ssl_st* session, int socket, const Cancel& cancel,
                             const std::function<int()>& operation) {
  if (const auto why = cancel.ended()) return cancelled(*why);
  while (true) {
    ERR_clear_error();
    errno = 0;
    allow_reads(*session, reads_at_once);
    const int moved = operation();
    const int error_number = errno;
    if (moved > 0) return static_cast<std::size_t>(moved);
    short events = POLLIN;
    switch (SSL_get_error(session, moved)) {
      case SSL_ERROR_WANT_READ:
        break;
      case SSL_ERROR_WANT_WRITE:
        events = POLLOUT;
        break;
      case SSL_ERROR_ZERO_RETURN:
        return std::size_t{0};
      case SSL_ERROR_SSL:
        return Error{Reason::tls, tls_cause(session, ERR_peek_error())};
      default:  // the socket's own trouble, or its end without TLS's goodbye: no proper end of bytes
        return Error{Reason::connect, error_number != 0 ? errno_text(error_number) : "the peer closed it"};
    }
    if (const auto why = cancel.wait(socket, events)) return cancelled(*why);
  }
}

Result<TlsSession> tls_connect(const Endpoint& endpoint, int socket, const Cancel& cancel) {
  auto context = make_context(endpoint.tls);
  if (!context) return std::move(context).error();
  TlsSession session(SSL_new(context->get()));
  if (!session) return Error{Reason::tls, "cannot set up TLS: " + openssl_text(ERR_get_error())};
  attach_socket(*session, socket);

  X509_VERIFY_PARAM* expected = SSL_get0_param(session.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(expected, endpoint.host.c_str()) != 1) {
    // Not an address, so it is a name. Were it neither set, any name would be taken.
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (endpoint.host.empty() ||
        X509_VERIFY_PARAM_set1_host(expected, endpoint.host.data(), endpoint.host.size()) != 1 ||
        SSL_set_tlsext_host_name(session.get(), endpoint.host.c_str()) != 1)
      return Error{Reason::tls, "cannot verify the host name \"" + endpoint.host + "\": it is not a name"};
  }

  auto shaken = tls_step(session.get(), socket, cancel, [&] { return SSL_connect(session.get()); });
  if (shaken.ok() && *shaken > 0) return session;
  const std::string text = "the TLS handshake with " + endpoint.text() + " failed: ";
  if (shaken.ok()) return Error{Reason::tls, text + "the server said goodbye in its middle"};
  const Error& error = shaken.error();
  switch (error.reason) {
    case Reason::timeout:
      return Error{error.reason, text + "the server did not finish it in time: does it speak TLS there?"};
    case Reason::connect:
      return Error{Reason::tls, text + error.text + ": does the server speak TLS there?"};
    default:
      return Error{error.reason, text + error.text};
  }
}

}  // namespace repodigest::transport
