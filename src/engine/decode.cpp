#include "repodigest/engine/decode.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "values.h"

namespace repodigest::engine {
namespace {

/// One key that is read from an object of a Record; every other key is ignored.
template <typename Record>
struct Key {
  std::string_view name;
  bool required;
  Problem (*read)(dom::element value, Record& into);
};

/// Reads the keys of one object. Each may stand there once: of two readers of a body with a key given twice,
/// one takes the first and the other the last.
template <typename Record, std::size_t N>
Problem read_object(dom::element element, const std::array<Key<Record>, N>& keys, Record& into) {
  dom::object object;
  if (element.get(object) != simdjson::SUCCESS) return is_not(element, "an object");
  std::array<bool, N> seen{};
  for (const dom::key_value_pair field : object) {
    for (std::size_t i = 0; i < N; ++i) {
      if (field.key != keys[i].name) continue;
      if (seen[i]) return "has the key " + std::string(field.key) + " twice";
      seen[i] = true;
      if (Problem problem = keys[i].read(field.value, into)) return std::string(field.key) + " " + *problem;
      break;
    }
  }
  for (std::size_t i = 0; i < N; ++i)
    if (keys[i].required && !seen[i]) return "has no " + std::string(keys[i].name);
  return std::nullopt;
}

/// A row of the list while it is read; its memory serves one row after the other.
struct RowUnderWay {
  std::string id;
  std::vector<std::string_view> repo_tags;  // into the parser's memory
  std::vector<std::string_view> repo_digests;
  std::int64_t created = 0;
  std::int64_t size = 0;

  void clear() {
    id.clear();
    repo_tags.clear();
    repo_digests.clear();
    created = size = 0;
  }
};

constexpr std::array<Key<RowUnderWay>, 5> row_keys = {{
    {"Id", true, [](dom::element value, RowUnderWay& row) { return read_id(value, row.id); }},
    {"RepoTags", false,
     [](dom::element value, RowUnderWay& row) { return read_strings(value, row.repo_tags); }},
    {"RepoDigests", false,
     [](dom::element value, RowUnderWay& row) { return read_strings(value, row.repo_digests); }},
    {"Created", false,
     [](dom::element value, RowUnderWay& row) { return read_unix_time(value, row.created); }},
    {"Size", false, [](dom::element value, RowUnderWay& row) { return read_size(value, row.size); }},
}};

constexpr std::array<Key<ImageInspect>, 5> inspect_keys = {{
    {"Id", true, [](dom::element value, ImageInspect& image) { return read_id(value, image.id); }},
    {"RepoTags", false,
     [](dom::element value, ImageInspect& image) { return read_strings(value, image.repo_tags); }},
    {"RepoDigests", false,
     [](dom::element value, ImageInspect& image) { return read_strings(value, image.repo_digests); }},
    {"Created", false,
     [](dom::element value, ImageInspect& image) { return read_timestamp(value, image.created); }},
    {"Size", false, [](dom::element value, ImageInspect& image) { return read_size(value, image.size); }},
}};

constexpr std::array<Key<Version>, 5> version_keys = {{
    {"Version", true, [](dom::element value, Version& version) { return read_word(value, version.version); }},
    {"ApiVersion", true,
     [](dom::element value, Version& version) { return read_word(value, version.api_version); }},
    {"MinAPIVersion", false,
     [](dom::element value, Version& version) { return read_word(value, version.min_api_version); }},
    {"Os", false, [](dom::element value, Version& version) { return read_word(value, version.os); }},
    {"Arch", false,
     [](dom::element value, Version& version) { return read_word(value, version.architecture); }},
}};

/// What /info says of the store, before the conclusion.
struct RawInfo {
  Info info;
  bool snapshotter = false;
};

/// Pairs of names and values; a snapshotter of containerd says so in one of them (moby v27.3.1
/// daemon/containerd/service.go LayerStoreStatus).
Problem read_driver_status(dom::element value, RawInfo& into) {
  if (value.is_null()) return std::nullopt;
  dom::array pairs;
  if (value.get(pairs) != simdjson::SUCCESS) return is_not(value, "an array of pairs");
  for (const dom::element pair : pairs) {
    dom::array array;
    std::string_view name;
    std::string_view content;
    if (pair.get(array) != simdjson::SUCCESS || array.size() != 2 ||
        array.at(0).get(name) != simdjson::SUCCESS || array.at(1).get(content) != simdjson::SUCCESS)
      return "has an entry that is not a pair of strings";
    if (name == "driver-type" && content == "io.containerd.snapshotter.v1") into.snapshotter = true;
  }
  return std::nullopt;
}

/// A count for comparisons only: an engine that does not say it this way just has none.
Problem read_count(dom::element value, std::optional<std::size_t>& into) {
  std::uint64_t count = 0;
  if (value.get(count) == simdjson::SUCCESS) into = count;
  return std::nullopt;
}

constexpr std::array<Key<RawInfo>, 5> info_keys = {{
    {"ID", false, [](dom::element value, RawInfo& raw) { return read_word(value, raw.info.id); }},
    {"Name", false, [](dom::element value, RawInfo& raw) { return read_word(value, raw.info.name); }},
    {"Driver", false,
     [](dom::element value, RawInfo& raw) { return read_word(value, raw.info.storage_driver); }},
    {"DriverStatus", false, read_driver_status},
    {"Images", false, [](dom::element value, RawInfo& raw) { return read_count(value, raw.info.images); }},
}};

/// A container linked to others also has names below theirs ("/web/db").
Problem read_container_name(dom::element value, std::string& into) {
  std::vector<std::string_view> names;
  if (Problem problem = read_strings(value, names)) return problem;
  for (std::string_view& name : names)
    if (name.starts_with('/')) name.remove_prefix(1);
  const auto own = std::find_if(names.begin(), names.end(), [](std::string_view name) {
    return name.find('/') == std::string_view::npos;
  });
  if (own != names.end())
    into = *own;
  else if (!names.empty())
    into = names.front();
  return std::nullopt;
}

/// An image's Id; whatever else stands there stays as it is.
Problem read_image_of_container(dom::element value, std::string& into) {
  if (Problem problem = read_word(value, into)) return problem;
  std::string id;
  if (!value.is_null() && !read_id(value, id)) into = std::move(id);
  return std::nullopt;
}

constexpr std::array<Key<Container>, 4> container_keys = {{
    {"Id", true, [](dom::element value, Container& container) { return read_word(value, container.id); }},
    {"Names", false,
     [](dom::element value, Container& container) { return read_container_name(value, container.name); }},
    {"ImageID", false,
     [](dom::element value, Container& container) {
       return read_image_of_container(value, container.image_id);
     }},
    {"State", false,
     [](dom::element value, Container& container) { return read_word(value, container.state); }},
}};

/// The rows of a body that is an array, or null.
Status for_each_row(BodyParser& parser, const std::string& body, std::string_view source,
                    const std::function<Problem(dom::element)>& take) {
  const std::size_t begin = body.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos || body[begin] != '[') {
    const Result<dom::element> root = parser.parse(body, source);
    if (!root) return root.error();
    if (root->is_null()) return {};
    return parse_error(std::string(source) + " " + *is_not(*root, "an array"));
  }
  std::size_t row = 0;
  return parser.for_each_element(body, source, [&](dom::element element) -> Status {
    if (const Problem problem = take(element))
      return parse_error("row " + std::to_string(row) + " of " + std::string(source) + ": " + *problem);
    ++row;
    return {};
  });
}

/// A line that is safe to log: at most 200 bytes, no control characters, valid UTF-8.
std::string printable(std::string_view text) {
  constexpr std::size_t longest = 200;
  const bool utf8 = simdjson::validate_utf8(text.data(), text.size());
  const bool cut = text.size() > longest;
  if (cut) {
    std::size_t end = longest;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    text = text.substr(0, end);
  }
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(),
      [utf8](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !utf8);
      },
      ' ');
  if (cut) line += "…";
  return line;
}

}  // namespace

Decoder::Decoder() : parser_(std::make_unique<BodyParser>()) {}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;

Result<ImageList> Decoder::image_list(const std::string& body) {
  ImageList list;
  RowUnderWay row;
  const Status read = for_each_row(*parser_, body, "/images/json", [&](dom::element element) {
    row.clear();
    Problem problem = read_object(element, row_keys, row);
    if (!problem) list.add({row.id, row.repo_tags, row.repo_digests, row.created, row.size});
    return problem;
  });
  if (!read) return read.error();
  return list;
}

Result<std::vector<Container>> Decoder::containers(const std::string& body) {
  std::vector<Container> containers;
  const Status read = for_each_row(*parser_, body, "/containers/json", [&](dom::element element) {
    return read_object(element, container_keys, containers.emplace_back());
  });
  if (!read) return read.error();
  return containers;
}

Result<ImageInspect> Decoder::image_inspect(const std::string& body) {
  const Result<dom::element> root = parser_->parse(body, "/images/{name}/json");
  if (!root) return root.error();
  ImageInspect image;
  if (const Problem problem = read_object(*root, inspect_keys, image))
    return parse_error("/images/{name}/json: " + *problem);
  return image;
}

Result<Version> Decoder::version(const std::string& body) {
  const Result<dom::element> root = parser_->parse(body, "/version");
  if (!root) return root.error();
  Version version;
  if (const Problem problem = read_object(*root, version_keys, version))
    return parse_error("/version: " + *problem);
  return version;
}

Result<Info> Decoder::info(const std::string& body) {
  const Result<dom::element> root = parser_->parse(body, "/info");
  if (!root) return root.error();
  RawInfo raw;
  if (const Problem problem = read_object(*root, info_keys, raw)) return parse_error("/info: " + *problem);
  if (raw.snapshotter)
    raw.info.image_store = ImageStore::containerd;
  else if (!raw.info.storage_driver.empty())
    raw.info.image_store = ImageStore::graphdriver;
  return std::move(raw.info);
}

std::string Decoder::error_message(const std::string& body) {
  const Result<dom::element> root = parser_->parse(body, "the error");
  if (root) {
    std::string_view message;
    if (root->at_key("message").get(message) == simdjson::SUCCESS) return printable(message);
    return "";
  }
  const std::string_view text = body;
  return printable(text.substr(0, text.find_first_of("\r\n")));
}

}  // namespace repodigest::engine
