#include "repodigest/exposition/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "lines.h"
#include "repodigest/base/result.h"
#include "repodigest/base/stats.h"
#include "repodigest/digest/digest.h"
#include "repodigest/engine/types.h"

namespace repodigest::exposition {
namespace {

/// A part of the text.
struct Range {
  std::size_t begin = 0;
  std::size_t size = 0;
};

/// One family under construction: its head is written at once, its samples as they come.
class Gauge {
 public:
  Gauge(Output& out, std::string_view name, std::string_view help, Type type = Type::gauge)
      : out_(out.bytes), name_(name) {
    append_head(out, type, name, help);
  }
  void sample(std::uint64_t value) {
    out_ += name_;
    append_value(out_, value);
  }
  /// Returns where its labels stand in the text.
  Range sample(std::initializer_list<Label> labels, std::uint64_t value) {
    out_ += name_;
    Range written{out_.size(), 0};
    append_labels(out_, labels);
    written.size = out_.size() - written.begin;
    append_value(out_, value);
    return written;
  }
  /// With the labels that stand there in the text.
  void sample(Range labels, std::uint64_t value) {
    out_ += name_;
    out_.append(out_, labels.begin, labels.size);
    append_value(out_, value);
  }
  /// One sample for each of `names`, as values of `label`.
  template <std::size_t size>
  void samples(std::string_view label, const std::array<std::string_view, size>& names,
               const std::array<std::size_t, size>& values) {
    for (std::size_t i = 0; i < size; ++i) sample({{label, names[i]}}, values[i]);
  }

 private:
  std::string& out_;
  std::string_view name_;
};

void append_engine(Output& out, const inventory::Snapshot& snapshot) {
  const engine::Identity& engine = *snapshot.engine;
  Gauge(out, "docker_engine_info",
        "The engine as of its last answer: its version, the API version spoken with it, its image store; "
        "always 1.",
        Type::info)
      .sample({{"version", engine.version},
               {"api_version", engine.api_version},
               {"os", engine.os},
               {"architecture", engine.architecture},
               {"storage_driver", engine.storage_driver},
               {"image_store", engine::image_store_names[index_of(engine.image_store)]},
               {"source", snapshot.demo ? "demo" : "engine"}},
              1);
  if (snapshot.advisories.empty()) return;
  Gauge advisories(out, "docker_engine_advisory",
                   "Whether an engine of this version and image store has the known defect (1) or not (0).");
  for (const engine::Advisory& advisory : snapshot.advisories)
    advisories.sample({{"advisory", advisory.id}, {"fixed_in", advisory.fixed_in}}, advisory.affects ? 1 : 0);
}

void append_totals(Output& out, const inventory::Totals& totals) {
  Gauge(out, "docker_images",
        "Images by how they are named, as of the last complete list and the changes seen since.")
      .samples("state", inventory::name_state_names, totals.by_state);
  Gauge pending(out, "docker_images_pending_inspection",
                "Images that are new or changed and still to be inspected, as of the last complete list and "
                "the changes seen since; suspect ones are likely to have duplicate RepoDigests.");
  pending.sample({{"suspect", "true"}}, totals.pending_suspect);
  pending.sample({{"suspect", "false"}}, totals.pending_other);
  Gauge(out, "docker_images_inspection_failed", "Images whose last inspect failed, by reason.")
      .samples("reason", reason_names, totals.inspections_failed);
  Gauge(out, "docker_repo_digests",
        "RepoDigests entries of all images as the engine gives them, as of each image's last inspect.")
      .sample(totals.repo_digests);
  Gauge(out, "docker_repo_digests_unique",
        "RepoDigests entries of all images with each image's duplicates removed, as of each image's last "
        "inspect.")
      .sample(totals.repo_digests_unique);
  Gauge(out, "docker_images_with_duplicate_repo_digests",
        "Images whose RepoDigests have an entry more than once, as of each image's last inspect.")
      .sample(totals.images_with_duplicates);
  Gauge(out, "docker_images_with_anomaly",
        "Images by what is odd about their RepoDigests, as of each image's last inspect; an image can have "
        "several anomalies.")
      .samples("anomaly", digest::anomaly_names, totals.by_anomaly);
}

void append_containers(Output& out, const inventory::Totals& totals) {
  Gauge(out, "docker_containers_with_duplicate_repo_digests",
        "Containers made from images whose RepoDigests have an entry more than once, by what they do, as of "
        "the last list of containers.")
      .samples("state", inventory::container_state_names, totals.containers_with_duplicates);
}

bool wants_series(const inventory::Image& image, PerImage per_image) {
  return image.digests &&
         (per_image == PerImage::all || (per_image == PerImage::anomalous && image.anomalies.anomalous()));
}

/// What is written of one image, side by side with the next one's.
struct Series {
  const inventory::Image* image;
  std::string_view id;
  std::string_view name;
  std::size_t raw_count;
  std::size_t unique_count;
};

struct Choice {
  std::vector<Series> series;  ///< in the snapshot's order
  std::size_t cut = 0;         ///< how many had to be left out
};

/// Starts to fetch what is read some images later. Images lie anywhere in memory, so that with many of them
/// nearly all the time would go into waiting for one after the other.
void fetch_ahead(const void* at) {
  constexpr std::size_t line = 64;
  __builtin_prefetch(at);
  __builtin_prefetch(static_cast<const char*>(at) + line);
}
constexpr std::size_t images_ahead = 8;

Choice choose(const inventory::Snapshot& snapshot, const SeriesOptions& options) {
  const auto& images = snapshot.images;
  std::vector<Series> wanted;
  wanted.reserve(images.size());
  for (std::size_t i = 0; i < images.size(); ++i) {
    if (i + images_ahead < images.size()) fetch_ahead(images[i + images_ahead].get());
    const inventory::Image& image = *images[i];
    if (wants_series(image, options.per_image))
      wanted.push_back(
          {&image, image.id, image.name, image.digests->raw_count, image.digests->unique.size()});
  }
  if (wanted.size() <= options.max_images) return {std::move(wanted), 0};

  std::array<std::size_t, 3> room{};  // by rank: first how many there are, then how many may stay
  for (const Series& one : wanted) ++room[one.image->rank()];
  std::size_t left = options.max_images;
  for (std::size_t& count : room) left -= count = std::min(count, left);
  const std::size_t all = wanted.size();
  std::erase_if(wanted, [&room](const Series& one) {
    std::size_t& places = room[one.image->rank()];
    if (places == 0) return true;
    --places;
    return false;
  });
  return {std::move(wanted), all - options.max_images};
}

void append_images(Output& out, const std::vector<Series>& series) {
  if (series.empty()) return;
  // Both families in one allocation: the names and labels of a sample, twice.
  std::size_t size = 0;
  for (const Series& one : series) size += one.id.size() + one.name.size() + 80;
  out.bytes.reserve(out.bytes.size() + 2 * size + 1024);
  Gauge raw(out, "docker_image_repo_digests",
            "RepoDigests entries of an image as the engine gives them, as of the image's last inspect.");
  std::vector<Range> labels;
  labels.reserve(series.size());
  for (std::size_t i = 0; i < series.size(); ++i) {
    if (i + images_ahead < series.size()) {
      fetch_ahead(series[i + images_ahead].id.data());
      fetch_ahead(series[i + images_ahead].name.data());
    }
    labels.push_back(
        raw.sample({{"image_id", series[i].id}, {"image", series[i].name}}, series[i].raw_count));
  }
  Gauge unique(out, "docker_image_repo_digests_unique",
               "RepoDigests entries of an image with duplicates removed, as of the image's last inspect.");
  for (std::size_t i = 0; i < series.size(); ++i) unique.sample(labels[i], series[i].unique_count);
}

/// Of the images that have series the ones with duplicates.
void append_containers_of_images(Output& out, std::vector<Series> series) {
  std::erase_if(series,
                [](const Series& one) { return !one.image->anomalies.has(digest::Anomaly::duplicate); });
  if (series.empty()) return;
  Gauge containers(out, "docker_image_containers",
                   "Containers made from an image whose RepoDigests have an entry more than once, by what "
                   "they do, as of the last list of containers.");
  for (const Series& one : series) {
    std::array<std::size_t, inventory::container_state_names.size()> counts{};
    for (const inventory::Container& container : one.image->containers) ++counts[index_of(container.kind())];
    for (std::size_t i = 0; i < counts.size(); ++i)
      containers.sample(
          {{"image_id", one.id}, {"image", one.name}, {"state", inventory::container_state_names[i]}},
          counts[i]);
  }
}

}  // namespace

std::string render_text(const inventory::Snapshot& snapshot, bool stale, const SeriesOptions& options,
                        Format format) {
  Output out{.format = format};
  if (snapshot.engine) append_engine(out, snapshot);
  if (!snapshot.listed || stale) return std::move(out.bytes);
  append_totals(out, snapshot.totals);
  if (snapshot.containers_known) append_containers(out, snapshot.totals);
  Choice choice = choose(snapshot, options);
  Gauge(out, "docker_images_without_series",
        "Images that would have series of their own but were cut by --metrics.max-images.")
      .sample(choice.cut);
  append_images(out, choice.series);
  if (snapshot.containers_known) append_containers_of_images(out, std::move(choice.series));
  return std::move(out.bytes);
}

}  // namespace repodigest::exposition
