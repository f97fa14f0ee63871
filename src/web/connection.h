// One client's socket: what it sent and was not read yet, what it has not taken yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "head.h"
#include "repodigest/base/fd.h"
#include "repodigest/base/openssl.h"
#include "repodigest/web/message.h"

struct iovec;

namespace repodigest::web {

/// How far an operation on a non-blocking socket came.
enum class Progress {
  done,     ///< something arrived; or everything was sent
  blocked,  ///< the socket must become ready first (or others should have their turn)
  gone,     ///< the client ended the connection
};

/// Never blocks. Thread rule: one thread.
class Connection {
 public:
  /// With `tls`, which is a session over `fd`, bytes come and go through it once shake_hands() is done.
  Connection(Fd fd, const HeadRules& rules, TlsSession tls = nullptr)
      : fd_(std::move(fd)), tls_(std::move(tls)), reader_(rules) {}

  /// Goes on with the handshake of TLS. `gone` when it failed: then trouble() tells why.
  Progress shake_hands();
  /// Why TLS failed, for the log.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }
  /// Whether the client was found to speak HTTP without TLS; from then on it is answered so.
  [[nodiscard]] bool fell_back_to_plain() const { return fell_back_; }
  /// After `blocked`: the events that let it go on, which TLS may want to be others than `usual`.
  [[nodiscard]] std::uint32_t awaited(std::uint32_t usual) const { return awaited_ == 0 ? usual : awaited_; }

  /// Takes in what has arrived, never more than one head's budget in all.
  Progress receive();
  /// How the head that begins the received bytes stands.
  HeadReader::Verdict read_head();
  [[nodiscard]] const HeadReader& reader() const { return reader_; }
  /// After a complete head: takes it out; what follows it (the next request) stays.
  Head take_head();
  [[nodiscard]] bool has_received() const { return !received_.empty() || has_decrypted(); }
  /// Whether TLS keeps bytes that receive() has not taken yet, and that no event will tell of.
  [[nodiscard]] bool has_decrypted() const;

  /// Sets what send() sends: shared, not copied.
  void reply(std::vector<Bytes> segments);
  /// Sends on, at most about a megabyte a call, so that one client's large reply does not hold up the others.
  Progress send();
  /// How much of it send() has not sent.
  [[nodiscard]] std::size_t unsent() const;

  /// What is kept for that: the reply's segments, from the one that is being sent on.
  [[nodiscard]] std::span<const Bytes> kept() const;

  /// How much the client has not taken: with what the kernel keeps for it.
  [[nodiscard]] std::size_t untaken() const;

  /// Says that nothing more will be sent.
  void end_sending();
  /// Reads and forgets. `gone` when the client has closed, or sent too much to go on listening.
  Progress discard();

  void close();
  /// Closes and drops what the kernel has not sent yet: a client that stopped reading must not keep it.
  void abort();
  /// RawRequest::peer.
  [[nodiscard]] std::string peer() const;
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// Where a TCP client is, without its port; "" for others.
  [[nodiscard]] std::string host() const;
  /// Null: plain.
  [[nodiscard]] const ssl_st* tls() const { return tls_.get(); }

 private:
  // The only two that touch the bytes of the socket. They return a count, 0 for "not now", nothing for
  // "gone".
  std::optional<std::size_t> read_some(char* data, std::size_t size);
  std::optional<std::size_t> write_some(const iovec* parts, std::size_t count);
  /// The same for what an SSL_…() returned, in the middle of which errno is of no use.
  std::optional<std::size_t> outcome_of(int result);
  void say_goodbye();

  Fd fd_;
  TlsSession tls_;  ///< null: plain
  std::uint32_t awaited_ = 0;
  bool shaken_ = false;  ///< and nothing went wrong since: goodbye may be said
  bool fell_back_ = false;
  int fruitless_reads_ = 0;  ///< in a row: many records and nothing in them
  std::string trouble_;
  std::string received_;
  HeadReader reader_;
  std::vector<Bytes> segments_;
  std::size_t segment_ = 0;  ///< the one being sent
  std::size_t offset_ = 0;   ///< how much of it is sent
  std::size_t discarded_ = 0;
};

}  // namespace repodigest::web
