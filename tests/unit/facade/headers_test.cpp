#include "facade/headers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace repodigest::facade {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using web::Headers;

TEST(HeadersForTheEngine, AreTheClientsOwnEndToEndHeadersInTheirOrder) {
  const Headers received = {{"User-Agent", "Docker-Client/28.2.2 (linux)"}, {"x-test", "1"}, {"X-Test", "2"}};
  EXPECT_EQ(for_engine(received, false), received);
}

TEST(HeadersForTheEngine, LackThoseOfTheHopAndOfItsBody) {
  EXPECT_THAT(for_engine({{"Host", "localhost"},
                          {"Connection", "keep-alive"},
                          {"Keep-Alive", "timeout=5"},
                          {"TE", "trailers"},
                          {"Trailer", "X-Sum"},
                          {"Transfer-Encoding", "chunked"},
                          {"Upgrade", "h2c"},
                          {"Proxy-Connection", "close"},
                          {"PROXY-AUTHORIZATION", "Basic x"},
                          {"Content-Length", "0"},
                          {"Expect", "100-continue"},
                          {"Accept", "*/*"}},
                         false),
              ElementsAre(Pair("Accept", "*/*")));
}

TEST(HeadersForTheEngine, LackWhatConnectionNames) {
  EXPECT_THAT(for_engine({{"Connection", "close, X-One"},
                          {"x-one", "1"},
                          {"X-Two", "2"},
                          {"connection", " \tx-three ,, HTTP2-Settings"},
                          {"X-THREE", "3"},
                          {"Http2-Settings", "AAM"},
                          {"X-Four", "4"}},
                         false),
              ElementsAre(Pair("X-Two", "2"), Pair("X-Four", "4")));
}

TEST(HeadersForTheEngine, MayBeNamedByAConnectionThatNamesNothing) {
  EXPECT_THAT(for_engine({{"Connection", " ,"}, {"", "1"}, {"Accept", "a"}}, false),
              ElementsAre(Pair("Accept", "a")));
}

TEST(HeadersForTheEngine, LackCredentials) {
  for (const bool correct : {false, true}) {
    const auto sent = for_engine({{"X-Registry-Auth", "secret"},
                                  {"x-registry-config", "secret"},
                                  {"X-REGISTRY-TOKEN", "secret"},
                                  {"Authorization", "Bearer secret"},
                                  {"cookie", "secret"}},
                                 correct);
    for (const auto& [name, value] : sent) EXPECT_EQ(value, "identity") << name;
  }
}

TEST(HeadersForTheEngine, AskForWholeUncompressedAnswersWhereTheseAreCorrected) {
  const Headers received = {
      {"accept-encoding", "gzip"}, {"Range", "bytes=0-9"}, {"If-Range", "x"}, {"Accept", "a"}};
  EXPECT_THAT(for_engine(received, true),
              ElementsAre(Pair("Accept", "a"), Pair("Accept-Encoding", "identity")));
  EXPECT_EQ(for_engine(received, false), received);
}

TEST(HeadersForTheEngine, AskForThatWhateverConnectionNames) {
  EXPECT_THAT(for_engine({{"Connection", "Accept-Encoding"}, {"Accept-Encoding", "gzip"}}, true),
              ElementsAre(Pair("Accept-Encoding", "identity")));
}

TEST(HeadersForTheClient, AreTheEnginesOwnButForTheHops) {
  EXPECT_THAT(for_client({{"Api-Version", "1.47"},
                          {"Connection", "X-Hop"},
                          {"X-Hop", "1"},
                          {"Content-Length", "2"},
                          {"Transfer-Encoding", "chunked"},
                          {"Content-Type", "application/json"},
                          {"Date", "Mon, 23 Nov 2026 20:06:10 GMT"}}),
              ElementsAre(Pair("Api-Version", "1.47"), Pair("Content-Type", "application/json"),
                          Pair("Date", "Mon, 23 Nov 2026 20:06:10 GMT")));
  EXPECT_THAT(for_client({}), IsEmpty());
}

}  // namespace
}  // namespace repodigest::facade
