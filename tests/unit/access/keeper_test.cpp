// A web config that changes while it is used.
#include "repodigest/access/keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "repodigest/base/cancel.h"
#include "support/basic.h"
#include "support/temporary_folder.h"
#include "support/test_certificates.h"

namespace repodigest::access {
namespace {

using support::basic;
using support::hash_of_secret;
using testing::ElementsAre;
using testing::HasSubstr;

class KeeperTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  /// As an editor does it: a new file takes the place of the old one.
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path("new"), std::ios::binary) << text;
    std::filesystem::rename(path("new"), path(name));
  }
  void write_users(const std::string& user) const {
    write("web.yml", "basic_auth_users: {" + user + ": " + hash_of_secret + "}\n");
  }
  void open() {
    auto keeper =
        Keeper::open(path("web.yml"), {[this](const Policy&) { return allowed_; },
                                       [this](const Policy&, const std::vector<std::string>& notes) {
                                         ++applied_;
                                         notes_ = notes;
                                       },
                                       [this](const Error& error) { failures_.push_back(error.text); }});
    ASSERT_TRUE(keeper) << keeper.error().text;
    keeper_ = *std::move(keeper);
  }
  [[nodiscard]] bool lets_in(const std::string& user) const {
    return keeper_->current()->users.verify(basic(user + ":secret"));
  }

  support::TemporaryFolder folder_;
  Status allowed_;
  int applied_ = 0;
  std::vector<std::string> notes_;
  std::vector<std::string> failures_;
  std::unique_ptr<Keeper> keeper_;
};

TEST_F(KeeperTest, ReadsTheFileAgainWhenItHasChangedAndNotElse) {
  write_users("one");
  open();
  EXPECT_TRUE(lets_in("one"));
  const auto before = keeper_->current();
  EXPECT_EQ(keeper_->current(), before);
  write_users("two");
  EXPECT_TRUE(lets_in("two"));
  EXPECT_FALSE(lets_in("one"));
  EXPECT_EQ(applied_, 2);
}

TEST_F(KeeperTest, KeepsTheOldPolicyWhileTheFileIsBrokenAndSaysSoOnce) {
  write_users("one");
  open();
  write("web.yml", "nonsense: 1\n");
  EXPECT_TRUE(lets_in("one"));
  EXPECT_TRUE(lets_in("one"));
  EXPECT_THAT(failures_, ElementsAre(HasSubstr("web.yml:1:1: unknown key nonsense")));
  std::filesystem::remove(path("web.yml"));
  EXPECT_TRUE(lets_in("one"));
  EXPECT_EQ(failures_.size(), 2U);
  write_users("two");
  EXPECT_TRUE(lets_in("two"));
  EXPECT_EQ(failures_.size(), 2U);
}

TEST_F(KeeperTest, NoticesNewCertificatesInFilesThatTheConfigNames) {
  support::TestAuthority authority(folder_.path(), "ca");
  (void)authority.issue("server", "DNS:localhost");
  write("web.yml", "tls_server_config: {cert_file: server.crt, key_file: server.key}\n");
  open();
  const auto before = keeper_->current();
  ASSERT_TRUE(before->tls);
  std::filesystem::remove(path("server.key"));
  EXPECT_EQ(keeper_->current(), before) << "half of a pair is no pair";
  EXPECT_THAT(failures_, ElementsAre(HasSubstr("server.key")));
  (void)authority.issue("server", "DNS:localhost");
  EXPECT_NE(keeper_->current(), before);
  EXPECT_EQ(applied_, 2);
}

TEST_F(KeeperTest, WaitsForAFileThatABrokenConfigIsTheFirstToName) {
  support::TestAuthority authority(folder_.path(), "ca");
  write_users("one");
  open();
  write("web.yml", "tls_server_config: {cert_file: late.crt, key_file: late.key}\n");
  EXPECT_FALSE(keeper_->current()->tls);
  (void)authority.issue("late", "DNS:localhost");
  EXPECT_TRUE(keeper_->current()->tls) << (failures_.empty() ? "" : failures_.back());
}

TEST_F(KeeperTest, ReadsAgainWhatTheSystemHadNoDescriptorFor) {
  write_users("one");
  open();
  write_users("two");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto meanwhile = keeper_->current();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(meanwhile->users.verify(basic("one:secret")));
  EXPECT_THAT(failures_, ElementsAre(HasSubstr("too many open files")));
  const auto limit = Cancel().within(std::chrono::minutes(1));
  while (!lets_in("two") && !limit.ended()) ::poll(nullptr, 0, 10);
  EXPECT_TRUE(lets_in("two")) << "though nothing has changed since";
}

TEST_F(KeeperTest, AppliesNothingThatIsNotAllowed) {
  write_users("one");
  open();
  allowed_ = Error{Reason::usage, "not this one"};
  write_users("two");
  EXPECT_TRUE(lets_in("one"));
  EXPECT_THAT(failures_, ElementsAre("not this one"));
  EXPECT_FALSE(Keeper::open(path("web.yml"), {[this](const Policy&) { return allowed_; }, {}, {}}));
}

TEST_F(KeeperTest, ReadsItInAnyCaseWhenToldTo) {
  write_users("one");
  open();
  EXPECT_TRUE(keeper_->reload());
  EXPECT_EQ(applied_, 2);
  write("web.yml", "[");
  EXPECT_FALSE(keeper_->reload());
  EXPECT_TRUE(failures_.empty()) << "who asks is answered";
  EXPECT_TRUE(lets_in("one"));
}

TEST_F(KeeperTest, TellsWhatIsServedInsteadOfWhatIsWritten) {
  write("web.yml", "http_server_config: {http2: true}\n");
  open();
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("HTTP/1.1")));
}

}  // namespace
}  // namespace repodigest::access
