// The real engine is what the tests believe it is.
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/dockerd_fixture.h"

namespace repodigest::support {
namespace {

using nlohmann::json;

using OnContainerdStore = OnDockerd<Dockerd::Store::containerd>;
using OnGraphdriverStore = OnDockerd<Dockerd::Store::graphdriver>;

std::vector<std::string> inspected_digests(const Dockerd& engine, const std::string& name) {
  return json::parse(engine.call("GET", "/images/" + name + "/json").body).at("RepoDigests");
}

TEST_F(OnContainerdStore, InspectOfTheIssuesImageRepeatsItsRepoDigests) {
  const auto built = engine_->build("foo=bar", issue_names);
  ASSERT_TRUE(built.ok()) << built.error().text;
  const auto digests = inspected_digests(*engine_, issue_names.front());
  EXPECT_EQ(digests.size(), 4U);
  EXPECT_EQ(std::set(digests.begin(), digests.end()).size(), 2U);
  const json info = json::parse(engine_->call("GET", "/info").body);
  EXPECT_EQ(info.at("Driver"), "overlayfs");
}

TEST_F(OnContainerdStore, KeepsItsImagesWhenStoppedAndStartedAgain) {
  ASSERT_TRUE(engine_->build("foo=bar", issue_names).ok());
  ASSERT_TRUE(engine_->stop().ok());
  EXPECT_EQ(engine_->call("GET", "/_ping").status, 0);
  const auto started = engine_->start_again();
  ASSERT_TRUE(started.ok()) << started.error().text;
  EXPECT_EQ(inspected_digests(*engine_, issue_names.back()).size(), 4U);
}

TEST_F(OnContainerdStore, LoadsAnArchiveOfImagesThatShareALayer) {
  const auto loaded = engine_->load({{{"base", "x"}, {"a/x:1", "a/x:2"}}, {{"base", "y"}, {"a/y:1"}}});
  ASSERT_TRUE(loaded.ok()) << loaded.error().text;
  EXPECT_EQ(inspected_digests(*engine_, "a/x:2").size(), 2U);
  const json x = json::parse(engine_->call("GET", "/images/a/x:1/json").body);
  const json y = json::parse(engine_->call("GET", "/images/a/y:1/json").body);
  EXPECT_NE(x.at("Id"), y.at("Id"));
  EXPECT_EQ(x.at("RootFS").at("Layers").size(), 2U);
  EXPECT_EQ(x.at("RootFS").at("Layers").front(), y.at("RootFS").at("Layers").front());
}

TEST_F(OnGraphdriverStore, AnImageThatWasNeverPushedHasNoRepoDigests) {
  const auto built = engine_->build("foo=bar", issue_names);
  ASSERT_TRUE(built.ok()) << built.error().text;
  EXPECT_TRUE(inspected_digests(*engine_, issue_names.front()).empty());
  EXPECT_EQ(json::parse(engine_->call("GET", "/info").body).at("Driver"), "overlay2");
}

TEST(DockerdScript, EndsAtOnceWithTheReasonWhereItCannotKeepADownload) {
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "file").string();
  std::ofstream(file) << "not a folder";
  ASSERT_EQ(::setenv("REPODIGEST_CACHE", (file + "/cache").c_str(), 1), 0);
  const auto started = Dockerd::start(Dockerd::Store::containerd);
  ::unsetenv("REPODIGEST_CACHE");
  ASSERT_FALSE(started.ok());
  EXPECT_THAT(started.error().text, testing::AnyOf(testing::HasSubstr("cannot make the folder " + file),
                                                   testing::HasSubstr("needs root")));
}

}  // namespace
}  // namespace repodigest::support
