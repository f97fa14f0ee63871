// Web config files for the tests of this room, with the certificates that they name.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "repodigest/access/keeper.h"
#include "support/basic.h"
#include "support/temporary_folder.h"
#include "support/test_certificates.h"

namespace repodigest::web {

/// A folder with a server's certificate, and a config that can be changed.
class Policies {
 public:
  Policies() { (void)authority_.issue("server", "DNS:localhost,IP:127.0.0.1"); }

  /// With TLS, and `more` lines of tls_server_config (two blanks before each) and other sections.
  access::Keeper* use(const std::string& more) {
    return use_text("tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n" + more);
  }
  access::Keeper* use_text(const std::string& text) {
    write(text);
    auto keeper =
        access::Keeper::open(path("web.yml"), {[](const access::Policy&) { return Status(); },
                                               [](const access::Policy&, const auto&) {},
                                               [](const Error& error) { ADD_FAILURE() << error.text; }});
    EXPECT_TRUE(keeper) << (keeper ? "" : keeper.error().text);
    keeper_ = *std::move(keeper);
    return keeper_.get();
  }
  /// Changes the file as editors do.
  void write(const std::string& text) const {
    std::ofstream(path("new")) << text;
    std::filesystem::rename(path("new"), path("web.yml"));
  }

  [[nodiscard]] std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  support::TestAuthority& authority() { return authority_; }

 private:
  support::TemporaryFolder folder_;
  support::TestAuthority authority_{folder_.path(), "ca"};
  std::unique_ptr<access::Keeper> keeper_;
};

}  // namespace repodigest::web
