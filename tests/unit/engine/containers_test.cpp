#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "padded.h"
#include "repodigest/engine/decode.h"

namespace repodigest::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string image = "sha256:" + std::string(64, 'a');

class DecodeContainers : public ::testing::Test {
 protected:
  std::vector<Container> containers(const std::string& body) {
    const auto read = decoder_.containers(padded(body));
    EXPECT_TRUE(read.ok()) << read.error().text;
    return read ? *read : std::vector<Container>();
  }
  /// Of the only row, which has an Id and what is given besides.
  Container container(const std::string& more) {
    const auto read = containers(R"([{"Id":"c1",)" + more + "}]");
    return read.size() == 1 ? read.front() : Container();
  }
  std::string error(const std::string& body) {
    const auto read = decoder_.containers(padded(body));
    if (read) return "no error";
    EXPECT_EQ(read.error().reason, Reason::parse);
    return read.error().text;
  }

  Decoder decoder_;
};

TEST_F(DecodeContainers, TakesIdNameImageAndStateAndNothingElse) {
  EXPECT_THAT(
      containers(R"([{"Id":"c1","Names":["/web"],"Image":"nginx","ImageID":")" + image +
                 R"(","Command":"nginx -g 'daemon off;'","Created":1,"Ports":[{"PrivatePort":80}],)" +
                 R"("Labels":{"Id":"x","State":"y"},"State":"running","Status":"Up 2 hours","Mounts":[]},)" +
                 R"({"Id":"c2","Names":["/job"],"ImageID":")" + image + R"(","State":"exited"}])"),
      ElementsAre(Container{"c1", "web", image, "running"}, Container{"c2", "job", image, "exited"}));
}

TEST_F(DecodeContainers, NullIsAsIfItWereNotThere) {
  EXPECT_THAT(containers("null"), IsEmpty());
  EXPECT_THAT(containers("[]"), IsEmpty());
  EXPECT_EQ(container(R"("Names":null,"ImageID":null,"State":null)"), (Container{"c1", "", "", ""}));
  EXPECT_EQ(container(R"("Names":[])"), (Container{"c1", "", "", ""}));
}

TEST_F(DecodeContainers, TheNameIsNotALinks) {
  EXPECT_EQ(container(R"("Names":["/web/db","/db"])").name, "db");
  EXPECT_EQ(container(R"("Names":["/web/db"])").name, "web/db");
  EXPECT_EQ(container(R"("Names":["db"])").name, "db");
}

TEST_F(DecodeContainers, HostileNamesStayAsTheyAre) {
  EXPECT_EQ(container(R"("Names":["/"])").name, "");
  EXPECT_EQ(container(R"("Names":["/a\nb\"\u0000<script>"])").name, std::string("a\nb\"\0<script>", 13));
}

TEST_F(DecodeContainers, AnImageThatIsGoneIsAsTheEngineWritesIt) {
  EXPECT_EQ(container(R"("ImageID":"nginx:old")").image_id, "nginx:old");
  EXPECT_EQ(container(R"("ImageID":"")").image_id, "");
}

TEST_F(DecodeContainers, ABareHexImageIdBecomesSha256) {
  EXPECT_EQ(container(R"("ImageID":")" + std::string(64, 'a') + "\"").image_id, image);
}

TEST_F(DecodeContainers, SaysInWhichRowWhatIsWrong) {
  EXPECT_EQ(error("{}"), "/containers/json is an object, not an array");
  EXPECT_EQ(error("[7]"), "row 0 of /containers/json: is a number, not an object");
  EXPECT_EQ(error(R"([{"Id":"c1"},{}])"), "row 1 of /containers/json: has no Id");
  EXPECT_EQ(error(R"([{"Id":"c1","Names":"web"}])"),
            "row 0 of /containers/json: Names is a string, not an array of strings");
  EXPECT_THAT(error(R"([{"Id":"c1","Names":[7]}])"), HasSubstr("Names has a number at position 0"));
  EXPECT_THAT(error(R"([{"Id":7}])"), HasSubstr("Id is a number, not a string"));
  EXPECT_THAT(error(R"([{"Id":"c1","ImageID":{}}])"), HasSubstr("ImageID is an object, not a string"));
  EXPECT_THAT(error(R"([{"Id":"c1","State":true}])"), HasSubstr("State is a boolean, not a string"));
  EXPECT_THAT(error(R"([{"Id":"c1","State":")" + std::string(257, 'x') + "\"}]"),
              HasSubstr("is longer than"));
  EXPECT_THAT(error(R"([{"Id":"c1","State":"a","State":"b"}])"), HasSubstr("has the key State twice"));
  EXPECT_THAT(error("[{]"), HasSubstr("/containers/json is not JSON"));
}

TEST(DecodeInfo, ACountOfImagesIsNothingUnlessItIsACount) {
  Decoder decoder;
  const auto images = [&decoder](const std::string& body) {
    const auto info = decoder.info(padded(body));
    EXPECT_TRUE(info.ok()) << info.error().text;
    return info ? info->images : std::nullopt;
  };
  EXPECT_EQ(images(R"({"Images":40000})"), 40000U);
  EXPECT_EQ(images(R"({"Images":0})"), 0U);
  for (const char* value : {"null", "-1", "1.5", "\"7\"", "[]", "1e3"})
    EXPECT_EQ(images(std::string(R"({"Images":)") + value + "}"), std::nullopt) << value;
  EXPECT_EQ(images("{}"), std::nullopt);
}

}  // namespace
}  // namespace repodigest::engine
