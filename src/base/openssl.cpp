#include "repodigest/base/openssl.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>
#include <climits>
#include <new>

namespace repodigest {
namespace {

/// What a BIO of ours has for its data.
struct SocketEnd {
  int socket = -1;
  int reads_left = INT_MAX;
};

SocketEnd& end_of(BIO* bio) {
  return *static_cast<SocketEnd*>(BIO_get_data(bio));
}

int bio_result(BIO* bio, ssize_t moved, int retry_flag) {
  BIO_clear_retry_flags(bio);
  if (moved < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
    BIO_set_flags(bio, retry_flag | BIO_FLAGS_SHOULD_RETRY);
  return static_cast<int>(moved);
}

int bio_read(BIO* bio, char* data, int size) {
  SocketEnd& end = end_of(bio);
  if (end.reads_left == 0) {
    BIO_clear_retry_flags(bio);
    BIO_set_retry_read(bio);
    return -1;
  }
  if (end.reads_left != INT_MAX) --end.reads_left;
  return bio_result(bio, ::recv(end.socket, data, static_cast<std::size_t>(size), 0), BIO_FLAGS_READ);
}

int bio_write(BIO* bio, const char* data, int size) {
  return bio_result(bio, ::send(end_of(bio).socket, data, static_cast<std::size_t>(size), MSG_NOSIGNAL),
                    BIO_FLAGS_WRITE);
}

long bio_control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

int bio_destroy(BIO* bio) {
  delete static_cast<SocketEnd*>(
      BIO_get_data(bio));  // NOLINT(cppcoreguidelines-owning-memory): OpenSSL's way
  return 1;
}

}  // namespace

void TlsSessionDeleter::operator()(ssl_st* session) const {
  SSL_free(session);
}

void attach_socket(ssl_st& session, int socket) {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without SIGPIPE");
    if (made == nullptr) throw std::bad_alloc();
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_ctrl(made, bio_control);
    BIO_meth_set_destroy(made, bio_destroy);
    return made;
  }();
  BIO* const bio = BIO_new(method);
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, new SocketEnd{socket});
  BIO_set_init(bio, 1);
  SSL_set_bio(&session, bio, bio);
}

void allow_reads(ssl_st& session, int times) {
  end_of(SSL_get_rbio(&session)).reads_left = times;
}

bool reads_used_up(const ssl_st& session) {
  return end_of(SSL_get_rbio(&session)).reads_left == 0;
}

std::string openssl_text(unsigned long code) {
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "OpenSSL error " + std::to_string(code);
}

int no_passphrase(char*, int, int, void*) {
  return -1;
}

}  // namespace repodigest
