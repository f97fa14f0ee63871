// What came on a connection that was closed after one reply, and whether all of it did.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include "support/raw_client.h"

namespace repodigest::support {

/// A reply whose body is without the framing of chunks.
struct WholeReply {
  RawReply raw;      ///< status and head; its body is empty
  std::string body;  ///< what of it came
  bool whole = false;

  [[nodiscard]] int status() const { return raw.status; }
  [[nodiscard]] std::string header(std::string_view name) const { return raw.header(name); }
};

/// Reads what came on a connection that was closed after one answer.
inline WholeReply parsed(const std::string& bytes, bool to_head = false) {
  WholeReply answer;
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string::npos) return answer;
  answer.raw.head = bytes.substr(0, end + 4);
  answer.raw.status = std::atoi(answer.raw.head.c_str() + std::string_view("HTTP/1.1 ").size());
  std::string_view rest = std::string_view(bytes).substr(end + 4);
  if (answer.header("Transfer-Encoding") != "chunked") {
    answer.body = rest;
    answer.whole = to_head || answer.header("Content-Length") == std::to_string(rest.size());
    return answer;
  }
  while (true) {
    const auto line = rest.find("\r\n");
    if (line == std::string_view::npos) return answer;
    const std::size_t size = std::strtoull(std::string(rest.substr(0, line)).c_str(), nullptr, 16);
    rest.remove_prefix(line + 2);
    answer.body += rest.substr(0, size);
    if (rest.size() < size + 2) return answer;
    rest.remove_prefix(size + 2);
    if (size == 0) break;
  }
  answer.whole = rest.empty();
  return answer;
}

}  // namespace repodigest::support
