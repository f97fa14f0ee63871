// SHA-256 of bytes that come in pieces.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;  // OpenSSL's EVP_MD_CTX

namespace repodigest {

/// Throws std::bad_alloc where OpenSSL fails, which it does for want of memory alone. Thread rule: one
/// thread.
class Sha256 {
 public:
  using Sum = std::array<char, 32>;

  Sha256();
  void add(std::string_view bytes);
  /// Of all that was added; nothing may be added afterwards.
  Sum finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

/// SHA-256 of `bytes` in lower-case hex, as sha256sum(1) prints it. Any thread.
std::string sha256_hex(std::string_view bytes);
/// The same in base64, as a Content-Security-Policy has it. Any thread.
std::string sha256_base64(std::string_view bytes);

}  // namespace repodigest
