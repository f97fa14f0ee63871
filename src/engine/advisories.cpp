#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <system_error>

#include "repodigest/engine/types.h"

namespace repodigest::engine {
namespace {

/// Major, minor, patch.
using Release = std::array<std::uint32_t, 3>;

/// A row of the table: with the containerd store, every release from `since` on and before `fixed` has it.
/// With a graphdriver the references are a map's keys, so none of these can happen there.
struct Defect {
  Advisory advisory;
  Release since;
  Release fixed;
};

// Inspect has had RepoDigests at all since 24.0.0; fixed by moby pull request 48785.
constexpr Defect moby_48747 = {
    .advisory = {.id = "moby-48747",
                 .text = "docker image inspect gives one RepoDigests entry per tag, so a repository with "
                         "several tags stands there several times",
                 .fixed_in = "27.4.0",
                 .url = "https://github.com/moby/moby/issues/48747"},
    .since = {24, 0, 0},
    .fixed = {27, 4, 0}};

constexpr Defect moby_46007 = {
    .advisory = {.id = "moby-46007",
                 .text =
                     "docker image inspect gives the RepoDigests entry of an image pulled by digest twice",
                 .fixed_in = "24.0.5",
                 .url = "https://github.com/moby/moby/issues/46007"},
    .since = {24, 0, 0},
    .fixed = {24, 0, 5}};

// 23.0 is the first release that can use the containerd store.
constexpr Defect moby_45122 = {
    .advisory = {.id = "moby-45122",
                 .text = "docker image inspect gives no RepoDigests (null), whatever tags the image has",
                 .fixed_in = "24.0.0",
                 .url = "https://github.com/moby/moby/issues/45122"},
    .since = {23, 0, 0},
    .fixed = {24, 0, 0}};

constexpr std::array defects = {moby_48747, moby_46007, moby_45122};

/// Reads "27.3.1", "28.0", "26.1.5+dfsg1", "27.4.0-rc.1". What a distribution or a pre-release adds does not
/// count: a candidate of 27.4.0 is taken as 27.4.0, because the fixes went in before the first candidates and
/// an advisory must not claim what is not known. Missing parts are 0. Nothing for "", "dev" and the like.
std::optional<Release> parse_release(std::string_view version) {
  Release release{};
  const char* at = version.data();
  const char* const end = at + version.size();
  for (std::size_t part = 0; part < release.size(); ++part) {
    const auto [next, error] = std::from_chars(at, end, release[part]);
    if (error != std::errc()) return std::nullopt;
    at = next;
    if (at == end || *at != '.' || part + 1 == release.size()) break;
    ++at;
  }
  if (at != end && *at != '-' && *at != '+' && *at != '~') return std::nullopt;
  return release;
}

bool affected(const Defect& defect, const std::optional<Release>& release, ImageStore store) {
  return release && store == ImageStore::containerd && *release >= defect.since && *release < defect.fixed;
}

}  // namespace

std::vector<Advisory> advisories(std::string_view version, ImageStore store) {
  const std::optional<Release> release = parse_release(version);
  std::vector<Advisory> result;
  result.reserve(defects.size());
  for (const Defect& defect : defects) {
    result.push_back(defect.advisory);
    result.back().affects = affected(defect, release, store);
  }
  return result;
}

bool doubles_single_names(std::string_view version, ImageStore store) {
  return affected(moby_46007, parse_release(version), store);
}

bool announces_every_change(const Identity& identity) {
  constexpr Release pulls_are_announced = {25, 0, 0};
  const std::optional<Release> release = parse_release(identity.version);
  if (identity.podman || !release) return false;
  return identity.image_store == ImageStore::graphdriver || *release >= pulls_are_announced;
}

}  // namespace repodigest::engine
