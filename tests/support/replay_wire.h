// HTTP/1.1 as the replay engine reads and writes it, and as Go's server does: heads, lengths and chunks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "support/fault.h"
#include "support/recording.h"

namespace repodigest::support::replay {

struct Request {
  std::string method;
  std::string target;
  std::string path;  ///< without /v1.NN and query: what patterns are matched with
  std::string head;  ///< as it came, without its blank line
  bool closing = false;
  bool bad_host = false;
};

/// An answer as it goes over the wire.
struct Wire {
  std::string bytes;
  std::size_t head_size = 0;
  std::string filler;             ///< sent again and again behind `bytes`…
  std::uint64_t filler_size = 0;  ///< …until so many bytes of it went out
  bool closing = false;
};

/// Reads a request head, blank line included; nothing if it is not HTTP/1.1.
std::optional<Request> parse_request(std::string_view head);

/// What goes over the wire for `answer` under `fault`.
Wire compose(Answer answer, const Request& request, const Fault& fault);
/// The head alone of an answer that goes on in chunks as long as it likes.
Wire compose_stream(Answer answer);

/// A chunk; an empty one ends the answer.
std::string chunk(std::string_view content);

}  // namespace repodigest::support::replay
