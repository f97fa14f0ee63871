#include "poll_cases.h"

#include <array>
#include <nlohmann/json.hpp>

#include "json_texts.h"

namespace repodigest::faults {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using nlohmann::json;
using support::Fault;

constexpr std::array all_calls = {Call::ping, Call::version, Call::info,
                                  Call::list, Call::inspect, Call::containers};
constexpr std::array json_calls = {Call::version, Call::info, Call::list, Call::inspect, Call::containers};

/// A row of the table that is the same for every call, or says what differs.
struct Row {
  std::string name;
  std::function<Fault(const std::string& body)> fault;
  std::optional<Reason> reason;
  std::optional<Reason> of_ping = std::nullopt;     ///< where it differs: its body is no JSON
  std::optional<Reason> of_inspect = std::nullopt;  ///< where it differs: 404
};

Fault cut(const std::string& body, Fault::Then then, std::size_t bytes, bool of_the_body) {
  return {.body = body, .then = then, .bytes = bytes, .of_the_body = of_the_body};
}

Fault saying(int status, std::string body, std::string header, std::string value) {
  Fault fault = Fault::answering(status, std::move(body));
  fault.header = {std::move(header), std::move(value)};
  return fault;
}

const std::string ok = "HTTP/1.1 200 OK\r\n";
const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
const std::string ten_gigabytes = "2540BE400";
const std::string html = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>";
// {} by gzip.
const std::string gzipped =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00"s;

std::string repeated(const std::string& text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

std::vector<Row> endings() {
  using enum Reason;
  using Then = Fault::Then;
  std::vector<Row> rows;
  const auto cuts = [&rows](const std::string& name, Then then, Reason at_once, Reason later) {
    const auto row = [&](const std::string& where, std::size_t bytes, bool of_the_body, Reason reason) {
      rows.push_back(
          {name + where,
           [then, bytes, of_the_body](const auto& body) { return cut(body, then, bytes, of_the_body); },
           reason});
    };
    row("BeforeTheHead", 0, false, at_once);
    row("AfterAByte", 1, false, later);
    row("WithinTheStatusLine", 11, false, later);
    row("WithinAHeader", 40, false, later);
    row("BehindTheHead", 0, true, later);
    row("WithinTheBody", 1, true, later);
    rows.push_back({name + "BeforeTheLastByte",
                    [then](const auto& body) { return cut(body, then, body.size() - 1, true); }, later});
  };
  cuts("Closes", Then::close, connect, interrupted);
  cuts("Resets", Then::reset, connect, interrupted);
  cuts("Hangs", Then::hang, timeout, timeout);
  rows.push_back({"AByteASecond",
                  [](const auto& body) {
                    Fault fault = Fault::slow(1s);
                    fault.body = body;
                    return fault;
                  },
                  timeout});
  return rows;
}

std::vector<Row> sizes() {
  using enum Reason;
  const auto lie_of_length = [](std::int64_t error) {
    return [error](const std::string& body) { return Fault{.body = body, .content_length_error = error}; };
  };
  return {
      {"LengthTooLong", lie_of_length(7), interrupted},
      {"LengthTooLongByOne", lie_of_length(1), interrupted},
      // Behind the body stands the end of a line, which JSON does not need.
      {"LengthTooShort",
       [](const auto& body) {
         return Fault{.body = body, .content_length_error = body.size() > 2 ? -5 : -1};
       },
       parse, http},
      {"LengthOfNothing", [](const auto& body) { return Fault{.body = body, .content_length = 0}; }, parse,
       http},
      {"EndlessChunks", [](const auto& body) { return Fault{.body = body, .endless = true}; }, too_large},
      {"TenGigabytesPromisedAndSent",
       [](const auto& body) { return Fault{.body = body, .content_length = 10'000'000'000}; }, too_large},
      {"TenGigabytesInAChunk",
       [](const auto& body) { return Fault::endless_after(chunked + ten_gigabytes + "\r\n" + body); },
       too_large},
      {"TenGigabytesUntilItCloses", [](const auto& body) { return Fault::endless_after(ok + "\r\n" + body); },
       too_large},
      {"HeadTooLarge",
       [](const auto& body) {
         return Fault::raw_bytes(as_http(body, "X: " + std::string(70'000, 'x') + "\r\n"));
       },
       too_large},
      {"HeadersTooMany",
       [](const auto& body) { return Fault::raw_bytes(as_http(body, repeated("X-Header: x\r\n", 6'000))); },
       too_large},
      {"HeadWithoutEnd", [](const auto&) { return Fault::endless_after(ok + "X: "); }, too_large},
      {"InterimAnswersWithoutEnd",
       [](const auto&) { return Fault::raw_bytes(repeated("HTTP/1.1 100 Continue\r\n\r\n", 6'000)); },
       too_large},
      {"ChunkLineTooLong", [](const auto&) { return Fault::endless_after(chunked + "5;"); }, too_large},
      {"TrailersTooLarge",
       [](const auto& body) {
         return Fault::raw_bytes(chunked + "1\r\n" + body.substr(0, 1) + "\r\n0\r\n" +
                                 repeated("X-Trailer: x\r\n", 6'000));
       },
       too_large},
  };
}

std::vector<Row> wire() {
  using enum Reason;
  std::vector<Row> rows;
  const auto raw = [&rows](const std::string& name, const std::string& bytes) {
    rows.push_back({name, [bytes](const auto&) { return Fault::raw_bytes(bytes); }, http});
  };
  const auto with = [&rows](const std::string& name, const std::string& headers) {
    rows.push_back(
        {name, [headers](const auto& body) { return Fault::raw_bytes(as_http(body, headers)); }, http});
  };
  raw("Garbage", "\x8f\x01\xfe\x00\x17garbage\x00\xff\r\n\r\n"s);
  raw("TlsAlert", "\x15\x03\x01\x00\x02\x02\x28"s);
  raw("TlsHello", "\x16\x03\x01\x00\x05hello"s);
  raw("SshGreeting", "SSH-2.0-OpenSSH_9.2p1\r\n");
  raw("HtmlWithoutHttp", html + "\r\n\r\n");
  raw("Http2Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  raw("Http2Status", "HTTP/2 200 OK\r\n\r\nOK");
  raw("StatusOfTwoDigits", "HTTP/1.1 20 OK\r\n\r\nOK");
  raw("StatusNoNumber", "HTTP/1.1 OK 200\r\n\r\nOK");
  raw("StatusNineHundred", "HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\nOK");
  raw("ChangeOfProtocol", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: tcp\r\n\r\n");
  raw("LineFeedsAlone", "HTTP/1.1 200 OK\nContent-Length: 2\n\nOK");
  raw("ChunkWithoutSize", chunked + "xyz\r\nOK\r\n0\r\n\r\n");
  raw("ChunkOfNegativeSize", chunked + "-2\r\nOK\r\n0\r\n\r\n");
  raw("ChunkLongerThanItsSize", chunked + "2\r\nOK, not\r\n0\r\n\r\n");
  raw("ChunkSizeOverflows", chunked + "10000000000000002\r\nOK\r\n0\r\n\r\n");
  with("HeaderWithoutColon", "no header\r\n");
  with("HeaderFolded", "X: a\r\n b\r\n");
  with("HeaderWithNul", "X: a\0b\r\n"s);
  with("HeaderNameWithBlank", "X : a\r\n");
  with("LengthNegative", "Content-Length: -1\r\n");
  with("LengthNoNumber", "Content-Length: many\r\n");
  with("TwoLengths", "Content-Length: 1\r\n");
  with("LengthAndChunks", "Transfer-Encoding: chunked\r\n");
  with("UnknownTransferEncoding", "Transfer-Encoding: gzip\r\n");
  return rows;
}

std::vector<Row> answers() {
  using enum Reason;
  const auto says = [](int status, const std::string& body) {
    return [status, body](const std::string&) { return Fault::answering(status, body); };
  };
  const std::string too_new =
      R"({"message":"client version 1.47 is too new. Maximum supported API version is 1.40"})";
  const std::string too_old =
      R"({"message":"client version 1.47 is too old. Minimum supported API version is 1.99"})";
  return {
      {"Says500", says(500, R"({"message":"content store is broken"})"), http},
      {"Says500WithTheRightBody", [](const auto& body) { return Fault::answering(500, body); }, http},
      {"Says502InHtml", [](const auto&) { return saying(502, html, "Content-Type", "text/html"); }, http},
      {"Says503", says(503, ""), http},
      {"Says404", says(404, R"({"message":"page not found"})"), http, std::nullopt, not_found},
      {"Says404WithTheRightBody", [](const auto& body) { return Fault::answering(404, body); }, http,
       std::nullopt, not_found},
      {"Says401", says(401, "Unauthorized"), http},
      {"Says429", says(429, "slow down"), http},
      {"Redirects", [](const auto&) { return saying(301, "", "Location", "/elsewhere"); }, http},
      {"RedirectsToAnotherHost",
       [](const auto& body) { return saying(307, body, "Location", "http://127.0.0.1:1/"); }, http},
      {"NotModified", [](const auto&) { return Fault::answering(304, ""); }, http},
      {"NoContent", [](const auto&) { return Fault::raw_bytes("HTTP/1.1 204 No Content\r\n\r\n"); }, parse,
       http},
      {"Says400ApiVersionTooNew", says(400, too_new), api_version},
      {"Says400ApiVersionTooOld", says(400, too_old), api_version},
      {"WantsTls", says(400, "Client sent an HTTP request to an HTTPS server.\n"), tls},
      {"IsCompressed", [](const auto&) { return saying(200, gzipped, "Content-Encoding", "gzip"); }, parse,
       http},
      // Good ones.
      {"SaysCompressedAndIsNot",
       [](const auto& body) { return saying(200, body, "Content-Encoding", "gzip"); }, std::nullopt},
      {"ContinuesBefore",
       [](const auto& body) {
         return Fault::raw_bytes(
             "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n" + as_http(body));
       },
       std::nullopt},
      {"ClosesBehindTheAnswer", [](const auto& body) { return Fault::raw_bytes(as_http(body)); },
       std::nullopt},
      {"SaysThatItCloses",
       [](const auto& body) { return Fault::raw_bytes(as_http(body, "Connection: close\r\n")); },
       std::nullopt},
      {"EndsWithTheConnection",
       [](const auto& body) {
         return Fault::raw_bytes(
             "HTTP/1.0 200 OK\r\nApi-Version: 1.47\r\nContent-Type: application/json\r\n\r\n" + body);
       },
       std::nullopt},
      {"ChunksOfAByte",
       [](const auto& body) {
         std::string bytes =
             "HTTP/1.1 200 OK\r\nApi-Version: 1.47\r\nContent-Type: application/json\r\nTransfer-Encoding: "
             "chunked\r\n\r\n";
         for (const char c : body) bytes += "1;x=y\r\n" + std::string(1, c) + "\r\n";
         return Fault::raw_bytes(bytes + "0\r\nX-Trailer: x\r\n\r\n");
       },
       std::nullopt},
      {"OddButRightHead",
       [](const auto& body) {
         return Fault::raw_bytes(
             "HTTP/1.1 200\r\napi-version:1.47\r\ncontent-type: "
             "Application/Json;charset=utf-8\r\nX-Empty:\r\nX-Latin: \xE9\r\ncontent-LENGTH:\t" +
             std::to_string(body.size()) + " \r\n\r\n" + body);
       },
       std::nullopt},
  };
}

std::optional<Reason> reason_of(const Row& row, Call call) {
  if (call == Call::ping && row.of_ping) return row.of_ping;
  if (call == Call::inspect && row.of_inspect) return row.of_inspect;
  return row.reason;
}

}  // namespace

void PrintTo(const Case& one, std::ostream* out) {
  *out << one.name;
}

std::string name_of(Call call) {
  constexpr std::array names = {"Ping", "Version", "Info", "List", "Inspect", "Containers"};
  return names[static_cast<std::size_t>(call)];
}

std::string operation_of(Call call) {
  constexpr std::array names = {"ping", "version", "info", "image_list", "image_inspect", "container_list"};
  return names[static_cast<std::size_t>(call)];
}

std::string pattern_of(Call call) {
  constexpr std::array patterns = {
      "/_ping", "/version", "/info", "/images/json", "/images/fault/*/json", "/containers/json"};
  return patterns[static_cast<std::size_t>(call)];
}

std::string with_odd_value(const std::string& body, const std::string& text) {
  const auto brace = body.find('{') + 1;
  return body.substr(0, brace) + "\"Odd\":" + text + "," + body.substr(brace);
}

std::string as_http(const std::string& body, const std::string& more_headers) {
  return "HTTP/1.1 200 OK\r\nApi-Version: 1.47\r\nServer: Docker/27.3.1 (linux)\r\nContent-Type: "
         "application/json\r\n" +
         more_headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::vector<Case> transport_cases() {
  std::vector<Case> cases;
  for (const Call call : all_calls) {
    using enum Reason;
    const auto trouble = [&](const char* name, Trouble what, std::optional<Reason> reason) {
      cases.push_back({name_of(call) + "_" + name, call, what, {}, reason});
    };
    trouble("IsRefused", Trouble::refused, connect);
    trouble("HasNoPermission", Trouble::no_permission, permission);
    trouble("FindsNoSocket", Trouble::socket_missing, connect);
    trouble("FindsAFile", Trouble::socket_is_a_file, connect);
    trouble("EngineRestarts", Trouble::restart, interrupted);
    trouble("SocketIsReplaced", Trouble::replaced, std::nullopt);
    for (const auto& rows : {endings(), sizes(), wire(), answers()})
      for (const Row& row : rows)
        cases.push_back({name_of(call) + "_" + row.name, call, Trouble::answer, row.fault,
                         reason_of(row, call), row.name.starts_with("Resets")});
  }
  return cases;
}

std::vector<Case> json_cases() {
  std::vector<Case> cases;
  for (const Call call : json_calls) {
    const auto odd = [&](const JsonText& one, bool good) {
      cases.push_back({name_of(call) + "_" + one.name, call, Trouble::answer,
                       [text = one.text](const std::string& body) {
                         return Fault::with_body(with_odd_value(body, text));
                       },
                       good ? std::nullopt : std::optional(Reason::parse)});
    };
    for (const JsonText& one : json_texts()) odd(one, one.good);
    for (const JsonText& one : grammatical_texts()) odd(one, false);
    for (const JsonDocument& one : json_documents())
      cases.push_back({name_of(call) + "_Body" + one.name, call, Trouble::answer,
                       [of = one.of](const std::string& body) { return Fault::with_body(of(body)); },
                       Reason::parse});
  }
  return cases;
}

std::vector<Case> field_cases() {
  enum class Kind { text, texts, size, time, id, pairs };
  struct Field {
    Call call;
    std::string key;
    Kind kind;
    bool needed = false;
  };
  const std::vector<Field> fields = {
      {Call::version, "Version", Kind::text, true},
      {Call::version, "ApiVersion", Kind::text, true},
      {Call::version, "MinAPIVersion", Kind::text},
      {Call::version, "Os", Kind::text},
      {Call::version, "Arch", Kind::text},
      {Call::info, "ID", Kind::text},
      {Call::info, "Name", Kind::text},
      {Call::info, "Driver", Kind::text},
      {Call::info, "DriverStatus", Kind::pairs},
      {Call::list, "Id", Kind::id, true},
      {Call::list, "RepoTags", Kind::texts},
      {Call::list, "RepoDigests", Kind::texts},
      {Call::list, "Created", Kind::time},
      {Call::list, "Size", Kind::size},
      {Call::inspect, "Id", Kind::id, true},
      {Call::inspect, "RepoTags", Kind::texts},
      {Call::inspect, "RepoDigests", Kind::texts},
      {Call::inspect, "Created", Kind::text},
      {Call::inspect, "Size", Kind::size},
      {Call::containers, "Id", Kind::text, true},
      {Call::containers, "Names", Kind::texts},
      {Call::containers, "ImageID", Kind::text},
      {Call::containers, "State", Kind::text},
  };
  struct Value {
    std::string name;
    std::string text;
  };
  const auto wrong_values = [](Kind kind) -> std::vector<Value> {
    const std::vector<Value> no_text = {
        {"ANumber", "7"}, {"AnArray", R"(["x"])"}, {"AnObject", R"({"x":"y"})"}, {"AWord", "true"}};
    const std::vector<Value> no_number = {{"AString", "\"7\""},
                                          {"AnArray", "[7]"},
                                          {"AFraction", "7.5"},
                                          {"AnExponent", "7e3"},
                                          {"Beyond63Bits", "9223372036854775808"},
                                          {"Beyond64Bits", "18446744073709551616"},
                                          {"OfAHundredDigits", std::string(100, '7')}};
    std::vector<Value> values;
    switch (kind) {
      case Kind::text:
        return no_text;
      case Kind::texts:
        return {{"AString", R"("a@sha256:b")"},
                {"ANumber", "7"},
                {"AnObject", "{}"},
                {"WithANumber", R"(["a",7])"},
                {"WithNull", R"(["a",null])"},
                {"WithAnArray", R"([["a"]])"}};
      case Kind::pairs:
        return {{"AString", "\"overlay\""},
                {"AnObject", R"({"a":"b"})"},
                {"OfOne", R"([["a"]])"},
                {"OfThree", R"([["a","b","c"]])"},
                {"OfNumbers", "[[1,2]]"}};
      case Kind::time:
        return no_number;
      case Kind::size:
        values = no_number;
        values.push_back({"Negative", "-1"});
        return values;
      case Kind::id:
        values = no_text;
        for (const auto& value :
             std::vector<Value>{{"Null", "null"},
                                {"EmptyText", "\"\""},
                                {"OtherText", R"("sha256:../../../etc/passwd")"},
                                {"OfCapitals", "\"sha256:" + std::string(64, 'A') + "\""},
                                {"CutShort", "\"sha256:" + std::string(12, 'a') + "\""},
                                {"WithALineEnd", "\"sha256:" + std::string(63, 'a') + "\\n\""}})
          values.push_back(value);
        return values;
    }
    return values;
  };

  std::vector<Case> cases;
  const auto add = [&cases](const Field& field, const std::string& what, std::function<void(json&)> change,
                            const std::string& marker = "", const std::string& text = "") {
    cases.push_back({name_of(field.call) + "_" + field.key + what, field.call, Trouble::answer,
                     [change = std::move(change), marker, text](const std::string& body) {
                       json document = json::parse(body);
                       change(document.is_array() ? document.back() : document);
                       std::string changed = document.dump();
                       if (const auto at = changed.find(marker); !marker.empty() && at != std::string::npos)
                         changed.replace(at, marker.size(), text);
                       return Fault::with_body(changed);
                     },
                     Reason::parse});
  };
  const std::string marker = "to be replaced";
  for (const Field& field : fields) {
    for (const Value& value : wrong_values(field.kind))
      add(
          field, "Is" + value.name, [key = field.key, marker](json& object) { object[key] = marker; },
          "\"" + marker + "\"", value.text);
    // The same key once more, in front.
    add(
        field, "Twice", [key = field.key](json& object) { object[key + "\x01"] = object[key]; },
        "\"" + field.key + "\\u0001\"", "\"" + field.key + "\"");
    if (field.needed) add(field, "IsMissing", [key = field.key](json& object) { object.erase(key); });
  }
  return cases;
}

}  // namespace repodigest::faults
