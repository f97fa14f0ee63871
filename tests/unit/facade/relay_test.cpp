#include "facade/relay.h"

#include <gtest/gtest.h>

#include <memory>

#include "web/channel.h"

namespace repodigest::facade {
namespace {

std::uint64_t counted(const Stats& stats) {
  std::uint64_t sum = 0;
  for (const Counter& counter : stats.api_requests[index_of(ApiCall::info)]) sum += counter.value();
  return sum;
}

TEST(Relay, CountsOnceThoughTheClientLeftJustAsItsAnswerBegan) {
  const web::Channel::News news = [](const auto&) {};
  const auto channel = std::make_shared<web::Channel>(nullptr, web::Manner{}, news);
  web::Flow flow(channel);
  Stats stats;
  const Cancel cancel;
  Relay relay(flow, cancel, ApiCall::info, true, stats);
  channel->abandon();
  transport::Response answer;
  answer.status = 200;
  EXPECT_FALSE(relay.head(answer));
  relay.count(499);
  EXPECT_EQ(counted(stats), 1U);
  stats.count_api(ApiCall::info, 499);
  const auto* const hung_up = std::find(api_codes.begin(), api_codes.end(), 499);
  ASSERT_NE(hung_up, api_codes.end());
  EXPECT_EQ(stats.api_requests[index_of(ApiCall::info)][hung_up - api_codes.begin()].value(), 1U);
}

}  // namespace
}  // namespace repodigest::facade
