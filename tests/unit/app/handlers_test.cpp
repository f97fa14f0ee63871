// What the paths answer, over real HTTP, from the program on a recorded engine.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/gunzip.h"
#include "support/program.h"
#include "support/recording.h"
#include "support/replay_engine.h"

namespace repodigest {
namespace {

using nlohmann::json;

class HandlersTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    daemon_ = std::make_unique<support::Daemon>(std::vector<std::string>{"--demo"});
    ASSERT_TRUE(daemon_->wait_until_inspected()) << daemon_->log();
  }
  static void TearDownTestSuite() { daemon_.reset(); }

  static transport::Response get(const std::string& target,
                                 std::vector<std::pair<std::string, std::string>> headers = {}) {
    auto answer = daemon_->get(target, std::move(headers));
    EXPECT_TRUE(answer.ok()) << answer.error().text;
    return answer.ok() ? std::move(answer).value() : transport::Response();
  }

  static std::unique_ptr<support::Daemon> daemon_;
};

std::unique_ptr<support::Daemon> HandlersTest::daemon_;

TEST_F(HandlersTest, TheDemoSaysThatItIsOne) {
  const std::string metrics = daemon_->body("/metrics");
  EXPECT_NE(metrics.find("source=\"demo\""), std::string::npos);
  EXPECT_NE(daemon_->body("/").find("demo"), std::string::npos);
  EXPECT_NE(daemon_->log().find("demo"), std::string::npos);
}

TEST_F(HandlersTest, MetricsAreTextOfVersion004AndTheSameWhenGzipped) {
  const auto plain = get("/metrics");
  EXPECT_EQ(plain.status, 200);
  EXPECT_EQ(plain.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(plain.header("Vary"), "Accept, Accept-Encoding");
  EXPECT_EQ(plain.header("Cache-Control"), "no-store");
  for (const char* gzip : {"made by a worker", "ready"}) {
    const auto packed = get("/metrics", {{"Accept-Encoding", "gzip"}});
    EXPECT_EQ(packed.header("Content-Encoding"), "gzip") << gzip;
    EXPECT_EQ(packed.header("Content-Type"), plain.header("Content-Type")) << gzip;
    EXPECT_EQ(packed.header("Vary"), "Accept, Accept-Encoding") << gzip;
    const std::string text = support::gunzip_one_member(packed.body);
    EXPECT_EQ(text.substr(0, text.find("\n# HELP docker_up")),
              plain.body.substr(0, plain.body.find("\n# HELP docker_up")));
    EXPECT_EQ(support::value_of(text, "docker_repo_digests"), 155);
  }
}

TEST_F(HandlersTest, ImagesHaveAnETagThatSpares) {
  const auto first = get("/api/v1/images");
  EXPECT_EQ(first.header("Content-Type"), "application/json; charset=utf-8");
  const std::string etag(first.header("ETag"));
  ASSERT_FALSE(etag.empty());
  const auto again = get("/api/v1/images", {{"If-None-Match", etag}});
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
  EXPECT_EQ(get("/api/v1/images", {{"If-None-Match", "\"other\""}}).status, 200);
}

TEST_F(HandlersTest, ImagesComeGzippedToo) {
  const auto packed = get("/api/v1/images", {{"Accept-Encoding", "gzip"}});
  EXPECT_EQ(packed.header("Content-Encoding"), "gzip");
  EXPECT_EQ(support::gunzip_one_member(packed.body), daemon_->body("/api/v1/images"));
  const std::string etag(packed.header("ETag"));
  EXPECT_NE(etag, get("/api/v1/images").header("ETag")) << "other bytes, another strong tag";
  EXPECT_EQ(get("/api/v1/images", {{"If-None-Match", etag}}).status, 304);
}

TEST_F(HandlersTest, ImagesCanBeFilteredByAnomalyNameAndPage) {
  const auto duplicates = json::parse(daemon_->body("/api/v1/images?anomaly=duplicate"));
  EXPECT_EQ(duplicates.at("images").size(), 5U);
  EXPECT_EQ(duplicates.at("matched"), 5);
  EXPECT_EQ(duplicates.at("totals").at("images"), 18);
  const auto named = json::parse(daemon_->body("/api/v1/images?name=namespace1%2Fmyimage"));
  EXPECT_EQ(named.at("images").size(), 1U);
  const auto page = json::parse(daemon_->body("/api/v1/images?limit=4&offset=16"));
  EXPECT_EQ(page.at("images").size(), 2U);
  EXPECT_EQ(page.at("matched"), 18);
}

TEST_F(HandlersTest, AnUnknownValueOfAFilterIs400WithAHint) {
  for (const char* query :
       {"anomaly=nonsense", "limit=-1", "limit=ten", "offset=", "limit=99999999999999999999", "nonsense=1"}) {
    const auto answer = get(std::string("/api/v1/images?") + query);
    EXPECT_EQ(answer.status, 400) << query;
    EXPECT_TRUE(json::parse(answer.body).at("error").is_string()) << query;
  }
}

TEST_F(HandlersTest, OneImageIsFoundByEveryNameItHas) {
  const std::string id =
      json::parse(daemon_->body("/api/v1/images?name=namespace1%2Fmyimage")).at("images")[0].at("id");
  for (const std::string& name :
       {std::string("localhost:5000/namespace1/myimage:latest"),
        std::string("localhost:5000/namespace2/myimage"),
        std::string("localhost%3A5000%2Fnamespace2%2Fmyimage%3A1.0.0"), id, id.substr(7), id.substr(7, 12)}) {
    const auto answer = get("/api/v1/images/" + name);
    ASSERT_EQ(answer.status, 200) << name << answer.body;
    EXPECT_EQ(json::parse(answer.body).at("id"), id) << name;
  }
  EXPECT_EQ(get("/api/v1/images/docker.io/library/single:1.0").status, 200);
}

TEST_F(HandlersTest, AnUnknownImageIs404InJson) {
  const auto answer = get("/api/v1/images/no-such-image");
  EXPECT_EQ(answer.status, 404);
  EXPECT_TRUE(json::parse(answer.body).at("error").is_string());
}

TEST_F(HandlersTest, TheDigestIsOneLineOfPlainText) {
  const std::string path = "/api/v1/images/localhost:5000/namespace1/myimage:1.0.0/digest";
  const auto answer = get(path);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(answer.body.rfind("localhost:5000/namespace1/myimage@sha256:", 0), 0U) << answer.body;
  EXPECT_EQ(answer.body.size(), std::string("localhost:5000/namespace1/myimage@sha256:\n").size() + 64);
  const auto other = get(path + "?repository=localhost:5000%2Fnamespace2%2Fmyimage");
  EXPECT_EQ(other.status, 200);
  EXPECT_EQ(other.body.rfind("localhost:5000/namespace2/myimage@sha256:", 0), 0U) << other.body;
  EXPECT_EQ(get(path + "?repository=elsewhere").status, 404);
  EXPECT_EQ(get("/api/v1/images/single:1.0/digest").status, 200);
}

TEST_F(HandlersTest, SeveralDigestsAreAConflictThatNamesThem) {
  const std::string id =
      json::parse(daemon_->body("/api/v1/images/localhost:5000/namespace1/myimage")).at("id");
  const auto answer = get("/api/v1/images/" + id.substr(7, 12) + "/digest");
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(answer.header("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(std::count(answer.body.begin(), answer.body.end(), '\n'), 2);
  EXPECT_EQ(answer.body.rfind("localhost:5000/namespace1/myimage@sha256:", 0), 0U) << answer.body;
}

TEST_F(HandlersTest, ADigestThatIsNotThereIs404AndAWrongQuestion400) {
  EXPECT_EQ(get("/api/v1/images/no-such-image/digest").status, 404);
  EXPECT_EQ(get("/api/v1/images/digest").status, 404);
  EXPECT_EQ(get("/api/v1/images/single:1.0/digest?repo=x").status, 400);
  EXPECT_EQ(get("/api/v1/images/single:1.0/digest?repository=").status, 400);
}

/// The recorded engine with one image more, and a daemon before it.
class HandlersOfAnEngineTest : public ::testing::Test {
 protected:
  void start(const std::string& tag, const support::Fault& of_its_inspect) {
    const json image = {{"Id", id_}, {"RepoTags", {tag}}, {"RepoDigests", {"team/digest@" + id_}}};
    auto recording = support::Recording::embedded();
    recording.add_image(image.dump(), image.dump());
    auto engine = support::ReplayEngine::on_unix_socket(recording, folder_.path() / "docker.sock");
    ASSERT_TRUE(engine.ok()) << engine.error().text;
    engine_ = std::move(engine).value();
    engine_->fail("/images/" + tag + "/json", of_its_inspect);
    daemon_ = std::make_unique<support::Daemon>(std::vector<std::string>{"--docker.host=" + engine_->host()});
  }

  support::TemporaryFolder folder_;
  const std::string id_ = "sha256:" + std::string(64, '7');
  std::unique_ptr<support::ReplayEngine> engine_;
  std::unique_ptr<support::Daemon> daemon_;
};

TEST_F(HandlersOfAnEngineTest, AnImageMayBeCalledDigest) {
  start("team/digest:latest", {});
  ASSERT_TRUE(daemon_->wait_until_inspected()) << daemon_->log();
  EXPECT_EQ(json::parse(daemon_->body("/api/v1/images/team/digest")).at("id"), id_);
  EXPECT_EQ(daemon_->body("/api/v1/images/team/digest/digest"), "team/digest@" + id_ + "\n");
}

TEST_F(HandlersOfAnEngineTest, TheDigestOfAnImageThatWaitsForItsInspectIsToBeAskedForLater) {
  start("waiting:1", support::Fault::hanging_before_head());
  ASSERT_TRUE(engine_->wait_until_hanging(1)) << daemon_->log();
  ASSERT_TRUE(support::eventually([&] { return !daemon_->body("/api/v1/images/waiting:1").empty(); }));
  const auto answer = daemon_->get("/api/v1/images/waiting:1/digest");
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->header("Retry-After"), "5");
  EXPECT_EQ(answer->header("Content-Type"), "text/plain; charset=utf-8");
}

TEST_F(HandlersTest, TheSummaryIsFlatAndSmall) {
  const std::string body = daemon_->body("/api/v1/summary");
  EXPECT_LT(body.size(), 1000U);
  const auto summary = json::parse(body);
  for (const auto& [key, value] : summary.items()) EXPECT_TRUE(value.is_primitive()) << key;
  EXPECT_EQ(summary.at("images"), 18);
  EXPECT_EQ(summary.at("repo_digests"), 155);
}

TEST_F(HandlersTest, TheEngineDocumentNamesItsDefectsWithTheVersionThatFixesThem) {
  const auto engine = json::parse(daemon_->body("/api/v1/engine"));
  bool found = false;
  for (const auto& advisory : engine.at("advisories"))
    found |= advisory.at("id") == "moby-48747" && advisory.at("fixed_in") == "27.4.0";
  EXPECT_TRUE(found) << engine.dump(1);
}

TEST_F(HandlersTest, HealthReadinessAndUnknownPaths) {
  EXPECT_EQ(get("/-/healthy").status, 200);
  EXPECT_EQ(get("/-/ready").status, 200);
  EXPECT_EQ(get("/nothing").status, 404);
  EXPECT_EQ(get("/metrics/").status, 404);
}

TEST_F(HandlersTest, ThePageNamesWhatItFound) {
  const auto page = get("/");
  EXPECT_EQ(page.header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(page.header("Cache-Control"), "no-store");
  EXPECT_NE(page.header("Content-Security-Policy").find("default-src 'none'"), std::string_view::npos);
  EXPECT_NE(page.body.find("155"), std::string::npos);
  EXPECT_NE(page.body.find("moby-48747"), std::string::npos);
  const auto packed = get("/", {{"Accept-Encoding", "gzip"}});
  EXPECT_EQ(packed.header("Content-Encoding"), "gzip");
  EXPECT_NE(support::gunzip_one_member(packed.body).find("moby-48747"), std::string::npos);
}

TEST(HandlersOptionsTest, WithoutThePageThereAreLinksAlone) {
  const support::Daemon daemon({"--demo", "--no-web.ui"});
  ASSERT_TRUE(daemon.wait_until_inspected()) << daemon.log();
  const auto page = daemon.get("/");
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->status, 200);
  EXPECT_NE(page->body.find("<a href=\"metrics\">"), std::string::npos);
  EXPECT_EQ(page->body.find("docker-host"), std::string::npos);
  EXPECT_EQ(page->body.find("<script"), std::string::npos);
  EXPECT_EQ(page->header("Content-Security-Policy"),
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
}

TEST(HandlersOptionsTest, ApiTelemetryPathAndSelfMetricsFollowTheFlags) {
  const support::Daemon daemon(
      {"--demo", "--no-web.api", "--web.telemetry-path=/m", "--web.disable-exporter-metrics"});
  ASSERT_TRUE(support::eventually(
      [&] { return support::value_of(daemon.body("/m"), "docker_repo_digests") == 155; }));
  EXPECT_EQ(daemon.get("/metrics")->status, 404);
  EXPECT_EQ(daemon.get("/api/v1/images")->status, 404);
  EXPECT_EQ(daemon.body("/m").find("process_"), std::string::npos);
  EXPECT_EQ(daemon.body("/m").find("repodigest_exporter_"), std::string::npos);
}

}  // namespace
}  // namespace repodigest
