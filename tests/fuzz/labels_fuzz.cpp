// What an engine calls its images, as labels of both formats and as JSON: it reads back as it was, and no
// line of it can be anything else.
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "repodigest/base/log.h"
#include "repodigest/exposition/json.h"
#include "repodigest/exposition/text.h"
#include "require.h"
#include "support/snapshot_builder.h"

namespace repodigest::fuzz {
namespace {

using Labels = std::map<std::string, std::string>;

/// The labels of a sample's line; nothing if it is not one: name{label="value",…} number.
std::optional<Labels> labels_of(std::string_view line, std::string& name) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
  Labels labels;
  std::size_t at = std::min(line.find_first_not_of(letters), line.size());
  name = line.substr(0, at);
  if (name.empty()) return std::nullopt;
  const auto take = [&](char c) { return at < line.size() && line[at] == c ? (++at, true) : false; };
  if (take('{')) {
    do {
      const std::size_t end = std::min(line.find_first_not_of(letters, at), line.size());
      const std::string label(line.substr(at, end - at));
      at = end;
      if (label.empty() || !take('=') || !take('"')) return std::nullopt;
      std::string value;
      while (at < line.size() && line[at] != '"') {
        if (!take('\\')) {
          value += line[at++];
        } else if (take('n')) {
          value += '\n';
        } else {
          if (at == line.size() || (line[at] != '\\' && line[at] != '"')) return std::nullopt;
          value += line[at++];
        }
      }
      if (!take('"') || !labels.emplace(label, value).second) return std::nullopt;
    } while (take(','));
    if (!take('}')) return std::nullopt;
  }
  if (!take(' ') || line.find_first_not_of("0123456789.e+-", at) != std::string_view::npos ||
      at == line.size())
    return std::nullopt;
  return labels;
}

using Named = std::set<std::pair<std::string, std::string>>;

/// Id and name of each image that has a series; checks all lines.
Named images_of(std::string_view text, exposition::Format format, const engine::Identity& engine) {
  Named images;
  auto lines = split(text, "\n");
  require(lines.back().empty(), "the last line ends, too");
  lines.pop_back();
  if (format == exposition::Format::openmetrics && !lines.empty() && lines.back() == "# EOF")
    lines.pop_back();
  for (const auto line : lines) {
    if (line.starts_with("# HELP docker_") || line.starts_with("# TYPE docker_") ||
        line.starts_with("# UNIT docker_"))
      continue;
    std::string name;
    const auto labels = labels_of(line, name);
    require(labels && name.starts_with("docker_"), "every line is a sample or a comment of ours");
    if (name == "docker_image_repo_digests") images.emplace(labels->at("image_id"), labels->at("image"));
    if (name == "docker_engine_info") {
      require(
          labels->at("version") == engine.version && labels->at("storage_driver") == engine.storage_driver,
          "what the engine says of itself reads back as it was");
    }
  }
  return images;
}

void check(const std::vector<std::string_view>& texts) {
  const auto at = [&](std::size_t i) { return std::string(texts[i % texts.size()]); };
  support::SnapshotBuilder builder;
  builder->engine->version = at(0);
  builder->engine->storage_driver = at(1);
  builder->engine->name = at(2);
  Named names;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    // Two of each that differ in the number alone.
    auto image = support::inspected_image(at(i), {at(i + 1), at(i + 2)}, {at(i + 1), at(i + 2), at(i + 1)});
    image.containers.push_back({.id = at(i + 2), .name = at(i), .state = at(i + 1)});
    if (names.emplace(image.id, image.name).second) builder.add(std::move(image));
  }
  builder->containers_known = true;
  const auto snapshot = builder.build();
  for (const auto format : {exposition::Format::text, exposition::Format::openmetrics}) {
    const std::string text = exposition::render_text(*snapshot, false, {}, format);
    require(is_utf8(text), "a scrape is UTF-8");
    require(images_of(text, format, *snapshot->engine) == names, "names read back as they were");
  }
  const auto document = nlohmann::json::parse(exposition::render_images(*snapshot, false));
  Named in_json;
  for (const auto& image : document.at("images")) {
    in_json.emplace(image.at("id"), image.at("name"));
    for (const auto& tag : image.at("repo_tags")) require(is_utf8(tag.get<std::string>()), "JSON is UTF-8");
  }
  require(in_json == names, "names read back from JSON as they were");
}

/// A line of the log that holds any bytes is one line, and its JSON is JSON.
void check_log(std::string_view text) {
  for (const auto format : {log::Format::logfmt, log::Format::json}) {
    const std::string line = log::format_line(format, "2026-11-23T20:00:00.123Z", log::Level::warn,
                                              "a message", {{"error", text}, {"end", "yes"}});
    require(is_utf8(line), "the log is UTF-8, whatever it quotes");
    for (const char c : line)
      require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F, "the log has no control characters");
    if (format == log::Format::json) {
      const auto document = nlohmann::json::parse(line);
      require(document.at("end") == "yes", "a field ends where it ends");
      if (is_utf8(text)) require(document.at("error") == std::string(text), "a field reads back as it was");
    } else {
      require(line.ends_with(" end=yes"), "a field ends where it ends");
    }
  }
}

}  // namespace
}  // namespace repodigest::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace repodigest::fuzz;
  const std::string_view text = text_of(data, size);
  check_log(text);
  // Bytes that are not UTF-8 never come so far, so one of them can stand between.
  std::vector<std::string_view> sound;
  for (const auto part : split(text, "\xFF"))
    if (is_utf8(part)) sound.push_back(part);
  if (sound.size() > 8) sound.resize(8);
  if (!sound.empty()) check(sound);
  return 0;
}
