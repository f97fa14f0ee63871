// Who waits for whom at the door.
#include "web/doorman.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "policies.h"
#include "serving.h"

namespace repodigest::web {
namespace {

/// Requests with a password that takes a while, from one host or another.
class DoormanTest : public ::testing::Test {
 protected:
  bool ask(const std::string& host, const std::string& password = "guess") {
    Task task;
    task.head.headers = {{"Authorization", support::basic("slow:" + password)}, {"X-Host", host}};
    return doorman_.vet(std::move(task), keeper_->current(), host);
  }
  void fill(const std::string& host) {
    while (ask(host)) {
    }
  }
  [[nodiscard]] std::vector<std::string> told(Verdict verdict) {
    const MutexLock lock(mutex_);
    std::vector<std::string> hosts;
    for (const Vetted& one : told_)
      if (one.verdict == verdict) hosts.emplace_back(one.task.head.header("X-Host"));
    return hosts;
  }

  Policies policies_;
  access::Keeper* keeper_ =
      policies_.use_text("basic_auth_users:\n  slow: $2a$10$" + support::hash_of_secret.substr(7) + "\n");
  Mutex mutex_;
  std::vector<Vetted> told_ GUARDED_BY(mutex_);
  Doorman doorman_{[this](Vetted vetted) {
    const MutexLock lock(mutex_);
    told_.push_back(std::move(vetted));
  }};
};

TEST_F(DoormanTest, MakesRoomForAnotherHostAmongThoseOfTheBusiest) {
  // The doorman may take one in between, and then there is room without.
  ASSERT_TRUE(eventually([&] {
    fill("guesser");
    return ask("prometheus") && !told(Verdict::turned_away).empty();
  }));
  EXPECT_EQ(told(Verdict::turned_away), std::vector<std::string>{"guesser"});
}

TEST_F(DoormanTest, LetsHostsTakeTurns) {
  fill("guesser");
  ASSERT_TRUE(ask("prometheus"));
  ASSERT_TRUE(eventually([&] {
    const auto refused = told(Verdict::refused);
    return std::find(refused.begin(), refused.end(), "prometheus") != refused.end();
  }));
  EXPECT_LE(told(Verdict::refused).size(), 4U) << "fifteen of the other wait before it";
}

TEST_F(DoormanTest, DropsWhatWaitsWhenItIsStopped) {
  fill("guesser");
  doorman_.stop(SteadyTime::max());
  EXPECT_FALSE(ask("anybody"));
  EXPECT_LT(told(Verdict::refused).size(), Doorman::max_waiting);
}

}  // namespace
}  // namespace repodigest::web
