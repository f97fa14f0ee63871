// Who may ask, by name and password (RFC 7617).
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "repodigest/base/mutex.h"

namespace repodigest::access {

struct Credentials {
  std::string user;
  std::string password;
};
/// Reads the value of an Authorization header: the scheme in any case, strict base64, split at the first
/// colon. Nothing for anything else. Any thread.
std::optional<Credentials> parse_basic(std::string_view authorization);

/// The users of one web config. What was verified once is known from then on, by a keyed hash that tells
/// nothing of the password; what was not is not remembered. Any thread.
class Users {
 public:
  /// So many verified pairs are remembered; the oldest is forgotten first.
  static constexpr std::size_t max_known = 100;

  /// Hashes as WebConfig::users has them. Of those `before` what is known stays, where the hash is the same.
  explicit Users(std::map<std::string, std::string> hashes, const Users* before = nullptr);

  /// Whether there are none, and so everybody may ask.
  [[nodiscard]] bool empty() const { return hashes_.empty(); }
  /// Whether the header has a user and a password that were verified before. Microseconds.
  [[nodiscard]] bool knows(std::string_view authorization) const EXCLUDES(mutex_);
  /// Verifies them by bcrypt: 50 ms and more, for an unknown user as long as for a known one. Nobody who has
  /// other work should call it, nor two threads at once.
  [[nodiscard]] bool verify(std::string_view authorization) const EXCLUDES(mutex_);

 private:
  struct Known {
    std::string user;
    std::string mark;
  };

  [[nodiscard]] std::string mark_of(const Credentials& credentials) const;
  [[nodiscard]] bool has(const std::string& mark) const REQUIRES(mutex_);
  [[nodiscard]] std::deque<Known> known() const EXCLUDES(mutex_);

  const std::map<std::string, std::string> hashes_;
  const std::string salt_;  ///< of the marks
  std::string costliest_;   ///< what an unknown user's password is compared with
  mutable Mutex mutex_;
  mutable std::deque<Known> known_ GUARDED_BY(mutex_);
};

}  // namespace repodigest::access
