#include "repodigest/exposition/gzip.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "support/gunzip.h"

namespace repodigest::exposition {
namespace {

using support::gunzip_one_member;

std::string random_bytes(std::size_t size, int different = 256) {
  std::mt19937 random(static_cast<unsigned>(size));
  std::uniform_int_distribution<int> byte(0, different - 1);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(byte(random));
  return bytes;
}

void expect_round_trip(const std::string& plain, const std::string& tail) {
  const GzipPart part = gzip_part(plain);
  EXPECT_EQ(part.size, plain.size());
  const std::string whole = *part.bytes + gzip_end(part, tail);
  EXPECT_TRUE(gunzip_one_member(whole) == plain + tail) << plain.size() << " + " << tail.size() << " bytes";
}

TEST(Gzip, PartAndEndAreOneMember) {
  expect_round_trip("docker_images 18\n", "docker_up 1\n");
}

TEST(Gzip, PartOrTailOrBothMayBeEmpty) {
  expect_round_trip("", "");
  expect_round_trip("part", "");
  expect_round_trip("", "tail");
}

TEST(Gzip, TailsLongerThanOneStoredBlockAreSplit) {
  for (const std::size_t size : {65534U, 65535U, 65536U, 131070U, 131071U, 200000U})
    expect_round_trip("part", random_bytes(size));
}

TEST(Gzip, PartsOfAnySizeFlushWhole) {
  for (std::size_t size = 1; size < 100000; size += 997) expect_round_trip(random_bytes(size), "tail");
  expect_round_trip(random_bytes(3'000'000), "tail");
  expect_round_trip(random_bytes(3'000'000, 4), "tail");
}

TEST(Gzip, OnePartServesManyTails) {
  const GzipPart part = gzip_part(random_bytes(5000, 8));
  const std::string plain = random_bytes(5000, 8);
  for (const std::string tail : {"docker_up 0\n", "docker_up 1\n", ""})
    EXPECT_EQ(gunzip_one_member(*part.bytes + gzip_end(part, tail)), plain + tail);
}

TEST(Gzip, CompressesText) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "docker_image_repo_digests{image=\"" + std::to_string(i) + "\"} 1\n";
  EXPECT_LT(gzip_part(text).bytes->size(), text.size() / 5);
}

}  // namespace
}  // namespace repodigest::exposition
