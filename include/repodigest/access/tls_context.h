// The server's side of TLS.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "repodigest/access/web_config.h"
#include "repodigest/base/openssl.h"
#include "repodigest/base/result.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace repodigest::access {

/// Certificate, key and what is asked of clients; sessions that were begun with it keep it. Nothing of a
/// session is remembered for another one: no tickets, no renegotiation, no early data. A value; any thread.
class TlsContext {
 public:
  /// Reads what `settings` names. Errors: Reason::usage for what cannot be used, those of
  /// read_regular_file(), each naming the file or key of the config.
  static Result<TlsContext> make(const TlsSettings& settings);

  /// A session over a connected, non-blocking socket: SSL_accept() is to be called next. Throws
  /// std::bad_alloc.
  [[nodiscard]] TlsSession begin(int socket) const;
  /// Whether it was this one that began the session.
  [[nodiscard]] bool began(const ssl_st& session) const;
  /// Whether the other was made of the same settings and files, so that it makes no difference.
  [[nodiscard]] bool same_as(const TlsContext& other) const { return fingerprint_ == other.fingerprint_; }

 private:
  TlsContext(std::shared_ptr<ssl_ctx_st> context, std::string fingerprint)
      : context_(std::move(context)), fingerprint_(std::move(fingerprint)) {}

  std::shared_ptr<ssl_ctx_st> context_;
  std::string fingerprint_;
};

/// What a failed handshake or read came to, for the log: "the client's certificate has expired". Reads
/// OpenSSL's queue of this thread.
std::string tls_trouble(ssl_st& session);

/// Of the client's certificate: its common name, else its first alternative name; "" without one. It may hold
/// anything that a certificate can.
std::string certificate_name(const ssl_st& session);

}  // namespace repodigest::access
