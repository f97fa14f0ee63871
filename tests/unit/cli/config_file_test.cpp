#include "cli/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "world.h"

namespace repodigest::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string refusal(const std::string& content) {
  const auto parsed = World().parse_with_file(content);
  EXPECT_FALSE(parsed.config);
  EXPECT_EQ(parsed.exit_code, 2);
  return parsed.output.substr(parsed.output.find(": ") + 2);
}

TEST(ConfigFile, TakesPollForASwitchOrASection) {
  const World world;
  const std::string address = "--docker-api.listen-address=unix:///run/d.sock";
  const auto off = world.parse_with_file("poll: false\npoll.interval: 7s\n", {address});
  EXPECT_FALSE(off.config.value().poll);
  EXPECT_EQ(off.config->poll_interval, std::chrono::seconds(7));
  EXPECT_TRUE(world.parse_with_file("poll:\n  interval: 7s\n").config.value().poll);
}

TEST(ConfigFile, MayBeEmptyOrHoldCommentsAlone) {
  for (const auto* const content : {"", "\n", "# nothing\n", "---\n", "{}\n", "poll:\n  # interval: 5s\n"})
    EXPECT_TRUE(World().parse_with_file(content).config) << content;
}

TEST(ConfigFile, MixesWholeAndNestedNames) {
  const auto config = World()
                          .parse_with_file(
                              "poll.interval: 5s\n"
                              "poll: {stale-after: 1h}\n"
                              "web:\n"
                              "  api: off\n"
                              "  max-requests: 7\n")
                          .config.value();
  EXPECT_EQ(config.poll_interval, std::chrono::seconds(5));
  EXPECT_EQ(config.poll_stale_after, std::chrono::hours(1));
  EXPECT_FALSE(config.web_api);
  EXPECT_EQ(config.web_max_requests, 7U);
}

TEST(ConfigFile, NamesLineAndColumnOfAnUnknownKey) {
  EXPECT_THAT(refusal("poll.interval: 5s\npoll.intervall: 5s\n"),
              StartsWith("/etc/r.yml:2:1: unknown key poll.intervall; did you mean poll.interval?"));
  EXPECT_THAT(refusal("poll:\n  intervall: 5s\n"),
              StartsWith("/etc/r.yml:2:3: unknown key poll.intervall; did"));
  EXPECT_THAT(refusal("frobnicate: 1\n"), StartsWith("/etc/r.yml:1:1: unknown key frobnicate ("));
  EXPECT_THAT(refusal("tcp://me:secret@host:1: 1\n"),
              StartsWith("/etc/r.yml:1:1: unknown key tcp://me:***@host:1"));
}

TEST(ConfigFile, RefusesAKeyThatStandsTwice) {
  EXPECT_THAT(refusal("poll.interval: 5s\npoll.interval: 6s\n"),
              StartsWith("/etc/r.yml:2:1: poll.interval stands twice"));
  EXPECT_THAT(refusal("poll.interval: 5s\npoll: {interval: 6s}\n"),
              StartsWith("/etc/r.yml:2:8: poll.interval stands twice"));
}

TEST(ConfigFile, RefusesTheWrongType) {
  EXPECT_THAT(refusal("poll.interval: [5s]\n"),
              HasSubstr(":1:1: poll.interval is a list, but wants one value"));
  EXPECT_THAT(refusal("poll.interval: {a: b}\n"), HasSubstr("poll.interval is a mapping, but wants a value"));
  EXPECT_THAT(refusal("poll.interval:\n"), HasSubstr("poll.interval has no value"));
  EXPECT_THAT(refusal("web: 5s\n"), HasSubstr(":1:1: web wants a mapping"));
  EXPECT_THAT(refusal("poll: 5s\n"), HasSubstr(":1:1: poll: \"5s\" is neither true nor false"));
  EXPECT_THAT(refusal("poll: [off]\n"), HasSubstr(":1:1: poll wants a mapping"));
  EXPECT_THAT(refusal("web.listen-address: []\n"), HasSubstr("web.listen-address is an empty list"));
  EXPECT_THAT(refusal("web.listen-address: [[a]]\n"),
              HasSubstr("web.listen-address has an item that is not"));
  EXPECT_THAT(refusal("- poll.interval\n"), HasSubstr(":1:1: a mapping is wanted"));
  EXPECT_THAT(refusal("just text\n"), HasSubstr(":1:1: a mapping is wanted"));
  EXPECT_THAT(refusal("? [a]\n: b\n"), HasSubstr("a key is not a plain word"));
}

TEST(ConfigFile, NamesTheKeyOfABadValue) {
  EXPECT_THAT(refusal("# first\npoll:\n  interval: often\n"),
              StartsWith("/etc/r.yml:3:3: poll.interval: \"often\" is not a duration"));
}

TEST(ConfigFile, HasNoPlaceForItself) {
  EXPECT_THAT(refusal("config.file: /other.yml\n"),
              HasSubstr(":1:1: config.file has no place in a config file"));
  EXPECT_THAT(refusal("config: {check: true}\n"),
              HasSubstr(":1:10: config.check has no place in a config file"));
}

TEST(ConfigFile, TellsWhereItIsNotYaml) {
  EXPECT_THAT(refusal("poll.interval: 5s\n\tweb.api: true\n"), StartsWith("/etc/r.yml:2:"));
  EXPECT_THAT(refusal("poll: {interval: 5s\n"), HasSubstr("not YAML"));
  EXPECT_THAT(refusal("poll.interval: *nowhere\n"), HasSubstr("/etc/r.yml:1:"));
}

TEST(ConfigFile, RefusesSeveralDocuments) {
  EXPECT_THAT(refusal("poll.interval: 5s\n---\npoll.interval: 6s\n"), HasSubstr("several YAML documents"));
}

TEST(ConfigFile, RefusesWhatIsLargerThanAMebibyte) {
  EXPECT_TRUE(read_config_file("f", std::string(std::size_t{1} << 20U, '\n')));
  const auto refused = read_config_file("f", std::string((std::size_t{1} << 20U) + 1, '\n'));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text, "f: larger than 1 MiB");
}

TEST(ConfigFile, EndsAtDeepNesting) {
  EXPECT_THAT(refusal("poll: " + std::string(100'000, '[')), HasSubstr("/etc/r.yml"));
  EXPECT_THAT(refusal("poll: " + std::string(100'000, '{')), HasSubstr("/etc/r.yml"));
}

TEST(ConfigFile, LetsAliasesMultiplyNothing) {
  EXPECT_THAT(refusal("poll: &p {interval: 5s, poll: *p}\n"), HasSubstr("unknown key poll.poll"));
  std::string bomb = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 40; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before + ", " + before + "]\n";
  }
  EXPECT_THAT(refusal(bomb), HasSubstr("/etc/r.yml:1:1: unknown key a0"));
}

TEST(ConfigFile, ReadsAnAliasAsItsValue) {
  const auto config = World().parse_with_file("docker.timeout: &t 7s\npoll.interval: *t\n").config.value();
  EXPECT_EQ(config.poll_interval, std::chrono::seconds(7));
}

}  // namespace
}  // namespace repodigest::cli
