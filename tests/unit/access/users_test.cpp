// Names and passwords.
#include "repodigest/access/users.h"

#include <gtest/gtest.h>

#include <string>

#include "access/bcrypt.h"
#include "support/basic.h"

namespace repodigest::access {
namespace {

using support::basic;

TEST(ParseBasic, SplitsAtTheFirstColon) {
  const auto found = parse_basic(basic("user:pass:word"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->user, "user");
  EXPECT_EQ(found->password, "pass:word");
  EXPECT_EQ(parse_basic("bAsIc dTo=")->user, "u") << "the scheme's case does not matter";
  EXPECT_EQ(parse_basic("Basic dTo=")->password, "");
}

TEST(ParseBasic, TakesNothingElse) {
  for (const std::string text :
       {"", "Basic", "Basic ", "Bearer dTo=", "Basic dTo",
        "Basic dTo==", "Basic d To=", "Basic dXNlcg==", "Basic =To=", "Basic dTo=dTo=", "Basic dT\n="})
    EXPECT_FALSE(parse_basic(text)) << text;
}

TEST(Bcrypt, KnowsTheHashesOfOthers) {
  // Of the test vectors that every implementation has (crypt_blowfish wrapper.c).
  EXPECT_TRUE(matches_bcrypt("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"));
  EXPECT_TRUE(matches_bcrypt("$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e", "\xff\xff\xa3"));
  EXPECT_FALSE(matches_bcrypt("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*u"));
}

TEST(Bcrypt, TakesNoPasswordWithANulAndOnlyTheBeginningOfALongOne) {
  const std::string hash =
      "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";  // 0123456789… (72)
  const std::string alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  EXPECT_TRUE(matches_bcrypt(hash, alphabet));
  EXPECT_TRUE(matches_bcrypt(hash, alphabet + "chars after 72 are ignored"));
  EXPECT_TRUE(matches_bcrypt(hash, alphabet + std::string(10'000, 'x')));
  EXPECT_FALSE(matches_bcrypt(hash, alphabet.substr(0, 71)));
  const std::string of_u = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
  EXPECT_FALSE(matches_bcrypt(of_u, std::string("U*U\0x", 5)));
}

TEST(Bcrypt, LooksAtNoneButTheBitsOfASaltThatCount) {
  // A salt's last character carries two bits; crypt(3) writes the others as 0, Go as they stood there.
  const std::string hash = "$2a$05$CCCCCCCCCCCCCCCCCCCCC/E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
  ASSERT_TRUE(check_bcrypt(hash));
  EXPECT_TRUE(matches_bcrypt(hash, "U*U"));
  EXPECT_FALSE(matches_bcrypt(hash, "U*u"));
}

TEST(Bcrypt, RefusesAHashThatNoPasswordHas) {
  // Its last character carries four bits.
  const Status status = check_bcrypt("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeX");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().text.find("no password has this hash"), 0U) << status.error().text;
}

class UsersTest : public ::testing::Test {
 protected:
  const Users users_{{{"one", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"}}};
};

TEST_F(UsersTest, KnowsWhomItVerifiedAndNobodyElse) {
  EXPECT_FALSE(users_.knows(basic("one:U*U")));
  EXPECT_TRUE(users_.verify(basic("one:U*U")));
  EXPECT_TRUE(users_.knows(basic("one:U*U")));
  EXPECT_FALSE(users_.knows(basic("one:U*u")));
  EXPECT_FALSE(users_.knows(basic("two:U*U")));
  EXPECT_FALSE(users_.knows(""));
}

TEST_F(UsersTest, DoesNotRememberWhatIsWrong) {
  EXPECT_FALSE(users_.verify(basic("one:wrong")));
  EXPECT_FALSE(users_.knows(basic("one:wrong")));
  EXPECT_FALSE(users_.verify(basic("nobody:U*U")));
  EXPECT_FALSE(users_.knows(basic("nobody:U*U")));
  EXPECT_FALSE(users_.verify("nonsense"));
}

TEST_F(UsersTest, AreStillKnownWhenOthersHaveChanged) {
  ASSERT_TRUE(users_.verify(basic("one:U*U")));
  const std::string hash = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
  EXPECT_TRUE(Users({{"one", hash}, {"two", support::hash_of_secret}}, &users_).knows(basic("one:U*U")));
  EXPECT_FALSE(Users({{"one", support::hash_of_secret}}, &users_).knows(basic("one:U*U")));
  EXPECT_FALSE(Users({{"two", hash}}, &users_).knows(basic("one:U*U")));
}

TEST(Users, AreAllWhereNoneAreNamed) {
  const Users nobody{{}};
  EXPECT_TRUE(nobody.empty());
  EXPECT_FALSE(nobody.verify(basic("one:U*U")));
}

TEST(Users, AreForgottenOldestFirst) {
  std::map<std::string, std::string> hashes;
  for (std::size_t i = 0; i <= Users::max_known; ++i)
    hashes["user" + std::to_string(i)] = "$2a$04$CCCCCCCCCCCCCCCCCCCCC.4K7lyz.nKATbsiu/RcZjqWyDNnj87qG";
  const Users users(hashes);
  for (std::size_t i = 0; i <= Users::max_known; ++i)
    ASSERT_TRUE(users.verify(basic("user" + std::to_string(i) + ":secret")));
  EXPECT_FALSE(users.knows(basic("user0:secret")));
  EXPECT_TRUE(users.knows(basic("user1:secret")));
  EXPECT_TRUE(users.knows(basic("user" + std::to_string(Users::max_known) + ":secret")));
}

}  // namespace
}  // namespace repodigest::access
