#include "repodigest/poll/journal.h"

#include <exception>
#include <string>
#include <utility>

#include "repodigest/base/stats.h"

namespace repodigest::poll {

void Journal::answered(const engine::Identity& identity, const inventory::IdentityChange& change) {
  const auto line = [&](std::string_view message) {
    log::info(message, {{"engine", identity.name},
                        {"version", identity.version},
                        {"api_version", identity.api_version},
                        {"image_store", engine::image_store_names[index_of(identity.image_store)]},
                        {"storage_driver", identity.storage_driver}});
  };
  if (change.any())
    line("the engine changed: every image is inspected again");
  else if (!up_.value_or(false))
    line("the engine answers");
  up_ = true;
}

void Journal::failed(const Error& error, bool up, SteadyTime now) {
  // The key leaves the text out: one that differs a little each time must not defeat the limit.
  const std::string key = std::string(name_of(error.reason)) + (up ? "/up" : "/away");
  const auto count = trouble_.occurred(key, now);
  if (!count) return;
  said_trouble_ = true;
  up_ =
      up;  // only if it is said, so that an engine that comes and goes does not fill the log with its coming
  log::warn(up ? "the engine answers, but its images could not be read" : "the engine does not answer",
            {{"reason", name_of(error.reason)}, {"error", error.text}, {"times", std::to_string(*count)}});
}

void Journal::recovered() {
  if (!std::exchange(said_trouble_, false)) return;
  log::info("polling works again", {{"failures_not_logged", std::to_string(trouble_.ended())}});
}

void Journal::broke_off(const char* what, SteadyTime now) noexcept {
  try {
    const auto count = exceptions_.occurred("exception", now);
    if (!count) return;
    said_trouble_ = true;
    log::error("polling broke off and starts afresh", {{"error", what}, {"times", std::to_string(*count)}});
  } catch (const std::exception&) {
    return;  // without the memory for a line it is more important to go on
  }
}

void Journal::rang(const inventory::Bell& bell) {
  log::debug("something changed",
             {{"id", bell.id}, {"reference", bell.reference}, {"removed", bell.removed ? "yes" : "no"}});
}

void Journal::containers_unknown(const Error& error, SteadyTime now) {
  const auto count = container_trouble_.occurred(name_of(error.reason), now);
  if (!count) return;
  said_no_containers_ = true;
  log::warn("the containers could not be listed",
            {{"reason", name_of(error.reason)}, {"error", error.text}, {"times", std::to_string(*count)}});
}

void Journal::containers_known() {
  if (!std::exchange(said_no_containers_, false)) return;
  log::info("the containers are listed again",
            {{"failures_not_logged", std::to_string(container_trouble_.ended())}});
}

void Journal::not_kept(const std::string& path, const Error& error, SteadyTime now) {
  const auto count = cache_trouble_.occurred(name_of(error.reason), now);
  if (!count) return;
  said_not_kept_ = true;
  log::warn("the cache file could not be written",
            {{"file", path}, {"error", error.text}, {"times", std::to_string(*count)}});
}

void Journal::kept() {
  if (!std::exchange(said_not_kept_, false)) return;
  log::info("the cache file is written again",
            {{"failures_not_logged", std::to_string(cache_trouble_.ended())}});
}

void Journal::published(const inventory::Snapshot& snapshot) {
  const std::size_t with_duplicates = snapshot.totals.images_with_duplicates;
  if ((with_duplicates > 0) == duplicates_) return;
  // None is known is not there is none: another engine's images are still to be inspected.
  const bool is_complete =
      snapshot.listed && snapshot.totals.pending_suspect + snapshot.totals.pending_other == 0;
  if (duplicates_ && !is_complete) return;
  duplicates_ = with_duplicates > 0;
  if (!duplicates_) {
    log::info("no image has duplicate RepoDigests any more");
    return;
  }
  for (const auto& image : snapshot.images) {
    if (!image->anomalies.has(digest::Anomaly::duplicate) || !image->digests) continue;
    log::warn("an image has duplicate RepoDigests",
              {{"image", image->name},
               {"id", image->id},
               {"repo_digests", std::to_string(image->digests->raw_count)},
               {"unique", std::to_string(image->digests->unique.size())}});
    return;
  }
}

}  // namespace repodigest::poll
