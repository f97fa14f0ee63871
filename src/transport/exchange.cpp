#include "exchange.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "repodigest/base/build_info.h"
#include "repodigest/base/duration.h"

namespace repodigest::transport {
namespace {

constexpr std::size_t read_size = std::size_t{64} << 10U;

// --- Characters (RFC 9110, 5.6.2 and 5.5), free of any locale.

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

constexpr bool is_token_char(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

constexpr bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

bool is_field_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return is_control(c) && c != '\t'; });
}

bool is_target(std::string_view text) {
  return text.starts_with('/') &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool has_header(const Request& request, std::string_view name) {
  return std::any_of(request.headers.begin(), request.headers.end(),
                     [&](const auto& header) { return same_token(header.first, name); });
}

/// Whether the comma-separated list `value` has `token`.
bool has_list_token(std::string_view value, std::string_view token) {
  while (!value.empty()) {
    const auto comma = value.find(',');
    if (same_token(trimmed(value.substr(0, comma)), token)) return true;
    value.remove_prefix(comma == std::string_view::npos ? value.size() : comma + 1);
  }
  return false;
}

std::string host_of(const Endpoint& endpoint) {
  // A socket's path is no host: Go's server answers 400 to one.
  if (endpoint.kind == Endpoint::Kind::unix_socket) return "localhost";
  return authority(endpoint);
}

Error too_large(std::size_t cap) {
  return {Reason::too_large, "the answer is larger than " + std::to_string(cap) + " bytes"};
}

/// The beginning of foreign bytes, safe to print.
std::string excerpt(std::string_view bytes) {
  std::string text;
  for (const char c : bytes.substr(0, 40)) {
    if (c == '\r' || c == '\n') break;
    text += is_control(c) || static_cast<unsigned char>(c) >= 0x80 ? '?' : c;
  }
  return text;
}

bool has_no_body(const Request& request, int status) {
  return request.method == "HEAD" || status == 204 || status == 304;
}

}  // namespace

bool same_token(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string authority(const Endpoint& endpoint) {
  const bool is_ipv6 = endpoint.host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

Result<std::string> request_head(const Endpoint& endpoint, const Request& request) {
  const std::string target = endpoint.prefix + request.target;
  if (!is_token(request.method) || !is_target(target))
    return Error{Reason::http, "this is not a request that can be sent: its target must be percent-encoded"};
  std::string head = request.method + " " + target + " HTTP/1.1\r\n";
  const auto add = [&](std::string_view name, std::string_view value) {
    head.append(name).append(": ").append(value).append("\r\n");
  };
  if (!has_header(request, "Host")) add("Host", host_of(endpoint));
  if (!has_header(request, "User-Agent"))
    add("User-Agent", "repodigest_exporter/" + std::string(build_info::version()));
  if (!has_header(request, "Accept")) add("Accept", "*/*");
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name) || !is_field_value(value))
      return Error{Reason::http, "this is not a request that can be sent: a header has a control byte in it"};
    add(name, value);
  }
  return head + "\r\n";
}

Exchange::Exchange(Stream& stream, const Cancel& head_cancel, const Cancel& cancel)
    : stream_(stream),
      cancel_(&head_cancel),
      body_cancel_(cancel),
      started_at_(std::chrono::steady_clock::now()) {}

Status Exchange::run(std::string_view head, const Request& request, bool new_connection,
                     const Receiver& receiver) {
  const Status sent = stream_.write(head, *cancel_);
  // A peer that closes while we write may have said why; its last words are read then, too.
  if (!sent && sent.error().reason != Reason::connect) return broken(sent.error());
  Status answer = read(request, new_connection, receiver);
  if (!sent) keep_alive_ = false;
  return answer;
}

Status Exchange::read(const Request& request, bool new_connection, const Receiver& receiver) {
  Response head;
  Framing framing;
  if (auto whole = read_head(head, framing); !whole) return whole;
  head.new_connection = new_connection;
  const std::size_t cap = request.max_body_bytes;
  const bool no_body = has_no_body(request, head.status);
  // Refused before the receiver hears of it: whoever hands the answer on has not begun with it then.
  if (!no_body && framing.length && *framing.length > cap) return too_large(cap);
  if (auto taken = by_receiver(receiver.head(head)); !taken) return taken;
  if (head.status < 300) cancel_ = &body_cancel_;

  // Content-Length and Transfer-Encoding then speak of another answer (RFC 9112, 6.3).
  if (no_body) return {};
  if (framing.chunked) return read_chunks(receiver, cap);
  if (framing.length) return read_length(receiver, *framing.length);
  keep_alive_ = false;
  return read_until_close(receiver, cap);
}

Status Exchange::read_head(Response& response, Framing& framing) {
  do {  // an interim answer (1xx) comes before the one that counts
    if (auto status_line = read_status_line(response); !status_line) return status_line;
    response.headers.clear();
    framing = {};
    while (true) {
      const auto next = line();
      if (!next) return next.error();
      if (next->empty()) break;
      const auto colon = next->find(':');
      if (colon == std::string_view::npos) return not_http("a header without a colon");
      const auto name = next->substr(0, colon);
      const auto value = trimmed(next->substr(colon + 1));
      if (!is_token(name) || !is_field_value(value)) return not_http("a malformed header");
      if (auto noted = note_header(name, value, framing); !noted) return noted;
      response.headers.emplace_back(name, value);
    }
    if (response.status == 101) return not_http("a change of protocol that was not asked for");
  } while (response.status < 200);
  if (framing.chunked && framing.length)
    return not_http("both a length and chunks");  // what is used to smuggle answers
  return {};
}

Status Exchange::read_status_line(Response& response) {
  const auto http = expect("HTTP/1.");
  if (!http) return http.error();
  if (!*http) {
    const std::string_view seen = std::string_view(buffer_).substr(begin_);
    if (seen.starts_with("\x15\x03"))
      return Error{Reason::http, "the server speaks TLS there: use https://, or a certificate path"};
    return Error{Reason::http, "the answer is not HTTP: it begins with \"" + excerpt(seen) +
                                   "\": is it the engine that listens there?"};
  }
  const auto rest = line();
  if (!rest) return rest.error();
  // After "HTTP/1.": minor version, space, three digits, and perhaps a space and a reason phrase.
  const std::string_view text = *rest;
  if (text.size() < 5 || !is_digit(text[0]) || text[1] != ' ' || text[2] < '1' || text[2] > '9' ||
      !is_digit(text[3]) || !is_digit(text[4]) || (text.size() > 5 && text[5] != ' ') ||
      !is_field_value(text))
    return not_http("a malformed status line");
  response.status = (text[2] - '0') * 100 + (text[3] - '0') * 10 + (text[4] - '0');
  keep_alive_ = text[0] != '0';
  return {};
}

Status Exchange::note_header(std::string_view name, std::string_view value, Framing& framing) {
  if (same_token(name, "Content-Length")) {
    std::uint64_t length = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
    if (value.empty() || error != std::errc() || end != value.data() + value.size())
      return not_http("a Content-Length that is no number");
    if (framing.length && *framing.length != length) return not_http("two different lengths");
    framing.length = length;
  } else if (same_token(name, "Transfer-Encoding")) {
    // None but chunked was offered by us, and twice chunked is none.
    if (framing.chunked || !same_token(value, "chunked"))
      return not_http("a Transfer-Encoding that was not asked for");
    framing.chunked = true;
  } else if (same_token(name, "Connection") && has_list_token(value, "close")) {
    keep_alive_ = false;
  }
  return {};
}

Status Exchange::read_length(const Receiver& receiver, std::uint64_t length) {
  while (length > 0) {
    if (begin_ == buffer_.size())
      if (auto more = need(); !more) return more;
    const auto taken = hand_on(receiver, length);
    if (!taken) return taken.error();
    length -= *taken;
  }
  return {};
}

Status Exchange::read_chunks(const Receiver& receiver, std::size_t cap) {
  std::uint64_t left = cap;
  while (true) {
    head_left_ = max_head_bytes;  // per chunk: what its line says is not kept
    const auto size_line = line();
    if (!size_line) return size_line.error();
    std::uint64_t size = 0;
    const auto [end, error] =
        std::from_chars(size_line->data(), size_line->data() + size_line->size(), size, 16);
    const auto after = trimmed(size_line->substr(static_cast<std::size_t>(end - size_line->data())));
    if (error != std::errc() || (!after.empty() && after.front() != ';'))
      return not_http("a chunk whose size is no number");
    if (size == 0) break;
    if (size > left) return too_large(cap);
    left -= size;
    if (auto chunk = read_length(receiver, size); !chunk) return chunk;
    const auto ended = expect("\r\n");
    if (!ended) return ended.error();
    if (!*ended) return not_http("a chunk that is longer than its size");
  }
  while (true) {  // trailers
    const auto trailer = line();
    if (!trailer) return trailer.error();
    if (trailer->empty()) return {};
  }
}

Status Exchange::read_until_close(const Receiver& receiver, std::size_t cap) {
  std::size_t left = cap;
  while (true) {
    if (buffer_.size() - begin_ > left) return too_large(cap);
    const auto taken = hand_on(receiver, left);
    if (!taken) return taken.error();
    left -= *taken;
    const auto more = fill();
    if (!more) return more.error();
    if (!*more) return {};
  }
}

Result<bool> Exchange::fill() {
  buffer_.erase(0, begin_);
  begin_ = 0;
  const std::size_t held = buffer_.size();
  buffer_.resize(held + read_size);
  const auto got = stream_.read(buffer_.data() + held, read_size, *cancel_);
  buffer_.resize(held + (got.ok() ? *got : 0));
  if (!got) return broken(got.error());
  received_ += *got;
  return *got > 0;
}

Status Exchange::need() {
  const auto more = fill();
  if (!more) return more.error();
  if (*more) return {};
  return broken({Reason::connect, "the peer closed it"});
}

Result<std::string_view> Exchange::line() {
  std::size_t searched = 0;
  while (true) {
    const auto text = std::string_view(buffer_).substr(begin_);
    const auto end = text.find('\n', searched);
    if (std::min(end, text.size()) >= head_left_)
      return Error{Reason::too_large,
                   "the head of the answer is larger than " + std::to_string(max_head_bytes) + " bytes"};
    if (end != std::string_view::npos) {
      if (end == 0 || text[end - 1] != '\r') return not_http("a line without CRLF");
      head_left_ -= end + 1;
      begin_ += end + 1;
      return text.substr(0, end - 1);
    }
    searched = text.size();
    if (auto more = need(); !more) return std::move(more).error();
  }
}

Result<bool> Exchange::expect(std::string_view bytes) {
  while (true) {
    const auto text = std::string_view(buffer_).substr(begin_, bytes.size());
    if (text != bytes.substr(0, text.size())) return false;
    if (text.size() == bytes.size()) break;
    if (auto more = need(); !more) return std::move(more).error();
  }
  begin_ += bytes.size();
  return true;
}

Result<std::size_t> Exchange::hand_on(const Receiver& receiver, std::uint64_t size) {
  const auto piece = std::string_view(buffer_).substr(begin_).substr(0, size);
  if (piece.empty()) return piece.size();
  if (auto taken = by_receiver(receiver.piece(piece)); !taken) return std::move(taken).error();
  begin_ += piece.size();
  return piece.size();
}

Status Exchange::by_receiver(Status outcome) {
  ended_by_receiver_ = !outcome.ok();
  return outcome;
}

Error Exchange::broken(const Error& cause) const {
  const std::string so_far = std::to_string(received_) + " bytes";
  switch (cause.reason) {
    case Reason::timeout: {
      const std::string after = format_duration(std::chrono::steady_clock::now() - started_at_);
      return {cause.reason, started() ? "the answer was not whole after " + after + " (" + so_far +
                                            " came): the server is slow or hangs"
                                      : "no answer after " + after + ": the server is busy or hangs"};
    }
    case Reason::connect:
      if (started())
        return {Reason::interrupted, "the answer ended in the middle, after " + so_far + ": " + cause.text};
      return {cause.reason, "the connection ended before an answer: " + cause.text};
    default:  // given up, or TLS's own words
      return cause;
  }
}

Error Exchange::not_http(std::string_view what) const {
  return {Reason::http, "the answer is not proper HTTP: it has " + std::string(what)};
}

}  // namespace repodigest::transport
