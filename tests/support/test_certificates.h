// Certificates for tests: a small authority and what it issues, as PEM files (EC P-256, made with OpenSSL).
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

namespace repodigest::support {

struct PemFiles {
  std::string certificate;
  std::string key;
};

/// Issues certificates into a folder. Throws std::runtime_error where OpenSSL or the file system fails.
class TestAuthority {
 public:
  TestAuthority(std::filesystem::path folder, const std::string& name)
      : folder_(std::move(folder)), name_(name) {
    key_ = make_key();
    certificate_ = make_certificate(name, *key_, 0, day);
    extend(*certificate_, NID_basic_constraints, "critical,CA:TRUE");
    sign(*certificate_, *certificate_);
    write(name + ".pem", [&](FILE* file) { return PEM_write_X509(file, certificate_.get()); });
  }

  /// The authority's own certificate file.
  [[nodiscard]] std::string certificate() const { return (folder_ / (name_ + ".pem")).string(); }

  /// A certificate for `alternative_names` ("DNS:localhost,IP:127.0.0.1"; "" for none), valid today, or until
  /// yesterday.
  PemFiles issue(const std::string& name, const std::string& alternative_names, bool expired = false) {
    const auto key = make_key();
    const auto certificate = make_certificate(name, *key, expired ? -2 * day : 0, expired ? -day : day);
    if (!alternative_names.empty()) extend(*certificate, NID_subject_alt_name, alternative_names);
    sign(*certificate, *certificate_);
    return {write(name + ".crt", [&](FILE* file) { return PEM_write_X509(file, certificate.get()); }),
            write(name + ".key", [&](FILE* file) {
              return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
            })};
  }

 private:
  static constexpr long day = 24L * 60 * 60;
  using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
  using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

  static void check(bool good) {
    if (!good) throw std::runtime_error("cannot make a test certificate");
  }
  static Key make_key() {
    Key key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    check(key != nullptr);
    return key;
  }
  Certificate make_certificate(const std::string& name, EVP_PKEY& key, long from, long until) {
    Certificate made(X509_new(), &X509_free);
    check(made != nullptr && X509_set_version(made.get(), X509_VERSION_3) == 1 &&
          ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial_) == 1 &&
          X509_gmtime_adj(X509_getm_notBefore(made.get()), from - day) != nullptr &&
          X509_gmtime_adj(X509_getm_notAfter(made.get()), until) != nullptr &&
          X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0) == 1 &&
          X509_set_pubkey(made.get(), &key) == 1);
    return made;
  }
  static void extend(X509& certificate, int extension_id, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, extension_id, value.c_str());
    check(extension != nullptr && X509_add_ext(&certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
  }
  void sign(X509& certificate, const X509& issuer) {
    check(X509_set_issuer_name(&certificate, X509_get_subject_name(&issuer)) == 1 &&
          X509_sign(&certificate, key_.get(), EVP_sha256()) > 0);
  }
  template <typename Write>
  std::string write(const std::string& name, Write write_pem) {
    const std::string path = (folder_ / name).string();
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "w"), &std::fclose);
    check(file != nullptr && write_pem(file.get()) == 1);
    return path;
  }

  std::filesystem::path folder_;
  std::string name_;
  long serial_ = 0;
  Key key_{nullptr, &EVP_PKEY_free};
  Certificate certificate_{nullptr, &X509_free};
};

}  // namespace repodigest::support
