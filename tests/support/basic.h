// The value of an Authorization header, as clients make it.
#pragma once

#include <string>

namespace repodigest::support {

/// RFC 7617: "Basic " and `pair` ("user:password") in base64.
inline std::string basic(const std::string& pair) {
  static constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text = "Basic ";
  for (std::size_t i = 0; i < pair.size(); i += 3) {
    unsigned bits = 0;
    for (std::size_t j = 0; j < 3; ++j)
      bits = bits << 8U | (i + j < pair.size() ? static_cast<unsigned char>(pair[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j)
      text += i + j > pair.size() ? '=' : letters[bits >> (18 - 6 * j) & 63U];
  }
  return text;
}

/// A bcrypt hash, of the least cost, of the password "secret".
inline const std::string hash_of_secret = "$2a$04$CCCCCCCCCCCCCCCCCCCCC.4K7lyz.nKATbsiu/RcZjqWyDNnj87qG";

}  // namespace repodigest::support
