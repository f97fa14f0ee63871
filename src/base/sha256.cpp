#include "repodigest/base/sha256.h"

#include <openssl/evp.h>

#include <new>

namespace repodigest {
namespace {

void must(int succeeded) {
  if (succeeded != 1) throw std::bad_alloc();
}

Sha256::Sum sum_of(std::string_view bytes) {
  Sha256 sum;
  sum.add(bytes);
  return sum.finish();
}

}  // namespace

void Sha256::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  must(context_ != nullptr ? 1 : 0);
  must(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
}

void Sha256::add(std::string_view bytes) {
  must(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()));
}

Sha256::Sum Sha256::finish() {
  Sum sum{};
  must(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(sum.data()), nullptr));
  return sum;
}

std::string sha256_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (const char c : sum_of(bytes)) {
    const auto byte = static_cast<unsigned char>(c);
    hex += digits[byte >> 4U];
    hex += digits[byte & 0xFU];
  }
  return hex;
}

std::string sha256_base64(std::string_view bytes) {
  const Sha256::Sum sum = sum_of(bytes);
  std::string text(4 * ((sum.size() + 2) / 3) + 1, '\0');  // with the NUL that OpenSSL adds
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                  reinterpret_cast<const unsigned char*>(sum.data()), static_cast<int>(sum.size()));
  text.pop_back();
  return text;
}

}  // namespace repodigest
