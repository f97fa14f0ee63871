// The client's side of TLS over a socket of ours (OpenSSL).
#pragma once

#include <cstddef>
#include <functional>

#include "repodigest/base/cancel.h"
#include "repodigest/base/openssl.h"
#include "repodigest/base/result.h"
#include "repodigest/transport/transport.h"

namespace repodigest::transport {

/// What a wait that `why` ended comes to, as a bare cause (see Stream).
Error cancelled(Reason why);

/// So often a session may ask its socket in one step, a record taking two: else a peer that sends records
/// without end and nothing in them (new keys, tickets) would keep OpenSSL from ever coming back, and outlive
/// every deadline.
inline constexpr int reads_at_once = 32;

/// Runs an SSL_read, SSL_write or SSL_connect of `session` over the non-blocking `socket` until it moves
/// bytes, and returns their number; 0 when the peer said goodbye. Errors as Stream's.
Result<std::size_t> tls_step(ssl_st* session, int socket, const Cancel& cancel,
                             const std::function<int()>& operation);

/// Shakes hands with `endpoint` (kind tls) on its connected `socket`: TLS 1.2 or newer, the certificate's
/// chain and its name or address verified unless endpoint.tls.verify is off, SNI for names. Certificate files
/// are read each time, so that renewed ones count at the next connection. Errors: whole sentences;
/// Reason::tls, permission (a file that may not be read), or as `cancel` ended.
Result<TlsSession> tls_connect(const Endpoint& endpoint, int socket, const Cancel& cancel);

}  // namespace repodigest::transport
