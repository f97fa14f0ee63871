#include "rules.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace repodigest::model {
namespace {

/// 24.0.9 as 240009.
int number_of(const std::string& version) {
  std::array<int, 3> parts{};
  const char* at = version.data();
  const char* const end = at + version.size();
  for (int& part : parts) {
    at = std::from_chars(at, end, part).ptr;
    if (at != end) ++at;
  }
  return parts[0] * 10'000 + parts[1] * 100 + parts[2];
}

/// As containerd has it.
std::string long_name(const std::string& name) {
  const std::size_t slash = name.find('/');
  if (slash == std::string::npos) return "docker.io/library/" + name;
  const bool has_host = name.substr(0, slash).find_first_of(".:") != std::string::npos;
  return has_host ? name : "docker.io/" + name;
}

bool has_tag(std::string_view name) {
  const std::string_view undigested = name.substr(0, name.find('@'));
  const std::size_t slash = undigested.rfind('/');
  return undigested.find(':', slash == std::string_view::npos ? 0 : slash) != std::string_view::npos;
}

std::string entry_of(const std::string& name, const Image& image) {
  return repository_in(name) + "@" + image.digest;
}

void keep_first(Strings& strings) {
  Strings kept;
  for (std::string& one : strings)
    if (std::find(kept.begin(), kept.end(), one) == kept.end()) kept.push_back(std::move(one));
  strings = std::move(kept);
}

/// One for each repository among its names, in their order.
Strings entries_of(const Image& image) {
  Strings entries;
  for (const std::string& name : image.names) entries.push_back(entry_of(name, image));
  entries.insert(entries.end(), image.digests.begin(), image.digests.end());
  keep_first(entries);
  return entries;
}

}  // namespace

bool has_digest(std::string_view name) {
  return name.find('@') != std::string_view::npos;
}

std::string repository_in(std::string_view name) {
  const std::string_view undigested = name.substr(0, name.find('@'));
  return std::string(has_tag(undigested) ? undigested.substr(0, undigested.rfind(':')) : undigested);
}

const Strings& docker_versions() {
  static const Strings versions = {"24.0.0", "24.0.9", "26.1.5", "27.3.1", "27.4.0", "28.5.2", "29.7.2"};
  return versions;
}

const Strings& podman_versions() {
  static const Strings versions = {"4.3.1", "4.9.3"};
  return versions;
}

Rules rules_of(const std::string& version, Store store) {
  const int number = number_of(version);
  Rules rules;
  rules.version = version;
  rules.store = store;
  if (store == Store::podman) {
    rules.api_version = "1.41";
    rules.min_api_version = "1.24";
    rules.digested_tags_listed = true;
    rules.old_event_fields = true;
    return rules;
  }
  rules.api_version = number < 250000   ? "1.43"
                      : number < 270000 ? "1.45"
                      : number < 280000 ? "1.47"
                      : number < 290000 ? "1.51"
                                        : "1.55";
  rules.min_api_version = number < 250000 ? "1.12" : number < 290000 ? "1.24" : "1.40";
  rules.old_event_fields = number < 290000;
  rules.announces_creation = number >= 270000;
  rules.announces_pulls = true;
  rules.untagged_loads_visible = true;
  rules.import_announces_tag = true;
  if (store == Store::graphdriver) {
    rules.untag_names_the_id = true;
    rules.announces_prune = true;
    return rules;
  }
  rules.null_arrays = number == 240000;
  rules.a_row_per_name = number < 250000;
  rules.digested_tags_listed = number >= 250000;
  rules.digested_tags_inspected = number >= 280000;
  rules.pinned_digests = number >= 280000;
  rules.doubles_single_names = number < 240005;
  rules.doubles_names = number < 270400;
  rules.untagged_loads_visible = number >= 280000;
  rules.counts_names = number < 290000;
  rules.announces_pulls = number >= 250000;
  rules.import_announces_tag = number >= 280000;
  return rules;
}

std::vector<Said> Rules::rows(const Image& image) const {
  if (image.hidden) return {};
  if (store != Store::containerd) {
    Said row{{image.names.begin(), image.names.end()}, {}};
    row.digests =
        store == Store::podman ? entries_of(image) : Strings(image.digests.begin(), image.digests.end());
    return {std::move(row)};
  }
  if (image.names.empty()) return {Said{}};
  if (!a_row_per_name)
    return {Said{{image.names.begin(), image.names.end()}, {entry_of(*image.names.rbegin(), image)}}};
  std::vector<Said> rows;
  for (const std::string& name : image.names) {
    Said& row = rows.emplace_back();
    if (has_tag(name)) row.tags.push_back(long_name(name));
    row.digests.push_back(long_name(entry_of(name, image)));
  }
  return rows;
}

Said Rules::inspect(const Image& image) const {
  Said said;
  if (store != Store::containerd) {
    for (const std::string& name : image.names)
      if (!has_digest(name)) said.tags.push_back(name);
    said.digests =
        store == Store::podman ? entries_of(image) : Strings(image.digests.begin(), image.digests.end());
    return said;
  }
  for (const std::string& name : image.names) {
    const bool digested = has_digest(name);
    const bool pinned = digested && has_tag(name);
    if (!digested || pinned || digested_tags_inspected) said.tags.push_back(name);
    if (!digested) said.digests.push_back(entry_of(name, image));
    if (digested && !pinned) said.digests.push_back(name);
    if (digested && doubles_single_names) said.digests.push_back(entry_of(name, image));
    if (pinned && pinned_digests) said.digests.push_back(name);
  }
  if (!doubles_names) keep_first(said.digests);
  return said;
}

}  // namespace repodigest::model
