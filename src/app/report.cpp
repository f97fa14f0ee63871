#include "report.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace repodigest::app {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

/// What anybody's document nests: writing out a tree that is much deeper would overflow the stack.
constexpr int max_depth = 64;
/// Of one image: no sum of these runs over.
constexpr std::uint64_t max_count = std::uint64_t{1} << 32U;

template <typename Json>
Json parse(std::string_view document) {
  return Json::parse(document, [](int depth, auto, const auto&) {
    if (depth > max_depth) throw std::length_error("it is nested deeper than any such document");
    return true;
  });
}

std::size_t read_count(const json& count) {
  if (!count.is_number_unsigned() || count.get<std::uint64_t>() > max_count)
    throw std::out_of_range("a count is no number of digests: " + count.dump().substr(0, 40));
  return count.get<std::size_t>();
}

Error unreadable(const std::exception& failure) {
  return {Reason::parse, std::string("the answer is not a document of /api/v1/images: ") + failure.what()};
}

ReportRow read_row(const json& image) {
  ReportRow row;
  row.id = image.at("id").get<std::string>();
  row.name = image.at("name").get<std::string>();
  row.inspected = !image.at("raw_count").is_null();
  if (row.inspected) {
    row.raw = read_count(image.at("raw_count"));
    row.unique = read_count(image.at("unique_count"));
  }
  for (const auto& anomaly : image.at("anomalies")) {
    const auto name = anomaly.get<std::string>();
    row.duplicate = row.duplicate || name == "duplicate";
    row.inspectable = row.inspectable && name != "not_inspectable";
    row.anomalies += (row.anomalies.empty() ? "" : ", ") + name;
  }
  return row;
}

std::string read_engine(const json& engine) {
  if (engine.is_null()) return "";
  return engine.at("name").get<std::string>() + ", version " + engine.at("version").get<std::string>() +
         ", image store " + engine.at("image_store").get<std::string>();
}

/// Columns as wide as their widest cell, two spaces apart.
std::string columns(const std::vector<std::array<std::string, 5>>& lines) {
  std::array<std::size_t, 5> widths{};
  for (const auto& line : lines)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  std::string text;
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      text += line[i];
      if (i + 1 < line.size()) text.append(widths[i] + 2 - line[i].size(), ' ');
    }
    text += '\n';
  }
  return text;
}

/// A digest at a name's end says no more to a person with all its digits, and makes the column twice as wide.
std::string short_name(const std::string& name) {
  const auto at = name.find("@sha256:");
  return at == std::string::npos ? name : name.substr(0, at + 20);
}

std::string short_id(const std::string& id) {
  const auto colon = id.find(':');
  return id.substr(colon == std::string::npos ? 0 : colon + 1, 12);
}

}  // namespace

Result<Report> read_report(std::string_view document) {
  try {
    const json root = parse<json>(document);
    Report report;
    report.engine = read_engine(root.at("engine"));
    report.stale = root.at("stale").get<bool>();
    for (const auto& image : root.at("images")) {
      report.rows.push_back(read_row(image));
      const ReportRow& row = report.rows.back();
      ++report.images;
      report.unknown += !row.inspected && row.inspectable ? 1U : 0U;
      report.raw += row.raw;
      report.unique += row.unique;
      report.with_duplicates += row.duplicate ? 1U : 0U;
    }
    return report;
  } catch (const std::exception& failure) {
    return unreadable(failure);
  }
}

Result<std::string> with_images(std::string_view document, const std::vector<std::string>& images) {
  try {
    ordered_json root = parse<ordered_json>(document);
    ordered_json& chosen = root.at("images") = ordered_json::array();
    for (const auto& image : images) chosen.push_back(parse<ordered_json>(image));
    return root.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  } catch (const std::exception& failure) {
    return unreadable(failure);
  }
}

std::string as_table(const Report& report, bool all_rows) {
  std::vector<std::array<std::string, 5>> lines = {{"IMAGE", "ID", "RAW", "UNIQUE", "ANOMALIES"}};
  for (const auto& row : report.rows) {
    if (!all_rows && row.anomalies.empty()) continue;
    lines.push_back({printable(short_name(row.name)), printable(short_id(row.id)),
                     row.inspected ? std::to_string(row.raw) : "?",
                     row.inspected ? std::to_string(row.unique) : "?", printable(row.anomalies)});
  }
  std::string text;
  if (!report.engine.empty()) text += "Engine: " + printable(report.engine) + "\n\n";
  if (lines.size() > 1) text += columns(lines) + "\n";
  text += counted(report.images, "image", "images") + ", " +
          counted(report.raw, "RepoDigest", "RepoDigests") + ", " + std::to_string(report.unique) +
          " unique; " + counted(report.with_duplicates, "image has", "images have") + " duplicates\n";
  if (report.unknown > 0)
    text += counted(report.unknown, "image has", "images have") + " not been inspected\n";
  return text;
}

std::string as_nagios(const Report& report, std::size_t warning, std::size_t critical) {
  const std::size_t found = report.with_duplicates;
  const std::string_view state = found >= critical ? "CRITICAL" : found >= warning ? "WARNING" : "OK";
  return "REPODIGESTS " + std::string(state) + " - " + std::to_string(found) + " of " +
         counted(report.images, "image", "images") +
         " with duplicate RepoDigests | dup=" + std::to_string(found) + ";" + std::to_string(warning) + ";" +
         std::to_string(critical) + " raw=" + std::to_string(report.raw) +
         " unique=" + std::to_string(report.unique) + "\n";
}

std::string as_nagios_unknown(std::string_view why) {
  std::string line = printable(why);
  // What follows a bar is read as performance data.
  std::replace(line.begin(), line.end(), '|', '/');
  return "REPODIGESTS UNKNOWN - " + line + "\n";
}

std::string counted(std::size_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + " " + std::string(count == 1 ? one : many);
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto byte = static_cast<unsigned char>(out[i]);
    if (byte == '\n')
      out[i] = ' ';
    else if (byte < 0x20 || byte == 0x7F)
      out[i] = '?';
    else if (byte == 0xC2 && i + 1 < out.size() && static_cast<unsigned char>(out[i + 1]) < 0xA0)
      out[i] = out[i + 1] = '?';  // C1 controls
  }
  return out;
}

}  // namespace repodigest::app
