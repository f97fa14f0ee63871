#include "head.h"

#include <algorithm>
#include <array>

#include "ascii.h"
#include "reply_head.h"

namespace repodigest::web {
namespace {

constexpr bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
/// Of a name or an address (RFC 3986 3.2.2); a colon stands only in brackets.
constexpr bool is_host_character(char c) {
  return is_alphanumeric(c) || std::string_view("-._~%!$&'()*+,;=").find(c) != std::string_view::npos;
}

template <typename Predicate>
bool all(std::string_view text, Predicate predicate) {
  return std::all_of(text.begin(), text.end(), predicate);
}

/// A host, which may be empty, and perhaps a port (RFC 3986 3.2.2 and 3.2.3).
bool is_host_and_port(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos || end == 1 ||
        !all(text.substr(1, end - 1), [](char c) { return is_host_character(c) || c == ':'; }))
      return false;
    text.remove_prefix(end + 1);
    if (!text.empty() && text.front() != ':') return false;
  }
  const auto host = text.substr(0, text.find(':'));
  if (!all(host, is_host_character)) return false;
  text.remove_prefix(host.size());
  return text.empty() || all(text.substr(1), is_digit);
}

/// Printable ASCII without "#", every "%" followed by two hex digits.
bool is_target(std::string_view target) {
  for (std::size_t i = 0; i < target.size(); ++i) {
    const char c = target[i];
    if (c == ' ' || c == '#' || is_control(c) || static_cast<unsigned char>(c) > 0x7f) return false;
    if (c == '%' && (target.size() - i < 3 || !is_hex_digit(target[i + 1]) || !is_hex_digit(target[i + 2])))
      return false;
  }
  return true;
}

}  // namespace

std::string reply_to(const Refusal& refusal, bool without_body, Wording wording) {
  const bool is_json = wording == Wording::json_message;
  std::string body(refusal.text);
  // None of our constants has a character that JSON escapes.
  if (is_json) body = R"({"message":")" + body + R"("})";
  body += '\n';
  ReplyHead head(refusal.status);
  if (refusal.status == 405) head.add("Allow", "GET, HEAD");
  if (refusal.status == 401) head.add("WWW-Authenticate", R"(Basic realm="repodigest_exporter")");
  if (refusal.status == 503) head.add("Retry-After", "1");
  head.add("Date", http_date())
      .add("Cache-Control", "no-store")
      .add("Connection", "close")
      .add("Content-Type", is_json ? "application/json" : "text/plain; charset=utf-8")
      .add("X-Content-Type-Options", "nosniff")
      .add("Content-Length", std::to_string(body.size()));
  return std::move(head).text() + (without_body ? "" : body);
}

std::string_view Head::header(std::string_view name) const {
  for (const auto& [known, value] : headers)
    if (same_ignoring_case(known, name)) return value;
  return {};
}

HeadReader::Verdict HeadReader::refuse(const Refusal& refusal) {
  refusal_ = refusal;
  return Verdict::refused;
}

HeadReader::Verdict HeadReader::read(std::string_view received) {
  received = received.substr(0, max_bytes);
  for (; position_ < received.size(); ++position_) {
    const char c = received[position_];
    const bool after_cr = position_ > line_start_ && received[position_ - 1] == '\r';
    if (after_cr != (c == '\n'))
      return refuse({400, "lines must end in CRLF, and CR and LF stand nowhere else"});
    if (request_line_.empty() && position_ > max_request_line)
      return refuse({414, "the request line is too long"});
    if (c == '\n') {
      const auto line = received.substr(line_start_, position_ - 1 - line_start_);
      std::optional<Refusal> refused;
      // RFC 9112 2.2: some clients send one behind a body.
      const bool is_ignored = line.empty() && request_line_.empty() && !std::exchange(empty_line_came_, true);
      if (is_ignored) {
        line_start_ = position_ + 1;
        continue;
      }
      if (request_line_.empty())
        refused = request_line(line);
      else if (line.empty())
        refused = end_of_head();
      else
        refused = header_line(line, line_start_);
      if (refused) return refuse(*refused);
      line_start_ = position_ + 1;
      if (line.empty()) {
        ++position_;
        return Verdict::complete;
      }
    } else if (is_control(c) && c != '\r' && c != '\t') {
      return refuse({400, "control characters are not allowed"});
    }
  }
  return position_ < max_bytes ? Verdict::incomplete : refuse({431, "the request head is too long"});
}

std::optional<Refusal> HeadReader::request_line(std::string_view line) {
  constexpr Refusal malformed{400, "the request line must be: method, target and version, one space between"};
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return malformed;
  const auto method = line.substr(0, first);
  auto target = line.substr(first + 1, last - first - 1);
  const auto version = line.substr(last + 1);
  const bool is_version = version.size() == 8 && version.substr(0, 5) == "HTTP/" && is_digit(version[5]) &&
                          version[6] == '.' && is_digit(version[7]);
  if (!is_version || !is_token(method) || target.find(' ') != std::string_view::npos) return malformed;
  if (version[5] != '1') return Refusal{505, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  is_http_1_0_ = version[7] == '0';  // RFC 9110 2.5: what is newer than 1.1 is read as 1.1
  const auto refused = take_authority(target);
  const bool is_welcome_post = method == "POST" && !rules_.post_path.empty() && target == rules_.post_path;
  if (!rules_.any_method && method != "GET" && method != "HEAD" && !is_welcome_post)
    return Refusal{405, "only GET and HEAD are allowed"};
  is_head_ = method == "HEAD";
  if (refused) return refused;
  if (!is_target(target))
    return Refusal{400, "the request target must be printable ASCII, with two hex digits after every %"};
  request_line_.append(method).append(target.starts_with('/') ? " " : " /").append(target);
  request_line_.append(is_http_1_0_ ? " HTTP/1.0" : " HTTP/1.1");
  return std::nullopt;
}

std::optional<Refusal> HeadReader::take_authority(std::string_view& target) {
  if (target.starts_with('/')) return std::nullopt;
  constexpr Refusal neither{400, "the request target must be a path that begins with /, or an http:// URL"};
  const auto end = target.find("://");
  if (end == std::string_view::npos) return neither;
  const auto scheme = target.substr(0, end);
  const bool is_https = same_ignoring_case(scheme, "https");
  if (!is_https && !same_ignoring_case(scheme, "http")) return neither;
  target.remove_prefix(end + 3);
  const auto authority = target.substr(0, target.find_first_of("/?"));
  target.remove_prefix(authority.size());
  if (authority.empty() || authority.front() == ':' || !is_host_and_port(authority))
    return Refusal{400, "the request target must have a host, perhaps a port, and no user"};
  if (is_https && !rules_.over_tls) return Refusal{400, "an https:// URL must be asked for over TLS"};
  authority_ = authority;
  return std::nullopt;
}

std::optional<Refusal> HeadReader::header_line(std::string_view line, std::size_t line_position) {
  if (fields_.size() == max_headers) return Refusal{431, "too many headers"};
  const auto colon = line.find(':');
  // This refuses folded lines too, and a space before the colon (RFC 9112 5.1 and 5.2).
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
    return Refusal{400, "a header line must be a name, a colon, a value"};
  const auto name = line.substr(0, colon);
  const auto value = trimmed(line.substr(colon + 1));
  const auto offset = value.empty() ? 0 : static_cast<std::size_t>(value.data() - line.data());
  fields_.push_back({static_cast<std::uint16_t>(line_position), static_cast<std::uint16_t>(name.size()),
                     static_cast<std::uint16_t>(line_position + offset),
                     static_cast<std::uint16_t>(value.size())});
  return meaning_of(name, value);
}

std::optional<Refusal> HeadReader::meaning_of(std::string_view name, std::string_view value) {
  const auto is = [name](std::string_view other) { return same_ignoring_case(name, other); };
  if (is("Host")) {
    if (std::exchange(has_host_, true)) return Refusal{400, "there must be one Host header"};
    if (!is_host_and_port(value)) return Refusal{400, "the Host header must be a host and a port"};
  } else if (is("Content-Length")) {
    // Two of them are a list, which must not be sent, or a contradiction (RFC 9112 6.3).
    if (value.empty() || !all(value, is_digit) || std::exchange(has_length_, true))
      return Refusal{400, "Content-Length must be a number"};
    has_body_ = has_body_ || value.find_first_not_of('0') != std::string_view::npos;
  } else if (is("Transfer-Encoding")) {
    has_body_ = true;
    end_is_unclear_ = !same_ignoring_case(trimmed(value.substr(value.rfind(',') + 1)), "chunked");
  } else if (is("Expect")) {
    has_body_ = has_body_ || !is_http_1_0_;  // RFC 9110 10.1.1
  } else if (is("Connection")) {
    while (!value.empty()) {
      const auto option = take_item(value, ',');
      asks_close_ = asks_close_ || same_ignoring_case(option, "close");
      asks_keep_alive_ = asks_keep_alive_ || same_ignoring_case(option, "keep-alive");
    }
  }
  return std::nullopt;
}

std::optional<Refusal> HeadReader::end_of_head() const {
  if (!has_host_ && !is_http_1_0_) return Refusal{400, "there must be one Host header"};
  // RFC 9112 6.3: where the last coding is another, nobody can tell where the body ends.
  if (end_is_unclear_) return Refusal{400, "the last Transfer-Encoding must be chunked"};
  if (has_body_ && !rules_.any_method) return Refusal{413, "requests with a body are not served"};
  return std::nullopt;
}

Head HeadReader::head(std::string_view received) const {
  Head head;
  head.request_line = request_line_;
  head.headers.reserve(fields_.size());
  for (const Field& field : fields_)
    head.headers.emplace_back(received.substr(field.name, field.name_size),
                              received.substr(field.value, field.value_size));
  // RFC 9112 3.2.2: what a Host says beside an absolute form does not count.
  if (!authority_.empty())
    for (auto& [name, value] : head.headers)
      if (same_ignoring_case(name, "Host")) value = authority_;
  head.has_body = has_body_;
  head.keep_alive = !has_body_ && !asks_close_ && (!is_http_1_0_ || asks_keep_alive_);
  return head;
}

}  // namespace repodigest::web
