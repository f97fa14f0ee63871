#include "tls_names.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <utility>

namespace repodigest::access {
namespace {

constexpr auto versions = std::to_array<std::pair<std::string_view, int>>({{"TLS10", TLS1_VERSION},
                                                                           {"TLS11", TLS1_1_VERSION},
                                                                           {"TLS12", TLS1_2_VERSION},
                                                                           {"TLS13", TLS1_3_VERSION}});

constexpr auto suites = std::to_array<CipherSuite>({
    {"TLS_AES_128_GCM_SHA256", ""},
    {"TLS_AES_256_GCM_SHA384", ""},
    {"TLS_CHACHA20_POLY1305_SHA256", ""},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"},
    {"TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA"},
    {"TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA"},
    {"TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256"},
    {"TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384"},
});

constexpr auto curves = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{"CurveP256", "P-256"}, {"CurveP384", "P-384"}, {"CurveP521", "P-521"}, {"X25519", "X25519"}});

}  // namespace

std::optional<int> tls_version(std::string_view go_name) {
  for (const auto& [name, number] : versions)
    if (name == go_name) return number;
  return std::nullopt;
}

const CipherSuite* cipher_suite(std::string_view go_name) {
  const auto* const found = std::find_if(suites.begin(), suites.end(),
                                         [&](const CipherSuite& suite) { return suite.go_name == go_name; });
  return found == suites.end() ? nullptr : found;
}

std::string_view curve(std::string_view go_name) {
  for (const auto& [name, openssl_name] : curves)
    if (name == go_name) return openssl_name;
  return {};
}

}  // namespace repodigest::access
