// The last lines of the matrix.
#include <gtest/gtest.h>

#include "report.h"

namespace repodigest::faults {
namespace {

class Total : public ::testing::Environment {
 public:
  void SetUp() override { Report::instance(); }
  void TearDown() override {
    const auto& unit = *::testing::UnitTest::GetInstance();
    const bool all = unit.test_to_run_count() == unit.total_test_count();
    EXPECT_GE(Report::instance().combinations(), all ? 300U : 0U);
    Report::instance().print();
  }
};

const auto* const total = ::testing::AddGlobalTestEnvironment(new Total);

}  // namespace
}  // namespace repodigest::faults
