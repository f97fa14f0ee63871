// Who may come in, and how the way there is guarded: Prometheus' web config file (exporter-toolkit
// web/tls_config.go, v0.8 to v0.17), TLS for servers, users. Knows YAML, OpenSSL and bcrypt; never an HTTP
// request, nor Docker.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "repodigest/base/clock.h"
#include "repodigest/base/result.h"

namespace repodigest::access {

/// PEM that stands in the config itself, or in a file; neither if both are "".
struct Pem {
  std::string text;
  std::string file;  ///< resolved: relative paths are relative to the config file
  [[nodiscard]] bool given() const { return !text.empty() || !file.empty(); }
};

/// What is asked of a client, by crypto/tls' names.
enum class ClientAuth { none, request, require_any, verify_if_given, require_and_verify };

struct TlsSettings {
  Pem certificate;
  Pem key;
  Pem client_ca;
  ClientAuth client_auth = ClientAuth::none;
  /// Of DNS, e-mail, IP and URI names; one of them must stand in a client's certificate. Empty: any name.
  std::vector<std::string> client_allowed_sans;
  int min_version = 0;  ///< OpenSSL's number: 1.2 or 1.3
  int max_version = 0;
  /// OpenSSL's names, for TLS 1.2; those of 1.3 are always on, as in Go. Nothing: the default ones.
  std::optional<std::vector<std::string>> cipher_suites;
  bool prefer_server_cipher_suites = true;
  std::vector<std::string> curves;  ///< OpenSSL's names; empty: the default ones
};

/// Requests are let in at one each `interval`, `burst` of them at once.
struct RateLimit {
  Duration interval{};
  std::size_t burst = 0;
};

/// What a web config file says. A value.
struct WebConfig {
  std::optional<TlsSettings> tls;                            ///< nothing: plain HTTP
  std::vector<std::pair<std::string, std::string>> headers;  ///< for every answer that has none of that name
  std::map<std::string, std::string> users;  ///< name → bcrypt hash, of a shape that can match
  std::optional<RateLimit> rate_limit;
  /// Sentences for the log: where what is served differs from what is written.
  std::vector<std::string> notes;
};

/// Reads the text of the file `path` (for messages, and for what is relative to it). Strict, as its model:
/// an unknown key, a key twice, a value of the wrong kind are errors. Certificates are not looked at. Errors:
/// Reason::usage, with file, line and column. Any thread.
Result<WebConfig> parse_web_config(const std::string& path, const std::string& content);

}  // namespace repodigest::access
