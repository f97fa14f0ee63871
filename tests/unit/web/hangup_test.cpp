// Clients that leave, and clients that take nothing: whoever answers them learns it at once.
#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>

#include "passing.h"

namespace repodigest::web {
namespace {

/// A passage with answers that wait at several places.
class HangupTest : public testing::Test {
 protected:
  static Passing::Answers answers(Passing*& running) {
    return {{"/before-the-head", [&](const RawRequest&, Flow& flow) { running->wait(flow); }},
            {"/streams/quiet",
             [&](const RawRequest&, Flow& flow) {
               EXPECT_TRUE(flow.begin(200, {}, std::nullopt));
               running->wait(flow);
               const bool is_gone = flow.gone().raised();  // or the test is at its end
               EXPECT_FALSE(is_gone && flow.write("event", Cancel()));
             }},
            {"/endless", [&](const RawRequest&, Flow& flow) {
               EXPECT_TRUE(flow.begin(200, {}, std::nullopt));
               while (true) {
                 const auto written = flow.write(std::string(10'000, 'x'), Cancel());
                 if (written) continue;
                 EXPECT_EQ(written.error().reason, Reason::interrupted);
                 break;
               }
               running->wait(flow);
             }}};
  }
  void passing(ServerOptions options = {}) {
    running_ = &passing_.emplace(answers(running_), Passing::small_lanes(), options);
  }

  Passing* running_ = nullptr;
  std::optional<Passing> passing_;
};

TEST_F(HangupTest, TellsTheAnswerOfAClientThatLeaves) {
  passing();
  for (const std::string target : {"/before-the-head", "/streams/quiet", "/endless"}) {
    for (const bool by_path : {false, true}) {
      const int left = passing_->left();
      {
        RawClient client = by_path ? passing_->unix_client() : passing_->client();
        ASSERT_TRUE(client.send(get(target)));
        if (target != "/before-the-head") read_until(client, "\r\n\r\n");
        if (target != "/endless") {
          ASSERT_TRUE(eventually([&] { return passing_->waiting() == left + 1; })) << target;
        }
      }
      EXPECT_TRUE(eventually([&] { return passing_->left() == left + 1; })) << target << by_path;
      EXPECT_TRUE(eventually([&] { return passing_->connections() == 0; }));
    }
  }
}

TEST_F(HangupTest, TakesAClientThatSendsNoMoreForGone) {
  passing();
  for (const std::string target : {"/before-the-head", "/streams/quiet", "/endless"}) {
    for (const bool by_path : {false, true}) {
      const int left = passing_->left();
      RawClient client = by_path ? passing_->unix_client() : passing_->client();
      ASSERT_TRUE(client.send(get(target)));
      if (target != "/before-the-head") read_until(client, "\r\n\r\n");
      if (target != "/endless") {
        ASSERT_TRUE(eventually([&] { return passing_->waiting() == left + 1; })) << target;
      }
      client.finish_sending();
      EXPECT_TRUE(eventually([&] { return passing_->left() == left + 1; })) << target << by_path;
      EXPECT_FALSE(client.read_to_end().ends_with("0\r\n\r\n"));
    }
  }
}

TEST_F(HangupTest, NeverAnswersARequestWhoseClientLeftWhileItWaited) {
  passing();
  RawClient busy = passing_->client();
  ASSERT_TRUE(busy.send(get("/before-the-head")));
  ASSERT_TRUE(eventually([&] { return passing_->waiting() == 1; }));
  for (int i = 0; i < 5; ++i) {  // more than may wait, so each gives its place back
    RawClient waiting = passing_->client();
    ASSERT_TRUE(waiting.send(get("/gone")));
    ASSERT_TRUE(eventually([&] { return passing_->ruled().target == "/gone"; }));
    if (i % 2 == 0) {
      waiting.finish_sending();
      EXPECT_TRUE(waiting.is_closed());
    }
    RawClient next = passing_->client();
    ASSERT_TRUE(next.send(get("/reply")));
    EXPECT_EQ(next.read_reply().status, 403);
  }
  ASSERT_TRUE(eventually([&] { return passing_->connections() == 1; }));
  RawClient staying = passing_->client();
  ASSERT_TRUE(staying.send(get("/staying")));
  ASSERT_TRUE(eventually([&] { return passing_->ruled().target == "/staying"; }));
  passing_->release();
  EXPECT_EQ(staying.read_reply().status, 404);
  EXPECT_EQ(passing_->answered(), (std::vector<std::string>{"/before-the-head", "/staying"}));
}

TEST_F(HangupTest, GivesUpAClientThatTakesNothing) {
  ServerOptions options;
  options.send_timeout = std::chrono::milliseconds(50);
  passing(options);
  RawClient client = passing_->client();
  ASSERT_TRUE(client.send(get("/endless")));
  EXPECT_TRUE(eventually([&] { return passing_->left() == 1; }));
  EXPECT_TRUE(eventually([&] { return passing_->connections() == 0; }));
}

TEST_F(HangupTest, LetsASlowClientTakeItsTimeAsLongAsItTakesSomething) {
  ServerOptions options;
  options.send_timeout = std::chrono::seconds(2);
  passing(options);
  for (const bool by_path : {false, true}) {
    RawClient client = by_path ? passing_->unix_client() : RawClient::tcp(passing_->port(), 4096);
    ASSERT_TRUE(client.send(get("/endless")));
    // Too little for the unix socket to become ready for more within the deadline.
    const auto several_deadlines = Cancel().within(std::chrono::seconds(5));
    while (!several_deadlines.ended()) {
      std::array<char, 2000> taken{};
      ASSERT_GT(::recv(client.fd(), taken.data(), taken.size(), 0), 0);
      ::poll(nullptr, 0, 50);
    }
    EXPECT_EQ(passing_->waiting(), by_path ? 1 : 0) << "the answer is still under way";
  }
}

TEST_F(HangupTest, LeavesAQuietAnswerWhateverTheDeadlinesAre) {
  ServerOptions options;
  options.send_timeout = options.head_timeout = options.idle_timeout = std::chrono::milliseconds(50);
  passing(options);
  RawClient quiet = passing_->client();
  ASSERT_TRUE(quiet.send(get("/streams/quiet")));
  read_until(quiet, "\r\n\r\n");
  // A client that came later meets each of these deadlines first.
  EXPECT_TRUE(passing_->client().is_closed());
  RawClient slow = passing_->client();
  ASSERT_TRUE(slow.send("GET / HT"));
  EXPECT_EQ(slow.read_reply().status, 408);
  RawClient taking_nothing = passing_->client();
  ASSERT_TRUE(taking_nothing.send(get("/endless")));
  EXPECT_TRUE(eventually([&] { return passing_->left() == 1; }));
  EXPECT_TRUE(eventually([&] { return passing_->connections() == 1; }));
  EXPECT_EQ(passing_->left(), 1);
}

}  // namespace
}  // namespace repodigest::web
