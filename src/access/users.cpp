#include "repodigest/access/users.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <strings.h>

#include <algorithm>
#include <new>
#include <utility>

#include "bcrypt.h"
#include "repodigest/base/sha256.h"

namespace repodigest::access {
namespace {

constexpr std::size_t salt_bytes = 32;

bool is_base64(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '/';
}

/// RFC 4648 4, with its padding; OpenSSL's own reader is more generous.
std::optional<std::string> decoded(std::string_view text) {
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  if (text.size() % 4 != 0 ||
      !std::all_of(text.begin(), text.end() - static_cast<std::ptrdiff_t>(padding), is_base64))
    return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  // It fails where the system has no randomness at all, and then nobody should be let in.
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1)
    throw std::bad_alloc();
  return bytes;
}

}  // namespace

std::optional<Credentials> parse_basic(std::string_view authorization) {
  constexpr std::string_view scheme = "Basic ";
  if (authorization.size() < scheme.size() ||
      ::strncasecmp(authorization.data(), scheme.data(), scheme.size()) != 0)
    return std::nullopt;
  const auto pair = decoded(authorization.substr(scheme.size()));
  if (!pair) return std::nullopt;
  const auto colon = pair->find(':');
  if (colon == std::string::npos) return std::nullopt;
  return Credentials{pair->substr(0, colon), pair->substr(colon + 1)};
}

Users::Users(std::map<std::string, std::string> hashes, const Users* before)
    : hashes_(std::move(hashes)), salt_(before != nullptr ? before->salt_ : random_bytes(salt_bytes)) {
  const auto costliest = std::max_element(
      hashes_.begin(), hashes_.end(),
      [](const auto& one, const auto& other) { return bcrypt_cost(one.second) < bcrypt_cost(other.second); });
  if (costliest != hashes_.end()) costliest_ = costliest->second;
  if (before == nullptr) return;
  auto known = before->known();
  std::erase_if(known, [&](const Known& one) {
    const auto now = hashes_.find(one.user);
    return now == hashes_.end() || now->second != before->hashes_.at(one.user);
  });
  const MutexLock lock(mutex_);
  known_ = std::move(known);
}

bool Users::knows(std::string_view authorization) const {
  const auto credentials = parse_basic(authorization);
  if (!credentials) return false;
  const std::string mark = mark_of(*credentials);
  const MutexLock lock(mutex_);
  return has(mark);
}

bool Users::verify(std::string_view authorization) const {
  const auto credentials = parse_basic(authorization);
  if (!credentials || hashes_.empty()) return false;
  const auto user = hashes_.find(credentials->user);
  const bool is_user = user != hashes_.end();
  // The same work whether there is such a user or not, so that the time does not tell.
  const bool matches = matches_bcrypt(is_user ? user->second : costliest_, credentials->password);
  if (!is_user || !matches) return false;
  std::string mark = mark_of(*credentials);
  const MutexLock lock(mutex_);
  if (has(mark)) return true;
  if (known_.size() == max_known) known_.pop_front();
  known_.push_back({credentials->user, std::move(mark)});
  return true;
}

bool Users::has(const std::string& mark) const {
  return std::any_of(known_.begin(), known_.end(), [&](const Known& one) { return one.mark == mark; });
}

std::deque<Users::Known> Users::known() const {
  const MutexLock lock(mutex_);
  return known_;
}

std::string Users::mark_of(const Credentials& credentials) const {
  Sha256 hash;
  hash.add(salt_);
  hash.add(credentials.user);
  hash.add(":");  // which no user's name has
  hash.add(credentials.password);
  const Sha256::Sum sum = hash.finish();
  return {sum.begin(), sum.end()};
}

}  // namespace repodigest::access
