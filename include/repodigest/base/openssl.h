// What both sides of TLS take from OpenSSL.
#pragma once

#include <memory>
#include <string>

struct ssl_st;  // OpenSSL's SSL

namespace repodigest {

/// Frees what OpenSSL has a function for: `std::unique_ptr<X509, FreedBy<X509_free>>`.
template <auto Free>
struct FreedBy {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

struct TlsSessionDeleter {
  void operator()(ssl_st* session) const;
};
/// Thread rule: one thread at a time.
using TlsSession = std::unique_ptr<ssl_st, TlsSessionDeleter>;

/// Has the session read and write `socket`, which it does not own: with MSG_NOSIGNAL, since what a signal
/// does belongs to the program, not to a library. Throws std::bad_alloc.
void attach_socket(ssl_st& session, int socket);

/// The text of an error of OpenSSL's queue. Any thread.
std::string openssl_text(unsigned long code);

/// For SSL_CTX_set_default_passwd_cb and PEM_read_bio_*: refuses to ask for a passphrase, where OpenSSL would
/// prompt on the terminal.
int no_passphrase(char* buffer, int size, int for_writing, void* data);

}  // namespace repodigest
