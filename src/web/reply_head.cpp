#include "reply_head.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "ascii.h"

namespace repodigest::web {

std::string_view phrase_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 203:
      return "Non-Authoritative Information";
    case 204:
      return "No Content";
    case 205:
      return "Reset Content";
    case 206:
      return "Partial Content";
    case 300:
      return "Multiple Choices";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 305:
      return "Use Proxy";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 407:
      return "Proxy Authentication Required";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 426:
      return "Upgrade Required";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return {};
  }
}

std::string_view http_date() {
  // Written once a second: it is on every reply.
  thread_local std::time_t written = -1;
  thread_local std::array<char, sizeof "Sun, 06 Nov 1994 08:49:37 GMT"> text{};
  const std::time_t now = std::time(nullptr);
  if (now != written) {
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    // The program never leaves the locale "C", whose names these are.
    if (std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc) == 0) return {};
    written = now;
  }
  return {text.data(), text.size() - 1};
}

ReplyHead::ReplyHead(int status) : text_("HTTP/1.1 " + std::to_string(status) + " ") {
  text_.append(phrase_of(status)).append("\r\n");
}

ReplyHead& ReplyHead::add(std::string_view name, std::string_view value) {
  const auto is_allowed = [](char c) { return !is_control(c) || c == '\t'; };
  if (is_token(name) && std::all_of(value.begin(), value.end(), is_allowed))
    text_.append(name).append(": ").append(value).append("\r\n");
  return *this;
}

ReplyHead& ReplyHead::add_connection(bool keep_alive, bool is_http_1_0) {
  if (!keep_alive) return add("Connection", "close");
  return is_http_1_0 ? add("Connection", "keep-alive") : *this;
}

std::string ReplyHead::text() && {
  return std::move(text_.append("\r\n"));
}

}  // namespace repodigest::web
