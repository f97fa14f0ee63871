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
/// RFC 3986 3.2.2 and 3.2.3: a host (IP-literals with their brackets) and a port.
constexpr bool is_host_character(char c) {
  return is_alphanumeric(c) || std::string_view("-._~%!$&'()*+,;=:[]").find(c) != std::string_view::npos;
}

template <typename Predicate>
bool all(std::string_view text, Predicate predicate) {
  return std::all_of(text.begin(), text.end(), predicate);
}

/// Origin form (RFC 9112 3.2.1), printable ASCII, every "%" followed by two hex digits.
bool is_origin_form(std::string_view target) {
  if (target.empty() || target.front() != '/') return false;
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
    if (request_line_size_ == 0 && position_ > max_request_line)
      return refuse({414, "the request line is too long"});
    if (c == '\n') {
      const auto line = received.substr(line_start_, position_ - 1 - line_start_);
      std::optional<Refusal> refused;
      if (request_line_size_ == 0)
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
  const auto target = line.substr(first + 1, last - first - 1);
  const auto version = line.substr(last + 1);
  const bool is_version = version.size() == 8 && version.substr(0, 5) == "HTTP/" && is_digit(version[5]) &&
                          version[6] == '.' && is_digit(version[7]);
  if (!is_version || !is_token(method) || target.find(' ') != std::string_view::npos) return malformed;
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    return Refusal{505, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  const bool is_welcome_post = method == "POST" && !rules_.post_path.empty() && target == rules_.post_path;
  if (!rules_.any_method && method != "GET" && method != "HEAD" && !is_welcome_post)
    return Refusal{405, "only GET and HEAD are allowed"};
  is_head_ = method == "HEAD";
  is_http_1_0_ = version == "HTTP/1.0";
  if (!is_origin_form(target)) return Refusal{400, "the request target must be a path that begins with /"};
  request_line_size_ = line.size();
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
    if (!all(value, is_host_character)) return Refusal{400, "the Host header must be a host and a port"};
  } else if (is("Content-Length")) {
    if (value.empty() || !all(value, is_digit)) return Refusal{400, "Content-Length must be a number"};
    if (value != "0") return body_follows();
  } else if (is("Transfer-Encoding") || is("Expect")) {
    return body_follows();
  } else if (is("Connection")) {
    while (!value.empty()) {
      const auto option = take_item(value, ',');
      asks_close_ = asks_close_ || same_ignoring_case(option, "close");
      asks_keep_alive_ = asks_keep_alive_ || same_ignoring_case(option, "keep-alive");
    }
  }
  return std::nullopt;
}

std::optional<Refusal> HeadReader::body_follows() {
  if (!rules_.any_method) return Refusal{413, "requests with a body are not served"};
  has_body_ = true;
  return std::nullopt;
}

std::optional<Refusal> HeadReader::end_of_head() const {
  if (!has_host_ && !is_http_1_0_) return Refusal{400, "there must be one Host header"};
  return std::nullopt;
}

Head HeadReader::head(std::string_view received) const {
  Head head;
  head.request_line = received.substr(0, request_line_size_);
  head.headers.reserve(fields_.size());
  for (const Field& field : fields_)
    head.headers.emplace_back(received.substr(field.name, field.name_size),
                              received.substr(field.value, field.value_size));
  head.has_body = has_body_;
  head.keep_alive = !has_body_ && !asks_close_ && (!is_http_1_0_ || asks_keep_alive_);
  return head;
}

}  // namespace repodigest::web
