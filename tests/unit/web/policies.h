// Web config files for the tests of this room, read by a keeper.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "repodigest/access/keeper.h"
#include "support/basic.h"
#include "support/web_config_folder.h"

namespace repodigest::web {

/// A server's certificate, and a config that can be changed.
class Policies {
 public:
  /// With TLS, and `more` lines of tls_server_config (two blanks before each) and other sections.
  access::Keeper* use(const std::string& more) { return use_text(support::serves_tls + more); }
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
  void write(const std::string& text) const { folder_.write("web.yml", text); }

  [[nodiscard]] std::string path(const std::string& name) const { return folder_.path(name); }
  support::TestAuthority& authority() { return folder_.authority(); }

 private:
  support::WebConfigFolder folder_;
  std::unique_ptr<access::Keeper> keeper_;
};

}  // namespace repodigest::web
