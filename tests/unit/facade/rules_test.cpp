#include "facade/rules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <string>

#include "cases.h"

namespace repodigest::facade {
namespace {

class RulesTest : public ::testing::TestWithParam<Case> {};

TEST_P(RulesTest, GivesEachRequestItsVerdict) {
  const Case& one = GetParam();
  EXPECT_EQ(permit(one.method, one.target, all_groups()), one.permit);
  if (one.permit) return;
  EXPECT_EQ(std::string(shown_method(one.method)) + " " + path_class(one.target), one.told);
}

INSTANTIATE_TEST_SUITE_P(Table, RulesTest, ::testing::ValuesIn(cases()));

TEST(Rules, OpenWithoutAGroupWhatTheyAreForAndWithItTheRest) {
  const auto permitted = [](Groups groups) {
    std::set<ApiCall> calls;
    for (const Case& one : cases())
      if (const auto permitted_call = permit(one.method, one.target, groups))
        calls.insert(permitted_call->call);
    return calls;
  };
  const std::set<ApiCall> always = {ApiCall::ping,       ApiCall::version,       ApiCall::info,
                                    ApiCall::image_list, ApiCall::image_inspect, ApiCall::image_history,
                                    ApiCall::events};
  const auto besides = [&](Groups groups) {
    const auto calls = permitted(groups);
    EXPECT_TRUE(std::includes(calls.begin(), calls.end(), always.begin(), always.end()));
    std::set<ApiCall> more;
    std::set_difference(calls.begin(), calls.end(), always.begin(), always.end(),
                        std::inserter(more, more.end()));
    return more;
  };
  EXPECT_EQ(besides({}), std::set<ApiCall>());
  EXPECT_EQ(besides(only(Group::df)), std::set{ApiCall::system_df});
  EXPECT_EQ(besides(only(Group::containers)),
            (std::set{ApiCall::container_list, ApiCall::container_inspect}));
  EXPECT_EQ(besides(only(Group::export_images)), std::set{ApiCall::image_export});
  EXPECT_EQ(besides(only(Group::all_events)), std::set<ApiCall>());
}

TEST(Rules, TellNoForeignTextOfAnyPath) {
  for (const Case& one : cases()) EXPECT_EQ(path_class(one.target).find("hidden"), std::string::npos) << one;
}

}  // namespace
}  // namespace repodigest::facade
