// The server's side of TLS.
#pragma once

#include <memory>
#include <string>

#include "repodigest/access/web_config.h"
#include "repodigest/base/openssl.h"
#include "repodigest/base/result.h"

namespace repodigest::access {

/// Certificate, key and what is asked of clients; shared by all sessions that were begun with it. Nothing of
/// a session is remembered for another one: no tickets, no renegotiation, no early data. A value; any thread.
class TlsContext {
 public:
  /// Reads what `settings` names. Errors: Reason::tls for a certificate or key that cannot be used,
  /// permission, not_found, usage for what this OpenSSL has not, each naming the file or key of the config.
  static Result<TlsContext> make(const TlsSettings& settings);

  /// A session over a connected, non-blocking socket: SSL_accept() is to be called next. Throws
  /// std::bad_alloc.
  [[nodiscard]] TlsSession begin(int socket) const;

 private:
  struct Shared;
  explicit TlsContext(std::shared_ptr<const Shared> shared) : shared_(std::move(shared)) {}

  std::shared_ptr<const Shared> shared_;
};

/// What a failed handshake or read came to, for the log: "the client's certificate has expired". Reads
/// OpenSSL's queue of this thread.
std::string tls_trouble(ssl_st& session);

/// Of the client's certificate: its common name, else its first alternative name; "" without one. It may hold
/// anything that a certificate can.
std::string certificate_name(const ssl_st& session);

}  // namespace repodigest::access
