#include "landing_page.h"

#include <memory>
#include <string>

#include "repodigest/base/build_info.h"
#include "repodigest/base/stats.h"

namespace repodigest::app {
namespace {

/// Text of the engine or of a person, harmless in HTML text and in quoted attributes.
std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string row(std::string_view name, std::string_view value) {
  return "<tr><th scope=\"row\">" + escaped(name) + "</th><td>" + escaped(value) + "</td></tr>\n";
}

std::string link(std::string_view href, std::string_view text) {
  return "<li><a href=\"" + escaped(href) + "\">" + escaped(text) + "</a></li>\n";
}

std::string engine_rows(const inventory::Snapshot& snapshot, const poll::Health& health, bool stale,
                        bool events) {
  std::string rows = row("Docker API", health.up ? "answers" : "does not answer");
  rows += row("Event stream", events ? "connected" : "not connected");
  if (health.last_error) rows += row("Last error", health.last_error->text);
  if (stale) rows += row("Data", "stale: the engine has not confirmed it lately");
  if (snapshot.demo) rows += row("Source", "demo: an embedded recording, not an engine of yours");
  if (!snapshot.engine) return rows;
  const auto& engine = *snapshot.engine;
  rows += row("Engine", engine.name + ", version " + engine.version);
  rows += row("Image store", std::string(engine::image_store_names[index_of(engine.image_store)]) + " (" +
                                 engine.storage_driver + ")");
  for (const auto& advisory : snapshot.advisories)
    if (advisory.affects)
      rows += row("Known defect", std::string(advisory.id) + ": " + std::string(advisory.text) +
                                      ". Upgrade to " + std::string(advisory.fixed_in) + ".");
  return rows;
}

std::string count_rows(const inventory::Snapshot& snapshot) {
  if (!snapshot.listed) return {};
  const auto& totals = snapshot.totals;
  std::string rows = row("Images", std::to_string(totals.images)) +
                     row("Inspected", std::to_string(totals.inspected)) +
                     row("Images with duplicate RepoDigests", std::to_string(totals.images_with_duplicates)) +
                     row("RepoDigests, raw", std::to_string(totals.repo_digests)) +
                     row("RepoDigests, unique", std::to_string(totals.repo_digests_unique));
  if (snapshot.containers_known)
    rows +=
        row("Running containers of images with duplicates",
            std::to_string(totals.containers_with_duplicates[index_of(inventory::ContainerState::running)]));
  return rows;
}

}  // namespace

web::Reply landing_page(const inventory::Snapshot& snapshot, const poll::Health& health, bool stale,
                        bool events, const PageOptions& options) {
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" "
      "content=\"width=device-width\"><title>repodigest_exporter</title></head><body>\n"
      "<h1>repodigest_exporter</h1>\n<p>Version " +
      escaped(build_info::version()) + " (" + escaped(build_info::revision()) +
      "). Counts raw and unique RepoDigests of the Docker images on this host "
      "(<a href=\"https://github.com/moby/moby/issues/48747\">moby issue 48747</a>).</p>\n<table>\n" +
      (options.polling ? engine_rows(snapshot, health, stale, events) + count_rows(snapshot)
                       : row("Polling", "off: there is only the corrected Docker API")) +
      "</table>\n<ul>\n";
  // Relative, so that they also lead somewhere behind a proxy that adds a prefix.
  html += link(options.telemetry_path.substr(1), "Metrics");
  if (options.api) {
    html += link("api/v1/images", "Images with corrected RepoDigests (JSON)");
    html += link("api/v1/summary", "Summary (JSON)");
    html += link("api/v1/engine", "Engine (JSON)");
  }
  html += link("-/healthy", "Healthy") + link("-/ready", "Ready") + "</ul>\n</body></html>\n";

  web::Reply reply;
  reply.content_type = "text/html; charset=utf-8";
  reply.headers.emplace_back(
      "Content-Security-Policy",
      "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  reply.headers.emplace_back("Referrer-Policy", "no-referrer");
  reply.body = {std::make_shared<const std::string>(std::move(html))};
  return reply;
}

}  // namespace repodigest::app
