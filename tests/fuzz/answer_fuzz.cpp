// An answer of an engine as it comes from a socket: status line, headers, chunked bodies and trailers. What
// is handed on is what a naive reader of the whole text says, however the text is cut.
#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>

#include "require.h"
#include "transport/exchange.h"
#include "transport/stream.h"

namespace repodigest::fuzz {
namespace {

using transport::Request;
using transport::Response;
using Headers = std::vector<std::pair<std::string, std::string>>;

/// What came of an answer.
struct Outcome {
  bool good = false;
  Reason reason = Reason::connect;  ///< of an error
  int status = 0;                   ///< 0: the head was not handed on
  Headers headers = {};
  std::string body = {};
  bool keep_open = false;
};

/// Sends each piece as a packet, which is read on its own.
class Peer {
 public:
  Peer() {
    std::array<int, 2> ends{};
    require(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0,
            "there are sockets");
    ours_ = Fd(ends[0]);
    theirs_ = Fd(ends[1]);
  }
  bool send(std::string_view piece) {
    require(
        ::send(ours_.get(), piece.data(), piece.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(piece.size()),
        "a packet fits");
    return true;
  }
  transport::Stream end() && {
    ::shutdown(ours_.get(), SHUT_WR);
    return transport::Stream(std::move(theirs_));
  }

 private:
  Fd ours_;
  Fd theirs_;
};

Outcome outcome_of(Peer peer, const Request& request) {
  transport::Stream stream = std::move(peer).end();
  const Cancel never;
  transport::Exchange exchange(stream, never, never);
  Outcome outcome;
  const transport::Receiver receiver{
      .head = [&](const Response& head) -> Status {
        require(outcome.status == 0 && head.status >= 200, "a head is handed on once");
        require(head.new_connection, "it is said to be the connection's first");
        outcome.status = head.status;
        outcome.headers = head.headers;
        return {};
      },
      .piece = [&](std::string_view piece) -> Status {
        require(outcome.status != 0 && !piece.empty(), "a body comes behind its head");
        outcome.body += piece;
        return {};
      }};
  const Status run = exchange.run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", request, true, receiver);
  outcome.good = run.ok();
  require(outcome.body.size() <= request.max_body_bytes, "no more than the cap is handed on");
  if (run) {
    outcome.keep_open = exchange.keep_open();
    return outcome;
  }
  outcome.reason = run.error().reason;
  require(is_utf8(run.error().text), "an error is UTF-8, whatever came");
  for (const char c : run.error().text)
    require(static_cast<unsigned char>(c) >= 0x20, "an error is one line");
  return outcome;
}

/// The text read as a whole, by RFC 9112.
class Naive {
 public:
  Naive(std::string_view text, const Request& request) : rest_(text) {
    outcome_.good = answer(request);
    outcome_.keep_open = outcome_.good && keep_ && rest_.empty();
  }
  [[nodiscard]] const Outcome& outcome() const { return outcome_; }

 private:
  bool answer(const Request& request) {
    int status = 0;
    std::optional<std::uint64_t> length;
    bool chunked = false;
    Headers headers;
    do {
      length.reset();
      chunked = false;
      headers.clear();
      auto line = next_line();
      if (!line || !status_line(*line, status)) return false;
      while ((line = next_line()) && !line->empty())
        if (!header(*line, headers, length, chunked)) return false;
      if (!line || status == 101) return false;
    } while (status < 200);
    if (chunked && length) return false;
    const bool no_body = request.method == "HEAD" || status == 204 || status == 304;
    if (!no_body && length && *length > request.max_body_bytes) return false;
    outcome_.status = status;
    outcome_.headers = headers;
    if (no_body) return true;
    if (chunked) return chunks(request.max_body_bytes);
    if (length) return take_body(*length);
    keep_ = false;
    if (rest_.size() <= request.max_body_bytes) return take_body(rest_.size());
    take_body(request.max_body_bytes);  // as much as may have been handed on until then
    return false;
  }

  bool status_line(std::string_view line, int& status) {
    const auto digit = [&](std::size_t i) { return line[i] >= '0' && line[i] <= '9'; };
    if (line.size() < 12 || !line.starts_with("HTTP/1.") || !digit(7) || line[8] != ' ' || !digit(9) ||
        !digit(10) || !digit(11) || line[9] == '0' || (line.size() > 12 && line[12] != ' ') ||
        has_control(line))
      return false;
    status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + line[11] - '0';
    keep_ = line[7] != '0';
    return true;
  }

  bool header(std::string_view line, Headers& headers, std::optional<std::uint64_t>& length, bool& chunked) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return false;
    const std::string name = lower(line.substr(0, colon));
    if (name.find_first_not_of("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") != std::string::npos)
      return false;
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (has_control(value)) return false;
    if (name == "content-length") {
      std::uint64_t number = 0;
      for (const char c : value) {
        if (c < '0' || c > '9' || number > (UINT64_MAX - static_cast<unsigned>(c - '0')) / 10) return false;
        number = number * 10 + static_cast<unsigned>(c - '0');
      }
      if (value.empty() || (length && *length != number)) return false;
      length = number;
    } else if (name == "transfer-encoding") {
      if (chunked || lower(value) != "chunked") return false;
      chunked = true;
    } else if (name == "connection") {
      for (const auto option : split(value, ","))
        if (lower(trimmed(option)) == "close") keep_ = false;
    }
    headers.emplace_back(line.substr(0, colon), value);
    return true;
  }

  bool chunks(std::uint64_t left) {
    while (true) {
      const auto line = next_line();
      if (!line) return false;
      const auto digits = std::min(line->find_first_not_of("0123456789abcdefABCDEF"), line->size());
      const auto after = trimmed(line->substr(digits));
      if (digits == 0 || (!after.empty() && after[0] != ';')) return false;
      std::uint64_t size = 0;
      for (const char c : line->substr(0, digits)) {
        if (size >> 60U != 0) return false;
        size = size * 16 + std::string_view("0123456789abcdef").find(lower({&c, 1}));
      }
      if (size == 0) break;
      if (size > left) return false;
      left -= size;
      if (!take_body(size) || !rest_.starts_with("\r\n")) return false;
      rest_.remove_prefix(2);
    }
    while (const auto trailer = next_line())
      if (trailer->empty()) return true;
    return false;
  }

  bool take_body(std::uint64_t size) {
    const auto part = rest_.substr(0, size);
    outcome_.body += part;
    rest_.remove_prefix(part.size());
    return part.size() == size;
  }

  /// Nothing where it does not end with CRLF.
  std::optional<std::string_view> next_line() {
    const auto end = rest_.find('\n');
    if (end == std::string_view::npos || end == 0 || rest_[end - 1] != '\r') return std::nullopt;
    const auto line = rest_.substr(0, end - 1);
    rest_.remove_prefix(end + 1);
    return line;
  }

  static bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
      return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
    });
  }
  static std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
  }
  static std::string lower(std::string_view text) {
    std::string copy(text);
    for (char& c : copy)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return copy;
  }

  std::string_view rest_;
  bool keep_ = false;
  Outcome outcome_;
};

void check(std::string_view text, const Request& request) {
  Peer whole;
  for (auto rest = text; !rest.empty(); rest.remove_prefix(std::min<std::size_t>(rest.size(), 60'000)))
    whole.send(rest.substr(0, 60'000));
  const Outcome at_once = outcome_of(std::move(whole), request);
  Peer cutting;
  std::size_t pieces = 0;
  std::size_t sent = 0;
  in_pieces(text, [&](std::string_view piece) {
    sent += piece.size();
    cutting.send(piece);
    return ++pieces < 100;  // a socket holds no more small packets than some hundred
  });
  if (sent < text.size()) cutting.send(text.substr(sent));
  const Outcome in_parts = outcome_of(std::move(cutting), request);

  const Outcome expected = Naive(text, request).outcome();
  require(at_once.good == in_parts.good && at_once.status == in_parts.status &&
              at_once.headers == in_parts.headers,
          "an answer is the same however it is cut");
  require(at_once.good == expected.good, "an answer is good if a naive reader says so");
  require(at_once.status == expected.status && at_once.headers == expected.headers, "its head is the same");
  if (at_once.good) {
    require(at_once.body == expected.body && in_parts.body == expected.body, "its body is the same");
    require(at_once.keep_open == expected.keep_open || !expected.keep_open,
            "a connection goes on only behind a whole answer");
  } else {
    // Of a bad one as much may be handed on as came before the fault was seen.
    require(expected.body.starts_with(at_once.body) && expected.body.starts_with(in_parts.body),
            "nothing is handed on that is not of the body");
  }
}

}  // namespace
}  // namespace repodigest::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace repodigest::fuzz;
  const std::string_view text = text_of(data, size);
  Request request;
  check(text, request);
  request.max_body_bytes = 20;
  check(text, request);
  request.method = "HEAD";
  check(text, request);
  return 0;
}
