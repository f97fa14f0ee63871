// Docker's own command line asks the corrected Docker API over TCP, with a certificate and without.
#include <gmock/gmock.h>

#include <filesystem>
#include <string>
#include <vector>

#include "engine/docker_api_fixture.h"
#include "support/web_config_folder.h"

namespace repodigest::support {
namespace {

using testing::HasSubstr;

class DockerCommandLineOverTls : public OnDockerCommandLine {
 protected:
  /// `docker image inspect` of the issue's image, with the certificates of a folder as Docker names them.
  [[nodiscard]] Outcome inspect(std::uint16_t port, const PemFiles& identity) const {
    const TemporaryFolder certificates;
    const auto put = [&](const std::string& from, const std::string& name) {
      std::filesystem::copy_file(from, certificates.path() / name);
    };
    put(config_.path("ca.pem"), "ca.pem");
    put(identity.certificate, "cert.pem");
    put(identity.key, "key.pem");
    return Process({docker_, "image", "inspect", "--format", "{{len .RepoDigests}}", issue_names.front()},
                   {{"DOCKER_HOST", "tcp://localhost:" + std::to_string(port)},
                    {"DOCKER_TLS_VERIFY", "1"},
                    {"DOCKER_CERT_PATH", certificates.path().string()}})
        .wait()
        .value_or(Outcome{-1, "", "it did not end"});
  }

  WebConfigFolder config_;
};

TEST_F(DockerCommandLineOverTls, IsLetInByItsCertificateAlone) {
  config_.write("docker-api.yml", serves_tls + wants_certificates);
  Daemon daemon({"--docker.host=" + engine_->host(), "--docker-api.listen-address=127.0.0.1:0",
                 "--docker-api.web.config.file=" + config_.path("docker-api.yml")});
  const auto port = logged_port(daemon.process(), "address=127.0.0.1:");
  const Outcome ours = inspect(port, config_.authority().issue("client", "DNS:client"));
  EXPECT_EQ(ours.output, "2\n") << ours.errors;

  const TemporaryFolder elsewhere;
  TestAuthority stranger(elsewhere.path(), "stranger");
  const Outcome theirs = inspect(port, stranger.issue("client", "DNS:client"));
  EXPECT_NE(theirs.exit_code, 0);
  EXPECT_EQ(theirs.output, "\n") << "as the command line prints of nothing";
  EXPECT_THAT(theirs.errors, HasSubstr("tls"));
}

}  // namespace
}  // namespace repodigest::support
