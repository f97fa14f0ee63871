#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "world.h"

namespace repodigest::cli {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// The one line of a refusal, without what frames it.
std::string refusal(const Parsed& parsed, int exit_code = 2) {
  EXPECT_FALSE(parsed.config);
  EXPECT_EQ(parsed.exit_code, exit_code);
  EXPECT_EQ(std::count(parsed.output.begin(), parsed.output.end(), '\n'), 1);
  const std::string head = "repodigest_exporter: ";
  const std::string tail = " (see repodigest_exporter --help)\n";
  EXPECT_THAT(parsed.output, StartsWith(head));
  EXPECT_THAT(parsed.output, EndsWith(tail));
  return parsed.output.substr(head.size(), parsed.output.size() - head.size() - tail.size());
}

std::string refusal(const std::vector<std::string>& arguments) {
  // A supervisor of containers knows 0 and 1.
  return refusal(World().parse(arguments), arguments.front() == "healthcheck" ? 1 : 2);
}

TEST(Mistakes, InAFlagsNameGetAHint) {
  EXPECT_EQ(refusal({"--poll.intervall=5s"}), "unknown flag --poll.intervall; did you mean --poll.interval?");
  EXPECT_EQ(refusal({"--doker.host", "x"}), "unknown flag --doker.host; did you mean --docker.host?");
  EXPECT_EQ(refusal({"--no-web.apis"}), "unknown flag --no-web.apis; did you mean --no-web.api?");
  EXPECT_EQ(refusal({"-poll.interval=5s"}), "unknown flag -poll.interval; did you mean --poll.interval?");
  EXPECT_EQ(refusal({"--listen-address=:1"}),
            "unknown flag --listen-address; did you mean --web.listen-address?");
  EXPECT_EQ(refusal({"--versoin"}), "unknown flag --versoin; did you mean --version?");
}

TEST(Mistakes, ThatResembleNothingGetNoHint) {
  EXPECT_EQ(refusal({"--zzzzzzzz"}), "unknown flag --zzzzzzzz");
  EXPECT_EQ(refusal({"frobnicate"}), "unknown command \"frobnicate\"");
  EXPECT_EQ(refusal({"-z"}), "unknown flag -z");
}

TEST(Mistakes, NeverShowAPasswordOfAUrlWhereverItWasPut) {
  const std::string url = "tcp://me:secret@host:1";
  for (const std::string flag :
       {"web.listen-address", "docker-api.listen-address", "docker.timeout", "poll.interval", "log.level",
        "log.format", "metrics.per-image", "docker-api.allow", "docker.api-version", "docker.max-connections",
        "docker.max-response-bytes", "poll.max-engine-share", "docker-api.socket-mode", "web.telemetry-path",
        "web.route-prefix", "web.external-url"})
    EXPECT_THAT(refusal({"--" + flag + "=" + url}), AllOf(HasSubstr("***"), Not(HasSubstr("secret"))))
        << flag;
  EXPECT_EQ(refusal({url}), "unknown command \"tcp://me:***@host:1\"");
  EXPECT_EQ(refusal({"healthcheck", url}), "unexpected argument \"tcp://me:***@host:1\"");
  EXPECT_EQ(refusal({"healthcheck", "r:t@sha256:0"}), "unexpected argument \"r:t@sha256:0\"");
}

TEST(Mistakes, InACommandGetAHint) {
  EXPECT_EQ(refusal({"chekc"}), "unknown command \"chekc\"; did you mean check?");
  EXPECT_EQ(refusal({"health-check"}), "unknown command \"health-check\"; did you mean healthcheck?");
  EXPECT_EQ(refusal({"digset"}), "unknown command \"digset\"; did you mean digest?");
}

TEST(Mistakes, OfTheCommandAreTold) {
  EXPECT_EQ(refusal({"--format=json"}), "--format belongs behind the command check");
  EXPECT_EQ(refusal({"--url=http://h:1"}), "--url belongs behind the command check or healthcheck");
  EXPECT_EQ(refusal({"healthcheck", "--format=json"}), "--format belongs behind the command check");
  EXPECT_EQ(refusal({"--repository=r"}), "--repository belongs behind the command digest");
  EXPECT_EQ(refusal({"check", "--count"}), "--count belongs behind the command dedupe");
  EXPECT_EQ(refusal({"dedupe", "--url=http://h:1"}), "--url belongs behind the command check or healthcheck");
  EXPECT_EQ(refusal({"healthcheck", "nginx"}), "unexpected argument \"nginx\"");
  EXPECT_EQ(refusal({"--", "--demo"}), "--demo stands behind \"--\", where no flags are read");
}

TEST(Mistakes, InTheNumberOfImagesAreTold) {
  EXPECT_EQ(refusal({"digest"}), "digest wants an image, such as nginx:latest");
  EXPECT_EQ(refusal({"digest", "a", "b"}), "digest takes one image, not 2");
}

TEST(Mistakes, InWhatTheCorrectedDockerApiAllowsNameWhatIsKnown) {
  for (const std::string word : {"all", "DF", "d f"})
    EXPECT_EQ(refusal({"--docker-api.allow=df," + word}),
              "--docker-api.allow: \"" + word + "\" is none of df, containers, export, events");
  EXPECT_EQ(refusal({"--docker-api.allow=df,,export"}),
            "--docker-api.allow: \"\" is none of df, containers, export, events");
  const auto spaced = World().parse({"--docker-api.allow=df, events"}).config;
  ASSERT_TRUE(spaced);
  EXPECT_TRUE(spaced->docker_api_allow.has(facade::Group::all_events));
}

TEST(Mistakes, InASocketsModeAreTold) {
  for (const std::string mode : {"rw", "66", "06600", "0888", "1660", "-660", "0x1b", "u=rw"})
    EXPECT_THAT(refusal({"--docker-api.socket-mode=" + mode}),
                StartsWith("--docker-api.socket-mode: \"" + mode + "\" is not a file mode"));
  EXPECT_EQ(World().parse({"--docker-api.socket-mode=600"}).config.value().docker_api_socket_mode, 0600U);
}

TEST(Mistakes, InARoutePrefixSayWhatIsWrong) {
  const auto said = [](const std::string& text) { return refusal({"--web.route-prefix=" + text}); };
  EXPECT_EQ(said("http://h/x"),
            "--web.route-prefix: \"http://h/x\" is a URL: give it as --web.external-url, or its path alone");
  for (const std::string text : {"/a b", "/a?b", "/a#b", "/a%20b", "\"/a\"", "/\xc3\xa4", "/a\\b"})
    EXPECT_THAT(said(text), HasSubstr("it has no space, quotes, ?, #, %, : or \\")) << text;
  for (const std::string text : {"/a//b", "/./a", "/a/..", ".."})
    EXPECT_THAT(said(text), HasSubstr("no part that is empty, . or ..")) << text;
}

TEST(Mistakes, InAnExternalUrlSayWhatIsWrong) {
  const auto said = [](const std::string& text) { return refusal({"--web.external-url=" + text}); };
  EXPECT_THAT(said("\"http://h/\""), HasSubstr("begins or ends with a quote"));
  EXPECT_THAT(said("http://h/a b"), HasSubstr("has a space"));
  EXPECT_THAT(said("http://h/?x=1"), HasSubstr("has a query or a fragment"));
  EXPECT_THAT(said("proxy.example/exporter"), HasSubstr("has no scheme: write it as https://"));
  EXPECT_THAT(said("localhost:10474"), HasSubstr("has no scheme"));
  EXPECT_THAT(said("ftp://h/"), HasSubstr("neither http nor https"));
  EXPECT_THAT(said("http:///x"), HasSubstr("has no host"));
  EXPECT_THAT(said("http://:80/x"), HasSubstr("has no host"));
  EXPECT_THAT(said("http://me:secret@h/"), HasSubstr("has a user name"));
  EXPECT_THAT(said("http://h/a%20b/"), testing::AllOf(StartsWith("--web.external-url: its path \"/a%20b/\""),
                                                      HasSubstr("give --web.route-prefix")));
  EXPECT_TRUE(World().parse({"--web.external-url=http://h/a%20b/", "--web.route-prefix=/"}).config);
}

TEST(DockerApi, OnTcpWithoutCertificatesMustBeMeant) {
  for (const std::string address : {"127.0.0.1:2375", ":2375", "[::1]:2375"}) {
    const std::string flag = "--docker-api.listen-address=" + address;
    const std::string said = refusal({"--docker-api.listen-address=unix:///run/d.sock", flag});
    EXPECT_THAT(said, StartsWith("--docker-api.listen-address: " + address + " is TCP"));
    EXPECT_THAT(said, HasSubstr("everything that the engine tells"));
    EXPECT_THAT(said, HasSubstr("--docker-api.insecure"));
    EXPECT_THAT(said, HasSubstr("unix://"));
    EXPECT_EQ(refusal({flag, "--config.check"}), said);
    EXPECT_TRUE(World().parse({flag, "--docker-api.insecure"}).config);
    EXPECT_TRUE(World().parse({flag, "check"}).config) << "which does not listen";
  }
}

TEST(DockerApi, MustBeThereWhereNothingElseIs) {
  EXPECT_THAT(refusal({"--no-poll"}), HasSubstr("--docker-api.listen-address"));
  EXPECT_TRUE(World().parse({"--no-poll", "--docker-api.listen-address=unix:///run/d.sock"}).config);
  EXPECT_TRUE(World().parse({"healthcheck", "--no-poll"}).config);
  EXPECT_TRUE(World().parse({"--no-poll", "--web.systemd-socket"}).config) << "which may pass one for it";
}

TEST(DockerApi, ThatEverybodyMayAskIsWarnedOf) {
  const std::string address = "--docker-api.listen-address=unix:///run/d.sock";
  const auto warnings = [&](const std::string& mode) {
    return World().parse({address, "--docker-api.socket-mode=" + mode}).warnings;
  };
  EXPECT_THAT(warnings("0666"), ElementsAre(HasSubstr("--docker-api.socket-mode")));
  EXPECT_THAT(warnings("0660"), testing::IsEmpty());
  EXPECT_THAT(World().parse({"--docker-api.socket-mode=0666"}).warnings, testing::IsEmpty());
}

TEST(Mistakes, InAValueNameTheFlag) {
  EXPECT_THAT(refusal({"--poll.interval=5"}), StartsWith("--poll.interval: \"5\" is not a duration"));
  EXPECT_THAT(refusal({"--poll.interval=0"}), StartsWith("--poll.interval: \"0\" must be longer than 0"));
  EXPECT_EQ(refusal({"--docker.max-connections=0"}),
            "--docker.max-connections: \"0\" is too small: at least 1");
  for (const std::string text : {"much", "0.1x", "nan", "inf", "0,1", "10%"})
    EXPECT_EQ(refusal({"--poll.max-engine-share=" + text}),
              "--poll.max-engine-share: \"" + text + "\" is not a number such as 0.1");
  for (const std::string text : {"0", "-0.1"})
    EXPECT_EQ(refusal({"--poll.max-engine-share=" + text}),
              "--poll.max-engine-share: \"" + text + "\" is too small: it must be above 0");
  EXPECT_EQ(refusal({"--poll.max-engine-share=1.1"}),
            "--poll.max-engine-share: \"1.1\" is too large: at most 1");
  EXPECT_EQ(refusal({"--log.level=loud"}), "--log.level: \"loud\" is none of debug, info, warn, error");
  EXPECT_THAT(refusal({"--web.listen-address=nowhere"}), StartsWith("--web.listen-address: "));
  EXPECT_THAT(refusal({"--web.listen-address=:1", "--web.listen-address=:99999"}), HasSubstr(":99999"));
  EXPECT_EQ(refusal({"--demo=perhaps"}), "--demo: \"perhaps\" is neither true nor false");
}

TEST(Mistakes, InAValueNameTheVariable) {
  World world;
  world.variables["REPODIGEST_EXPORTER_POLL_INTERVAL"] = "often";
  EXPECT_THAT(refusal(world.parse({})),
              StartsWith("REPODIGEST_EXPORTER_POLL_INTERVAL: \"often\" is not a duration"));
  world.variables = {{"DOCKER_API_VERSION", "latest"}};
  EXPECT_THAT(refusal(world.parse({})), StartsWith("DOCKER_API_VERSION: \"latest\" is not an API version"));
  world.variables = {{"REPODIGEST_EXPORTER_WEB_LISTEN_ADDRESS", ":1,,:2"}};
  EXPECT_THAT(refusal(world.parse({})), StartsWith("REPODIGEST_EXPORTER_WEB_LISTEN_ADDRESS: "));
}

TEST(Mistakes, OfAMissingValueAreTold) {
  EXPECT_EQ(refusal({"--poll.interval"}), "--poll.interval needs a value");
  EXPECT_EQ(refusal({"check", "--output"}), "--output needs a value");
  EXPECT_EQ(refusal({"--poll.interval="}), "--poll.interval needs a value");
  EXPECT_EQ(refusal({"check", "--url=", "nginx"}), "--url needs a value");
}

TEST(Mistakes, AreToldInOneLineWhateverWasTyped) {
  EXPECT_EQ(refusal({"--log.level=a\nb\x1b[31m"}),
            "--log.level: \"a?b?[31m\" is none of debug, info, warn, error");
}

TEST(Mistakes, OfAFileThatCannotBeReadNameFlagAndReason) {
  EXPECT_EQ(refusal({"--config.file=/none.yml"}),
            "--config.file: cannot read /none.yml: no such file or directory");
  World world;
  world.variables["REPODIGEST_EXPORTER_CONFIG_FILE"] = "/none.yml";
  EXPECT_EQ(refusal(world.parse({})),
            "REPODIGEST_EXPORTER_CONFIG_FILE: cannot read /none.yml: no such file or directory");
}

TEST(Mistakes, InTheNagiosFormatAreUnknown) {
  const auto expect_unknown = [](const Parsed& parsed) {
    EXPECT_FALSE(parsed.config);
    EXPECT_EQ(parsed.exit_code, 3);
    EXPECT_THAT(parsed.output, StartsWith("REPODIGESTS UNKNOWN - "));
    EXPECT_THAT(parsed.output, Not(HasSubstr("|")));
  };
  World world;
  expect_unknown(world.parse({"check", "--format=nagios", "--bogus|"}));
  expect_unknown(world.parse({"check", "--bogus", "--format", "nagios"}));
  expect_unknown(world.parse({"check", "--format=nagios", "--warning=many"}));
  expect_unknown(world.parse({"check", "--format=nagios", "--warning"}));
  world.variables["REPODIGEST_EXPORTER_FORMAT"] = "nagios";
  expect_unknown(world.parse({"check", "--bogus"}));
  EXPECT_EQ(world.parse({"check", "--format=json", "--bogus"}).exit_code, 2);
  EXPECT_EQ(world.parse({"--bogus"}).exit_code, 2);
}

TEST(UnknownVariables, AreWarnedOfWithAHint) {
  World world;
  world.variables = {
      {"REPODIGEST_EXPORTER_POLL_INTERVALL", "5s"}, {"REPODIGEST_EXPORTER_XYZZY", ""}, {"HOME", "/"}};
  const auto parsed = world.parse({});
  ASSERT_TRUE(parsed.config);
  EXPECT_THAT(
      parsed.warnings,
      ElementsAre("the variable REPODIGEST_EXPORTER_POLL_INTERVALL means nothing to this program and is "
                  "ignored; did you mean REPODIGEST_EXPORTER_POLL_INTERVAL?",
                  "the variable REPODIGEST_EXPORTER_XYZZY means nothing to this program and is ignored"));
}

TEST(UnknownVariables, ThatKubernetesMakesForAServiceAreNoMistakes) {
  World world;
  world.variables = {{"REPODIGEST_EXPORTER_SERVICE_HOST", "10.0.0.1"},
                     {"REPODIGEST_EXPORTER_SERVICE_PORT", "10474"},
                     {"REPODIGEST_EXPORTER_SERVICE_PORT_HTTP", "10474"},
                     {"REPODIGEST_EXPORTER_PORT", "tcp://10.0.0.1:10474"},
                     {"REPODIGEST_EXPORTER_PORT_10474_TCP_ADDR", "10.0.0.1"}};
  EXPECT_TRUE(world.parse({}).warnings.empty());
}

TEST(ConfigCheck, SaysThatAllIsWell) {
  const auto parsed = World().parse_with_file("poll.interval: 5s", {"--config.check"});
  EXPECT_FALSE(parsed.config);
  EXPECT_EQ(parsed.exit_code, 0);
  EXPECT_THAT(parsed.output, EndsWith("config ok\n"));
}

TEST(ConfigCheck, PrintsTheWarnings) {
  World world;
  world.variables["REPODIGEST_EXPORTER_XYZZY"] = "1";
  EXPECT_THAT(world.parse({"--config.check"}).output,
              StartsWith("warning: the variable REPODIGEST_EXPORTER_XYZZY"));
}

TEST(ConfigCheck, FindsWhatIsWrong) {
  EXPECT_THAT(refusal(World().parse_with_file("poll.interval: x", {"--config.check"})),
              StartsWith("/etc/r.yml:1:1: poll.interval: "));
  EXPECT_THAT(refusal({"--config.check", "--docker.host=ssh://h"}), HasSubstr("ssh"));
  EXPECT_THAT(refusal({"--config.check", "--docker.host=tcp://h:1", "--docker.context=c"}),
              HasSubstr("docker.context"));
}

}  // namespace
}  // namespace repodigest::cli
