// The Ansible role as files, without playing it.
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <string>

#include "support/feed_command.h"
#include "support/program.h"

namespace repodigest {
namespace {

const std::string folder = REPODIGEST_SOURCE_DIR "/deploy/ansible";
const std::string role = folder + "/roles/repodigest_exporter";

TEST(AnsibleFiles, HaveADescriptionOfEveryDefault) {
  const auto defaults = YAML::LoadFile(role + "/defaults/main.yml");
  const auto options = YAML::LoadFile(role + "/meta/argument_specs.yml")["argument_specs"]["main"]["options"];
  EXPECT_EQ(defaults.size(), options.size());
  for (const auto& entry : defaults) {
    const auto name = entry.first.as<std::string>();
    ASSERT_TRUE(options[name]) << name;
    EXPECT_EQ(YAML::Dump(options[name]["default"]), YAML::Dump(entry.second)) << name;
  }
}

TEST(AnsibleFiles, AreTidyYaml) {
  if (!support::succeeds("yamllint --version"))
    GTEST_SKIP() << "THERE IS NO YAMLLINT HERE: the files of the role were not looked through";
  support::Process lint(
      {"yamllint", "--strict", "-d", "{extends: default, rules: {line-length: {max: 120}}}", folder});
  const auto ended = lint.wait();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->exit_code, 0) << ended->output;
}

}  // namespace
}  // namespace repodigest
