// Password hashes of basic_auth_users.
#pragma once

#include <string>
#include <string_view>

#include "repodigest/base/result.h"

namespace repodigest::access {

/// Whether it is a bcrypt hash that some password can have: $2a$, $2b$ or $2y$, a cost of 4 to 31, 53
/// characters of bcrypt's base64 (crypt(5)). Errors: Reason::usage, saying what is wrong, without the hash.
Status check_bcrypt(std::string_view hash);

/// Whether `password` has that hash, which check_bcrypt() let pass. Takes 2^cost steps: a cost of 10 about
/// 50 ms. Of a password the first 72 bytes count, as everywhere; one with a NUL has no hash. Any thread.
bool matches_bcrypt(const std::string& hash, std::string_view password);

/// The cost of such a hash.
int bcrypt_cost(std::string_view hash);

}  // namespace repodigest::access
