// A web config file: an error says where, and what is taken is nothing that the rest of the program must
// doubt.
#include <cstdint>
#include <regex>

#include "access/bcrypt.h"
#include "repodigest/access/web_config.h"
#include "require.h"

namespace repodigest::fuzz {
namespace {

using access::WebConfig;

const std::string path = "/etc/exporter/web.yml";

void check_pem(const access::Pem& pem) {
  require(pem.text.empty() || pem.file.empty(), "a certificate stands there or in a file, not both");
  require(pem.file.empty() || pem.file.front() == '/', "a file's path is made absolute");
}

void check_config(const WebConfig& config) {
  if (config.tls) {
    check_pem(config.tls->certificate);
    check_pem(config.tls->key);
    check_pem(config.tls->client_ca);
    require(config.tls->certificate.given() && config.tls->key.given(), "TLS has a certificate and its key");
    require(config.tls->min_version <= config.tls->max_version && config.tls->min_version >= 0x0303,
            "TLS is 1.2 and more");
    require(!config.tls->client_ca.given() || config.tls->client_auth != access::ClientAuth::none,
            "a client CA is asked for");
  }
  for (const auto& [name, value] : config.headers) {
    static const std::regex token("[A-Za-z-]+");
    require(std::regex_match(name, token), "a header has a name");
    for (const char c : value)
      require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F, "a header is one line");
  }
  for (const auto& [name, hash] : config.users)
    require(access::check_bcrypt(hash).ok() && name.find(':') == std::string::npos, "a user can come in");
  if (config.rate_limit)
    require(config.rate_limit->burst > 0 && config.rate_limit->interval > Duration::zero(),
            "a limit lets somebody in");
}

void check(std::string_view text) {
  const auto config = access::parse_web_config(path, std::string(text));
  if (config) return check_config(*config);
  require(config.error().reason == Reason::usage, "an error is one of usage");
  static const std::regex place("/etc/exporter/web\\.yml:[0-9]+:[0-9]+: [^]+");
  const std::string& error = config.error().text;
  require(std::regex_match(error, place), "an error says file, line and column");
}

}  // namespace
}  // namespace repodigest::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  repodigest::fuzz::check(repodigest::fuzz::text_of(data, size));
  return 0;
}
