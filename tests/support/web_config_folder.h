// A folder with web config files that are changed while a server reads them, and a certificate for it.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "repodigest/transport/transport.h"
#include "support/temporary_folder.h"
#include "support/test_certificates.h"

namespace repodigest::support {

/// What such a file says about TLS; lines of tls_server_config (two blanks before each) may follow.
inline const std::string serves_tls = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
inline const std::string wants_certificates =
    "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n";

class WebConfigFolder {
 public:
  WebConfigFolder() { (void)authority_.issue("server", "DNS:localhost,IP:127.0.0.1"); }

  /// Changes a file as editors do: it is the old one or the new one, whole.
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name + ".new")) << text;
    std::filesystem::rename(path(name + ".new"), path(name));
  }
  /// Puts what stands in one file into the place of another, in the same way.
  void replace(const std::string& name, const std::string& by) const {
    std::filesystem::copy_file(path(by), path(name + ".new"));
    std::filesystem::rename(path(name + ".new"), path(name));
  }
  [[nodiscard]] std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  TestAuthority& authority() { return authority_; }
  /// What a client of that server trusts, and who it says it is.
  [[nodiscard]] transport::Tls client(const PemFiles& identity = {}) const {
    return {authority_.certificate(), identity.certificate, identity.key, true};
  }

 private:
  TemporaryFolder folder_;
  TestAuthority authority_{folder_.path(), "ca"};
};

}  // namespace repodigest::support
