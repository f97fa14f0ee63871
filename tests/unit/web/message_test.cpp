#include "repodigest/web/message.h"

#include <gtest/gtest.h>

#include <string>

namespace repodigest::web {
namespace {

TEST(RequestTest, FindsHeadersInAnyCaseAndTheFirstOfSeveral) {
  Request request;
  request.headers = {{"Accept", "a"}, {"ACCEPT", "b"}, {"Accept-Encoding", "c"}};
  EXPECT_EQ(request.header("accept"), "a");
  EXPECT_EQ(request.header("accept-encoding"), "c");
  EXPECT_EQ(request.header("accept-"), "");
}

TEST(RequestTest, JoinsTheLinesOfAList) {
  Request request;
  request.headers = {{"Accept", "a, b"}, {"X", "x"}, {"ACCEPT", ""}, {"accept", "c"}};
  EXPECT_EQ(request.list("Accept"), "a, b, , c");
  EXPECT_EQ(request.list("X"), "x");
  EXPECT_EQ(request.list("Y"), "");
}

TEST(RequestTest, TellsAnEmptyParameterFromNone) {
  Request request;
  request.query = {{"a", ""}, {"b", "1"}, {"b", "2"}};
  EXPECT_EQ(request.parameter("a"), "");
  EXPECT_EQ(request.parameter("b"), "1");
  EXPECT_EQ(request.parameter("B"), std::nullopt);
}

TEST(ReplyTest, WritesErrorsAsJsonWhateverTheyQuote) {
  const Reply reply = Reply::json_error(404, "no image \"a\\b\"\n\xff\x01");
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.content_type, "application/json");
  ASSERT_EQ(reply.body.size(), 1U);
  EXPECT_EQ(*reply.body[0], "{\"error\":\"no image \\\"a\\\\b\\\"\\n\xEF\xBF\xBD\\u0001\"}\n");
}

TEST(AcceptsGzipTest, FollowsTheWeights) {
  for (const std::string yes :
       {"gzip", "GZIP", "x-gzip", "deflate, gzip;q=0.5", "gzip;q=1.000", "*", "br, *;q=0.1", "gzip , deflate",
        "*;q=0, gzip", "gzip;foo=bar", "identity;q=0,gzip ; q=0.001"})
    EXPECT_TRUE(accepts_gzip(yes)) << yes;
  for (const std::string no : {"", "identity", "br", "gzip;q=0", "gzip;q=0.000", "*, gzip;q=0", "*;q=0",
                               "gzipped", "gzip ; Q=0", "gzip;q = 0", "gzip;foo=bar;q=0.0", ",;,"})
    EXPECT_FALSE(accepts_gzip(no)) << no;
}

TEST(EtagMatchesTest, ComparesWeaklyInALists) {
  for (const std::string yes :
       {"\"a\"", "W/\"a\"", "\"x\", \"a\"", "\"x\",W/\"a\"", "*", " * ", "\"x,y\" ,\"a\"", ", \"a\""})
    EXPECT_TRUE(etag_matches(yes, "\"a\"")) << yes;
  for (const std::string no : {"", "a", "\"A\"", "\"ab\"", "\"x, \"a\"", "\"a", "w/\"a\"", "**", "\"x\", *"})
    EXPECT_FALSE(etag_matches(no, "\"a\"")) << no;
  EXPECT_TRUE(etag_matches("\"a\"", "W/\"a\""));
  EXPECT_TRUE(etag_matches("\"a,b\"", "\"a,b\""));
}

}  // namespace
}  // namespace repodigest::web
