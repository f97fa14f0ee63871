#include "repodigest/base/secret.h"

#include <gtest/gtest.h>

#include <string>

namespace repodigest {
namespace {

TEST(SecretTest, APasswordInAUrlIsNotQuoted) {
  EXPECT_EQ(without_password("tcp://user:secret@host:2375"), "tcp://user:***@host:2375");
  EXPECT_EQ(without_password("https://user:secret@[::1]:1/path"), "https://user:***@[::1]:1/path");
  EXPECT_EQ(without_password("https://:secret@host"), "https://:***@host");
  EXPECT_EQ(without_password("https://user:@host"), "https://user:***@host");
  EXPECT_EQ(without_password("user:secret@host"), "user:***@host");
}

TEST(SecretTest, NorOneWithWhatAUrlWouldHaveEncoded) {
  for (const std::string secret : {"a@b", "a/b", "a:b", "a?b", "a#b", "a://b", "a b"})
    EXPECT_EQ(without_password("tcp://user:" + secret + "@host"), "tcp://user:***@host") << secret;
}

TEST(SecretTest, WhatIsNoPasswordStays) {
  for (const std::string text :
       {"", "@", "tcp://host:2375", "ssh://user@host", "ssh://user@host:22", "tcp://[::1]:1",
        "unix:///run/user:1@x/docker.sock", "/run/a:b@c", "unix://", "host:1"})
    EXPECT_EQ(without_password(text), text);
}

}  // namespace
}  // namespace repodigest
