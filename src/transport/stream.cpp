#include "stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace repodigest::transport {
namespace {

int clamped(std::size_t size) {
  return static_cast<int>(std::min<std::size_t>(size, INT_MAX));
}

/// Runs a send or recv until it moves bytes or fails for good.
template <typename Call>
Result<std::size_t> plain_step(int socket, short events, const Cancel& cancel, Call call) {
  // Asked before the first try too: a peer that always has bytes ready must not outlive the deadline.
  if (const auto why = cancel.ended()) return cancelled(*why);
  while (true) {
    const ssize_t moved = call();
    if (moved >= 0) return static_cast<std::size_t>(moved);
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return Error{Reason::connect, errno_text(errno)};
    if (const auto why = cancel.wait(socket, events)) return cancelled(*why);
  }
}

}  // namespace

Result<std::size_t> Stream::read(char* data, std::size_t size, const Cancel& cancel) {
  if (tls_)
    return tls_step(tls_.get(), socket_.get(), cancel,
                    [&] { return SSL_read(tls_.get(), data, clamped(size)); });
  return plain_step(socket_.get(), POLLIN, cancel, [&] { return ::recv(socket_.get(), data, size, 0); });
}

Status Stream::write(std::string_view data, const Cancel& cancel) {
  while (!data.empty()) {
    auto sent = tls_ ? tls_step(tls_.get(), socket_.get(), cancel,
                                [&] { return SSL_write(tls_.get(), data.data(), clamped(data.size())); })
                     : plain_step(socket_.get(), POLLOUT, cancel, [&] {
                         return ::send(socket_.get(), data.data(), data.size(), MSG_NOSIGNAL);
                       });
    if (!sent) return std::move(sent).error();
    data.remove_prefix(*sent);
  }
  return {};
}

bool Stream::quiet() {
  char byte = 0;
  if (tls_) {
    // Readable bytes alone say nothing here: TLS 1.3 sends session tickets after the handshake.
    ERR_clear_error();
    allow_reads(*tls_, reads_at_once);
    const int peeked = SSL_peek(tls_.get(), &byte, 1);
    return peeked <= 0 && SSL_get_error(tls_.get(), peeked) == SSL_ERROR_WANT_READ;
  }
  return ::recv(socket_.get(), &byte, 1, MSG_PEEK) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace repodigest::transport
