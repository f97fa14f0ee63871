#include "status_page.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "html.h"
#include "repodigest/base/build_info.h"
#include "repodigest/base/duration.h"
#include "repodigest/base/result.h"
#include "repodigest/base/stats.h"
#include "status_rows.h"

namespace repodigest::app {
namespace {

std::string ago(WallTime then, WallTime now) {
  constexpr std::int64_t minute = 60;
  constexpr std::int64_t hour = 60 * minute;
  constexpr std::int64_t day = 24 * hour;
  const std::int64_t seconds =
      std::max<std::int64_t>(0, std::chrono::floor<std::chrono::seconds>(now - then).count());
  if (seconds < minute) return std::to_string(seconds) + " s ago";
  if (seconds < hour) return std::to_string(seconds / minute) + " min ago";
  if (seconds < 2 * day) return std::to_string(seconds / hour) + " h ago";
  return std::to_string(seconds / day) + " days ago";
}

/// "2026-11-23 20:00:00 UTC"
std::string clock_text(WallTime time) {
  const std::string stamp = format_timestamp(time);
  return stamp.substr(0, stamp.find('T')) + " " + stamp.substr(stamp.find('T') + 1, 8) + " UTC";
}

std::string plural(std::size_t count, std::string_view word) {
  return std::to_string(count) + " " + std::string(word) + (count == 1 ? "" : "s");
}

void append_light(Html& strip, std::string_view id, std::string_view kind, std::string_view text,
                  std::optional<WallTime> when = std::nullopt) {
  strip.html("<li id=\"").html(id).html("\" class=\"").html(kind).html("\"");
  if (when) strip.html(" title=\"").html(format_timestamp(*when)).html("\"");
  strip.html(">").text(text).html("</li>");
}

/// The script says the same (takeWords).
std::string strip_of(const Moment& moment, bool events) {
  const auto& health = moment.health;
  Html strip;
  if (health.up)
    append_light(strip, "up", "good", "Engine answers");
  else if (health.last_error)
    append_light(strip, "up", "bad", "Engine does not answer");
  else
    append_light(strip, "up", "", "Engine not heard yet");
  append_light(
      strip, "confirmed", health.last_confirmed && !moment.stale ? "good" : "",
      health.last_confirmed ? "Confirmed " + ago(*health.last_confirmed, moment.wall) : "Not confirmed yet",
      health.last_confirmed);
  append_light(strip, "events", events ? "good" : "",
               events ? "Event stream connected" : "Event stream not connected");
  append_light(
      strip, "error", health.last_error ? "bad" : "good",
      "Last error: " + (health.last_error ? std::string(name_of(health.last_error->reason)) : "none"),
      health.last_error ? health.last_error_at : std::nullopt);
  return strip.take();
}

std::string trouble_of(const Moment& moment) {
  Html lines;
  if (moment.stale)
    lines.html(
        "<p>Stale: the engine has not confirmed this for too long. What stands here is what it said "
        "last.</p>");
  if (moment.health.last_error)
    lines.html("<p>")
        .html(moment.health.up ? "The last poll failed: " : "The engine does not answer: ")
        .text(moment.health.last_error->text)
        .html("</p>");
  return lines.take();
}

std::string advisories_of(const inventory::Snapshot& snapshot) {
  Html list;
  for (const auto& advisory : snapshot.advisories)
    if (advisory.affects)
      list.html("<li><a href=\"")
          .text(advisory.url)
          .html("\">")
          .text(advisory.id)
          .html("</a>: ")
          .text(advisory.text)
          .html(". <b>Upgrade to ")
          .text(advisory.fixed_in)
          .html(" or later.</b></li>");
  return list.take();
}

std::string engine_text(const inventory::Snapshot& snapshot) {
  if (!snapshot.engine) return {};
  const auto& engine = *snapshot.engine;
  return "Engine " + engine.version + " · API " + engine.api_version + " · " +
         std::string(engine::image_store_names[index_of(engine.image_store)]) + " image store (" +
         engine.storage_driver + ")";
}

std::string note_of(const inventory::Snapshot& snapshot) {
  const auto& totals = snapshot.totals;
  std::string note;
  if (const std::size_t pending = totals.pending_suspect + totals.pending_other; pending > 0)
    note = plural(pending, "image") + " still to be inspected.";
  const std::size_t running = totals.containers_with_duplicates[index_of(inventory::ContainerState::running)];
  if (snapshot.containers_known && running > 0)
    note += (note.empty() ? "" : " ") + plural(running, "running container") + " of images with duplicates.";
  return note;
}

std::string inventory_of(const Moment& moment, bool events, const PageOptions& options) {
  const auto& snapshot = *moment.snapshot;
  const auto& totals = snapshot.totals;
  const bool empty = totals.repo_digests == 0;
  const std::size_t surplus = totals.repo_digests - totals.repo_digests_unique;
  // Before the first list there is nothing to count.
  const auto counted = [&snapshot](std::size_t count) {
    return snapshot.listed ? std::to_string(count) : std::string("–");
  };
  const auto some = [](std::size_t count) { return count > 0 ? " some" : ""; };
  const auto why_none = why_not_listed(moment);
  return filled(
      page_file("inventory.html"),
      {{"host", escaped(snapshot.engine ? snapshot.engine->name : "an engine not heard yet")},
       {"engine", escaped(engine_text(snapshot))},
       {"demo", snapshot.demo ? "\n<p class=\"demo\"><b>demo</b>An embedded recording answers, not an "
                                "engine of yours.</p>"
                              : ""},
       {"trouble", trouble_of(moment)},
       {"strip", strip_of(moment, events)},
       {"advisories", advisories_of(snapshot)},
       {"images", counted(totals.images)},
       {"duplicates", counted(totals.images_with_duplicates)},
       {"duplicates-some", some(totals.images_with_duplicates)},
       {"raw", counted(totals.repo_digests)},
       {"unique", counted(totals.repo_digests_unique)},
       {"surplus", counted(surplus)},
       {"surplus-some", some(surplus)},
       {"no-bar", empty ? " hidden" : ""},
       {"part", std::to_string(empty ? 0 : 100 * totals.repo_digests_unique / totals.repo_digests)},
       {"note", note_of(snapshot)},
       {"shown", why_none ? ""
                          : "Showing " + std::to_string(std::min(totals.images, status_rows_limit)) + " of " +
                                plural(totals.images, "image")},
       {"rows", status_rows(snapshot, options.api)},
       {"empty", why_none             ? escaped(*why_none)
                 : totals.images == 0 ? "The engine has no images."
                                      : ""}});
}

constexpr std::string_view no_polling =
    "<div class=\"host\" id=\"images\" tabindex=\"-1\">\n<h1>Polling is off</h1>\n<p>This instance serves "
    "the "
    "corrected Docker API alone (--no-poll) and knows no images.</p>\n</div>";

}  // namespace

web::Reply status_page(const Moment& moment, bool events, const PageOptions& options, bool gzip) {
  const bool script = options.polling && options.api;
  const auto& engine = moment.snapshot->engine;
  const std::string main = options.polling ? inventory_of(moment, events, options) : std::string(no_polling);
  return page_reply(
      filled(page_file("frame.html"),
             {{"title", (engine ? escaped(engine->name) + " · " : "") + std::string("repodigest_exporter")},
              {"style", page_file("style.css")},
              {"version", escaped(build_info::version())},
              {"revision", escaped(build_info::revision())},
              {"time", clock_text(moment.wall)},
              {"main", main},
              {"links", page_links(options)},
              {"script",
               script ? "<script>" + std::string(page_file("script.js")) + "</script>" : std::string()}}),
      status_page_policy(script), gzip);
}

}  // namespace repodigest::app
