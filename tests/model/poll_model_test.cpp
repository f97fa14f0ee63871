// The whole of polling (driver, machine, client, inventory) against an engine in memory that changes, fails
// and is replaced at random, under a clock that runs as fast as it is read. Each seed is one history; a
// failure names it.
#include <gtest/gtest.h>

#include <memory>

#include "model_engine.h"
#include "repodigest/poll/driver.h"

namespace repodigest::model {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t histories = 200;
constexpr Duration unrest = 20min;
// Longer than the longest pause before a failed inspect is tried again (an hour), and than a list rests that
// hung for five minutes (45).
constexpr Duration calm = 2h;

class History {
 public:
  explicit History(std::uint64_t seed) : engine_(seed, clock_) {
    engine_.after_call = [this] { expect_only_what_was_said(); };
  }

  void run(std::uint64_t seed) {
    engine::Client client(std::make_unique<ModelTransport>(engine_), "model", {}, stats_, clock_);
    poll::Driver driver({client, store_, board_, stats_, clock_}, {.interval = 15s, .seed = seed}, false);
    clock_.at(unrest, [this] {
      engine_.settle();
      clock_.step = 2s;  // with less to happen there is less to be exact about
      clock_.at(unrest + calm, [this] { stop_.raise(); });
    });
    driver.run(Cancel(stop_));
  }

  /// Each image and each count that is published was said by the engine that is named beside it.
  void expect_only_what_was_said() const {
    const auto snapshot = store_.current();
    if (!snapshot->listed || snapshot == judged_) return;
    judged_ = snapshot;
    const ModelEngine::Identity who{snapshot->engine->id, snapshot->engine->version,
                                    snapshot->engine->image_store == engine::ImageStore::containerd};
    std::set<std::string> ids;
    for (const auto& image : snapshot->images) {
      ids.insert(image->id);
      if (!image->digests) continue;
      Strings raw = image->digests->unique;
      for (const auto& duplicate : image->digests->duplicates)
        raw.insert(std::find(raw.begin(), raw.end(), duplicate.repo_digest), duplicate.count - 1,
                   duplicate.repo_digest);
      EXPECT_TRUE(engine_.ever_said(who, image->id, raw))
          << who.id << " of version " << who.version << " never answered so for " << image->id;
    }
    EXPECT_TRUE(engine_.ever_listed(who, ids)) << who.id << " never listed these " << ids.size() << " images";
  }

  void expect_the_engines_state() const {
    const auto snapshot = store_.current();
    EXPECT_EQ(snapshot->engine->id, engine_.identity().id);
    EXPECT_EQ(snapshot->engine->version, engine_.identity().version);
    ASSERT_EQ(snapshot->images.size(), engine_.images().size());
    for (const auto& image : snapshot->images) {
      ASSERT_EQ(engine_.images().count(image->id), 1U) << image->id;
      EXPECT_EQ(std::set<std::string>(image->repo_tags.begin(), image->repo_tags.end()),
                engine_.images().at(image->id));
      ASSERT_TRUE(image->digests) << image->id;
      EXPECT_EQ(*image->digests, digest::analyse(engine_.inspected_digests(image->id))) << image->id;
      EXPECT_FALSE(image->pending);
      EXPECT_FALSE(image->failure);
    }
    const poll::Health health = board_.get();
    EXPECT_TRUE(health.up);
    EXPECT_TRUE(health.ready);
    EXPECT_FALSE(health.last_error) << health.last_error->text;
    EXPECT_FALSE(health.stale(clock_.peek()));
  }

 private:
  RunningClock clock_;
  ModelEngine engine_;
  Stats stats_;
  inventory::SnapshotStore store_;
  poll::HealthBoard board_;
  Wake stop_;
  mutable std::shared_ptr<const inventory::Snapshot> judged_;
};

TEST(PollModel, PublishesOnlyWhatTheEngineSaidAndEndsWithItsState) {
  for (std::uint64_t seed = 1; seed <= histories; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    History history(seed);
    history.run(seed);
    history.expect_the_engines_state();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace repodigest::model
