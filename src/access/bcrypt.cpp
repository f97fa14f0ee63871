#include "bcrypt.h"

#include <crypt.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <memory>

namespace repodigest::access {
namespace {

constexpr std::size_t prefix_size = 7;                  ///< "$2y$10$"
constexpr std::size_t last_of_salt = prefix_size + 21;  ///< two of its bits count
constexpr std::size_t hash_size = prefix_size + 22 + 31;
/// What a hash may end with: four bits of 23 bytes.
constexpr std::string_view last_characters = ".CGKOSWaeimquy26";
constexpr std::size_t longest_password = 72;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_base64(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '/';
}

}  // namespace

Status check_bcrypt(std::string_view hash) {
  const auto wrong = [](const std::string& text) {
    return Error{Reason::usage, text + "; htpasswd -nBC 10 \"\" makes a bcrypt hash"};
  };
  if (!hash.starts_with("$2")) return wrong("it is no bcrypt hash");
  if (hash.size() != hash_size) return wrong("a bcrypt hash has 60 characters");
  if (hash[3] != '$' || hash[6] != '$' || !is_digit(hash[4]) || !is_digit(hash[5]) ||
      !std::all_of(hash.begin() + prefix_size, hash.end(), is_base64))
    return wrong("it is no bcrypt hash");
  if (std::string_view("aby").find(hash[2]) == std::string_view::npos)
    return wrong("only bcrypt hashes that begin with $2a$, $2b$ or $2y$ can be checked");
  if (last_characters.find(hash.back()) == std::string_view::npos)
    return wrong("no password has this hash: its last character has been changed");
  if (bcrypt_cost(hash) < 4 || bcrypt_cost(hash) > 31) return wrong("the cost of a bcrypt hash is 4 to 31");
  return {};
}

bool matches_bcrypt(const std::string& hash, std::string_view password) {
  if (password.find('\0') != std::string_view::npos) return false;
  const std::string text(password.substr(0, longest_password));
  const auto work = std::make_unique<crypt_data>();  // 32 KiB
  const char* const made = ::crypt_r(text.c_str(), hash.c_str(), work.get());
  if (made == nullptr || std::string_view(made).size() != hash.size()) return false;
  // crypt(3) writes the bits that do not count as 0; to Go a hash matches with any.
  std::string wanted = hash;
  wanted[last_of_salt] = made[last_of_salt];
  return CRYPTO_memcmp(made, wanted.data(), wanted.size()) == 0;
}

int bcrypt_cost(std::string_view hash) {
  return (hash[4] - '0') * 10 + (hash[5] - '0');
}

}  // namespace repodigest::access
