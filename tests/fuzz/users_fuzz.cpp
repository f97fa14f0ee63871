// Authorization headers and the hashes of passwords in a web config file.
#include <crypt.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <regex>

#include "access/bcrypt.h"
#include "repodigest/access/users.h"
#include "require.h"

namespace repodigest::fuzz {
namespace {

/// RFC 4648 by hand; nothing if it is none.
std::optional<std::string> decoded(std::string_view text) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string bytes;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text.substr(0, text.size() - padding)) {
    const auto value = alphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = (bits << 6U | static_cast<std::uint32_t>(value)) & 0xFFFFFFU;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xFFU);
  }
  return bytes;
}

void check_header(std::string_view text) {
  std::string scheme(text.substr(0, 6));
  for (char& c : scheme)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  std::optional<std::string> pair;
  if (scheme == "basic ") pair = decoded(text.substr(6));
  const bool good = pair && pair->find(':') != std::string::npos;
  const auto credentials = access::parse_basic(text);
  require(credentials.has_value() == good, "credentials are read if they are strict base64 with a colon");
  if (!good) return;
  require(credentials->user == pair->substr(0, pair->find(':')), "a name ends at the first colon");
  require(credentials->user + ":" + credentials->password == *pair, "the rest is the password");
}

void check_hash(std::string_view text) {
  // crypt(5); the hash's last character has four bits that count.
  static const std::regex form(
      "\\$2[aby]\\$(?:0[4-9]|[12][0-9]|3[01])\\$[./A-Za-z0-9]{52}[.CGKOSWaeimquy26]");
  const std::string hash(text);
  const Status checked = access::check_bcrypt(hash);
  require(checked.ok() == std::regex_match(hash, form), "a hash is taken if some password can have it");
  if (!checked) {
    require(
        hash.size() < 20 || !hash.starts_with("$2") || checked.error().text.find(hash) == std::string::npos,
        "an error does not show the hash");
    return;
  }
  if (access::bcrypt_cost(hash) > 4) return;  // 16 steps take under a millisecond
  const auto work = std::make_unique<crypt_data>();
  const char* const made = ::crypt_r("a password", hash.c_str(), work.get());
  constexpr std::size_t salt_end = 29;  // two bits of its last character count
  require(made != nullptr && std::string_view(made).substr(0, salt_end - 1) == text.substr(0, salt_end - 1),
          "its salt is used as it stands there");
  const std::string of_password = hash.substr(0, salt_end) + std::string(made).substr(salt_end);
  require(access::check_bcrypt(of_password).ok() && access::matches_bcrypt(of_password, "a password"),
          "a password matches its hash");
}

}  // namespace
}  // namespace repodigest::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace repodigest::fuzz;
  const std::string_view text = text_of(data, size);
  check_header(text);
  check_hash(text);
  return 0;
}
