// Random histories of polling in a modelled world. A failure names its seed: run that one alone with
// SIMULATION_FIRST_SEED=<seed> SIMULATION_SEEDS=1 <the test program>; more of them with other numbers.
#include <gtest/gtest.h>

#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>

#include "history.h"
#include "repodigest/base/log.h"

namespace repodigest::model {
namespace {

constexpr std::uint64_t usual_seeds = 1000;
constexpr std::uint64_t parts = 8;

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  if (text == nullptr) return otherwise;
  const std::string_view all = text;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(all.data(), all.data() + all.size(), number);
  if (error != std::errc() || end != all.data() + all.size())
    ADD_FAILURE() << variable << " is not a number: " << text;
  return number;
}

/// Every eighth seed from the first one on.
class Simulation : public testing::TestWithParam<std::uint64_t> {
 protected:
  static void SetUpTestSuite() { log::configure(log::Level::error, log::Format::logfmt); }
};

TEST_P(Simulation, PublishesOnlyWhatTheEngineSaidAndEndsWithItsStateWithAndWithoutEvents) {
  const std::uint64_t first = number_from("SIMULATION_FIRST_SEED", 1);
  const std::uint64_t seeds = number_from("SIMULATION_SEEDS", usual_seeds);
  for (std::uint64_t seed = first + GetParam(); seed < first + seeds; seed += parts) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", alone: SIMULATION_FIRST_SEED=" + std::to_string(seed) +
                 " SIMULATION_SEEDS=1");
    std::shared_ptr<const inventory::Snapshot> heard;
    std::shared_ptr<const inventory::Snapshot> unheard;
    {
      SCOPED_TRACE("with events");
      History history(seed, true);
      history.run();
      heard = history.last();
    }
    {
      SCOPED_TRACE("without events");
      History history(seed, false);
      history.run();
      unheard = history.last();
    }
    if (HasFailure()) return;
    EXPECT_EQ(heard->engine, unheard->engine);
    EXPECT_EQ(heard->totals, unheard->totals);
    ASSERT_EQ(heard->images.size(), unheard->images.size());
    for (std::size_t i = 0; i < heard->images.size(); ++i)
      EXPECT_EQ(*heard->images[i], *unheard->images[i]) << heard->images[i]->id;
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Part, Simulation, testing::Range<std::uint64_t>(0, parts));

}  // namespace
}  // namespace repodigest::model
