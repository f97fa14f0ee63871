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

/// From now on the session may ask its socket for bytes so many times; then it finds none ("want read") until
/// it is allowed anew. Without this SSL_read() goes on for as long as a peer sends records that carry
/// nothing. Without a call: as often as it wants.
void allow_reads(ssl_st& session, int times);
/// Whether the last allowance is used up: then the socket may have more.
bool reads_used_up(const ssl_st& session);

/// The text of an error of OpenSSL's queue. Any thread.
std::string openssl_text(unsigned long code);

/// For SSL_CTX_set_default_passwd_cb and PEM_read_bio_*: refuses to ask for a passphrase, where OpenSSL would
/// prompt on the terminal.
int no_passphrase(char* buffer, int size, int for_writing, void* data);

}  // namespace repodigest
