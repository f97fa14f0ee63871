#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "repodigest/web/server.h"

namespace repodigest::web {
namespace {

Handler found(const Routes& routes, std::string_view path) {
  const auto* const route = routes.find(path);
  return route == nullptr ? Handler::other : route->handler;
}

TEST(RoutesTest, PrefersTheExactPathThenTheLongestPrefix) {
  const auto nothing = [](const Request&) { return Reply(); };
  Routes routes;
  routes.prefix("/a/", Handler::images, nothing);
  routes.prefix("/a/b/", Handler::image, nothing);
  routes.exact("/a/b/c", Handler::metrics, nothing);
  routes.exact("/", Handler::page, nothing);
  EXPECT_EQ(found(routes, "/a/b/c"), Handler::metrics);
  EXPECT_EQ(found(routes, "/a/b/d"), Handler::image);
  EXPECT_EQ(found(routes, "/a/b"), Handler::images);
  EXPECT_EQ(found(routes, "/a/"), Handler::other) << "a prefix alone is not longer than itself";
  EXPECT_EQ(found(routes, "/"), Handler::page);
  EXPECT_EQ(found(routes, ""), Handler::other);
  EXPECT_EQ(found(routes, "/x"), Handler::other);
}

/// The answer there: its status and where it leads.
std::pair<int, std::string> answer(const Routes& routes, std::string_view path,
                                   const std::string& query = "") {
  const auto* const route = routes.find(path);
  if (route == nullptr) return {404, ""};
  Request request;
  request.raw_query = query;
  const Reply reply = route->function(request);
  for (const auto& [name, value] : reply.headers)
    if (name == "Location") return {reply.status, value};
  return {reply.status, ""};
}

TEST(RoutesTest, StandBelowTheirPrefixToWhichTheRootLeads) {
  const auto nothing = [](const Request&) { return Reply(); };
  Routes routes("/a/b");
  routes.exact("/", Handler::page, nothing);
  routes.exact("/metrics", Handler::metrics, nothing);
  routes.prefix("/images/", Handler::image, nothing);
  EXPECT_EQ(found(routes, "/a/b/"), Handler::page);
  EXPECT_EQ(found(routes, "/a/b/metrics"), Handler::metrics);
  EXPECT_EQ(found(routes, "/a/b/images/x"), Handler::image);
  EXPECT_EQ(answer(routes, "/"), std::pair(302, std::string("/a/b/")));
  EXPECT_EQ(answer(routes, "/a/b"), std::pair(302, std::string("/a/b/")));
  EXPECT_EQ(answer(routes, "/", "q=%20a&?"), std::pair(302, std::string("/a/b/?q=%20a&?")));
  for (const char* outside : {"/metrics", "/images/x", "/a", "/a/", "/a/bmetrics", "/a/b/a/b/"})
    EXPECT_EQ(routes.find(outside), nullptr) << outside;
}

}  // namespace
}  // namespace repodigest::web
