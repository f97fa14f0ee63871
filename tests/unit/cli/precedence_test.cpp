#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "world.h"

namespace repodigest::cli {
namespace {

using std::chrono::seconds;

TEST(Precedence, IsFlagThenEnvironmentThenFileThenDefaultForDurations) {
  World world;
  const std::string file = "poll.interval: 10s";
  EXPECT_EQ(world.parse({}).config.value().poll_interval, seconds(60));
  EXPECT_EQ(world.parse_with_file(file).config.value().poll_interval, seconds(10));
  world.variables["REPODIGEST_EXPORTER_POLL_INTERVAL"] = "20s";
  EXPECT_EQ(world.parse_with_file(file).config.value().poll_interval, seconds(20));
  EXPECT_EQ(world.parse_with_file(file, {"--poll.interval=30s"}).config.value().poll_interval, seconds(30));
}

TEST(Precedence, IsTheSameForSwitches) {
  World world;
  const std::string file = "web.api: false";
  EXPECT_TRUE(world.parse({}).config.value().web_api);
  EXPECT_FALSE(world.parse_with_file(file).config.value().web_api);
  world.variables["REPODIGEST_EXPORTER_WEB_API"] = "true";
  EXPECT_TRUE(world.parse_with_file(file).config.value().web_api);
  EXPECT_FALSE(world.parse_with_file(file, {"--no-web.api"}).config.value().web_api);
  world.variables["REPODIGEST_EXPORTER_WEB_API"] = "false";
  EXPECT_TRUE(world.parse_with_file(file, {"--web.api"}).config.value().web_api);
}

TEST(Precedence, IsTheSameForWordsAndNumbers) {
  World world;
  const std::string file = "log: {level: debug}\nmetrics: {max-images: 1}";
  EXPECT_EQ(world.parse_with_file(file).config.value().log_level, log::Level::debug);
  EXPECT_EQ(world.parse_with_file(file).config.value().series.max_images, 1U);
  world.variables["REPODIGEST_EXPORTER_LOG_LEVEL"] = "warn";
  world.variables["REPODIGEST_EXPORTER_METRICS_MAX_IMAGES"] = "2";
  EXPECT_EQ(world.parse_with_file(file).config.value().log_level, log::Level::warn);
  EXPECT_EQ(world.parse_with_file(file).config.value().series.max_images, 2U);
  const auto parsed = world.parse_with_file(file, {"--log.level=error", "--metrics.max-images=3"});
  EXPECT_EQ(parsed.config.value().log_level, log::Level::error);
  EXPECT_EQ(parsed.config->series.max_images, 3U);
}

TEST(Precedence, OfARoutePrefixIsThatOfTheFlagOverThatOfTheExternalUrl) {
  const auto prefix = [](const std::vector<std::string>& arguments) {
    return World().parse(arguments).config.value().web_route_prefix;
  };
  const std::string url = "--web.external-url=https://proxy.example/exporter/";
  EXPECT_EQ(prefix({}), "");
  EXPECT_EQ(prefix({url}), "/exporter");
  EXPECT_EQ(prefix({url, "--web.route-prefix=/"}), "") << "a proxy that takes the prefix away";
  EXPECT_EQ(prefix({url, "--web.route-prefix=/other/"}), "/other");
  EXPECT_EQ(prefix({"healthcheck", url}), "/exporter") << "where the daemon of these flags answers";
}

TEST(Precedence, FindsTheConfigFileThroughTheEnvironmentToo) {
  World world;
  world.variables["REPODIGEST_EXPORTER_CONFIG_FILE"] = "/etc/other.yml";
  world.files["/etc/other.yml"] = "poll.interval: 10s";
  EXPECT_EQ(world.parse({}).config.value().poll_interval, seconds(10));
}

TEST(Precedence, DoesNotLookAtAVariableThatAFlagOverrides) {
  World world;
  world.variables["REPODIGEST_EXPORTER_POLL_INTERVAL"] = "nonsense";
  EXPECT_TRUE(world.parse({"--poll.interval=30s"}).config);
  EXPECT_FALSE(world.parse({}).config);
}

TEST(Precedence, ChecksTheFileWholeEvenWhereItIsOverridden) {
  EXPECT_FALSE(World().parse_with_file("poll.interval: nonsense", {"--poll.interval=30s"}).config);
}

TEST(DockersVariables, OfTheApiVersionYieldToTheExportersAndBeatTheFile) {
  World world;
  const std::string file = "docker.api-version: '1.41'";
  world.variables["DOCKER_API_VERSION"] = "v1.42";
  EXPECT_EQ(world.parse_with_file(file).config.value().docker_api_version, "1.42");
  world.variables["REPODIGEST_EXPORTER_DOCKER_API_VERSION"] = "1.43";
  EXPECT_EQ(world.parse_with_file(file).config.value().docker_api_version, "1.43");
  EXPECT_EQ(world.parse_with_file(file, {"--docker.api-version=1.44"}).config.value().docker_api_version,
            "1.44");
}

TEST(DockersVariables, OfTheEndpointAreLeftToTheEngineRoom) {
  World world;
  world.variables = {{"DOCKER_HOST", "tcp://h:1"},
                     {"DOCKER_CONTEXT", "c"},
                     {"DOCKER_CERT_PATH", "/c"},
                     {"DOCKER_TLS_VERIFY", "anything"}};
  const auto config = world.parse({}).config.value();
  EXPECT_FALSE(config.docker.host);
  EXPECT_FALSE(config.docker.context);
  EXPECT_FALSE(config.docker.cert_path);
  EXPECT_FALSE(config.docker.tls_verify);
}

TEST(DockersVariables, BeatTheFileAndAreBeatenByTheExportersOwn) {
  World world;
  world.variables = {{"DOCKER_HOST", "tcp://theirs:1"}, {"DOCKER_CERT_PATH", "/theirs"}};
  const std::string file = "docker: {host: 'tcp://file:1', cert-path: /file}";
  auto config = world.parse_with_file(file).config.value();
  EXPECT_FALSE(config.docker.host);  // so that find_endpoint sees DOCKER_HOST
  EXPECT_FALSE(config.docker.cert_path);
  world.variables["REPODIGEST_EXPORTER_DOCKER_HOST"] = "tcp://ours:1";
  config = world.parse_with_file(file).config.value();
  EXPECT_EQ(config.docker.host, "tcp://ours:1");
}

TEST(HostAndContext, AreBothKeptFromTheSameSource) {
  World world;
  auto config = world.parse({"--docker.host=tcp://h:1", "--docker.context=c"}).config.value();
  EXPECT_TRUE(config.docker.host && config.docker.context);
  config = world.parse_with_file("docker: {host: 'tcp://h:1', context: c}").config.value();
  EXPECT_TRUE(config.docker.host && config.docker.context);
  world.variables = {{"REPODIGEST_EXPORTER_DOCKER_HOST", "tcp://h:1"},
                     {"REPODIGEST_EXPORTER_DOCKER_CONTEXT", "c"}};
  config = world.parse({}).config.value();
  EXPECT_TRUE(config.docker.host && config.docker.context);
}

TEST(HostAndContext, FromAFlagBeatsTheOtherFromAVariableOrTheFile) {
  World world;
  world.variables["REPODIGEST_EXPORTER_DOCKER_HOST"] = "tcp://h:1";
  auto config = world.parse({"--docker.context=c"}).config.value();
  EXPECT_EQ(config.docker.host, std::nullopt);
  EXPECT_EQ(config.docker.context, "c");

  world.variables = {{"REPODIGEST_EXPORTER_DOCKER_CONTEXT", "c"}};
  config = world.parse({"--docker.host=tcp://h:1"}).config.value();
  EXPECT_EQ(config.docker.host, "tcp://h:1");
  EXPECT_EQ(config.docker.context, std::nullopt);

  config = world.parse_with_file("docker.host: tcp://h:1").config.value();
  EXPECT_EQ(config.docker.host, std::nullopt);
  EXPECT_EQ(config.docker.context, "c");
}

TEST(HostAndContext, FromTheFileYieldToDockersVariableOfTheOther) {
  World world;
  world.variables["DOCKER_HOST"] = "tcp://h:1";
  EXPECT_EQ(world.parse_with_file("docker.context: c").config.value().docker.context, std::nullopt);
}

TEST(HostAndContext, OfTheExportersOwnVariableAreKeptBesideDockersVariableOfTheOther) {
  World world;
  world.variables = {{"DOCKER_HOST", "tcp://h:1"}, {"REPODIGEST_EXPORTER_DOCKER_CONTEXT", "c"}};
  EXPECT_EQ(world.parse({}).config.value().docker.context, "c");
}

TEST(Dependence, AFullIntervalShorterThanTheIntervalCountsAsTheInterval) {
  const World world;
  const auto full = [&world](const std::vector<std::string>& arguments) {
    return world.parse(arguments).config.value().poll_full_interval;
  };
  EXPECT_EQ(full({"--poll.interval=2h"}), seconds(7200));
  EXPECT_EQ(full({"--poll.full-interval=10s"}), seconds(60));
  EXPECT_EQ(full({"--poll.full-interval=10s", "--poll.interval=5s"}), seconds(10));
}

}  // namespace
}  // namespace repodigest::cli
