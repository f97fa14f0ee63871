// What a server can be sent that no honest client sends, and honest requests that look like it: one table for
// all our listeners, with the answers that RFC 9110, RFC 9112 and our own promises ask for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace repodigest::support {

/// What becomes of a connection.
struct Fate {
  std::vector<int> statuses;  ///< of the answers, in order
  bool closes = true;         ///< else it takes another request
};

/// The answers, and then the end.
inline Fate closed(std::vector<int> statuses) {
  return {std::move(statuses), true};
}
/// The answers, and then the next request, please.
inline Fate open(std::vector<int> statuses) {
  return {std::move(statuses), false};
}

struct HostileRequest {
  HostileRequest(std::string of_what, std::string sent, Fate everywhere)
      : HostileRequest(std::move(of_what), std::move(sent), everywhere, everywhere) {}
  HostileRequest(std::string of_what, std::string sent, Fate on_web, Fate on_docker_api)
      : what(std::move(of_what)),
        bytes(std::move(sent)),
        web(std::move(on_web)),
        docker_api(std::move(on_docker_api)) {}

  std::string what;
  std::string bytes;
  Fate web;
  Fate docker_api;  ///< where methods, paths and bodies are judged by Docker's rules
};

/// Makes the table for one listener.
class HostileRequests {
 public:
  /// `good` is a path of several letters that is answered 200; `credentials` are header lines that let a
  /// request in.
  explicit HostileRequests(std::string good, std::string credentials = {}, bool over_tls = false)
      : good_(std::move(good)), credentials_(std::move(credentials)), over_tls_(over_tls) {}

  [[nodiscard]] std::vector<HostileRequest> all() const {
    std::vector<HostileRequest> table;
    for (auto&& part : {request_lines(), targets(), methods(), header_lines(), hosts(), bodies(), series(),
                        floods(), strangers()})
      table.insert(table.end(), part.begin(), part.end());
    return table;
  }

  /// A whole request.
  [[nodiscard]] std::string request(const std::string& method, const std::string& target,
                                    const std::string& headers = "") const {
    return method + " " + target + " HTTP/1.1\r\n" + host() + headers + "\r\n";
  }
  [[nodiscard]] std::string get(const std::string& target, const std::string& headers = "") const {
    return request("GET", target, headers);
  }
  [[nodiscard]] std::string good(const std::string& headers = "") const { return get(good_, headers); }

 private:
  using Table = std::vector<HostileRequest>;

  [[nodiscard]] std::string host() const { return "Host: localhost\r\n" + credentials_; }
  [[nodiscard]] std::string line() const { return "GET " + good_ + " HTTP/1.1\r\n"; }
  /// A request with another version.
  [[nodiscard]] std::string in(const std::string& version, const std::string& headers = "") const {
    return "GET " + good_ + " " + version + "\r\n" + host() + headers + "\r\n";
  }
  static std::string repeated(const std::string& piece, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i) all += piece;
    return all;
  }
  /// So many header lines that there are `all` of them in a request.
  [[nodiscard]] std::string headers_up_to(std::size_t all) const {
    const auto there =
        1 + static_cast<std::size_t>(std::count(credentials_.begin(), credentials_.end(), '\n'));
    return repeated("X-A: 1\r\n", all - there);
  }

  [[nodiscard]] Table request_lines() const {
    return {
        // RFC 9112 2.2: a server should ignore one.
        {"an empty line first", "\r\n" + good(), open({200})},
        {"two empty lines first", "\r\n\r\n" + good(), closed({400})},
        {"HTTP/0.9", "GET /\r\n", closed({400})},
        {"HTTP/0.9 with a space", "GET / \r\n", closed({400})},
        {"HTTP/0.9 said aloud", in("HTTP/0.9"), closed({505})},
        {"no target", "GET HTTP/1.1\r\n" + host() + "\r\n", closed({400})},
        {"two spaces before the target", "GET  / HTTP/1.1\r\n" + host() + "\r\n", closed({400})},
        {"two spaces after the target", "GET /  HTTP/1.1\r\n" + host() + "\r\n", closed({400})},
        {"a tab for a space", "GET\t/\tHTTP/1.1\r\n" + host() + "\r\n", closed({400})},
        {"a vertical tab for a space", "GET\v/\vHTTP/1.1\r\n" + host() + "\r\n", closed({400})},
        {"a space before the method", " " + good(), closed({400})},
        {"a space after the version", in("HTTP/1.1 "), closed({400})},
        {"a method that is no token", request("GE(T", good_), closed({400})},
        {"the protocol in small letters", in("http/1.1"), closed({400})},
        {"a version of three parts", in("HTTP/1.1.1"), closed({400})},
        {"a version of two digits", in("HTTP/1.10"), closed({400})},
        {"a version without a digit", in("HTTP/1."), closed({400})},
        {"another protocol", in("RTSP/1.0"), closed({400})},
        // RFC 9110 2.5: as the highest minor version that is known.
        {"HTTP/1.2", in("HTTP/1.2"), open({200})},
        {"HTTP/1.9, and goodbye", in("HTTP/1.9", "Connection: close\r\n"), closed({200})},
        {"HTTP/1.0", in("HTTP/1.0"), closed({200})},
        {"HTTP/1.0 without a Host", "GET " + good_ + " HTTP/1.0\r\n" + credentials_ + "\r\n", closed({200})},
        {"HTTP/1.0 that wants to stay", in("HTTP/1.0", "Connection: keep-alive\r\n"), open({200})},
        {"HTTP/2.0", in("HTTP/2.0"), closed({505})},
        {"HTTP/3.0", in("HTTP/3.0"), closed({505})},
        {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", closed({505})},
        {"the preface of HTTP/2 and frames behind it",
         "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string("\0\0\0\4\0\0\0\0\0", 9), closed({505})},
    };
  }

  [[nodiscard]] Table targets() const {
    // Paths that nobody serves.
    const std::pair lost(open({404}), open({403}));
    const auto is_lost = [&](const std::string& what, const std::string& target) {
      return HostileRequest(what, get(target), lost.first, lost.second);
    };
    const std::string escaped_letter =
        good_.back() == 'g' ? "%67" : "%79";  // of /_ping, else of a path that ends in y
    return {
        // RFC 9112 3.2.2: a server must accept it, and its authority is what counts.
        {"the absolute form", get("http://localhost" + good_), open({200})},
        {"the absolute form of another host", get("http://other.example:81" + good_), open({200})},
        {"the absolute form in large letters", get("HTTP://LOCALHOST" + good_), open({200})},
        {"the absolute form of an IPv6 address", get("http://[::1]:80" + good_), open({200})},
        {"the absolute form with a query", get("http://localhost" + good_ + "?a=http://b/"), open({200})},
        {"the absolute form without a path", get("http://localhost"), open({200}), open({403})},
        {"the absolute form with a query and no path", get("http://localhost?a"), open({200}), open({403})},
        {"the absolute form of HTTP/1.0",
         "GET http://localhost" + good_ + " HTTP/1.0\r\n" + credentials_ + "\r\n", closed({200})},
        {"an absolute form in an absolute form", get("http://localhost/http://localhost" + good_), lost.first,
         lost.second},
        // RFC 9110 7.4: no https but over TLS.
        {"the absolute form of https", get("https://localhost" + good_),
         over_tls_ ? open({200}) : closed({400})},
        {"the absolute form without a Host", "GET http://localhost" + good_ + " HTTP/1.1\r\n\r\n",
         closed({400})},
        {"the absolute form with two Hosts", get("http://localhost" + good_, "Host: localhost\r\n"),
         closed({400})},
        // RFC 9110 4.2.1 and 4.2.4.
        {"the absolute form of no host", get("http://" + good_), closed({400})},
        {"the absolute form of a port alone", get("http://:80" + good_), closed({400})},
        {"the absolute form with a user", get("http://me@localhost" + good_), closed({400})},
        {"the absolute form with a port that is none", get("http://localhost:x" + good_), closed({400})},
        {"the absolute form of a broken address", get("http://[::1" + good_), closed({400})},
        {"the absolute form of ftp", get("ftp://localhost" + good_), closed({400})},
        {"the absolute form of file", get("file:///etc/passwd"), closed({400})},
        {"the absolute form with one slash", get("http:/localhost" + good_), closed({400})},
        {"the absolute form with a fragment", get("http://localhost" + good_ + "#a"), closed({400})},
        {"the absolute form with a space", get("http://local host" + good_), closed({400})},
        {"the authority form", get("localhost:80"), closed({400})},
        {"the asterisk form", get("*"), closed({400})},
        {"a target without its slash", get(good_.substr(1)), closed({400})},
        {"a relative target", get(".." + good_), closed({400})},
        {"a space in the target", get("/a b"), closed({400})},
        {"a fragment", get(good_ + "#a"), closed({400})},
        {"raw UTF-8 in the target", get("/\xC3\xA4"), closed({400})},
        {"a broken escape", get("/%zz"), closed({400})},
        {"an escape that is cut off", get("/%4"), closed({400})},
        {"an escape of another kind", get("/%u0041"), closed({400})},
        {"an escape in the middle of an escape", get("/%%32%65"), closed({400})},
        {"NUL in the target", get(std::string("/\0", 2)), closed({400})},
        {"a tab in the target", get("/a\tb"), closed({400})},
        {"a letter that is escaped", get(good_.substr(0, good_.size() - 1) + escaped_letter), open({200})},
        {"a query full of oddities", get(good_ + "?&&=&=a&a=%00&a=%ff;b=%0d%0a?/../[]{}|^\"<>"), open({200})},
        is_lost("two slashes first, as of another host", "//other.example" + good_),
        is_lost("dots that lead out", "/../../../../etc/passwd"),
        is_lost("dots that lead back in", "/a/.." + good_),
        is_lost("a dot", "/." + good_),
        is_lost("escaped dots", "/%2e%2e/%2e%2e/etc/passwd"),
        is_lost("escaped slashes", "/..%2f..%2fetc%2fpasswd"),
        is_lost("dots escaped twice", "/%252e%252e/%252e%252e/etc/passwd"),
        is_lost("dots in overlong UTF-8", "/%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd"),
        is_lost("backslashes", "/..\\..\\etc\\passwd"),
        is_lost("dots and a semicolon", "/..;/..;" + good_),
        is_lost("a parameter of a segment", good_ + ";a=b"),
        is_lost("a slash at the end", good_ + "/"),
        is_lost("large letters", "/HEALTHY"),
        is_lost("an escaped NUL", good_ + "%00"),
        is_lost("an escaped line end", good_ + "%0d%0aX-Injected:%20yes"),
        is_lost("an escaped question mark", good_ + "%3fa"),
        is_lost("a template", "/${jndi:ldap://x/a}{{7*7}}"),
        is_lost("a script", "/<script>alert(1)</script>"),
    };
  }

  [[nodiscard]] Table methods() const {
    const std::string& path = good_;
    return {
        {"POST", request("POST", path), closed({405}), open({403})},
        {"POST of an absolute form", request("POST", "http://localhost" + path), closed({405}), open({403})},
        {"PUT with a body", request("PUT", path, "Content-Length: 5\r\n") + "hello", closed({405}),
         closed({403})},
        {"DELETE of an unknown path", request("DELETE", "/nowhere"), closed({405}), open({403})},
        {"PATCH", request("PATCH", path), closed({405}), open({403})},
        {"TRACE", request("TRACE", path, "X-Secret: a\r\n"), closed({405}), open({403})},
        {"OPTIONS", request("OPTIONS", path), closed({405}), open({403})},
        // No path, so there is nothing to judge.
        {"OPTIONS *", request("OPTIONS", "*"), closed({405}), closed({400})},
        {"CONNECT", request("CONNECT", "localhost:22"), closed({405}), closed({400})},
        {"CONNECT of an absolute form", request("CONNECT", "http://localhost:22/"), closed({405}),
         open({403})},
        {"a method nobody knows", request("BREW", path), closed({405}), open({403})},
        {"a method in small letters", request("get", path), closed({405}), open({403})},
        {"a method of a thousand letters", request(std::string(1000, 'A'), path), closed({405}), open({403})},
        {"a method in a header", good("X-HTTP-Method-Override: DELETE\r\n"), open({200})},
        {"HEAD", request("HEAD", path), open({200})},
        {"HEAD with a body", request("HEAD", path, "Content-Length: 1\r\n") + "a", closed({413}),
         closed({400})},
    };
  }

  [[nodiscard]] Table header_lines() const {
    const auto with = [this](const std::string& headers) { return line() + host() + headers; };
    return {
        {"bare LF after the request line", "GET " + good_ + " HTTP/1.1\n" + host() + "\r\n", closed({400})},
        {"bare LF after a header", with("X-A: a\n\r\n"), closed({400})},
        {"bare LF at the end", with("\n"), closed({400})},
        {"bare LF everywhere", "GET " + good_ + " HTTP/1.1\nHost: localhost\n\n", closed({400})},
        {"bare CR in a header", with("X-A: a\rX-B: b\r\n\r\n"), closed({400})},
        {"bare CR for a line end", with("X-A: a\r\r"), closed({400})},
        {"CR CR LF", with("X-A: a\r\r\n\r\n"), closed({400})},
        {"LF CR", with("X-A: a\n\r"), closed({400})},
        {"a folded header", with("X-A: a\r\n b\r\n\r\n"), closed({400})},
        {"a header folded by a tab", with("X-A: a\r\n\tb\r\n\r\n"), closed({400})},
        {"a folded first header", line() + " " + host() + "\r\n", closed({400})},
        {"a fold of blanks alone", with("X-A: a\r\n \r\n\r\n"), closed({400})},
        {"a space before the colon", with("X-A : a\r\n\r\n"), closed({400})},
        {"a tab before the colon", with("X-A\t: a\r\n\r\n"), closed({400})},
        {"a header without a colon", with("X-A\r\n\r\n"), closed({400})},
        {"a header without a name", with(": a\r\n\r\n"), closed({400})},
        {"a name that is no token", with("X(A): a\r\n\r\n"), closed({400})},
        {"a name in UTF-8", with("X-\xC3\xA4: a\r\n\r\n"), closed({400})},
        {"NUL in a name", with(std::string("X-\0A: a\r\n\r\n", 11)), closed({400})},
        {"NUL in a value", with(std::string("X-A: a\0b\r\n\r\n", 12)), closed({400})},
        {"NUL for the empty line", with(std::string("\0\r\n", 3)), closed({400})},
        {"an escape character in a value", with("X-A: \x1b[0m\r\n\r\n"), closed({400})},
        {"DEL in a value", with("X-A: \x7f\r\n\r\n"), closed({400})},
        {"a second request line for a header", with(line() + "\r\n"), closed({400})},
        {"values that are odd and allowed", good("X-Empty:\r\nX-Utf8: \xC3\xA4\xff\r\nX-Tab: a\tb\r\n"),
         open({200})},
        {"a line end that is escaped in a value", good("X-A: a%0d%0aX-Injected: yes\r\n"), open({200})},
        {"names of what others set", good("REMOTE_ADDR: 6.6.6.6\r\nX-Forwarded-For: 127.0.0.1\r\n"),
         open({200})},
        {"an offer of another protocol", good("Upgrade: h2c, websocket\r\nConnection: Upgrade\r\n"),
         open({200})},
        {"a Connection that names the others", good("Connection: Host, Authorization, Content-Length\r\n"),
         open({200})},
        {"a Connection of commas", good("Connection: ,, ,\t,\r\n"), open({200})},
        {"sixty ranges", good("Range: bytes=0-" + repeated(",0-", 59) + "\r\n"), open({200})},
        {"an Accept of nonsense", good("Accept: ;;;,,,/;q=a,*/*;q=9" + repeated(",a/b;q=0.1", 200) + "\r\n"),
         open({200})},
        {"a condition of nonsense", good("If-None-Match: \"a\r\nIf-Modified-Since: never\r\n"), open({200})},
        {"a name of 8,000 letters", good(std::string(8000, 'a') + ": 1\r\n"), open({200})},
        {"a value of 15,000 letters", good("X-A: " + std::string(15000, 'a') + "\r\n"), open({200})},
    };
  }

  [[nodiscard]] Table hosts() const {
    const auto with = [this](const std::string& value) {
      return line() + "Host: " + value + "\r\n" + credentials_ + "\r\n";
    };
    return {
        {"no Host", line() + credentials_ + "\r\n", closed({400})},
        {"two Hosts", good("Host: localhost\r\n"), closed({400})},
        {"two Hosts that differ", good("hOST: other\r\n"), closed({400})},
        {"two Hosts in HTTP/1.0", in("HTTP/1.0", "Host: other\r\n"), closed({400})},
        {"a Host with a space", with("a b"), closed({400})},
        {"a Host with a path", with("localhost/x"), closed({400})},
        {"a Host with a user", with("me@localhost"), closed({400})},
        {"a Host with a scheme", with("http://localhost"), closed({400})},
        {"a Host that is a list", with("localhost, other"), closed({400})},
        {"a Host with a port that is none", with("localhost:http"), closed({400})},
        {"a Host with two ports", with("localhost:80:80"), closed({400})},
        {"a Host with half a bracket", with("[::1"), closed({400})},
        {"a Host with something behind its bracket", with("[::1]a"), closed({400})},
        {"an empty Host", with(""), open({200})},
        {"a Host that is an IPv6 address", with("[::1]:10474"), open({200})},
        {"a Host that is somebody else", with("other.example"), open({200})},
    };
  }

  /// What smuggling is made of (RFC 9112 6.3 and 11.2).
  [[nodiscard]] Table bodies() const {
    const std::string smuggled = good("X-Smuggled: yes\r\n");
    const Fate body_web = closed({413});
    const Fate body_api = closed({400});
    const auto body = [&](const std::string& what, const std::string& headers, const std::string& content) {
      return HostileRequest(what, good(headers) + content, body_web, body_api);
    };
    const auto broken = [&](const std::string& what, const std::string& headers) {
      return HostileRequest(what, good(headers) + smuggled, closed({400}));
    };
    return {
        {"a length of 0", good("Content-Length: 0\r\n"), open({200})},
        {"a length of 000", good("Content-Length: 000\r\n"), open({200})},
        body("a body", "Content-Length: 5\r\n", "hello"),
        body("a body that is a request", "Content-Length: " + std::to_string(smuggled.size()) + "\r\n",
             smuggled),
        body("a body of which nothing comes", "Content-Length: 5\r\n", ""),
        body("a length of twenty digits", "Content-Length: 99999999999999999999\r\n", ""),
        broken("a length of -1", "Content-Length: -1\r\n"),
        broken("a length of +0", "Content-Length: +0\r\n"),
        broken("a length of 0x0", "Content-Length: 0x0\r\n"),
        broken("a length of 1e1", "Content-Length: 1e1\r\n"),
        broken("a length of two numbers", "Content-Length: 0 0\r\n"),
        broken("a list of lengths", "Content-Length: 0, 0\r\n"),
        broken("a length in other digits", "Content-Length: \xD9\xA0\r\n"),
        broken("an empty length", "Content-Length:\r\n"),
        broken("a space before the colon of a length", "Content-Length : 0\r\n"),
        broken("a length of 0 and another one", "Content-Length: 0\r\ncontent-length: 5\r\n"),
        broken("a length and a length of 0", "Content-Length: 5\r\nContent-Length: 0\r\n"),
        broken("two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n"),
        broken("the same length twice", "Content-Length: 5\r\nContent-Length: 5\r\n"),
        body("a chunked body", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n" + smuggled),
        body("a chunked body and a length", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
             "0\r\n\r\n" + smuggled),
        body("a length of 0 and a chunked body", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
             "0\r\n\r\n" + smuggled),
        body("a chunk without an end", "Transfer-Encoding: chunked\r\n", "ffffffffffffffff\r\n" + smuggled),
        body("a chunked body in large letters", "TRANSFER-ENCODING: CHUNKED\r\n", "0\r\n\r\n" + smuggled),
        body("a body that is packed and chunked", "Transfer-Encoding: gzip, chunked\r\n", smuggled),
        body("a body that is packed and chunked, in two lines",
             "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", smuggled),
        {"a chunked body in HTTP/1.0", in("HTTP/1.0", "Transfer-Encoding: chunked\r\n") + smuggled, body_web,
         body_api},
        // Where chunked is not the last coding, nobody can know where the body ends.
        broken("a coding nobody knows", "Transfer-Encoding: xchunked\r\n"),
        broken("a coding that is none", "Transfer-Encoding: identity\r\n"),
        broken("a coding in quotes", "Transfer-Encoding: \"chunked\"\r\n"),
        broken("an empty coding", "Transfer-Encoding:\r\n"),
        broken("a body that is chunked and packed", "Transfer-Encoding: chunked, gzip\r\n"),
        broken("a body that is chunked and then none",
               "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
        broken("a coding behind a vertical tab", "Transfer-Encoding:\vchunked\r\n"),
        broken("a coding behind NUL", std::string("Transfer-Encoding: \0chunked\r\n", 29)),
        broken("a coding behind a bare LF", "X-A: a\nTransfer-Encoding: chunked\r\n"),
        broken("a coding behind a bare CR", "X-A: a\rTransfer-Encoding: chunked\r\n"),
        broken("a folded coding", "Transfer-Encoding:\r\n chunked\r\n"),
        broken("a space before the colon of a coding", "Transfer-Encoding : chunked\r\n"),
        broken("a space before a coding", " Transfer-Encoding: chunked\r\n"),
        {"a coding with an underscore", good("Transfer_Encoding: chunked\r\n"), open({200})},
        body("an expectation", "Expect: 100-continue\r\n", ""),
        body("an expectation and a body", "Expect: 100-continue\r\nContent-Length: 5\r\n", ""),
        body("an expectation of a miracle", "Expect: 200-ok\r\n", ""),
        // RFC 9110 10.1.1: there it must be ignored.
        {"an expectation in HTTP/1.0", in("HTTP/1.0", "Expect: 100-continue\r\n"), closed({200})},
    };
  }

  [[nodiscard]] Table series() const {
    return {
        {"three requests at once", repeated(good(), 3), open({200, 200, 200})},
        {"fifty requests at once", repeated(good(), 50), open(std::vector<int>(50, 200))},
        {"three HEADs at once", repeated(request("HEAD", good_), 3), open({200, 200, 200})},
        {"requests with an empty line between them", good() + "\r\n" + good(), open({200, 200})},
        {"a good request and a bad one", good() + "GET /\r\n\r\n", closed({200, 400})},
        {"a bad request and a good one", "GET /\r\n\r\n" + good(), closed({400})},
        {"a last request and one more", good("Connection: close\r\n") + good(), closed({200})},
        {"a last request of HTTP/1.0 and one more", in("HTTP/1.0") + good(), closed({200})},
        {"a request that goes and stays", good("Connection: keep-alive, close\r\n") + good(), closed({200})},
        {"a request and garbage", good() + std::string("\0\1\2\3", 4), closed({200, 400})},
        {"a request and the end of a chunked body", good() + "0\r\n\r\n", closed({200, 400})},
        {"nothing at all", "", closed({})},
        {"the half of a head", line() + "Host: loc", closed({})},
        {"a head without its last line", line() + host(), closed({})},
        {"a request and the half of one", good() + line(), closed({200})},
    };
  }

  [[nodiscard]] Table floods() const {
    return {
        {"100 headers", good(headers_up_to(100)), open({200})},
        {"101 headers", good(headers_up_to(101)), closed({431})},
        {"2,000 headers", good(headers_up_to(2000)), closed({431})},
        {"20,000 empty headers", line() + host() + repeated("a:\r\n", 20000) + "\r\n", closed({431})},
        {"a request line that is too long", get("/" + std::string(8000, 'a')), closed({414})},
        {"a request line without an end", "GET /" + std::string(20000, 'a'), closed({414})},
        {"a method without an end", std::string(20000, 'A'), closed({414})},
        {"spaces without an end", "GET" + std::string(20000, ' '), closed({414})},
        {"a query that is long", get(good_ + "?" + std::string(7900, 'a')), open({200})},
        {"a query of many parts", get(good_ + "?" + repeated("a&", 3500)), open({200})},
        {"a path of slashes", get(std::string(7000, '/')), open({404}), open({403})},
        {"a path of escapes", get("/" + repeated("%2e%2f", 1200)), open({404}), open({403})},
        {"a head that is too long", good("X-A: " + std::string(17000, 'a') + "\r\n"), closed({431})},
        {"a header without an end", line() + host() + "X-A: " + std::string(20000, 'a'), closed({431})},
        {"a name without an end", line() + host() + std::string(20000, 'a'), closed({431})},
        {"a header of blanks without an end", line() + host() + "X-A:" + std::string(20000, ' '),
         closed({431})},
        {"a host of 12,000 letters",
         line() + "Host: " + std::string(12000, 'a') + "\r\n" + credentials_ + "\r\n", open({200})},
        {"empty lines without an end", repeated("\r\n", 10000), closed({400})},
        {"line feeds without an end", std::string(20000, '\n'), closed({400})},
        {"NULs without an end", std::string(20000, '\0'), closed({400})},
    };
  }

  /// What comes to an open port by mistake.
  [[nodiscard]] Table strangers() const {
    std::string noise;
    for (std::uint32_t i = 1, state = 1; i <= 4000; ++i, state = state * 1664525U + 1013904223U)
      noise += static_cast<char>(state >> 24U);
    return {
        {"noise", noise, closed({400})},
        {"a ClientHello of TLS", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11),
         closed({400})},
        {"SSH", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", closed({400})},
        {"SMTP", "EHLO localhost\r\n", closed({400})},
        {"Redis", "*1\r\n$4\r\nPING\r\n", closed({400})},
        {"SOCKS 5", std::string("\x05\x01\x00", 3), closed({400})},
        {"a remote desktop", std::string("\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01", 12),
         closed({400})},
        {"the PROXY protocol", "PROXY TCP4 10.0.0.1 10.0.0.2 56324 443\r\n" + good(), closed({400})},
        {"the PROXY protocol 2", std::string("\r\n\r\n\0\r\nQUIT\n", 12), closed({400})},
        {"a line of JSON", "{\"jsonrpc\": \"2.0\", \"method\": \"a\"}\r\n\r\n", closed({400})},
        {"a reply", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", closed({400})},
    };
  }

  std::string good_;
  std::string credentials_;
  bool over_tls_;
};

}  // namespace repodigest::support
