#include "repodigest/base/sha256.h"

#include <gtest/gtest.h>

#include <string>

namespace repodigest {
namespace {

TEST(Sha256Test, IsTheSameForTheSameBytesInPieces) {
  Sha256 whole;
  whole.add("abc");
  Sha256 pieces;
  pieces.add("a");
  pieces.add("");
  pieces.add("bc");
  const Sha256::Sum sum = whole.finish();
  EXPECT_EQ(pieces.finish(), sum);
  // FIPS 180-4's example.
  constexpr char expected[] =
      "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4"
      "\x10\xff\x61\xf2\x00\x15\xad";
  EXPECT_EQ(std::string(sum.data(), sum.size()), std::string(expected, sum.size()));
}

TEST(Sha256Test, IsPrintedAsSha256sumPrintsIt) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_base64("abc"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
}

}  // namespace
}  // namespace repodigest
