#include "support/replay_wire.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>
#include <utility>

namespace repodigest::support::replay {
namespace {

std::string lower(std::string_view text) {
  std::string copy(text);
  std::transform(copy.begin(), copy.end(), copy.begin(), [](unsigned char c) { return std::tolower(c); });
  return copy;
}

std::string without_version(std::string_view path) {
  if (path.starts_with("/v") && path.size() > 2 && std::isdigit(static_cast<unsigned char>(path[2])) != 0) {
    const auto slash = path.find('/', 1);
    if (slash != std::string_view::npos) path.remove_prefix(slash);
  }
  return std::string(path);
}

std::string_view phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 301:
      return "Moved Permanently";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Status";
  }
}

std::string head_of(const Answer& answer) {
  std::string head =
      "HTTP/1.1 " + std::to_string(answer.status) + " " + std::string(phrase(answer.status)) + "\r\n";
  for (const auto& [name, value] : answer.headers)
    head.append(name).append(": ").append(value).append("\r\n");
  return head + "\r\n";
}

}  // namespace

std::optional<Request> parse_request(std::string_view head) {
  Request request;
  request.head = head;
  const auto line = head.substr(0, head.find("\r\n"));
  const auto first = line.find(' ');
  const auto second = line.rfind(' ');
  if (first == std::string_view::npos || first == second || line.substr(second + 1) != "HTTP/1.1")
    return std::nullopt;
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, second - first - 1);
  request.path = without_version(std::string_view(request.target).substr(0, request.target.find('?')));

  std::string host;
  for (auto at = line.size() + 2; at < head.size();) {
    const auto end = head.find("\r\n", at);
    const auto header = head.substr(at, end - at);
    at = end + 2;
    const auto colon = header.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string name = lower(header.substr(0, colon));
    auto value = header.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    if (name == "host") host = value;
    if (name == "connection" && lower(value) == "close") request.closing = true;
    // Nothing that is served takes a body; what follows would be read as a request.
    if (name == "transfer-encoding" || (name == "content-length" && value != "0")) request.closing = true;
  }
  request.bad_host = host.empty() || host.find('/') != std::string::npos;
  return request;
}

std::string chunk(std::string_view content) {
  std::array<char, 16> size{};
  const auto end = std::to_chars(size.data(), size.data() + size.size(), content.size(), 16).ptr;
  return std::string(size.data(), end).append("\r\n").append(content).append("\r\n");
}

Wire compose(Answer answer, const Request& request, const Fault& fault) {
  Wire wire;
  wire.closing = request.closing;
  const std::string blanks(16U << 10U, ' ');
  if (fault.raw) {
    wire.bytes = *fault.raw;
    wire.closing = true;
    if (fault.endless) {
      wire.filler = blanks;
      wire.filler_size = std::numeric_limits<std::uint64_t>::max();
    }
    return wire;
  }
  if (fault.status) answer.status = *fault.status;
  if (fault.body) answer.body = *fault.body;
  if (fault.header) answer.set_header(fault.header->first, fault.header->second);

  std::string body;
  // Go's server knows the length of a body only as long as it fits its buffer of 2048 bytes
  // (net/http/server.go bufferBeforeChunkingSize); what is longer goes out in chunks. All recordings agree.
  constexpr std::size_t buffer_before_chunking = 2048;
  const bool length_is_set = fault.content_length || fault.content_length_error != 0;
  if (fault.endless || (!length_is_set && answer.body.size() > buffer_before_chunking)) {
    answer.set_header("Transfer-Encoding", "chunked");
    // Several chunks, and none at a boundary of anything.
    constexpr std::size_t chunk_size = 4093;
    for (std::size_t at = 0; at < answer.body.size(); at += chunk_size)
      body += chunk(std::string_view(answer.body).substr(at, chunk_size));
    if (fault.endless) {
      wire.filler = chunk(blanks);
      wire.filler_size = std::numeric_limits<std::uint64_t>::max();
    } else {
      body += chunk({});
    }
  } else {
    body = std::move(answer.body);
    const auto size = static_cast<std::int64_t>(body.size());
    const auto length =
        static_cast<std::uint64_t>(std::max<std::int64_t>(size + fault.content_length_error, 0));
    answer.set_header("Content-Length", std::to_string(fault.content_length.value_or(length)));
    if (fault.content_length && *fault.content_length > body.size()) {
      wire.filler = blanks;
      wire.filler_size = *fault.content_length - body.size();
    }
    if (fault.content_length_error > 0) wire.closing = true;
  }
  if (wire.closing) answer.set_header("Connection", "close");

  wire.bytes = head_of(answer);
  wire.head_size = wire.bytes.size();
  if (request.method != "HEAD") wire.bytes += body;
  return wire;
}

Wire compose_stream(Answer answer) {
  answer.set_header("Transfer-Encoding", "chunked");
  Wire wire;
  wire.bytes = head_of(answer);
  wire.head_size = wire.bytes.size();
  return wire;
}

}  // namespace repodigest::support::replay
