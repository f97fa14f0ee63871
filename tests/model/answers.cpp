#include "answers.h"

#include <charconv>
#include <utility>

namespace repodigest::model {
namespace {

void append_quoted(std::string& to, std::string_view text) {
  to.append(1, '"').append(text).append(1, '"');
}

void append_strings(std::string& to, std::string_view key, const Strings& strings, bool null_if_empty) {
  append_quoted(to, key);
  to += ':';
  if (strings.empty() && null_if_empty) {
    to += "null";
    return;
  }
  to += '[';
  for (std::size_t i = 0; i < strings.size(); ++i) {
    if (i > 0) to += ',';
    append_quoted(to, strings[i]);
  }
  to += ']';
}

/// 1.47 as 47.
int minor(std::string_view api_version) {
  int number = 0;
  std::from_chars(api_version.data() + 2, api_version.data() + api_version.size(), number);
  return number;
}

}  // namespace

std::vector<Row> rows_of(const ImageStore& store) {
  std::vector<Row> rows;
  for (const auto& [id, image] : store.images())
    for (Said& said : store.rules().rows(image)) rows.push_back({&image, std::move(said)});
  return rows;
}

std::string version_body(const Rules& rules) {
  return R"({"Version":")" + rules.version + R"(","ApiVersion":")" + rules.api_version +
         R"(","MinAPIVersion":")" + rules.min_api_version + R"(","Os":"linux","Arch":"amd64"})";
}

std::string info_body(const Rules& rules, const std::string& engine_id, std::size_t images) {
  return R"({"ID":")" + engine_id + R"(","Name":"host","Driver":")" +
         (rules.store == Store::containerd
              ? R"(overlayfs","DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]])"
              : R"(overlay2","DriverStatus":[["Backing Filesystem","extfs"]])") +
         ",\"Images\":" + std::to_string(images) + "}";
}

std::string list_body(const Rules& rules, const std::vector<Row>& rows) {
  std::string body = "[";
  for (const Row& row : rows) {
    if (body.size() > 1) body += ',';
    body += "{\"Id\":";
    append_quoted(body, row.image->id);
    body += ',';
    append_strings(body, "RepoTags", row.said.tags, rules.store == Store::podman);
    body += ',';
    append_strings(body, "RepoDigests", row.said.digests, false);
    body += ",\"Created\":" + std::to_string(row.image->created) +
            ",\"Size\":" + std::to_string(row.image->size) + "}";
  }
  return body + "]";
}

std::string inspect_body(const Rules& rules, const Image& image, const Said& said) {
  std::string body = "{\"Id\":";
  append_quoted(body, image.id);
  body += ',';
  append_strings(body, "RepoTags", said.tags, rules.null_arrays);
  body += ',';
  append_strings(body, "RepoDigests", said.digests, rules.null_arrays);
  // 1,700,000,000 is 2023-11-14T22:13:20Z; see ImageStore::content.
  return body + ",\"Created\":\"2023-11-14T22:13:2" + std::to_string(image.created % 10) +
         ".123Z\",\"Size\":" + std::to_string(image.size) + "}";
}

std::string containers_body(const std::vector<engine::Container>& containers) {
  std::string body = "[";
  for (const engine::Container& container : containers) {
    if (body.size() > 1) body += ',';
    body += R"({"Id":")" + container.id + R"(","Names":["/)" + container.name + R"("],"ImageID":")" +
            container.image_id + R"(","State":")" + container.state + "\"}";
  }
  return body + "]";
}

std::string message_body(const std::string& message) {
  return "{\"message\":\"" + message + "\"}";
}

bool is_too_new(std::string_view spoken, const Rules& rules) {
  return rules.store != Store::podman && minor(spoken) > minor(rules.api_version);
}

std::string too_new_message(std::string_view spoken, const Rules& rules) {
  return "client version " + std::string(spoken) + " is too new. Maximum supported API version is " +
         rules.api_version;
}

std::string event_line(const Rules& rules, const ModelEvent& event) {
  std::string line = "{";
  if (rules.old_event_fields) line += R"("status":")" + event.action + R"(","id":")" + event.id + "\",";
  return line + R"("Type":"image","Action":")" + event.action + R"(","Actor":{"ID":")" + event.id +
         R"(","Attributes":{)" + (event.name.empty() ? "" : R"("name":")" + event.name + "\"") +
         R"(}},"scope":"local","time":1700000000,"timeNano":1700000000000000000})" + "\n";
}

}  // namespace repodigest::model
