// The form of every YAML file below deploy/.
#include <gtest/gtest.h>

#include "support/feed_command.h"
#include "tools.h"

namespace repodigest {
namespace {

TEST(YamlOfDeploy, IsCleanForYamllint) {
  if (!support::succeeds("yamllint --version"))
    GTEST_SKIP() << "THERE IS NO YAMLLINT HERE: the form of the files below deploy/ was not tested";
  deploy::expect_takes({"yamllint", "--strict", "-d",
                        "{extends: default, rules: {line-length: {max: 120}, document-start: disable}}",
                        deploy::folder.string()});
}

}  // namespace
}  // namespace repodigest
