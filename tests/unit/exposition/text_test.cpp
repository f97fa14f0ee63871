#include "repodigest/exposition/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "samples.h"
#include "support/golden.h"

namespace repodigest::exposition {
namespace {

using support::every_kind;
using support::inspected_image;
using support::new_image;
using support::sha256;
using support::SnapshotBuilder;
using ::testing::HasSubstr;
using ::testing::Not;

const SeriesOptions all_series;

/// The values of label `image` of docker_image_repo_digests, in the order of the text.
std::vector<std::string> images_with_series(const std::string& text) {
  const std::string_view start = "\ndocker_image_repo_digests{";
  const std::string_view before = ",image=\"";
  std::vector<std::string> names;
  for (auto at = text.find(start); at != std::string::npos; at = text.find(start, at + 1)) {
    const auto name = text.find(before, at) + before.size();
    names.push_back(text.substr(name, text.find('"', name) - name));
  }
  return names;
}

TEST(Text, OfEveryKindOfImageIsAsWritten) {
  EXPECT_TRUE(support::matches_golden("unit/exposition/golden/full.prom",
                                      render_text(*every_kind().build(), false, all_series)));
}

TEST(Text, IsEmptyBeforeTheEngineHasAnswered) {
  EXPECT_EQ(render_text(inventory::Snapshot(), false, all_series), "");
}

TEST(Text, HasTheEngineAloneBeforeTheFirstList) {
  SnapshotBuilder builder;
  builder->listed = false;
  const std::string text = render_text(*builder.build(), false, all_series);
  EXPECT_TRUE(support::matches_golden("unit/exposition/golden/engine_only.prom", text));
}

TEST(Text, HasTheEngineAloneWhenStale) {
  const std::string text = render_text(*every_kind().build(), true, all_series);
  EXPECT_TRUE(support::matches_golden("unit/exposition/golden/engine_only.prom", text));
}

TEST(Text, OfAnEngineWithoutImagesCountsZeroes) {
  const std::string text = render_text(*SnapshotBuilder().build(), false, all_series);
  EXPECT_TRUE(support::matches_golden("unit/exposition/golden/no_images.prom", text));
}

TEST(Text, NamesTheDemoAsItsSource) {
  SnapshotBuilder builder;
  builder->demo = true;
  EXPECT_THAT(render_text(*builder.build(), false, all_series), HasSubstr(",source=\"demo\"} 1\n"));
}

TEST(Text, GivesNoSeriesToAnImageThatWasNeverInspected) {
  const auto snapshot = SnapshotBuilder().add(new_image(sha256('8'), {"new:1"})).build();
  const std::string text = render_text(*snapshot, false, all_series);
  EXPECT_THAT(text, Not(HasSubstr("docker_image_repo_digests")));
  EXPECT_THAT(text, HasSubstr("docker_images_without_series 0\n"));
}

TEST(Text, KeepsTheCountsOfAChangedImageUntilItIsInspectedAgain) {
  inventory::Image changed = support::issue_image();
  changed.pending = true;
  const std::string text = render_text(*SnapshotBuilder().add(changed).build(), false, all_series);
  EXPECT_THAT(text, HasSubstr("image=\"localhost:5000/namespace1/myimage:1.0.0\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("docker_images_pending_inspection{suspect=\"false\"} 1\n"));
}

TEST(Text, CutsPlainImagesFirstThenAnomalousOnesThenDuplicates) {
  SnapshotBuilder builder;
  builder.add(inspected_image(sha256('1'), {"a-plain:1"}, {"a@" + sha256('1')}));
  builder.add(inspected_image(sha256('2'), {"b-tagged:1"}, {"b:1@" + sha256('2')}));  // counted only: plain
  builder.add(inspected_image(sha256('3'), {"c-malformed:1"}, {"?"}));
  builder.add(inspected_image(sha256('4'), {"d-duplicate:1"}, {"d@" + sha256('4'), "d@" + sha256('4')}));
  const auto snapshot = builder.build();
  const std::vector<std::vector<std::string>> kept = {
      {},
      {"d-duplicate:1"},
      {"c-malformed:1", "d-duplicate:1"},
      {"a-plain:1", "c-malformed:1", "d-duplicate:1"},
      {"a-plain:1", "b-tagged:1", "c-malformed:1", "d-duplicate:1"},
      {"a-plain:1", "b-tagged:1", "c-malformed:1", "d-duplicate:1"}};
  for (std::size_t max_images = 0; max_images < kept.size(); ++max_images) {
    const std::string text = render_text(*snapshot, false, {PerImage::all, max_images});
    EXPECT_EQ(images_with_series(text), kept[max_images]) << max_images;
    EXPECT_THAT(text, HasSubstr("docker_images_without_series " +
                                std::to_string(4 - kept[max_images].size()) + "\n"));
  }
}

TEST(Text, CutsTheLastByName) {
  SnapshotBuilder builder;
  for (const char digit : {'3', '1', '2'})
    builder.add(inspected_image(sha256(digit), {std::string("image:") + digit}, {}));
  const std::string text = render_text(*builder.build(), false, {PerImage::all, 2});
  EXPECT_EQ(images_with_series(text), (std::vector<std::string>{"image:1", "image:2"}));
}

TEST(Text, LimitsSeriesToAnomalousImagesWithoutCallingTheRestCut) {
  const std::string text = render_text(*every_kind().build(), false, {PerImage::anomalous, 5000});
  EXPECT_EQ(images_with_series(text),
            (std::vector<std::string>{"back\\\\slash\\", "localhost:5000/namespace1/myimage:1.0.0",
                                      "two/digests:a"}));
  EXPECT_THAT(text, HasSubstr("docker_images_without_series 0\n"));
}

TEST(Text, HasNoImageSeriesWhenNoneAreWanted) {
  const std::string text = render_text(*every_kind().build(), false, {PerImage::none, 5000});
  EXPECT_EQ(images_with_series(text), std::vector<std::string>());
  EXPECT_THAT(text, HasSubstr("docker_images_without_series 0\n"));
  EXPECT_THAT(text, HasSubstr("docker_repo_digests 11\n"));
}

TEST(Text, HasNoContainersWhileTheyAreNotKnown) {
  SnapshotBuilder builder = every_kind();
  builder->containers_known = false;
  EXPECT_THAT(render_text(*builder.build(), false, all_series), Not(HasSubstr("containers")));
}

TEST(Text, CountsContainersOfImagesThatHaveSeriesOnly) {
  SnapshotBuilder builder;
  builder->containers_known = true;
  for (const char digit : {'1', '2'}) {
    const std::string entry = std::string("d@") + sha256(digit);
    inventory::Image image = inspected_image(sha256(digit), {std::string("d:") + digit}, {entry, entry});
    image.containers = {{"c", "web", "running"}};
    builder.add(image);
  }
  builder.add(inspected_image(sha256('3'), {"?:3"}, {"?"}));
  const auto snapshot = builder.build();
  const auto samples = [&snapshot](const SeriesOptions& options) {
    const std::string text = render_text(*snapshot, false, options);
    EXPECT_THAT(text, HasSubstr("\ndocker_containers_with_duplicate_repo_digests{state=\"running\"} 2\n"));
    std::size_t count = 0;
    for (auto at = text.find("\ndocker_image_containers{"); at != std::string::npos;
         at = text.find("\ndocker_image_containers{", at + 1))
      ++count;
    return count;
  };
  EXPECT_EQ(samples(all_series), 4U);
  EXPECT_EQ(samples({PerImage::anomalous, 5000}), 4U);
  EXPECT_EQ(samples({PerImage::all, 1}), 2U);
  EXPECT_EQ(samples({PerImage::all, 0}), 0U);
  EXPECT_EQ(samples({PerImage::none, 5000}), 0U);
}

TEST(Text, AnImageWithDuplicatesAndNoContainersHasZeroes) {
  SnapshotBuilder builder;
  builder->containers_known = true;
  builder.add(inspected_image(sha256('4'), {"d:1"}, {"d@" + sha256('4'), "d@" + sha256('4')}));
  const std::string text = render_text(*builder.build(), false, all_series);
  for (const char* state : {"running", "other"})
    EXPECT_THAT(text, HasSubstr("\ndocker_image_containers{image_id=\"" + sha256('4') +
                                "\",image=\"d:1\",state=\"" + state + "\"} 0\n"));
}

// ---- equal to prometheus-cpp ----

using prometheus::ClientMetric;
using prometheus::MetricFamily;

ClientMetric gauge(std::vector<ClientMetric::Label> labels, std::size_t value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = static_cast<double>(value);
  return metric;
}

/// Help texts are ours: taken from the text itself.
std::string help_of(const std::string& text, const std::string& name) {
  const std::string head = "# HELP " + name + " ";
  const auto start = text.find(head);
  if (start == std::string::npos) return "";
  return text.substr(start + head.size(), text.find('\n', start) - start - head.size());
}

template <std::size_t size>
std::vector<ClientMetric> gauges(const std::string& label, const std::array<std::string_view, size>& names,
                                 const std::array<std::size_t, size>& values) {
  std::vector<ClientMetric> metrics;
  for (std::size_t i = 0; i < size; ++i)
    metrics.push_back(gauge({{label, std::string(names[i])}}, values[i]));
  return metrics;
}

/// The families of `text` as prometheus-cpp types.
std::vector<MetricFamily> families_of(const inventory::Snapshot& snapshot, const std::string& text) {
  const inventory::Totals& totals = snapshot.totals;
  std::vector<MetricFamily> families;
  const auto add = [&](const std::string& name, std::vector<ClientMetric> metrics) {
    families.push_back({name, help_of(text, name), prometheus::MetricType::Gauge, std::move(metrics)});
  };
  add("docker_engine_info", {gauge({{"version", "27.3.1"},
                                    {"api_version", "1.47"},
                                    {"os", "linux"},
                                    {"architecture", "amd64"},
                                    {"storage_driver", "overlayfs"},
                                    {"image_store", "containerd"},
                                    {"source", "engine"}},
                                   1)});
  add("docker_engine_advisory", {gauge({{"advisory", "moby-45122"}, {"fixed_in", "24.0.0"}}, 0),
                                 gauge({{"advisory", "moby-48747"}, {"fixed_in", "27.4.0"}}, 1)});
  add("docker_images", gauges("state", inventory::name_state_names, totals.by_state));
  add("docker_images_pending_inspection", {gauge({{"suspect", "true"}}, totals.pending_suspect),
                                           gauge({{"suspect", "false"}}, totals.pending_other)});
  add("docker_images_inspection_failed", gauges("reason", reason_names, totals.inspections_failed));
  add("docker_repo_digests", {gauge({}, totals.repo_digests)});
  add("docker_repo_digests_unique", {gauge({}, totals.repo_digests_unique)});
  add("docker_images_with_duplicate_repo_digests", {gauge({}, totals.images_with_duplicates)});
  add("docker_images_with_anomaly", gauges("anomaly", digest::anomaly_names, totals.by_anomaly));
  add("docker_images_without_series", {gauge({}, 0)});
  add("docker_containers_with_duplicate_repo_digests",
      gauges("state", inventory::container_state_names, totals.containers_with_duplicates));
  std::swap(families.back(), families[families.size() - 2]);  // before docker_images_without_series
  std::vector<ClientMetric> raw;
  std::vector<ClientMetric> unique;
  std::vector<ClientMetric> containers;
  for (const auto& image : snapshot.images) {
    if (!image->digests) continue;
    const std::vector<ClientMetric::Label> labels = {{"image_id", image->id}, {"image", image->name}};
    raw.push_back(gauge(labels, image->digests->raw_count));
    unique.push_back(gauge(labels, image->digests->unique.size()));
    if (image->digests->duplicates.empty()) continue;
    const auto running = static_cast<std::size_t>(
        std::count_if(image->containers.begin(), image->containers.end(),
                      [](const auto& container) { return container.state == "running"; }));
    for (const bool runs : {true, false}) {
      auto with_state = labels;
      with_state.push_back({"state", runs ? "running" : "other"});
      containers.push_back(gauge(with_state, runs ? running : image->containers.size() - running));
    }
  }
  add("docker_image_repo_digests", raw);
  add("docker_image_repo_digests_unique", unique);
  add("docker_image_containers", containers);
  return families;
}

TEST(Text, IsByteForByteWhatPrometheusCppWrites) {
  SnapshotBuilder builder = every_kind();
  inventory::Image large = inspected_image(sha256('b'), {"large:\\\"\n\\n,{}= é"}, {});
  large.digests->raw_count = 9'007'199'254'740'000;  // 16 digits, the most that a double has
  builder.add(large);
  const auto snapshot = builder.build();
  const std::string text = render_text(*snapshot, false, all_series);
  const std::string expected = prometheus::TextSerializer().Serialize(families_of(*snapshot, text));
  EXPECT_EQ(text, expected) << support::first_difference(expected, text);
}

}  // namespace
}  // namespace repodigest::exposition
