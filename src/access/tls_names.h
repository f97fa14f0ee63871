// The names that Go has for what OpenSSL calls otherwise.
#pragma once

#include <optional>
#include <string_view>

namespace repodigest::access {

/// The number of a version ("TLS12"), as OpenSSL has it; nothing for an unknown one.
std::optional<int> tls_version(std::string_view go_name);

/// A suite of crypto/tls CipherSuites() (Go 1.19, which promtool 2.42 is built with).
struct CipherSuite {
  std::string_view go_name;
  std::string_view openssl_name;  ///< "" of TLS 1.3, where neither Go nor we let anybody choose
};
/// Null for an unknown one, and for those that Go itself calls insecure.
const CipherSuite* cipher_suite(std::string_view go_name);

/// OpenSSL's name of a curve ("CurveP256"); "" for an unknown one.
std::string_view curve(std::string_view go_name);

}  // namespace repodigest::access
