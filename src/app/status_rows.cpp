// The script (page/script.js, "Rows") makes the same of the JSON; tests/web compares the two.
#include "status_rows.h"

#include <algorithm>
#include <string_view>

#include "repodigest/digest/digest.h"

namespace repodigest::app {
namespace {

using inventory::Container;
using inventory::Image;

// Of a list in a row's details, and of the containers in the row itself; what is left out is counted. An
// engine can name thousands, and a page must stay one.
constexpr std::size_t list_limit = 100;
constexpr std::size_t used_by_limit = 3;

constexpr std::string_view short_id(std::string_view id) {
  constexpr std::size_t digits = 12;  // as Docker has it
  return id.substr(id.find(':') + 1).substr(0, digits);
}

/// Isolated, so that a name that is written from right to left turns nothing but itself around.
void append_isolated(Html& row, std::string_view text) {
  row.html("<bdi>").text(text).html("</bdi>");
}

void append_container(Html& row, const Container& container) {
  append_isolated(row, container.name.empty() ? short_id(container.id) : container.name);
  if (container.kind() == inventory::ContainerState::running) return;
  row.html(" (");
  append_isolated(row, container.state);
  row.html(")");
}

/// A list of the details; nothing if it is empty.
template <typename All, typename AppendOne>
void append_list(Html& row, std::string_view title, const All& all, AppendOne append_one) {
  if (all.empty()) return;
  row.html("<dt>").text(title).html("</dt><dd><ul>");
  std::size_t count = 0;
  for (const auto& one : all) {
    if (count == list_limit) {
      row.html("<li>and ").text(all.size() - count).html(" more</li>");
      break;
    }
    row.html("<li>");
    append_one(one, count++);
    row.html("</li>");
  }
  row.html("</ul></dd>");
}

void append_digests(Html& row, const digest::Analysis& digests) {
  auto duplicate = digests.duplicates.begin();  // in the order of the entries
  append_list(row, "RepoDigests", digests.unique, [&](std::string_view entry, std::size_t index) {
    const bool twice = duplicate != digests.duplicates.end() && duplicate->index == index;
    row.html(twice ? "<b class=\"twice\">" : "<b>").text(twice ? duplicate++->count : 1).html("×</b><code>");
    append_isolated(row, entry);
    row.html("</code>");
  });
}

void append_details(Html& row, const Image& image, bool links) {
  row.html("<dl><dt>Id</dt><dd><code>").text(image.id).html("</code></dd>");
  if (image.digests) append_digests(row, *image.digests);
  append_list(row, "Tags", image.repo_tags,
              [&](std::string_view tag, std::size_t) { append_isolated(row, tag); });
  append_list(row, "Containers", image.containers,
              [&](const Container& container, std::size_t) { append_container(row, container); });
  if (links)
    row.html("<dt>JSON</dt><dd><a href=\"api/v1/images/").text(image.id).html("\">this image</a></dd>");
  row.html("</dl>");
}

/// Who suffers from duplicates.
void append_used_by(Html& row, const Image& image) {
  if (!image.anomalies.has(digest::Anomaly::duplicate) || image.containers.empty()) return;
  row.html("<p class=\"used\">used by ");
  const std::size_t named = std::min(image.containers.size(), used_by_limit);
  for (std::size_t i = 0; i < named; ++i) {
    if (i > 0) row.html(", ");
    append_container(row, image.containers[i]);
  }
  if (image.containers.size() > named) row.html(" and ").text(image.containers.size() - named).html(" more");
  row.html("</p>");
}

void append_badge(Html& row, std::string_view text, bool grey) {
  std::string words(text);
  std::replace(words.begin(), words.end(), '_', ' ');
  row.html(grey ? "<span class=\"badge grey\">" : "<span class=\"badge\">").text(words).html("</span>");
}

void append_badges(Html& row, const Image& image) {
  for (std::size_t i = 0; i < digest::anomaly_names.size(); ++i) {
    const auto anomaly = static_cast<digest::Anomaly>(i);
    if (image.anomalies.has(anomaly))
      append_badge(row, digest::anomaly_names[i], !digest::Anomalies{anomaly}.anomalous());
  }
  if (!image.digests && !image.anomalies.has(digest::Anomaly::not_inspectable))
    append_badge(row, "not inspected yet", true);
}

void append_row(Html& row, const Image& image, bool links) {
  row.html("<tr data-id=\"").text(image.id).html(image.anomalies.anomalous() ? "\" class=\"odd\">" : "\">");
  row.html("<th scope=\"row\"><details><summary>");
  append_isolated(row, image.name);
  row.html("</summary>");
  append_details(row, image, links);
  row.html("</details>");
  append_used_by(row, image);
  row.html("</th><td><code title=\"")
      .text(image.id)
      .html("\">")
      .text(short_id(image.id))
      .html("</code></td>");
  const auto append_count = [&](std::size_t count, std::string_view kind) {
    row.html("<td class=\"").html(kind).html("\">");
    if (image.digests)
      row.text(count);
    else
      row.html("–");  // not 0, which would be said of it
    row.html("</td>");
  };
  const std::size_t raw = image.digests ? image.digests->raw_count : 0;
  const std::size_t unique = image.digests ? image.digests->unique.size() : 0;
  append_count(raw, "num");
  append_count(unique, "num");
  append_count(raw - unique, raw > unique ? "num some" : "num");
  row.html("<td>");
  append_badges(row, image);
  row.html("</td></tr>\n");
}

}  // namespace

std::string status_rows(const inventory::Snapshot& snapshot, bool links) {
  Html rows;
  std::size_t count = 0;
  for (const std::size_t wanted : {0U, 1U, 2U})
    for (const auto& image : snapshot.images) {
      if (count == status_rows_limit) return rows.take();
      if (image->rank() != wanted) continue;
      append_row(rows, *image, links);
      ++count;
    }
  return rows.take();
}

}  // namespace repodigest::app
