// Every option from every source, driven by the table that the program itself uses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "repodigest/cli/options.h"
#include "world.h"

namespace repodigest::cli {
namespace {

using Kind = Option::Kind;

/// A value for each option that is not its default.
const std::map<std::string, std::string> other_values = {
    {"docker.host", "tcp://10.0.0.5:2375"},
    {"docker.context", "remote"},
    {"docker.cert-path", "/etc/tls"},
    {"docker.tls-verify", "false"},
    {"docker.api-version", "1.45"},
    {"docker.timeout", "7s"},
    {"docker.list-timeout", "1h30m"},
    {"docker.max-connections", "5"},
    {"docker.max-response-bytes", "64KiB"},
    {"demo", "true"},
    {"poll", "false"},
    {"poll.interval", "500ms"},
    {"poll.full-interval", "2h"},
    {"poll.events", "false"},
    {"poll.max-engine-share", "0.25"},
    {"poll.stale-after", "0"},
    {"poll.containers", "false"},
    {"cache.file", "/var/lib/r.cache"},
    {"metrics.per-image", "anomalous"},
    {"metrics.max-images", "12"},
    {"web.listen-address", "unix:///run/r.sock"},
    {"web.telemetry-path", "/own"},
    {"web.systemd-socket", "true"},
    {"web.external-url", "https://proxy.example/r/"},
    {"web.route-prefix", "/own/prefix"},
    {"web.api", "false"},
    {"web.ui", "false"},
    {"web.disable-exporter-metrics", "true"},
    {"web.config.file", "/etc/r/web.yml"},
    {"web.enable-lifecycle", "true"},
    {"web.max-requests", "0"},
    {"web.max-connections", "3"},
    {"docker-api.listen-address", "unix:///run/docker.sock"},
    {"docker-api.web.config.file", "/etc/r/docker-api.yml"},
    {"docker-api.socket-mode", "0600"},
    {"docker-api.socket-group", "docker"},
    {"docker-api.correct", "false"},
    {"docker-api.allow", "df,events"},
    {"docker-api.insecure", "true"},
    {"config.file", "/etc/r.yml"},
    {"config.check", "true"},
    {"log.level", "error"},
    {"log.format", "json"},
    {"url", "http://127.0.0.1:10474"},
    {"format", "nagios"},
    {"output", "/tmp/out.prom"},
    {"warning", "3"},
    {"critical", "9"},
    {"repository", "registry.example.com/team/app"},
    {"count", "true"},
};

/// An option as GoogleTest prints it.
struct Tested {
  const Option* option = nullptr;
  friend void PrintTo(const Tested& tested, std::ostream* out) { *out << tested.option->name; }
};

std::vector<Tested> every_option() {
  std::vector<Tested> all;
  for (const auto& option : options()) all.push_back({&option});
  return all;
}

class EveryOption : public testing::TestWithParam<Tested> {
 protected:
  EveryOption() { world_.files["/etc/r.yml"] = ""; }

  [[nodiscard]] static const std::string& other() { return other_values.at(GetParam().option->name); }

  /// A command that takes the flag.
  [[nodiscard]] static std::vector<std::string> command() {
    const auto& option = *GetParam().option;
    if (takes(Command::check, option.group)) return {"check"};
    if (takes(Command::dedupe, option.group)) return {"dedupe"};
    return {"digest", "nginx"};
  }

  /// The flag that says so, after that command.
  [[nodiscard]] static std::vector<std::string> arguments() {
    const auto& option = *GetParam().option;
    auto all = command();
    all.push_back(option.is_switch() ? (other() == "true" ? "--" : "--no-") + option.name
                                     : "--" + option.name + "=" + other());
    return all;
  }

  static std::string outcome(const Parsed& parsed) {
    return parsed.config ? described(*parsed.config)
                         : "exit " + std::to_string(parsed.exit_code) + ": " + parsed.output;
  }

  [[nodiscard]] std::string from_flag() const { return outcome(world_.parse(arguments())); }

  World world_;
};

TEST_P(EveryOption, ChangesTheConfigFromAFlag) {
  if (GetParam().option->name == "config.file") return;  // shows in nothing but what the file says
  EXPECT_NE(from_flag(), outcome(world_.parse(command())));
}

TEST_P(EveryOption, MeansTheSameInTheEnvironment) {
  const std::string expected = from_flag();
  world_.variables[GetParam().option->variable()] = other();
  EXPECT_EQ(outcome(world_.parse(command())), expected);
}

TEST_P(EveryOption, CountsAsUnsetWhenItsVariableIsEmpty) {
  world_.variables[GetParam().option->variable()] = "";
  const auto parsed = world_.parse(command());
  EXPECT_EQ(outcome(parsed), outcome(World().parse(command())));
  EXPECT_TRUE(parsed.warnings.empty());
}

TEST_P(EveryOption, MeansTheSameInTheConfigFileWholeOrNested) {
  if (!GetParam().option->in_config_file) return;
  const std::string& name = GetParam().option->name;
  EXPECT_EQ(outcome(world_.parse_with_file(name + ": " + other(), command())), from_flag());
  EXPECT_EQ(outcome(world_.parse_with_file(name + ": \"" + other() + "\"", command())), from_flag());

  const auto dot = name.find('.');
  if (dot == std::string::npos) return;
  const std::string nested = name.substr(0, dot) + ":\n  " + name.substr(dot + 1) + ": " + other() + "\n";
  EXPECT_EQ(outcome(world_.parse_with_file(nested, command())), from_flag());
}

TEST_P(EveryOption, MeansTheSameBeforeAndBehindTheCommand) {
  const auto& option = *GetParam().option;
  if (!takes(Command::daemon, option.group)) return;
  EXPECT_EQ(outcome(world_.parse({arguments().back(), "check"})), from_flag());
}

TEST_P(EveryOption, TakesItsValueAsAnArgumentOfItsOwn) {
  const auto& option = *GetParam().option;
  if (option.is_switch()) return;
  auto apart = command();
  apart.insert(apart.end(), {"--" + option.name, other()});
  EXPECT_EQ(outcome(world_.parse(apart)), from_flag());
}

TEST_P(EveryOption, HasTheDefaultThatItsTextSays) {
  const auto& option = *GetParam().option;
  if (option.default_text.empty()) return;
  Config config = *World().parse(command()).config;
  const std::string before = described(config);
  ASSERT_TRUE(option.set(config, {option.default_text}));
  EXPECT_EQ(described(config), before);

  Config untouched;
  untouched.web_listen_addresses = config.web_listen_addresses;  // only parse() fills these
  untouched.command = config.command;
  untouched.digest_image = config.digest_image;
  EXPECT_EQ(described(untouched), before);
}

TEST_P(EveryOption, MayBeGivenOnceUnlessItIsAList) {
  auto twice = arguments();
  twice.push_back(twice.back());
  const auto parsed = world_.parse(twice);
  if (GetParam().option->kind == Kind::list) {
    EXPECT_TRUE(parsed.config);
  } else {
    EXPECT_FALSE(parsed.config);
    EXPECT_THAT(parsed.output,
                testing::HasSubstr("--" + GetParam().option->name + " is given more than once"));
  }
}

INSTANTIATE_TEST_SUITE_P(Table, EveryOption, testing::ValuesIn(every_option()), [](const auto& instance) {
  return instance.param.option->variable().substr(variable_prefix.size());
});

TEST(Options, HaveOneTestValueEach) {
  std::set<std::string> names;
  for (const auto& option : options()) names.insert(option.name);
  EXPECT_EQ(names.size(), options().size()) << "a name stands twice";
  std::set<std::string> tested;
  for (const auto& [name, value] : other_values) tested.insert(name);
  EXPECT_EQ(names, tested);
}

TEST(Options, HaveTheVariablesOfTheContract) {
  EXPECT_EQ(find_option("docker.list-timeout")->variable(), "REPODIGEST_EXPORTER_DOCKER_LIST_TIMEOUT");
  EXPECT_EQ(find_option("web.api")->variable(), "REPODIGEST_EXPORTER_WEB_API");
  EXPECT_EQ(find_option("demo")->variable(), "REPODIGEST_EXPORTER_DEMO");
}

TEST(ListenAddresses, ComeFromARepeatedFlagAListOfVariablesOrAYamlList) {
  const World world;
  const auto texts = [](const Parsed& parsed) {
    std::string all;
    for (const auto& address : parsed.config.value().web_listen_addresses) all += address.text() + " ";
    return all;
  };
  const std::string expected = "127.0.0.1:9000 [::1]:9001 unix:///run/r.sock ";
  EXPECT_EQ(texts(world.parse({"--web.listen-address=127.0.0.1:9000", "--web.listen-address", "[::1]:9001",
                               "--web.listen-address=unix:///run/r.sock"})),
            expected);
  EXPECT_EQ(texts(World{
                {{"REPODIGEST_EXPORTER_WEB_LISTEN_ADDRESS", "127.0.0.1:9000,[::1]:9001,unix:///run/r.sock"}},
                {}}.parse({})),
            expected);
  EXPECT_EQ(
      texts(world.parse_with_file(
          "web:\n  listen-address:\n    - 127.0.0.1:9000\n    - '[::1]:9001'\n    - unix:///run/r.sock\n")),
      expected);
  EXPECT_EQ(texts(world.parse({})), ":10474 ");
}

TEST(ListenAddresses, OfAStrongerSourceReplaceThoseOfAWeakerOne) {
  World world;
  world.variables["REPODIGEST_EXPORTER_WEB_LISTEN_ADDRESS"] = ":1,:2";
  const auto parsed =
      world.parse_with_file("web.listen-address: [':3', ':4', ':5']", {"--web.listen-address=:6"});
  ASSERT_EQ(parsed.config.value().web_listen_addresses.size(), 1U);
  EXPECT_EQ(parsed.config->web_listen_addresses[0].port, 6);
}

TEST(CommandLine, FindsTheCommandAndItsImages) {
  const World world;
  EXPECT_EQ(world.parse({}).config.value().command, Command::daemon);
  EXPECT_EQ(world.parse({"healthcheck"}).config.value().command, Command::healthcheck);
  const auto parsed = world.parse({"check", "nginx:latest", "--docker.timeout=3s", "healthcheck", "check"});
  EXPECT_EQ(parsed.config.value().command, Command::check);
  EXPECT_EQ(parsed.config->check_images, (std::vector<std::string>{"nginx:latest", "healthcheck", "check"}));
  EXPECT_EQ(parsed.config->docker_timeout, std::chrono::seconds(3));
}

TEST(CommandLine, FindsTheImageOfDigestAndTheFilesOfDedupe) {
  const World world;
  const auto digest = world.parse({"digest", "--repository=r", "nginx", "--docker.timeout=3s"});
  EXPECT_EQ(digest.config.value().command, Command::digest);
  EXPECT_EQ(digest.config->digest_image, "nginx");
  EXPECT_EQ(digest.config->docker_timeout, std::chrono::seconds(3));
  const auto dedupe = world.parse({"dedupe", "a.json", "-", "--count", "check", "[1].json"});
  EXPECT_EQ(dedupe.config.value().command, Command::dedupe);
  EXPECT_EQ(dedupe.config->dedupe_files, (std::vector<std::string>{"a.json", "-", "check", "[1].json"}));
  EXPECT_TRUE(dedupe.config->dedupe_count);
  EXPECT_TRUE(world.parse({"dedupe"}).config.value().dedupe_files.empty());
}

TEST(AllowedGroups, ComeFromARepeatedFlagWordsBetweenCommasOrAYamlList) {
  const World world;
  facade::Groups expected;
  expected.add(facade::Group::df);
  expected.add(facade::Group::export_images);
  EXPECT_EQ(world.parse({"--docker-api.allow=df,export"}).config.value().docker_api_allow, expected);
  EXPECT_EQ(
      world.parse({"--docker-api.allow=export", "--docker-api.allow=df"}).config.value().docker_api_allow,
      expected);
  EXPECT_EQ(world.parse_with_file("docker-api:\n  allow: [df, export]\n").config.value().docker_api_allow,
            expected);
  EXPECT_EQ(world.parse_with_file("docker-api.allow: df,export\n").config.value().docker_api_allow, expected);
  EXPECT_EQ(world.parse({}).config.value().docker_api_allow, facade::Groups());
}

TEST(CommandLine, TakesWhatFollowsTwoDashesForImages) {
  EXPECT_EQ(World().parse({"check", "--", "--odd"}).config.value().check_images,
            std::vector<std::string>{"--odd"});
}

TEST(CommandLine, SurvivesWithoutAnyArgument) {
  EXPECT_TRUE(cli::parse(0, nullptr, World().surroundings()).config);
}

}  // namespace
}  // namespace repodigest::cli
