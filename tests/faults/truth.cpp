#include "truth.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>

#include "support/program.h"

namespace repodigest::faults {
namespace {

using nlohmann::json;
using support::Recording;

constexpr const char* recording_name = "27.3.1-containerd";
constexpr const char* hit_image = "localhost:5000/namespace1/myimage:1.0.0";

Recording recorded() {
  auto recording =
      Recording::from_folder(std::string(REPODIGEST_SOURCE_DIR "/tests/recorded/") + recording_name);
  if (!recording.ok()) std::abort();
  return std::move(recording).value();
}

json row_of(const Probe& probe) {
  return {{"Containers", -1},       {"Created", 1729764000}, {"Id", probe.id},
          {"Labels", nullptr},      {"ParentId", ""},        {"RepoDigests", {probe.unique.front()}},
          {"RepoTags", probe.tags}, {"SharedSize", -1},      {"Size", 11075}};
}

json inspect_of(const Probe& probe) {
  return {{"Id", probe.id},
          {"RepoTags", probe.tags},
          {"RepoDigests", probe.digests},
          {"Created", "2024-10-24T10:00:00Z"},
          {"Architecture", "amd64"},
          {"Os", "linux"},
          {"Size", 11075},
          {"Config", {{"Labels", nullptr}}}};
}

json containers_at(const std::string& name, const std::string& image) {
  return json::array({{{"Id", std::string(64, 'c')},
                       {"Names", {"/" + name}},
                       {"Image", hit_image},
                       {"ImageID", image},
                       {"State", "running"},
                       {"Status", "Up 2 hours"}}});
}

/// The number behind a series' labels.
double number_of(std::string_view line) {
  return std::strtod(std::string(line.substr(line.rfind(' ') + 1)).c_str(), nullptr);
}

}  // namespace

std::string container_of(unsigned generation) {
  return "of-generation-" + std::to_string(generation);
}

Probe::Probe(Moment moment) {
  std::array<char, 65> hex{};
  std::snprintf(hex.data(), hex.size(), "%064x", 0xfa000000U + moment.generation);
  id = std::string("sha256:") + hex.data();
  // Neighbours differ in all their sums.
  const unsigned repeats = 2 + moment.generation % 7;
  const std::string edition = "e" + std::to_string(moment.edition);
  for (unsigned i = 0; i < repeats; ++i) {
    tags.push_back("fault/probe:" + edition + "." + std::to_string(i));
    digests.push_back("fault/probe@" + id);
  }
  tags.push_back("fault/twin:" + edition);
  digests.push_back("fault/twin@" + id);
  unique = {digests.front(), digests.back()};
}

Truth::Truth() : base_(recorded()) {
  golden_ = json::parse(support::read_file(std::string(REPODIGEST_SOURCE_DIR "/tests/recorded/golden/") +
                                           recording_name + ".json"));
  for (json image : golden_.at("images")) {
    image.erase("containers");
    images_[image.at("id")] = image;
  }
}

Recording Truth::at(Moment moment) const {
  const Probe probe(moment);
  Recording recording = base_;
  recording.add_image(row_of(probe).dump(), body(Call::inspect, moment));
  recording.set_body("/containers/json", body(Call::containers, moment));
  return recording;
}

std::string Truth::body(Call call, Moment moment) const {
  const Probe probe(moment);
  switch (call) {
    case Call::ping:
      return base_.body("/_ping");
    case Call::version:
      return base_.body("/version");
    case Call::info:
      return base_.body("/info");
    case Call::inspect:
      return inspect_of(probe).dump() + "\n";
    case Call::list: {
      Recording recording = base_;
      recording.add_image(row_of(probe).dump(), inspect_of(probe).dump());
      return recording.body("/images/json");
    }
    case Call::containers:
      break;
  }
  const auto hit = std::find_if(images_.begin(), images_.end(),
                                [](const auto& image) { return image.second.at("name") == hit_image; });
  return containers_at(container_of(moment.generation), hit->first).dump() + "\n";
}

std::string Truth::lie(Call call, Moment moment) const {
  constexpr unsigned of_no_generation = 99'999;
  json body = call == Call::ping ? json() : json::parse(this->body(call, moment));
  switch (call) {
    case Call::ping:
      return this->body(call, moment);
    case Call::version:
      body["Version"] = "26.6.6-lie";
      break;
    case Call::info:
      body["Name"] = "lie";
      body["ID"] = "lie";
      break;
    case Call::list:
      for (json& row : body) {
        row["RepoTags"].push_back("lie/" + row["Id"].get<std::string>().substr(7) + ":1");
        row["Size"] = 6'666;
      }
      body.push_back(row_of(Probe({of_no_generation, 0})));
      break;
    case Call::inspect:
      for (int i = 0; i < 66; ++i) body["RepoDigests"].push_back("fault/lie@" + Probe(moment).id);
      break;
    case Call::containers:
      body.push_back(body.front());
      body.back()["Names"] = {"/lie"};
      break;
  }
  return body.dump() + "\n";
}

json Truth::probe_of(const json& document) const {
  json found;
  for (const json& image : document.at("images"))
    if (!images_.contains(image.at("id"))) found.push_back(image);
  return found;
}

std::string Truth::objection(const json& document, const std::vector<View>& may_show) const {
  if (document.at("engine") != golden_.at("engine")) return "another engine: " + document.at("engine").dump();
  if (document.at("stale") != false) return "stale";

  // The recording's images, each as the engine gives it; and the probe of one moment.
  std::size_t known = 0;
  json sums = {{"images", 0},
               {"inspected", 0},
               {"repo_digests", 0},
               {"repo_digests_unique", 0},
               {"images_with_duplicates", 0}};
  const auto add = [&sums](const char* what, std::size_t number) {
    sums[what] = sums[what].get<std::size_t>() + number;
  };
  for (json image : document.at("images")) {
    add("images", 1);
    if (!image.at("raw_count").is_null()) {
      add("inspected", 1);
      add("repo_digests", image.at("raw_count"));
      add("repo_digests_unique", image.at("unique_count"));
      add("images_with_duplicates", image.at("duplicates").empty() ? 0 : 1);
    }
    const json containers = image.at("containers");
    image.erase("containers");
    const auto same = images_.find(image.at("id"));
    const bool is_hit = image.at("name") == hit_image;
    if (same != images_.end()) {
      ++known;
      if (image != same->second) return "not as the engine gave it: " + image.dump();
    }
    if (containers.is_null() || (containers.empty() && !is_hit)) continue;
    const bool one_is = std::any_of(may_show.begin(), may_show.end(), [&](const View& view) {
      return is_hit && containers.size() == 1 &&
             containers.front().at("name") == container_of(view.moment.generation) &&
             containers.front().at("state") == "running";
    });
    if (!one_is) return "containers that the engine did not give: " + containers.dump();
  }
  if (known != images_.size()) return std::to_string(known) + " of the recording's images";
  if (document.at("totals") != sums)
    return "totals that are no sums: " + document.at("totals").dump() + ", not " + sums.dump();

  const json probes = probe_of(document);
  if (probes.size() != 1) return std::to_string(probes.size()) + " probes: " + probes.dump();
  const json& shown = probes.front();
  for (const View& view : may_show) {
    const Probe probe(view.moment);
    if (shown.at("id") != probe.id || shown.at("repo_tags") != probe.tags) continue;
    if (view.shown == Shown::uninspected && shown.at("raw_count").is_null() &&
        shown.at("unique_count").is_null() && shown.at("repo_digests").is_null())
      return "";
    const json duplicates =
        json::array({{{"repo_digest", probe.unique.front()}, {"count", probe.digests.size() - 1}}});
    if (view.shown == Shown::whole && shown.at("raw_count") == probe.digests.size() &&
        shown.at("unique_count") == probe.unique.size() && shown.at("repo_digests") == probe.unique &&
        shown.at("duplicates") == duplicates)
      return "";
  }
  return "a probe that the engine did not give: " + shown.dump();
}

std::string Truth::objection(const std::string& metrics, const std::vector<View>& may_show) const {
  const json& totals = golden_.at("totals");
  std::map<std::string, std::set<double>> allowed;
  const auto allow = [&](const std::string& series, double number) { allowed[series].insert(number); };
  for (const auto& [id, image] : images_) {
    allow("docker_image_repo_digests " + id, image.at("raw_count"));
    allow("docker_image_repo_digests_unique " + id, image.at("unique_count"));
  }
  for (const View& view : may_show) {
    const Probe probe(view.moment);
    const bool whole = view.shown == Shown::whole;
    allow("docker_repo_digests",
          totals.at("repo_digests").get<double>() + (whole ? static_cast<double>(probe.digests.size()) : 0));
    allow("docker_repo_digests_unique", totals.at("repo_digests_unique").get<double>() +
                                            (whole ? static_cast<double>(probe.unique.size()) : 0));
    allow("docker_images_with_duplicate_repo_digests",
          totals.at("images_with_duplicates").get<double>() + (whole ? 1 : 0));
    if (!whole) continue;
    allow("docker_image_repo_digests " + probe.id, static_cast<double>(probe.digests.size()));
    allow("docker_image_repo_digests_unique " + probe.id, static_cast<double>(probe.unique.size()));
  }
  allow("docker_containers_with_duplicate_repo_digests{state=\"running\"}", 1);
  allow("docker_containers_with_duplicate_repo_digests{state=\"other\"}", 0);

  double images = 0;
  std::istringstream lines(metrics);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("docker_images{state=")) images += number_of(line);
    std::string series = line.substr(0, line.rfind(' '));
    if (const auto labels = series.find("{image_id=\""); labels != std::string::npos) {
      constexpr std::size_t quoted = std::string_view("{image_id=\"").size();
      const std::string id =
          series.substr(labels + quoted, series.find('"', labels + quoted) - labels - quoted);
      series = series.substr(0, labels) + " " + id;
      if (!series.starts_with("docker_image_repo_digests")) continue;
      if (!allowed.contains(series)) return line;
    }
    const auto found = allowed.find(series);
    if (found != allowed.end() && !found->second.contains(number_of(line))) return line;
  }
  if (images != static_cast<double>(images_.size() + 1)) return "docker_images: " + std::to_string(images);
  return "";
}

bool Truth::is_exactly(const json& document, Moment moment) const {
  if (!objection(document, {{moment, Shown::whole}}).empty()) return false;
  const auto& images = document.at("images");
  return std::all_of(images.begin(), images.end(), [](const json& image) {
    const json& containers = image.at("containers");
    return !containers.is_null() && (image.at("name") != hit_image || containers.size() == 1);
  });
}

}  // namespace repodigest::faults
