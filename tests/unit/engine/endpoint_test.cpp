#include "repodigest/engine/endpoint.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "repodigest/base/secret.h"
#include "support/temporary_folder.h"

namespace repodigest::engine {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using transport::Endpoint;

std::string refusal(const std::string& text) {
  const auto endpoint = parse_host(text);
  if (endpoint) return "taken as " + endpoint->text();
  EXPECT_EQ(endpoint.error().reason, Reason::usage);
  EXPECT_THAT(endpoint.error().text, HasSubstr(without_password(text)));
  return endpoint.error().text;
}

Endpoint parsed(const std::string& text, bool tls = false) {
  const auto endpoint = parse_host(text, tls);
  EXPECT_TRUE(endpoint.ok()) << endpoint.error().text;
  return endpoint ? *endpoint : Endpoint{};
}

TEST(ParseHost, TakesTheForms) {
  EXPECT_EQ(parsed("unix:///run/docker.sock").path, "/run/docker.sock");
  EXPECT_EQ(parsed("unix:///a b?c#d").path, "/a b?c#d");
  const Endpoint tcp = parsed("tcp://engine.example:4243");
  EXPECT_EQ(tcp.kind, Endpoint::Kind::tcp);
  EXPECT_EQ(tcp.host, "engine.example");
  EXPECT_EQ(tcp.port, 4243);
  const Endpoint v6 = parsed("tcp://[::1]:2375");
  EXPECT_EQ(v6.host, "::1");
  EXPECT_EQ(v6.port, 2375);
  const Endpoint proxied = parsed("http://proxy:8080/docker/one/");
  EXPECT_EQ(proxied.kind, Endpoint::Kind::tcp);
  EXPECT_EQ(proxied.prefix, "/docker/one");
  const Endpoint https = parsed("https://10.0.0.1");
  EXPECT_EQ(https.kind, Endpoint::Kind::tls);
  EXPECT_TRUE(https.tls.verify);
  EXPECT_EQ(parsed("tcp://h:1/").prefix, "");
}

TEST(ParseHost, KnowsThePortsThatAreNotNamed) {
  EXPECT_EQ(parsed("tcp://h").port, 2375);
  EXPECT_EQ(parsed("tcp://h", true).port, 2376);
  EXPECT_EQ(parsed("tcp://[::1]").port, 2375);
  EXPECT_EQ(parsed("http://h/docker").port, 80);
  EXPECT_EQ(parsed("https://h").port, 443);
}

TEST(ParseHost, TlsConcernsTcpOnly) {
  EXPECT_EQ(parsed("tcp://h:1", true).kind, Endpoint::Kind::tls);
  EXPECT_EQ(parsed("http://h:1", true).kind, Endpoint::Kind::tcp);
  EXPECT_EQ(parsed("unix:///s", true).kind, Endpoint::Kind::unix_socket);
}

TEST(ParseHost, RefusesWithAHint) {
  EXPECT_THAT(refusal("ssh://me@host"), HasSubstr("forward the socket"));
  EXPECT_THAT(refusal("/var/run/docker.sock"), HasSubstr("write unix:///var/run/docker.sock"));
  EXPECT_THAT(refusal("localhost:2375"), HasSubstr("has no scheme"));
  EXPECT_THAT(refusal("unix://docker.sock"), HasSubstr("three slashes"));
  EXPECT_THAT(refusal("unix://"), HasSubstr("three slashes"));
  EXPECT_THAT(refusal("unix:///" + std::string(107, 'x')), HasSubstr("107 bytes"));
  EXPECT_THAT(refusal("npipe:////./pipe/docker_engine"), HasSubstr("can be called here"));
  EXPECT_THAT(refusal("fd://"), HasSubstr("can be called here"));
  EXPECT_THAT(refusal("ftp://h"), HasSubstr("unknown scheme"));
  EXPECT_THAT(refusal("tcp://h?x=1"), HasSubstr("query"));
  EXPECT_THAT(refusal("tcp://h#x"), HasSubstr("fragment"));
  EXPECT_THAT(refusal("tcp://me:secret@h"),
              AllOf(HasSubstr("\"tcp://me:***@h\" has a user name"), Not(HasSubstr("secret"))));
  EXPECT_THAT(refusal("tcp://::1:2375"), HasSubstr("[::1]"));
  EXPECT_THAT(refusal("tcp://"), HasSubstr("has no host"));
  EXPECT_THAT(refusal("tcp://:2375"), HasSubstr("has no host"));
  EXPECT_THAT(refusal("tcp://a b"), HasSubstr("no host name has"));
  EXPECT_THAT(refusal("tcp://h\r\nX: y"), HasSubstr("no host name has"));
  EXPECT_THAT(refusal("tcp://h/a b"), HasSubstr("percent-encode"));
  EXPECT_THAT(refusal("tcp://[::1"), HasSubstr("closing ]"));
  EXPECT_THAT(refusal("tcp://[host]:1"), HasSubstr("no IPv6 address"));
  for (const char* port :
       {"tcp://h:", "tcp://h:0", "tcp://h:65536", "tcp://h:-1", "tcp://h:1x", "tcp://[::1]1"})
    EXPECT_THAT(refusal(port), HasSubstr("no port from 1 to 65535"));
}

/// A machine with files and variables, none of them real.
class FindEndpoint : public ::testing::Test {
 protected:
  FindEndpoint() { variables_["HOME"] = "/home/me"; }

  void context(const std::string& hash, const std::string& endpoint, const std::string& folder = docker) {
    files_[folder + "/contexts/meta/" + hash + "/meta.json"] =
        R"({"Name":"n","Metadata":{},"Endpoints":{"docker":)" + endpoint + "}}";
  }
  void current(const std::string& name) {
    files_[docker + "/config.json"] = R"({"currentContext":")" + name + "\"}";
  }
  void certificates(const std::string& folder) {
    for (const char* name : {"/ca.pem", "/cert.pem", "/key.pem"}) files_[folder + name] = "PEM";
  }

  Result<FoundEndpoint> search() {
    return find_endpoint(options_,
                         {.variable = [this](const std::string& name) -> std::optional<std::string> {
                            const auto found = variables_.find(name);
                            if (found == variables_.end() || found->second.empty()) return std::nullopt;
                            return found->second;
                          },
                          .read_file = [this](const std::string& path) -> Result<std::string> {
                            const auto found = files_.find(path);
                            if (found == files_.end())
                              return Error{Reason::usage, "cannot open " + path + ": no such file", 0};
                            return found->second;
                          },
                          .exists = [this](const std::string& path) { return files_.contains(path); }});
  }
  FoundEndpoint found() {
    auto result = search();
    EXPECT_TRUE(result.ok()) << result.error().text;
    return result ? *result : FoundEndpoint{};
  }
  std::string refused() {
    const auto result = search();
    if (result) return "found " + result->endpoint.text();
    EXPECT_EQ(result.error().reason, Reason::usage);
    return result.error().text;
  }

  static inline const std::string docker = "/home/me/.docker";
  // printf %s remote | sha256sum
  static inline const std::string remote_hash =
      "b71199ebd070b36beab7317920c2c2f1d777df8d05e5527d8458fda57cb17a7a";

  EndpointOptions options_;
  std::map<std::string, std::string> variables_;
  std::map<std::string, std::string> files_;
};

TEST_F(FindEndpoint, IsTheUsualSocketWhenNothingIsSaid) {
  const FoundEndpoint usual = found();
  EXPECT_EQ(usual.endpoint.path, "/var/run/docker.sock");
  EXPECT_EQ(usual.source, "default");
  EXPECT_THAT(usual.warnings, IsEmpty());
}

TEST_F(FindEndpoint, IsTheRootlessSocketWhereTheUsualOneIsMissing) {
  variables_["XDG_RUNTIME_DIR"] = "/run/user/1000";
  EXPECT_EQ(found().endpoint.path, "/var/run/docker.sock") << "neither is there";
  files_["/run/user/1000/docker.sock"] = "";
  EXPECT_EQ(found().endpoint.path, "/run/user/1000/docker.sock");
  files_["/var/run/docker.sock"] = "";
  EXPECT_EQ(found().endpoint.path, "/var/run/docker.sock");
}

TEST_F(FindEndpoint, FlagsWinOverDockersVariables) {
  variables_["DOCKER_HOST"] = "unix:///docker-host";
  context(remote_hash, R"({"Host":"unix:///remote"})");
  EXPECT_EQ(found().endpoint.path, "/docker-host");
  EXPECT_EQ(found().source, "DOCKER_HOST");
  options_.context = "remote";
  EXPECT_EQ(found().endpoint.path, "/remote");
  EXPECT_EQ(found().source, "context \"remote\"");
  options_.context.reset();
  variables_ = {{"HOME", "/home/me"}, {"DOCKER_CONTEXT", "remote"}};
  options_.host = "unix:///flag";
  EXPECT_EQ(found().endpoint.path, "/flag");
  EXPECT_EQ(found().source, "--docker.host");
}

TEST_F(FindEndpoint, DockerHostWinsOverDockerContext) {
  variables_["DOCKER_HOST"] = "unix:///docker-host";
  variables_["DOCKER_CONTEXT"] = "remote";
  EXPECT_EQ(found().endpoint.path, "/docker-host");
}

TEST_F(FindEndpoint, HostAndContextTogetherAreAnError) {
  options_.host = "unix:///flag";
  options_.context = "remote";
  EXPECT_THAT(refused(), HasSubstr("--docker.host and --docker.context both say where the engine is"));
}

TEST_F(FindEndpoint, AnEmptyValueIsUnset) {
  options_.host = "";
  options_.context = "";
  variables_["DOCKER_HOST"] = "";
  EXPECT_EQ(found().source, "default");
}

TEST_F(FindEndpoint, AWrongHostNamesItsSource) {
  variables_["DOCKER_HOST"] = "ssh://me@there";
  EXPECT_THAT(refused(), HasSubstr("DOCKER_HOST: \"ssh://me@there\""));
}

TEST_F(FindEndpoint, UsesTheCurrentContext) {
  current("remote");
  context(remote_hash, R"({"Host":"tcp://127.0.0.1:2375"})");
  EXPECT_EQ(found().endpoint.text(), "tcp://127.0.0.1:2375");
  EXPECT_EQ(found().source, "context \"remote\"");
  EXPECT_THAT(found().warnings, IsEmpty());
}

TEST_F(FindEndpoint, DockerConfigNamesTheFolder) {
  variables_.erase("HOME");
  variables_["DOCKER_CONFIG"] = "/etc/docker-config";
  files_["/etc/docker-config/config.json"] = R"({"currentContext":"remote"})";
  context(remote_hash, R"({"Host":"unix:///remote"})", "/etc/docker-config");
  EXPECT_EQ(found().endpoint.path, "/remote");
}

TEST_F(FindEndpoint, TheContextDefaultIsNone) {
  current("default");
  EXPECT_EQ(found().source, "default");
  EXPECT_THAT(found().warnings, IsEmpty());
  current("remote");
  options_.context = "default";
  EXPECT_EQ(found().endpoint.path, "/var/run/docker.sock");
  EXPECT_EQ(found().source, "--docker.context");
}

TEST_F(FindEndpoint, PassesOverACurrentContextThatCannotBeUsed) {
  current("remote");
  EXPECT_THAT(found().warnings, ElementsAre(HasSubstr("there is no Docker context \"remote\"")));
  for (const char* endpoint : {R"({"Host":"ssh://me@there"})", R"({"Host":"npipe:////./pipe/x"})", "{}", "7",
                               R"({"Host":7})", R"({"Host":""})"}) {
    context(remote_hash, endpoint);
    const FoundEndpoint fallen = found();
    EXPECT_EQ(fallen.endpoint.path, "/var/run/docker.sock") << endpoint;
    EXPECT_EQ(fallen.source, "default");
    EXPECT_THAT(fallen.warnings, ElementsAre(HasSubstr("the current Docker context is passed over")));
  }
}

TEST_F(FindEndpoint, PassesOverADockerConfigThatCannotBeRead) {
  for (const std::string& config :
       {std::string("{"), std::string("[]"), std::string("\xff"), std::string(100000, '[')}) {
    files_[docker + "/config.json"] = config;
    EXPECT_EQ(found().source, "default");
    EXPECT_THAT(found().warnings, ElementsAre(HasSubstr("config.json is not a JSON object")));
  }
  files_[docker + "/config.json"] = R"({"currentContext":7})";
  EXPECT_THAT(found().warnings, IsEmpty());
}

TEST_F(FindEndpoint, ReadsAContextHoweverDeepItIsNested) {
  current("remote");
  constexpr std::size_t depth = 400'000;
  context(remote_hash,
          R"({"Host":"unix:///remote","Other":)" + std::string(depth, '[') + std::string(depth, ']') + "}");
  EXPECT_EQ(found().endpoint.path, "/remote");
}

TEST_F(FindEndpoint, SaysThatWithoutHomeNoContextIsLookedAt) {
  variables_.erase("HOME");
  EXPECT_EQ(found().source, "default");
  EXPECT_THAT(found().warnings, ElementsAre(HasSubstr("neither DOCKER_CONFIG nor HOME is set")));
  options_.context = "remote";
  EXPECT_THAT(refused(), HasSubstr("neither DOCKER_CONFIG nor HOME is set"));
}

TEST_F(FindEndpoint, AContextThatWasAskedForMustBeUsable) {
  options_.context = "remote";
  EXPECT_THAT(refused(), HasSubstr("--docker.context: there is no Docker context \"remote\" in "
                                   "/home/me/.docker/contexts; `docker context ls`"));
  context(remote_hash, R"({"Host":"ssh://me@there"})");
  EXPECT_THAT(refused(), HasSubstr("by ssh"));
  options_.context.reset();
  variables_["DOCKER_CONTEXT"] = "remote";
  EXPECT_THAT(refused(), HasSubstr("DOCKER_CONTEXT: the Docker context \"remote\""));
}

TEST_F(FindEndpoint, APasswordThatWasTakenForAContextOrACertificatePathIsNotShown) {
  options_.context = "tcp://me:secret@host";
  EXPECT_THAT(refused(), AllOf(HasSubstr("\"tcp://me:***@host\""), Not(HasSubstr("secret"))));
  variables_.erase("HOME");
  EXPECT_THAT(refused(), AllOf(HasSubstr("\"tcp://me:***@host\""), Not(HasSubstr("secret"))));
  options_.context.reset();
  options_.host = "tcp://host:1";
  options_.cert_path = "tcp://me:secret@host";
  EXPECT_THAT(refused(), AllOf(HasSubstr("tcp://me:***@host"), Not(HasSubstr("secret"))));
}

TEST_F(FindEndpoint, AContextsNameIsNeverAPath) {
  options_.context = "../../../etc/passwd";
  EXPECT_THAT(refused(), HasSubstr("there is no Docker context"));
}

TEST_F(FindEndpoint, AContextBringsItsCertificates) {
  options_.context = "remote";
  context(remote_hash, R"({"Host":"tcp://engine:2376","SkipTLSVerify":false})");
  const std::string folder = docker + "/contexts/tls/" + remote_hash + "/docker";
  certificates(folder);
  const FoundEndpoint secured = found();
  EXPECT_EQ(secured.endpoint.kind, Endpoint::Kind::tls);
  EXPECT_EQ(secured.endpoint.tls, (transport::Tls{.ca_file = folder + "/ca.pem",
                                                  .cert_file = folder + "/cert.pem",
                                                  .key_file = folder + "/key.pem",
                                                  .verify = true}));
  EXPECT_THAT(secured.warnings, IsEmpty());
}

TEST_F(FindEndpoint, DockersTlsVariablesDoNotConcernAContext) {
  options_.context = "remote";
  context(remote_hash, R"({"Host":"tcp://127.0.0.1:2375"})");
  variables_["DOCKER_TLS_VERIFY"] = "1";
  variables_["DOCKER_CERT_PATH"] = "/certs";
  certificates("/certs");
  EXPECT_EQ(found().endpoint.kind, Endpoint::Kind::tcp);
  options_.cert_path = "/certs";
  EXPECT_EQ(found().endpoint.tls.ca_file, "/certs/ca.pem") << "but our option does";
}

TEST_F(FindEndpoint, WarnsOfAContextThatSkipsVerification) {
  options_.context = "remote";
  context(remote_hash, R"({"Host":"tcp://engine:2376","SkipTLSVerify":true})");
  EXPECT_EQ(found().endpoint.kind, Endpoint::Kind::tls);
  EXPECT_FALSE(found().endpoint.tls.verify);
  EXPECT_THAT(found().warnings, ElementsAre(HasSubstr("is not verified")));
  options_.tls_verify = true;
  EXPECT_TRUE(found().endpoint.tls.verify);
}

TEST_F(FindEndpoint, TcpIsPlainUnlessTlsIsAskedFor) {
  options_.host = "tcp://127.0.0.1";
  EXPECT_EQ(found().endpoint.text(), "tcp://127.0.0.1:2375");
  options_.tls_verify = false;
  EXPECT_EQ(found().endpoint.kind, Endpoint::Kind::tcp);
  options_.tls_verify.reset();
  variables_["DOCKER_TLS_VERIFY"] = "1";
  const FoundEndpoint verified = found();
  EXPECT_EQ(verified.endpoint.kind, Endpoint::Kind::tls);
  EXPECT_EQ(verified.endpoint.port, 2376);
  EXPECT_EQ(verified.endpoint.tls, transport::Tls{}) << "the system's authorities";
  certificates(docker);
  EXPECT_EQ(found().endpoint.tls.cert_file, docker + "/cert.pem") << "Docker's own place";
}

TEST_F(FindEndpoint, ACertPathMakesTcpTlsAndIsVerified) {
  options_.host = "tcp://engine";
  variables_["DOCKER_CERT_PATH"] = "/certs";
  EXPECT_THAT(refused(), HasSubstr("/certs has none of ca.pem, cert.pem and key.pem"));
  files_["/certs/cert.pem"] = "PEM";
  EXPECT_THAT(refused(), HasSubstr("only one of cert.pem and key.pem"));
  files_["/certs/key.pem"] = "PEM";
  const FoundEndpoint secured = found();
  EXPECT_EQ(secured.endpoint.kind, Endpoint::Kind::tls);
  EXPECT_TRUE(secured.endpoint.tls.verify);
  EXPECT_EQ(secured.endpoint.tls.ca_file, "") << "the system's authorities";
  EXPECT_EQ(secured.endpoint.tls.key_file, "/certs/key.pem");
  EXPECT_THAT(secured.warnings, IsEmpty());
}

TEST_F(FindEndpoint, OurTlsOptionsWinOverDockersVariables) {
  options_.host = "tcp://engine";
  variables_["DOCKER_CERT_PATH"] = "/certs";
  variables_["DOCKER_TLS_VERIFY"] = "1";
  certificates("/certs");
  certificates("/ours");
  EXPECT_EQ(found().endpoint.tls.ca_file, "/certs/ca.pem");
  options_.cert_path = "/ours";
  EXPECT_EQ(found().endpoint.tls.ca_file, "/ours/ca.pem");
  options_.tls_verify = false;
  EXPECT_EQ(found().endpoint.kind, Endpoint::Kind::tls);
  EXPECT_FALSE(found().endpoint.tls.verify);
}

TEST_F(FindEndpoint, AskingForVerificationAsksForTls) {
  options_.host = "tcp://engine";
  options_.tls_verify = true;
  EXPECT_EQ(found().endpoint.text(), "https://engine:2376");
}

TEST_F(FindEndpoint, WarnsWhenTlsIsNotVerified) {
  options_.host = "https://engine";
  EXPECT_THAT(found().warnings, IsEmpty());
  options_.tls_verify = false;
  EXPECT_THAT(found().warnings, ElementsAre(HasSubstr("https://engine:443 is not verified")));
}

TEST_F(FindEndpoint, WarnsOfPlainTcpBeyondLoopback) {
  for (const char* host : {"tcp://10.0.0.1", "http://engine", "tcp://[2001:db8::1]", "tcp://127.example",
                           "tcp://[::ffff:10.0.0.1]"}) {
    options_.host = host;
    EXPECT_THAT(found().warnings, ElementsAre(HasSubstr("neither encrypted nor authenticated"))) << host;
  }
  for (const char* host : {"tcp://127.0.0.1", "tcp://127.1.2.3:1", "tcp://localhost", "tcp://[::1]",
                           "tcp://[::ffff:127.0.0.1]"}) {
    options_.host = host;
    EXPECT_THAT(found().warnings, IsEmpty()) << host;
  }
}

TEST(Surroundings, ReadFilesAndVariablesOfTheProcess) {
  const support::TemporaryFolder folder;
  const Surroundings real = Surroundings::of_process();
  const std::string file = folder.path() / "file";
  std::ofstream(file) << "content";
  EXPECT_TRUE(real.exists(file));
  EXPECT_EQ(*real.read_file(file), "content");
  EXPECT_FALSE(real.exists(file + "2"));
  EXPECT_THAT(real.read_file(file + "2").error().text, HasSubstr("cannot read " + file + "2: "));
  EXPECT_THAT(real.read_file(folder.path()).error().text, HasSubstr("is not a regular file"));

  std::ofstream(file) << std::string((1U << 20U), 'x');
  EXPECT_EQ(real.read_file(file)->size(), 1U << 20U);
  std::ofstream(file, std::ios::app) << "x";
  EXPECT_THAT(real.read_file(file).error().text, HasSubstr("larger than 1048576 bytes"));

  ::setenv("REPODIGEST_TEST_VARIABLE", "", 1);
  EXPECT_FALSE(real.variable("REPODIGEST_TEST_VARIABLE").has_value()) << "empty is unset";
  ::setenv("REPODIGEST_TEST_VARIABLE", "x", 1);
  EXPECT_EQ(real.variable("REPODIGEST_TEST_VARIABLE"), "x");
  ::unsetenv("REPODIGEST_TEST_VARIABLE");
}

}  // namespace
}  // namespace repodigest::engine
