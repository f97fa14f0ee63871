// Random histories of an engine: after each step the inventory must say what a slow model says, which keeps
// plain lists and computes everything anew.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "builders.h"

namespace repodigest::inventory {
namespace {

using digest::Anomaly;

/// What the model remembers of an image.
struct Remembered {
  engine::ImageRow row;         // merged
  std::optional<Strings> told;  // RepoDigests of its last inspect
  bool current = false;
  std::optional<int> doubtful_since;  // the list after which an inspect came that does not go with the row
  std::optional<Reason> failure;
  bool by_id = false;
  bool not_inspectable = false;
  int tries = 0;
  int failures = 0;
  std::optional<int> first_404;
  std::optional<SteadyTime> retry_at;

  void forget_trouble() {
    failure.reset();
    by_id = not_inspectable = false;
    tries = failures = 0;
    first_404.reset();
    retry_at.reset();
  }
};

bool contains(const Strings& strings, const std::string& one) {
  return std::count(strings.begin(), strings.end(), one) > 0;
}

class Model {
 public:
  void set_identity(const engine::Identity& identity) {
    const bool is_another =
        identity_ && (identity_->id != identity.id || identity_->image_store != identity.image_store);
    const bool is_void = identity_ && identity_->version != identity.version;
    identity_ = identity;
    if (is_another) {
      images_.clear();
      order_.clear();
    }
    if (!is_void) return;
    for (auto& [id, image] : images_) {
      image.told.reset();
      image.current = false;
      image.doubtful_since.reset();
      image.forget_trouble();
    }
  }

  void apply_list(const std::vector<engine::ImageRow>& rows) {
    ++lists_;
    std::map<std::string, Remembered> before = std::move(images_);
    images_.clear();
    order_.clear();
    std::map<std::string, engine::ImageRow> merged;
    for (const engine::ImageRow& row : rows) {
      if (!contains(order_, row.id)) {
        order_.push_back(row.id);
        merged[row.id] = engine::ImageRow{row.id, {}, {}, row.created, row.size};
      }
      engine::ImageRow& one = merged[row.id];
      one.size = std::max(one.size, row.size);
      for (const std::string& tag : row.repo_tags)
        if (tag != "<none>:<none>" && !contains(one.repo_tags, tag)) one.repo_tags.push_back(tag);
      const bool is_only_row =
          std::count_if(rows.begin(), rows.end(), [&](const auto& other) { return other.id == row.id; }) == 1;
      for (const std::string& entry : row.repo_digests)
        if (!is_only_row || !contains(one.repo_digests, entry)) one.repo_digests.push_back(entry);
    }
    for (const std::string& id : order_) {
      if (std::count_if(rows.begin(), rows.end(), [&](const auto& row) { return row.id == id; }) > 1) {
        std::sort(merged[id].repo_tags.begin(), merged[id].repo_tags.end());
        std::sort(merged[id].repo_digests.begin(), merged[id].repo_digests.end());
      }
      Remembered image = before[id];
      if (image.row.repo_tags != merged[id].repo_tags || image.row.repo_digests != merged[id].repo_digests) {
        image.current = false;
        image.doubtful_since.reset();
        image.forget_trouble();
      }
      if (image.first_404 && !image.not_inspectable) image.retry_at.reset();
      image.row = merged[id];
      images_[id] = image;
    }
  }

  void apply_inspect(const Due& due, const Result<engine::ImageInspect>& answer, SteadyTime now) {
    Remembered& image = images_.at(due.id);
    const bool by_tag = due.name != due.id;
    if (answer.ok() && answer->id == due.id) {
      image.forget_trouble();
      image.current = true;
      const bool repeated = image.doubtful_since && image.told &&
                            digest::analyse(*image.told) == digest::analyse(answer->repo_digests);
      image.told = answer->repo_digests;
      image.doubtful_since.reset();
      const bool goes_with_row = tags_of(image.row.repo_tags) == tags_of(answer->repo_tags) &&
                                 !has_list_mismatch(image) && has_entries_of_its_names(image);
      if (!goes_with_row && !repeated) image.doubtful_since = lists_;
      return;
    }
    Reason reason = by_tag ? Reason::not_found : Reason::parse;
    if (!answer.ok()) reason = answer.error().reason;
    if (reason == Reason::connect) return;
    if (reason == Reason::not_found) {
      if (by_tag) {
        image.by_id = true;
        return;
      }
      if (!image.first_404) image.first_404 = lists_;
      if (lists_ > *image.first_404) image.not_inspectable = true;
    }
    const bool passing = reason == Reason::not_found || reason == Reason::http;
    if (passing && !image.not_inspectable && ++image.tries < 3) return;
    image.failure = reason;
    image.retry_at = now + std::chrono::minutes(std::min(60, 1 << std::min(image.failures++, 10)));
    if (image.not_inspectable) image.told.reset();
  }

  [[nodiscard]] std::vector<Due> due(SteadyTime now) const {
    std::vector<Due> all;
    for (const bool suspects : {true, false})
      for (const std::string& id : order_) {
        const Remembered& image = images_.at(id);
        if ((image.current && !is_doubtful(image)) || (image.retry_at && *image.retry_at > now) ||
            is_suspect(image) != suspects)
          continue;
        std::string name = id;
        for (auto tag = image.row.repo_tags.rbegin(); tag != image.row.repo_tags.rend(); ++tag)
          if (!image.by_id && tag->find('@') == std::string::npos) name = *tag;
        all.push_back({id, name});
      }
    return all;
  }

  [[nodiscard]] std::vector<Image> images() const {
    std::vector<Image> all;
    for (const auto& [id, remembered] : images_) all.push_back(image(remembered));
    std::sort(all.begin(), all.end(), [](const Image& one, const Image& other) {
      return std::pair(one.name, one.id) < std::pair(other.name, other.id);
    });
    return all;
  }

  [[nodiscard]] const std::optional<engine::Identity>& identity() const { return identity_; }

 private:
  static std::set<std::string> tags_of(const Strings& names) {
    std::set<std::string> tags;
    for (const std::string& name : names)
      if (name.find('@') == std::string::npos) tags.insert(name);
    return tags;
  }

  [[nodiscard]] bool is_doubtful(const Remembered& image) const {
    return image.doubtful_since && *image.doubtful_since < lists_;
  }

  [[nodiscard]] bool has_list_mismatch(const Remembered& image) const {
    const auto has_more = [](const Strings& some, const Strings& all) {
      return std::any_of(some.begin(), some.end(), [&](const std::string& entry) {
        return entry != "<none>@<none>" && !contains(all, entry);
      });
    };
    return has_more(image.row.repo_digests, *image.told) ||
           (identity_ && identity_->image_store == engine::ImageStore::graphdriver &&
            has_more(*image.told, image.row.repo_digests));
  }

  /// With the containerd store, where names make the entries.
  [[nodiscard]] bool has_entries_of_its_names(const Remembered& image) const {
    if (!identity_ || identity_->image_store != engine::ImageStore::containerd) return true;
    std::set<std::string> needed;
    std::set<std::string> known;
    std::set<std::string> have;
    std::size_t names = 0;
    for (const std::string& name : image.row.repo_tags) {
      const std::string repository(digest::repository_of(digest::familiar_name(name)));
      if (!repository.empty()) known.insert(repository);
      if (digest::parse_entry(name).kind == digest::EntryKind::tagged) continue;
      if (!repository.empty()) needed.insert(repository);
      ++names;
    }
    const auto add_canonical = [](std::set<std::string>& to, const Strings& entries) {
      for (const std::string& entry : entries)
        if (digest::parse_entry(entry).kind == digest::EntryKind::canonical)
          to.emplace(digest::repository_of(digest::familiar_name(entry)));
    };
    add_canonical(known, image.row.repo_digests);
    add_canonical(have, *image.told);
    const bool repeats = identity_->version < "27.4.0";
    return std::includes(known.begin(), known.end(), have.begin(), have.end()) &&
           std::includes(have.begin(), have.end(), needed.begin(), needed.end()) &&
           image.told->size() <= std::max(image.row.repo_tags.size(), image.row.repo_digests.size()) &&
           (!repeats || image.told->size() >= names);
  }

  [[nodiscard]] bool is_suspect(const Remembered& image) const {
    if (identity_ && engine::doubles_single_names(identity_->version, identity_->image_store)) return true;
    std::set<std::string_view> repositories;
    for (const std::string& tag : image.row.repo_tags) repositories.insert(digest::repository_of(tag));
    return repositories.size() < image.row.repo_tags.size();
  }

  [[nodiscard]] Image image(const Remembered& from) const {
    Image image;
    image.id = from.row.id;
    image.repo_tags = from.row.repo_tags;
    image.created = from.row.created;
    image.size = from.row.size;
    image.failure = from.failure;
    image.pending = (!from.current || is_doubtful(from)) && !from.failure;
    image.suspect = is_suspect(from);

    const std::set<std::string> tags = tags_of(from.row.repo_tags);
    std::string repository;
    for (const std::string& entry : from.told && !from.told->empty() ? *from.told : from.row.repo_digests)
      if (repository.empty()) repository = digest::parse_entry(entry).repository;
    image.name = !tags.empty() ? *tags.begin() : !repository.empty() ? repository : "<none>";
    image.state = !tags.empty()                                        ? NameState::tagged
                  : !repository.empty() || !from.row.repo_tags.empty() ? NameState::digest_only
                                                                       : NameState::dangling;

    image.anomalies = digest::anomalies_of_entries(from.row.repo_digests);
    if (from.not_inspectable) image.anomalies.add(Anomaly::not_inspectable);
    if (!from.told) return image;
    image.digests = digest::analyse(*from.told);
    image.anomalies.add(image.digests->anomalies);
    if (from.current && has_list_mismatch(from)) image.anomalies.add(Anomaly::list_mismatch);
    return image;
  }

  std::optional<engine::Identity> identity_;
  std::map<std::string, Remembered> images_;
  std::vector<std::string> order_;
  int lists_ = 0;
};

Totals totals_of(const std::vector<Image>& images) {
  Totals totals;
  totals.images = images.size();
  for (const Image& image : images) {
    ++totals.by_state[index_of(image.state)];
    for (std::size_t i = 0; i < totals.by_anomaly.size(); ++i)
      if (image.anomalies.has(static_cast<Anomaly>(i))) ++totals.by_anomaly[i];
    if (image.failure) ++totals.inspections_failed[index_of(*image.failure)];
    if (image.pending) ++(image.suspect ? totals.pending_suspect : totals.pending_other);
    if (!image.digests) continue;
    ++totals.inspected;
    totals.repo_digests += image.digests->raw_count;
    totals.repo_digests_unique += image.digests->unique.size();
    if (!image.digests->duplicates.empty()) ++totals.images_with_duplicates;
  }
  return totals;
}

bool says_the_same(const Snapshot& one, const Snapshot& other) {
  return one.engine == other.engine && one.listed == other.listed && one.totals == other.totals &&
         std::equal(one.images.begin(), one.images.end(), other.images.begin(), other.images.end(),
                    [](const auto& a, const auto& b) { return *a == *b; });
}

class RandomHistory : public testing::Test {
 protected:
  std::size_t below(std::size_t end) { return random_() % end; }

  Strings some_of(const Strings& all, std::size_t most) {
    Strings some(below(most + 1));
    for (std::string& one : some) one = all[below(all.size())];
    return some;
  }

  void change_engine() {
    static const Strings versions = {"24.0.0", "27.3.1", "27.3.1", "27.4.0"};
    engine::Identity next =
        identity(versions[below(versions.size())], static_cast<engine::ImageStore>(below(3)));
    next.id = "engine-" + std::to_string(below(2));
    next.name = "host-" + std::to_string(below(2));
    world_.inventory.set_identity(next);
    model_.set_identity(next);
  }

  void change_images() {
    for (std::size_t changes = below(4); changes > 0; --changes) {
      const std::string image = id("0123456789"[below(10)]);
      std::erase_if(rows_, [&](const engine::ImageRow& row) { return row.id == image; });
      if (below(3) == 0) continue;
      for (std::size_t names = 1 + below(4) / 3; names > 0; --names) {
        engine::ImageRow one = row(image, some_of(tags_, 3), some_of(digests_, 2));
        one.size = static_cast<std::int64_t>(below(2));
        rows_.push_back(one);
      }
    }
    if (below(4) == 0) std::shuffle(rows_.begin(), rows_.end(), random_);
  }

  void list() {
    world_.list(rows_);
    model_.apply_list(rows_);
  }

  void inspect_next() {
    const auto due = world_.inventory.next_due(world_.now);
    if (!due) return;
    const auto answer = [&]() -> Result<engine::ImageInspect> {
      switch (below(10)) {
        case 0:
          return Error{Reason::connect, "away"};
        case 1:
          return Error{Reason::timeout, "slow"};
        case 2:
          return server_error();
        case 3:
        case 4:
          return not_found();
        case 5:
          return inspect(id('f'), {});
        default:
          return inspect(due->id, some_of(digests_, 4),
                         below(3) == 0 ? some_of(tags_without_placeholder_, 3)
                                       : world_.image(due->id)->repo_tags.strings());
      }
    }();
    world_.inventory.apply_inspect(*due, answer, world_.now);
    model_.apply_inspect(*due, answer, world_.now);
  }

  void step() {
    const std::size_t what = below(20);
    if (what == 0) change_engine();
    if (what <= 4) change_images();
    if (what <= 6) list();
    if (what == 7) world_.now += std::chrono::minutes(below(90));
    if (what > 7) inspect_next();
  }

  void compare() {
    const auto due = model_.due(world_.now);
    ASSERT_EQ(world_.due_count(), due.size());
    const auto next = world_.inventory.next_due(world_.now);
    ASSERT_EQ(next.has_value(), !due.empty());
    if (next) {
      ASSERT_EQ(next->id, due.front().id);
      ASSERT_EQ(next->name, due.front().name);
    }

    world_.wall += std::chrono::seconds(1);
    const auto snapshot = world_.snapshot();
    const std::vector<Image> images = model_.images();
    ASSERT_EQ(snapshot->images.size(), images.size());
    for (std::size_t i = 0; i < images.size(); ++i)
      ASSERT_TRUE(*snapshot->images[i] == images[i]) << images[i].id;
    ASSERT_EQ(snapshot->totals, totals_of(images));
    ASSERT_EQ(snapshot->engine, model_.identity());

    if (says_the_same(*snapshot, *latest_)) {
      ASSERT_EQ(snapshot, latest_) << "a new snapshot though nothing changed";
    } else {
      ASSERT_GT(snapshot->sequence, latest_->sequence);
      ASSERT_EQ(snapshot->changed_at, world_.wall);
    }
    latest_ = snapshot;
  }

  std::mt19937::result_type seed_ = std::random_device{}();
  std::mt19937 random_{seed_};
  World world_;
  Model model_;
  std::vector<engine::ImageRow> rows_;
  std::shared_ptr<const Snapshot> latest_ = world_.snapshot();
  const Strings tags_ = {"a:1", "a:2", "b:1", "c:1", "a@" + id('1'), "b:1@" + id('1'), "<none>:<none>"};
  const Strings tags_without_placeholder_ = {tags_.begin(), tags_.end() - 1};
  const Strings digests_ = {"a@" + id('1'), "a@" + id('2'),  "b@" + id('1'), "c:1@" + id('1'),
                            id('1'),        "<none>@<none>", "malformed"};
};

TEST_F(RandomHistory, LeavesTheInventoryAsTheModelHasIt) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  for (int i = 0; i < 5000 && !HasFatalFailure(); ++i) {
    SCOPED_TRACE("step " + std::to_string(i));
    step();
    compare();
  }
}

}  // namespace
}  // namespace repodigest::inventory
