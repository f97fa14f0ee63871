#include "repodigest/exposition/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <string>

#include "repodigest/base/clock.h"
#include "repodigest/base/fd.h"

namespace repodigest::exposition {
namespace {

const std::string numbers =
    " S 1 1 1 0 -1 4194560 100 0 0 0 250 50 7 8 20 0 12 0 98765 4096000 321 18446744073709551615 1 2 3\n";

TEST(ProcessStat, IsReadByFieldNumber) {
  const auto stat = parse_process_stat("42 (repodigest)" + numbers);
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->cpu_ticks, 300U);
  EXPECT_EQ(stat->threads, 12U);
  EXPECT_EQ(stat->start_ticks, 98765U);
  EXPECT_EQ(stat->virtual_bytes, 4096000U);
  EXPECT_EQ(stat->resident_pages, 321U);
}

TEST(ProcessStat, NameMayHoldSpacesAndParentheses) {
  const auto stat = parse_process_stat("42 (a) S (b 1 2" + std::string(")") + numbers);
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->threads, 12U);
}

TEST(ProcessStat, WhatIsNotAStatIsNothing) {
  for (const char* text :
       {"", "42", "42 (x)", "42 (x) S 1 2 3", "42 (x) S a b c d e f g h i j k l m n o p q r s t u"})
    EXPECT_FALSE(parse_process_stat(text)) << text;
}

TEST(ProcessUse, IsThatOfThisProcess) {
  const ProcessUse use = process_use();
  ASSERT_TRUE(use.cpu_seconds && use.resident_bytes && use.virtual_bytes && use.threads && use.start_time &&
              use.open_fds && use.max_fds);
  EXPECT_GE(*use.cpu_seconds, 0);
  EXPECT_GT(*use.resident_bytes, 100'000U);
  EXPECT_GE(*use.virtual_bytes, *use.resident_bytes);
  EXPECT_GE(*use.threads, 1U);
  EXPECT_LE(*use.open_fds, *use.max_fds);
  const double now = to_seconds(system_clock().wall().time_since_epoch());
  EXPECT_LE(*use.start_time, now + 2);  // btime has whole seconds
  EXPECT_GT(*use.start_time, now - 24 * 3600);
}

TEST(ProcessUse, CountsDescriptorsButNotItsOwn) {
  const auto before = process_use().open_fds;
  EXPECT_EQ(process_use().open_fds, before);
  const Fd one(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(one);
  ASSERT_TRUE(before);
  EXPECT_EQ(process_use().open_fds, *before + 1);
}

}  // namespace
}  // namespace repodigest::exposition
