// One YAML document, whatever a text holds.
#include "repodigest/base/yaml.h"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace repodigest {
namespace {

TEST(ReadYaml, TakesOneDocumentOrNone) {
  EXPECT_EQ(read_yaml("a: 1")["a"].as<int>(), 1);
  EXPECT_EQ(read_yaml("---\na: 1\n...\n")["a"].as<int>(), 1);
  for (const char* empty : {"", "# nothing\n", "---\n"}) EXPECT_TRUE(read_yaml(empty).IsNull()) << empty;
}

TEST(ReadYaml, SaysWhereASecondDocumentBegins) {
  try {
    read_yaml("a: 1\n---\nb: 2\n");
    FAIL() << "it was taken";
  } catch (const YAML::RepresentationException& failure) {
    EXPECT_EQ(failure.mark.line, 1);
  }
}

TEST(ReadYaml, ComesToAnEndWhereYamlCppAloneDoesNot) {
  for (const char* text : {",", ", a", ",poll.interval: 5s\nlog: {level: info}"})
    EXPECT_THROW(read_yaml(text), YAML::Exception) << text;
}

TEST(ReadYaml, RefusesWhatIsNoYaml) {
  for (const std::string& text : {std::string("a: [1"), std::string("\tb: c"), std::string(100'000, '[')})
    EXPECT_THROW(read_yaml(text), YAML::ParserException) << text.substr(0, 10);
}

}  // namespace
}  // namespace repodigest
