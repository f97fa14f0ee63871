#include "repodigest/base/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <set>

namespace repodigest {
namespace {

TEST(Result, HoldsAValue) {
  Result<std::string> result = std::string("value");
  EXPECT_TRUE(result);
  EXPECT_EQ(*result, "value");
  result->append("!");
  EXPECT_EQ(std::as_const(result).value(), "value!");
}

TEST(Result, HoldsAnError) {
  const Result<int> result = Error{Reason::http, "the engine answered 500", 500};
  EXPECT_FALSE(result);
  EXPECT_EQ(result.error().reason, Reason::http);
  EXPECT_EQ(result.error().status, 500);
}

TEST(Result, GivesAValueThatCanOnlyBeMoved) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  const std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 7);
}

TEST(Result, TellsAValueFromAnErrorWhenBothAreText) {
  const Result<std::string> value = std::string("text");
  const Result<std::string> error = Error{Reason::parse, "text"};
  EXPECT_TRUE(value.ok());
  EXPECT_FALSE(error.ok());
}

TEST(Status, IsSuccessByDefault) {
  EXPECT_TRUE(Status());
  EXPECT_FALSE(Status(Error{Reason::tls, "no"}));
}

TEST(Reasons, HaveDifferentNamesInTheOrderOfTheirLabels) {
  const std::set<std::string_view> names(reason_names.begin(), reason_names.end());
  EXPECT_EQ(names.size(), reason_names.size());
  EXPECT_EQ(name_of(Reason::connect), "connect");
  EXPECT_EQ(name_of(Reason::api_version), "api_version");
  EXPECT_EQ(name_of(Reason::not_found), "not_found");
  EXPECT_EQ(name_of(Reason::usage), "usage");
}

TEST(ErrnoText, ContinuesASentence) {
  EXPECT_EQ(errno_text(ENOENT), "no such file or directory");
  EXPECT_EQ(errno_text(EACCES), "permission denied");
}

TEST(ErrnoText, KnowsNumbersThatMeanNothing) {
  EXPECT_EQ(errno_text(123456), "unknown error 123456");
}

}  // namespace
}  // namespace repodigest
