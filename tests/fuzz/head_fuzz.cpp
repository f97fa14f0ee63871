// Heads of requests, by which everything from outside comes in: the strict reader lets pass what a naive
// grammar lets pass, says the same of it, and decides the same however it is cut.
#include <cstdint>
#include <optional>
#include <regex>

#include "require.h"
#include "web/head.h"

namespace repodigest::fuzz {
namespace {

using web::HeadReader;
using Verdict = HeadReader::Verdict;

/// What came of a head.
struct Outcome {
  Verdict verdict = Verdict::incomplete;
  int status = 0;        ///< of a refusal
  std::size_t size = 0;  ///< of what is complete
  bool is_head = false;
  web::Head head = {};
};

Outcome outcome_of(const HeadReader& reader, Verdict verdict, std::string_view received) {
  Outcome outcome{.verdict = verdict, .is_head = reader.is_head()};
  if (verdict == Verdict::refused) {
    outcome.status = reader.refusal().status;
    for (const auto wording : {web::Wording::text, web::Wording::json_message}) {
      const auto reply = web::reply_to(reader.refusal(), reader.is_head(), wording);
      require(reply.starts_with("HTTP/1.1 " + std::to_string(outcome.status) + " "),
              "a refusal is an answer");
    }
  }
  if (verdict == Verdict::complete) {
    outcome.size = reader.size();
    outcome.head = reader.head(received);
  }
  return outcome;
}

Outcome whole(std::string_view text, web::HeadRules rules) {
  HeadReader reader(rules);
  const Verdict verdict = reader.read(text);
  return outcome_of(reader, verdict, text);
}

Outcome in_parts(std::string_view text, web::HeadRules rules) {
  HeadReader reader(rules);
  Verdict verdict = Verdict::incomplete;
  std::size_t received = 0;
  in_pieces(text, [&](std::string_view piece) {
    received += piece.size();
    // Where it lies may change from call to call, as it does in a buffer that grows.
    const std::string copy(text.substr(0, received));
    verdict = reader.read(copy);
    return verdict == Verdict::incomplete;
  });
  return outcome_of(reader, verdict, text);
}

bool same(const Outcome& one, const Outcome& other) {
  return one.verdict == other.verdict && one.status == other.status && one.size == other.size &&
         one.is_head == other.is_head && one.head.request_line == other.head.request_line &&
         one.head.headers == other.head.headers && one.head.keep_alive == other.head.keep_alive &&
         one.head.has_body == other.head.has_body;
}

/// The head at the front of `text` by a grammar; nothing if there is none that may pass.
std::optional<Outcome> naive(std::string_view text, web::HeadRules rules) {
  constexpr auto icase = std::regex::ECMAScript | std::regex::icase;
  static const std::string token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
  static const std::string name_or_address = "A-Za-z0-9._~%!$&'()*+,;=-";  // a character of one, in [ ]
  static const auto host_and_port = [](const std::string& name) {
    return "(?:\\[[:" + name_or_address + "]+\\]|" + name + ")(?::[0-9]*)?";
  };
  static const std::regex request_line("(" + token + ") (?:http(s?)://(" +
                                           host_and_port("[" + name_or_address + "]+") +
                                           "))?((?:[/?](?:[!-\"$&-~]|%[0-9a-f]{2})*)?) (HTTP/1\\.)([0-9])",
                                       icase);
  static const std::regex field("(" + token + "):[ \\t]*((?:[^]*[^ \\t])?)[ \\t]*");
  static const std::regex host(host_and_port("[" + name_or_address + "]*"));
  static const std::regex last_is_chunked("(?:[^]*,)?[ \\t]*chunked[ \\t]*", icase);
  static const std::regex close("(?:^|.*,)[ \\t]*close[ \\t]*(?:,.*|$)", icase);
  static const std::regex keep_alive("(?:^|.*,)[ \\t]*keep-alive[ \\t]*(?:,.*|$)", icase);
  const std::size_t begin = text.starts_with("\r\n") ? 2 : 0;  // one empty line does no harm
  const auto end = text.find("\r\n\r\n", begin);
  if (end == std::string_view::npos || end + 4 > HeadReader::max_bytes) return std::nullopt;
  Outcome outcome{.verdict = Verdict::complete, .size = end + 4};
  const auto lines = split(text.substr(begin, end - begin), "\r\n");
  for (const auto line : lines)
    for (const char c : line)
      if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F) return std::nullopt;

  std::smatch parts;
  const std::string first(lines.front());
  if (begin + first.size() + 1 > HeadReader::max_request_line ||
      !std::regex_match(first, parts, request_line) || parts[5] != "HTTP/1.")
    return std::nullopt;
  const std::string method = parts[1].str();
  const std::string authority = parts[3].str();
  std::string target = parts[4].str();
  const bool old = parts[6] == "0";
  // A path begins with a slash; https is asked for over TLS alone.
  if (authority.empty() ? !target.starts_with('/') : parts[2].length() != 0 && !rules.over_tls)
    return std::nullopt;
  const bool posts = method == "POST" && !rules.post_path.empty() && target == rules.post_path;
  if (!rules.any_method && method != "GET" && method != "HEAD" && !posts) return std::nullopt;
  if (!target.starts_with('/')) target.insert(0, "/");
  outcome.is_head = method == "HEAD";
  outcome.head.request_line = method + " " + target + (old ? " HTTP/1.0" : " HTTP/1.1");
  bool asks_close = false;
  bool asks_keep_alive = false;
  bool end_is_known = true;
  std::size_t hosts = 0;
  std::size_t lengths = 0;
  if (lines.size() - 1 > HeadReader::max_headers) return std::nullopt;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::string line(lines[i]);
    if (!std::regex_match(line, parts, field)) return std::nullopt;
    std::string name = parts[1].str();
    const std::string value = parts[2].str();
    outcome.head.headers.emplace_back(name, value);
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    if (name == "host") {
      if (++hosts > 1 || !std::regex_match(value, host)) return std::nullopt;
      if (!authority.empty()) outcome.head.headers.back().second = authority;
    }
    if (name == "content-length") {
      if (++lengths > 1 || value.empty() || value.find_first_not_of("0123456789") != std::string::npos)
        return std::nullopt;
      if (value.find_first_not_of('0') != std::string::npos) outcome.head.has_body = true;
    }
    if (name == "transfer-encoding") end_is_known = std::regex_match(value, last_is_chunked);
    if (name == "transfer-encoding" || (name == "expect" && !old)) outcome.head.has_body = true;
    if (name == "connection") {
      asks_close = asks_close || std::regex_match(value, close);
      asks_keep_alive = asks_keep_alive || std::regex_match(value, keep_alive);
    }
  }
  if (!end_is_known || (outcome.head.has_body && !rules.any_method)) return std::nullopt;
  if (hosts == 0 && !old) return std::nullopt;
  outcome.head.keep_alive = !outcome.head.has_body && !asks_close && (!old || asks_keep_alive);
  return outcome;
}

void check(std::string_view text, web::HeadRules rules) {
  const Outcome outcome = whole(text, rules);
  require(same(outcome, in_parts(text, rules)), "a head is the same however it is cut");
  const auto expected = naive(text, rules);
  require(expected.has_value() == (outcome.verdict == Verdict::complete),
          "what passes is what the grammar lets pass");
  if (expected) require(same(outcome, *expected), "and it says what the grammar reads");
}

}  // namespace
}  // namespace repodigest::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace repodigest::fuzz;
  const std::string_view text = text_of(data, size);
  check(text, {});
  check(text, {.any_method = false, .post_path = "/-/reload"});
  check(text, {.any_method = true, .post_path = {}, .over_tls = true});
  return 0;
}
