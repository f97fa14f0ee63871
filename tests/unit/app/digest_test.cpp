// digest as scripts run it: the built program against a recorded engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/program.h"
#include "support/recording.h"
#include "support/replay_engine.h"

namespace repodigest {
namespace {

using support::Outcome;
using support::Recording;
using support::ReplayEngine;
using testing::HasSubstr;
using testing::StartsWith;

const std::string issue_digest = "@sha256:b144739699b0";  // its beginning

class DigestTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto engine = ReplayEngine::on_unix_socket(Recording::embedded(), folder_.path() / "docker.sock");
    ASSERT_TRUE(engine.ok()) << engine.error().text;
    engine_ = std::move(engine).value();
  }
  [[nodiscard]] Outcome digest(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"digest", "--docker.host=" + engine_->host()});
    return support::run_program(std::move(arguments));
  }
  static std::string issue_id() {
    const auto answer = Recording::embedded().answer("GET", "/images/localhost:5000/namespace1/myimage/json");
    return nlohmann::json::parse(answer.body).at("Id").get<std::string>();
  }

  support::TemporaryFolder folder_;
  std::unique_ptr<ReplayEngine> engine_;
};

TEST_F(DigestTest, PrintsTheOneOfTheImagesRepository) {
  for (const std::string repository :
       {"localhost:5000/namespace1/myimage", "localhost:5000/namespace2/myimage"}) {
    const Outcome outcome = digest({repository + ":1.0.0"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    EXPECT_THAT(outcome.output, StartsWith(repository + issue_digest));
    EXPECT_EQ(outcome.output.find('\n'), outcome.output.size() - 1);
    EXPECT_EQ(outcome.errors, "");
    EXPECT_EQ(digest({issue_id(), "--repository=" + repository}).output, outcome.output);
    EXPECT_EQ(digest({outcome.output.substr(0, outcome.output.size() - 1)}).output, outcome.output);
  }
  EXPECT_EQ(engine_->asked("/images/json"), 0U);
}

TEST_F(DigestTest, EndsWith4AndAllOnStderrWhereThereAreSeveral) {
  const Outcome outcome = digest({issue_id().substr(7, 12)});
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_EQ(outcome.output, "");
  EXPECT_THAT(outcome.errors, StartsWith("repodigest_exporter: "));
  EXPECT_THAT(outcome.errors, HasSubstr(" --repository=localhost:5000/namespace1/myimage\n"
                                        "localhost:5000/namespace1/myimage" +
                                        issue_digest));
  EXPECT_THAT(outcome.errors, HasSubstr("\nlocalhost:5000/namespace2/myimage" + issue_digest));
}

TEST_F(DigestTest, EndsWith1AndAReasonWhereThereIsNone) {
  const Outcome none = digest({"localhost:5000/namespace1/myimage", "--repository=elsewhere/myimage"});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_EQ(none.output, "");
  EXPECT_THAT(none.errors, HasSubstr("no RepoDigest of elsewhere/myimage, but of localhost:5000/namespace1"));
  const Outcome unknown = digest({"no-such-image:1"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_EQ(unknown.output, "");
  EXPECT_EQ(unknown.errors, "repodigest_exporter: no such image: no-such-image:1\n");
}

TEST_F(DigestTest, EndsWith3AndAReasonWithoutAnAnswer) {
  engine_->fail("/images/*/json", support::Fault::answering(500, "{\"message\":\"it broke\"}"));
  const Outcome broken = digest({"single:1.0"});
  EXPECT_EQ(broken.exit_code, 3);
  EXPECT_EQ(broken.output, "");
  EXPECT_THAT(broken.errors, HasSubstr("it broke"));
  engine_->stop();
  const Outcome away = digest({"single:1.0"});
  EXPECT_EQ(away.exit_code, 3);
  EXPECT_THAT(away.errors, HasSubstr("docker.sock"));
}

TEST_F(DigestTest, EndsWith2WhereNothingSensibleIsAsked) {
  EXPECT_EQ(digest({}).exit_code, 2);
  EXPECT_EQ(digest({"a", "b"}).exit_code, 2);
  EXPECT_EQ(digest({""}).exit_code, 2);
  EXPECT_EQ(digest({"nginx", "--docker.context=too"}).exit_code, 2);
}

TEST_F(DigestTest, EndsWith3WhereItsAnswerIsNotTaken) {
  support::Process process(
      {"/bin/sh", "-c",
       support::program_path() + " digest --docker.host=" + engine_->host() + " single:1.0 >/dev/full"});
  const auto outcome = process.wait();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->exit_code, 3);
  EXPECT_THAT(outcome->errors, HasSubstr("could not be delivered"));
}

}  // namespace
}  // namespace repodigest
