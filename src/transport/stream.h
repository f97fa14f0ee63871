// A connected socket, plain or under TLS, whose every wait is under a Cancel.
#pragma once

#include <cstddef>
#include <string_view>

#include "repodigest/base/cancel.h"
#include "repodigest/base/fd.h"
#include "repodigest/base/result.h"
#include "tls.h"

namespace repodigest::transport {

/// Owns a non-blocking, connected socket. Errors are Reason::timeout and Reason::interrupted if (and only if)
/// the Cancel ended, else Reason::connect or Reason::tls; their text is the bare cause, to be put into a
/// sentence by the caller. Never raises SIGPIPE. After an error the stream is good for nothing but one last
/// read(), which may bring what the peer said before it closed. Thread rule: one thread at a time.
class Stream {
 public:
  explicit Stream(Fd socket, TlsSession tls = nullptr) : socket_(std::move(socket)), tls_(std::move(tls)) {}

  /// Waits for bytes and returns how many came (at most `size`); 0 when the peer has ended its side.
  Result<std::size_t> read(char* data, std::size_t size, const Cancel& cancel);
  /// Writes all of it.
  Status write(std::string_view data, const Cancel& cancel);
  /// Whether the peer has neither closed nor said anything that was not asked for: then it may be used again.
  [[nodiscard]] bool quiet();

 private:
  Fd socket_;
  TlsSession tls_;  // ends before its socket
};

}  // namespace repodigest::transport
