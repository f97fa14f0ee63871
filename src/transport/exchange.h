// One HTTP/1.1 exchange as bytes: the request as it goes out, and the answer read with strict bounds.
//
// cpp-httplib's client parser is not used. Run on 0.11.4, it takes a body cut short by a wrong chunk size for
// whole ("3\r\nhello\r\n0\r\n\r\n" is the body "hel"), takes a Content-Length of "nonsense" for 0, waits for
// the connection's end after a 304, takes a 103 for the final answer, percent-decodes header values, and a
// reason phrase of 60 kB overflows the stack (std::regex). A guard in front of it would have to parse the
// head and the chunks first, and then nothing is left for it to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "repodigest/base/cancel.h"
#include "repodigest/base/clock.h"
#include "repodigest/base/result.h"
#include "repodigest/transport/transport.h"
#include "stream.h"

namespace repodigest::transport {

/// Whether two header names, or tokens in a header, are the same in any case of their ASCII letters.
bool same_token(std::string_view a, std::string_view b);

/// "host:port", an IPv6 address in brackets.
std::string authority(const Endpoint& endpoint);

/// At most so many bytes of all heads of one answer (status lines, headers, trailers).
inline constexpr std::size_t max_head_bytes = std::size_t{64} << 10U;

/// The head of `request` as it goes to `endpoint`: with Host, User-Agent and Accept unless it has its own.
/// Error: Reason::http if method, target or a header would not be one (a space or a line break in it).
Result<std::string> request_head(const Endpoint& endpoint, const Request& request);

/// One request and its answer (RFC 9112). Strict where a mistake could turn a broken answer into a shorter
/// one: CRLF lines, one length, exact chunks, and an end that the peer announced. Errors: clauses without the
/// place
/// ("the answer ended in the middle, after 12 bytes"); reasons as Transport::call. Thread rule: one thread.
class Exchange {
 public:
  /// Until the head is read, `head_cancel` ends it, and `cancel` from then on. All three outlive it.
  Exchange(Stream& stream, const Cancel& head_cancel, const Cancel& cancel);

  /// Sends `head` (of `request`) and hands the answer to `receiver`; its head with `new_connection`. At most
  /// once per object.
  Status run(std::string_view head, const Request& request, bool new_connection, const Receiver& receiver);
  /// Whether a byte of the answer came.
  [[nodiscard]] bool started() const { return received_ > 0; }
  /// Whether it was the receiver that ended run(): its Error is no clause, but goes on as it is.
  [[nodiscard]] bool ended_by_receiver() const { return ended_by_receiver_; }
  /// Whether, after a good run(), the connection may carry another exchange.
  [[nodiscard]] bool keep_open() const { return keep_alive_ && begin_ == buffer_.size(); }

 private:
  struct Framing {
    bool chunked = false;
    std::optional<std::uint64_t> length;
  };

  Status read(const Request& request, bool new_connection, const Receiver& receiver);
  Status read_head(Response& response, Framing& framing);
  Status read_status_line(Response& response);
  Status note_header(std::string_view name, std::string_view value, Framing& framing);
  Status read_length(const Receiver& receiver, std::uint64_t length);
  Status read_chunks(const Receiver& receiver, std::size_t cap);
  Status read_until_close(const Receiver& receiver, std::size_t cap);

  /// Reads more into the buffer; false at the end of the connection.
  Result<bool> fill();
  /// As fill(), where the end of the connection is an error.
  Status need();
  /// The next line without its CRLF, taken from the head's budget; valid until the next read.
  Result<std::string_view> line();
  /// Whether exactly `bytes` come next, decided at the first byte that differs.
  Result<bool> expect(std::string_view bytes);
  /// Hands up to `size` buffered bytes on, and says how many.
  Result<std::size_t> hand_on(const Receiver& receiver, std::uint64_t size);
  Status by_receiver(Status outcome);
  [[nodiscard]] Error broken(const Error& cause) const;
  [[nodiscard]] Error not_http(std::string_view what) const;

  Stream& stream_;
  const Cancel* cancel_;  // of the head, then of the body
  const Cancel& body_cancel_;
  SteadyTime started_at_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of what is not consumed yet
  std::size_t head_left_ = max_head_bytes;
  std::uint64_t received_ = 0;
  bool keep_alive_ = false;
  bool ended_by_receiver_ = false;
};

}  // namespace repodigest::transport
