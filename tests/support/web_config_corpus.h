// The web config files of tests/access/web_config, each named after what it shows and whether it is good, in
// a folder with the certificates that they name.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "support/temporary_folder.h"
#include "support/test_certificates.h"

namespace repodigest::support {

/// Throws where the files can't be made.
class WebConfigCorpus {
 public:
  WebConfigCorpus() : authority_(folder_.path(), "ca") {
    const PemFiles server = authority_.issue("server", "DNS:localhost,IP:127.0.0.1");
    (void)authority_.issue("other", "DNS:localhost");
    write("chain.pem", read("server.crt") + read("ca.pem"));
    write("combined.pem", "A certificate and its key.\n" + read("server.key") + read("server.crt"));
    write("garbage.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    write_encrypted_key();
    for (const auto& name : names()) write(name, with_certificates(read_from(source() / name)));
  }

  /// File names, "tls.good.yml", sorted.
  static std::vector<std::string> names() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(source()))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }
  static bool is_good(const std::string& name) { return name.ends_with(".good.yml"); }
  [[nodiscard]] std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

 private:
  static std::filesystem::path source() { return REPODIGEST_SOURCE_DIR "/tests/access/web_config"; }
  static std::string read_from(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  [[nodiscard]] std::string read(const std::string& name) const { return read_from(path(name)); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
  }
  /// Each `    @file@` becomes the file's lines, as far to the right.
  [[nodiscard]] std::string with_certificates(const std::string& text) const {
    std::istringstream lines(text);
    std::string whole;
    for (std::string line; std::getline(lines, line);) {
      const auto begin = line.find_first_not_of(' ');
      if (begin == std::string::npos || line[begin] != '@') {
        whole += line + "\n";
        continue;
      }
      std::istringstream pem(read(line.substr(begin + 1, line.size() - begin - 2)));
      for (std::string part; std::getline(pem, part);) whole += std::string(begin, ' ') + part + "\n";
    }
    return whole;
  }
  void write_encrypted_key() const {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path("encrypted.key").c_str(), "w"),
                                                     &std::fclose);
    unsigned char passphrase[] = "secret";
    if (!file || PEM_write_PKCS8PrivateKey(file.get(), key.get(), EVP_aes_128_cbc(),
                                           reinterpret_cast<char*>(passphrase), 6, nullptr, nullptr) != 1)
      throw std::runtime_error("cannot make an encrypted key");
  }

  TemporaryFolder folder_;
  TestAuthority authority_;
};

}  // namespace repodigest::support
