// Users, limits and headers of a web config, as clients see them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "serving.h"

namespace repodigest::web {
namespace {

using support::basic;
using support::hash_of_secret;
using testing::HasSubstr;

class GateTest : public ::testing::Test {
 protected:
  Serving& serve(const std::string& config, ServerOptions options = {}) {
    options.keeper = policies_.use_text(config);
    return serving_.emplace(std::move(options));
  }
  [[nodiscard]] RawReply ask(const std::string& pair, const std::string& target = "/") const {
    return serving_->ask(get(target, pair.empty() ? "" : "Authorization: " + basic(pair) + "\r\n"));
  }

  Policies policies_;
  std::optional<Serving> serving_;
};

const std::string users = "basic_auth_users:\n  one: " + hash_of_secret + "\n  two: " + hash_of_secret + "\n";

TEST_F(GateTest, LetsInUsersWithTheirPasswordAndNobodyElse) {
  serve(users);
  EXPECT_EQ(ask("one:secret").status, 200);
  EXPECT_EQ(ask("one:secret").body, "page") << "the second time it is known";
  EXPECT_EQ(ask("two:secret").status, 200);
  for (const std::string pair : {"", "one:wrong", "one:", ":secret", "nobody:secret", "one:secret "}) {
    const RawReply reply = ask(pair);
    EXPECT_EQ(reply.status, 401) << pair;
    EXPECT_EQ(reply.header("WWW-Authenticate"), "Basic realm=\"repodigest_exporter\"");
  }
  EXPECT_EQ(serving_->ask(get("/", "Authorization: Bearer one\r\n")).status, 401);
  EXPECT_EQ(ask("", "/no-such-path").status, 401) << "who is not let in learns nothing of what there is";
  EXPECT_EQ(serving_->answers(Handler::other, 401), 8U);
}

TEST_F(GateTest, AnswersAHeadWithoutABodyAlsoWhenItRefuses) {
  serve(users);
  RawClient client = serving_->client();
  ASSERT_TRUE(client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_THAT(client.read_to_end(), testing::EndsWith("\r\n\r\n"));
  RawClient wrong = serving_->client();
  ASSERT_TRUE(wrong.send("HEAD / HTTP/1.1\r\nHost: a\r\nAuthorization: " + basic("one:wrong") + "\r\n\r\n"));
  EXPECT_THAT(wrong.read_to_end(), testing::EndsWith("\r\n\r\n"));
}

TEST_F(GateTest, AnswersWhoIsKnownWhileStrangersGuess) {
  // A cost of 12 keeps the doorman busy for a while.
  serve("basic_auth_users:\n  one: " + hash_of_secret + "\n  slow: $2a$12$" + hash_of_secret.substr(7) +
        "\n");
  ASSERT_EQ(ask("one:secret").status, 200);
  std::vector<RawClient> strangers;
  for (int i = 0; i < 17; ++i) {
    strangers.push_back(serving_->client());
    ASSERT_TRUE(strangers.back().send(
        get("/", "Authorization: " + basic("nobody:guess" + std::to_string(i)) + "\r\n")));
  }
  EXPECT_EQ(ask("one:secret").status, 200);
  int refused = 0;
  int turned_away = 0;
  for (RawClient& client : strangers) {
    const int status = client.read_reply().status;
    refused += status == 401 ? 1 : 0;
    turned_away += status == 503 ? 1 : 0;
  }
  EXPECT_EQ(refused + turned_away, 17);
  EXPECT_GE(refused, 16);
}

TEST_F(GateTest, TurnsGuessersAwayWhenTooManyWait) {
  ServerOptions options;
  options.max_requests = 0;
  serve("basic_auth_users:\n  slow: $2a$12$" + hash_of_secret.substr(7) + "\n", options);
  std::vector<RawClient> strangers;
  for (int i = 0; i < 40; ++i) {
    strangers.push_back(serving_->client());
    ASSERT_TRUE(strangers.back().send(
        get("/", "Authorization: " + basic("nobody:guess" + std::to_string(i)) + "\r\n")));
  }
  EXPECT_TRUE(eventually([&] { return serving_->answers(Handler::other, 503) > 0; }));
  // The rest is dropped at the end.
}

TEST_F(GateTest, ForgetsWhomItKnewWhenTheFileChanges) {
  serve(users);
  EXPECT_EQ(ask("one:secret").status, 200);
  policies_.write("basic_auth_users:\n  two: " + hash_of_secret + "\n");
  EXPECT_EQ(ask("one:secret").status, 401);
  EXPECT_EQ(ask("two:secret").status, 200);
}

TEST_F(GateTest, KeepsAConnectionThatIsLetIn) {
  serve(users);
  RawClient client = serving_->client();
  const std::string request = get("/", "Authorization: " + basic("one:secret") + "\r\n");
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send(request));
    EXPECT_EQ(client.read_reply().status, 200);
  }
  ASSERT_TRUE(client.send(request + request + get("/")));
  EXPECT_EQ(client.read_reply().status, 200);
  EXPECT_EQ(client.read_reply().status, 200);
  EXPECT_EQ(client.read_reply().status, 401);
}

TEST_F(GateTest, LetsNoMoreInThanTheRateLimitAllows) {
  serve("rate_limit: {interval: 1h, burst: 3}\n" + users);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask("one:secret").status, 200);
  EXPECT_EQ(ask("one:secret").status, 429);
  EXPECT_EQ(ask("").status, 429) << "the limit comes before the users";
  EXPECT_EQ(serving_->answers(Handler::other, 429), 2U);
}

TEST_F(GateTest, AddsItsHeadersToEveryAnswerThatHasNone) {
  serve("http_server_config:\n  headers:\n    X-Frame-Options: deny\n    X-Content-Type-Options: nosniff\n" +
        users);
  for (const RawReply& reply :
       {ask("one:secret"), ask(""), ask("one:secret", "/no-such-path"), ask("one:secret", "/at-once"),
        serving_->ask("BREW / HTTP/1.1\r\nHost: a\r\n\r\n")}) {
    EXPECT_EQ(reply.header("X-Frame-Options"), "deny") << reply.head;
    const auto first = reply.head.find("X-Content-Type-Options");
    EXPECT_EQ(reply.head.find("X-Content-Type-Options", first + 1), std::string::npos) << "not twice";
  }
}

TEST_F(GateTest, TakesAPostToOnePathAndNoOther) {
  ServerOptions options;
  options.post_path = "/query";
  serve("", options);
  const auto post = [&](const std::string& target, const std::string& headers = "") {
    return serving_->ask("POST " + target + " HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n");
  };
  EXPECT_EQ(post("/query").body, "POST|");
  EXPECT_EQ(post("/query", "Content-Length: 0\r\n").status, 200);
  EXPECT_EQ(post("/query", "Content-Length: 1\r\n").status, 413);
  EXPECT_EQ(post("/query?a=b").status, 405);
  EXPECT_EQ(post("/").status, 405);
  EXPECT_EQ(post("/%71uery").status, 405);
}

}  // namespace
}  // namespace repodigest::web
