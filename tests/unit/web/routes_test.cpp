#include <gtest/gtest.h>

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

}  // namespace
}  // namespace repodigest::web
