#include "repodigest/exposition/json.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "repodigest/base/duration.h"
#include "repodigest/base/stats.h"
#include "repodigest/engine/types.h"

namespace repodigest::exposition {
namespace {

using Json = nlohmann::ordered_json;

constexpr int schema_version = 1;

/// Never throws, whatever the bytes: the decoder has refused what is not UTF-8; this is the second lock.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string document(const Json& json) {
  return dump(json) + '\n';
}

/// RFC 3339 in UTC, whole seconds; null outside the years 0 to 9999, which that format cannot write. Not by
/// WallTime, whose nanoseconds end in 1677: engines give the year 1 for images without a date.
Json created_json(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  if (gmtime_r(&time, &parts) == nullptr) return nullptr;
  const int year = parts.tm_year + 1900;
  if (year < 0 || year > 9999) return nullptr;
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02dZ", year, parts.tm_mon + 1,
                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
  return text.data();
}

Json timestamp_json(std::optional<WallTime> time) {
  return time ? Json(format_timestamp(*time)) : Json();
}

/// Whole seconds from `then` to `now`, never negative; null if there is no `then`.
Json age_json(std::optional<WallTime> then, WallTime now) {
  if (!then) return nullptr;
  return std::max<std::int64_t>(0, std::chrono::floor<std::chrono::seconds>(now - *then).count());
}

std::string_view store_name(engine::ImageStore store) {
  return engine::image_store_names[index_of(store)];
}

Json engine_json(const std::optional<engine::Identity>& engine) {
  if (!engine) return nullptr;
  return {{"name", engine->name},
          {"version", engine->version},
          {"api_version", engine->api_version},
          {"image_store", store_name(engine->image_store)},
          {"storage_driver", engine->storage_driver}};
}

Json totals_json(const inventory::Totals& totals) {
  return {{"images", totals.images},
          {"inspected", totals.inspected},
          {"repo_digests", totals.repo_digests},
          {"repo_digests_unique", totals.repo_digests_unique},
          {"images_with_duplicates", totals.images_with_duplicates}};
}

/// Most texts need no escapes; the others are the library's.
void append_text(std::string& out, std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(),
                                 [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
  if (plain)
    out.append(1, '"').append(text).append(1, '"');
  else
    out += dump(text);
}

/// An array of what `append_one` writes of each.
template <typename All, typename AppendOne>
void append_array(std::string& out, const All& all, AppendOne append_one) {
  char before = '[';
  for (const auto& one : all) {
    out += std::exchange(before, ',');
    append_one(out, one);
  }
  out += before == '[' ? "[]" : "]";
}

void append_container(std::string& out, const inventory::Container& container) {
  append_text(out += "{\"id\":", container.id);
  append_text(out += ",\"name\":", container.name);
  append_text(out += ",\"state\":", container.state);
  out += '}';
}

/// Written by hand, because a tree for each of many images takes eight times as long.
void append_image(std::string& out, const inventory::Image& image, bool containers_known) {
  append_text(out += "{\"id\":", image.id);
  append_text(out += ",\"name\":", image.name);
  (out += ",\"created\":") += dump(created_json(image.created));
  (out += ",\"size\":") += std::to_string(image.size);
  append_array(out += ",\"repo_tags\":", image.repo_tags, append_text);
  if (image.digests) {
    append_array(out += ",\"repo_digests\":", image.digests->unique, append_text);
    (out += ",\"raw_count\":") += std::to_string(image.digests->raw_count);
    (out += ",\"unique_count\":") += std::to_string(image.digests->unique.size());
    append_array(out += ",\"duplicates\":", image.digests->duplicates,
                 [&](std::string& into, const digest::Duplicate& duplicate) {
                   append_text(into += "{\"repo_digest\":", image.digests->unique[duplicate.index]);
                   ((into += ",\"count\":") += std::to_string(duplicate.count)) += '}';
                 });
  } else {
    out += ",\"repo_digests\":null,\"raw_count\":null,\"unique_count\":null,\"duplicates\":[]";
  }
  append_array(out += ",\"anomalies\":", image.anomalies.names(), append_text);
  out += ",\"containers\":";
  if (containers_known)
    append_array(out, image.containers, append_container);
  else
    out += "null";
  out += '}';
}

bool matches(const inventory::Image& image, const Filter& filter) {
  if (filter.anomaly && !image.anomalies.has(*filter.anomaly)) return false;
  return !filter.name || std::any_of(image.repo_tags.begin(), image.repo_tags.end(), [&](const auto& tag) {
    return tag.find(*filter.name) != std::string::npos;
  });
}

Json advisories_json(const std::vector<engine::Advisory>& advisories) {
  Json json = Json::array();
  for (const engine::Advisory& advisory : advisories)
    json.push_back({{"id", advisory.id},
                    {"text", advisory.text},
                    {"fixed_in", advisory.fixed_in},
                    {"url", advisory.url},
                    {"affects", advisory.affects}});
  return json;
}

bool connected(const Stats& stats) {
  return stats.events_connected.load(std::memory_order_relaxed);
}

Json budget_json(const poll::Health::Spending& budget, const Stats& stats) {
  Json busy = Json::object();
  for (std::size_t i = 0; i < caller_names.size(); ++i)
    busy[std::string(caller_names[i])] = stats.engine_busy[i].seconds();
  return {{"max_share", budget.max_share},
          {"credit_seconds", to_seconds(budget.credit)},
          {"reserve_seconds", to_seconds(budget.reserve)},
          {"busy_seconds", std::move(busy)}};
}

Json error_json(const poll::Health& health) {
  if (!health.last_error) return nullptr;
  return {{"reason", name_of(health.last_error->reason)},
          {"text", health.last_error->text},
          {"at", timestamp_json(health.last_error_at)}};
}

}  // namespace

std::string render_images(const inventory::Snapshot& snapshot, bool stale, const Filter& filter) {
  std::vector<const inventory::Image*> page;
  for (const auto& image : snapshot.images)
    if (matches(*image, filter)) page.push_back(image.get());
  Json head = {{"schema_version", schema_version},
               {"engine", engine_json(snapshot.engine)},
               {"changed_at", format_timestamp(snapshot.changed_at)},
               {"stale", stale},
               {"totals", totals_json(snapshot.totals)}};
  if (filter.any()) head["matched"] = page.size();
  page.erase(page.begin(), page.begin() + static_cast<std::ptrdiff_t>(std::min(filter.offset, page.size())));
  if (filter.limit && *filter.limit < page.size()) page.resize(*filter.limit);

  std::string text = dump(head);
  text.back() = ',';  // the brace that ended it
  append_array(text += "\"images\":", page, [&](std::string& out, const inventory::Image* image) {
    append_image(out, *image, snapshot.containers_known);
  });
  return text += "}\n";
}

std::string render_image(const inventory::Image& image, bool containers_known) {
  std::string text;
  append_image(text, image, containers_known);
  return text += '\n';
}

std::string render_summary(const inventory::Snapshot& snapshot, const poll::Health& health,
                           const Stats& stats, SteadyTime now, WallTime wall) {
  const inventory::Totals& totals = snapshot.totals;
  // Before the first list there is nothing to count: null, not 0.
  const auto counted = [&snapshot](std::size_t count) { return snapshot.listed ? Json(count) : Json(); };
  Json json = {
      {"schema_version", schema_version},
      {"up", health.up ? 1 : 0},
      {"ready", health.ready ? 1 : 0},
      {"stale", health.stale(now) ? 1 : 0},
      {"seconds_since_confirmed", age_json(health.last_confirmed, wall)},
      {"seconds_since_change", snapshot.listed ? age_json(snapshot.changed_at, wall) : Json()},
      {"images", counted(totals.images)},
      {"inspected", counted(totals.inspected)},
      {"pending", counted(totals.pending_suspect + totals.pending_other)},
      {"repo_digests", counted(totals.repo_digests)},
      {"repo_digests_unique", counted(totals.repo_digests_unique)},
      {"surplus", counted(totals.repo_digests - totals.repo_digests_unique)},
      {"images_with_duplicates", counted(totals.images_with_duplicates)},
      {"containers_with_duplicates",
       snapshot.containers_known
           ? counted(totals.containers_with_duplicates[index_of(inventory::ContainerState::running)])
           : Json()},
  };
  for (std::size_t i = 0; i < digest::anomaly_names.size(); ++i)
    json["anomaly_" + std::string(digest::anomaly_names[i])] = counted(totals.by_anomaly[i]);
  json["events_connected"] = connected(stats) ? 1 : 0;
  json["advisories"] = std::count_if(snapshot.advisories.begin(), snapshot.advisories.end(),
                                     [](const engine::Advisory& advisory) { return advisory.affects; });
  constexpr std::size_t version_limit = 32;  // foreign text; the document stays under 1 kB whatever it is
  json["engine_version"] = snapshot.engine ? Json(snapshot.engine->version.substr(0, version_limit)) : Json();
  return document(json);
}

std::string render_engine(const inventory::Snapshot& snapshot, const poll::Health& health, const Stats& stats,
                          SteadyTime now, WallTime wall) {
  Json engine = engine_json(snapshot.engine);
  if (snapshot.engine) {
    engine["id"] = snapshot.engine->id;
    engine["os"] = snapshot.engine->os;
    engine["architecture"] = snapshot.engine->architecture;
    engine["source"] = snapshot.demo ? "demo" : "engine";
  }
  const auto seconds = [](std::optional<Duration> duration) {
    return duration ? Json(to_seconds(*duration)) : Json();
  };
  return document({{"schema_version", schema_version},
                   {"engine", std::move(engine)},
                   {"advisories", advisories_json(snapshot.advisories)},
                   {"poll",
                    {{"up", health.up},
                     {"ready", health.ready},
                     {"stale", health.stale(now)},
                     {"last_error", error_json(health)},
                     {"interval_seconds", seconds(health.poll_interval)},
                     {"last_confirmed", timestamp_json(health.last_confirmed)},
                     {"seconds_since_confirmed", age_json(health.last_confirmed, wall)},
                     {"list_interval_seconds", seconds(health.list_interval)},
                     {"list_duration_seconds", seconds(health.list_duration)},
                     {"last_list", timestamp_json(health.last_list)},
                     {"seconds_since_list", age_json(health.last_list, wall)}}},
                   {"events", {{"connected", connected(stats)}}},
                   {"budget", budget_json(health.budget, stats)}});
}

}  // namespace repodigest::exposition
