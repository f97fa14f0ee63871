// What an engine said, as plain types: the only shape in which engine answers travel through the house.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace repodigest::engine {

/// The image store in use; the names are values of the label `image_store`.
enum class ImageStore { unknown, containerd, graphdriver };
inline constexpr std::array<std::string_view, 3> image_store_names = {"unknown", "containerd", "graphdriver"};

/// Which engine it is, from /_ping, /version and /info.
struct Identity {
  std::string id;           ///< /info ID; "" of an engine that has no lasting one (podman)
  std::string name;         ///< /info Name: the host's name
  std::string version;      ///< /version Version, e.g. "27.3.1"
  std::string api_version;  ///< the one that is spoken, e.g. "1.47"
  std::string os;
  std::string architecture;    ///< /version Arch, e.g. "amd64"
  std::string storage_driver;  ///< /info Driver
  ImageStore image_store = ImageStore::unknown;
  bool podman = false;  ///< podman's Docker API, not an engine of Docker's
  friend bool operator==(const Identity&, const Identity&) = default;
};

/// Whether every change that goes through the engine's API comes with an event. Not on 24.0 with the
/// containerd store (or with a store that is not known) and on podman, which do not announce a pull: there a
/// quiet stream proves nothing; nor on a version that can't be read. Any thread.
bool announces_every_change(const Identity& identity);

/// One row of GET /images/json. Null arrays of the engine are empty here.
struct ImageRow {
  std::string id;
  std::vector<std::string> repo_tags;
  std::vector<std::string> repo_digests;
  std::int64_t created = 0;  ///< seconds since 1970
  std::int64_t size = 0;     ///< bytes
  friend bool operator==(const ImageRow&, const ImageRow&) = default;
};

/// What GET /images/{name}/json says that we use.
struct ImageInspect {
  std::string id;
  std::vector<std::string> repo_tags;
  std::vector<std::string> repo_digests;
  std::int64_t created = 0;  ///< seconds since 1970; 0 if absent or not a timestamp
  std::int64_t size = 0;
  friend bool operator==(const ImageInspect&, const ImageInspect&) = default;
};

/// One row of GET /containers/json?all=1.
struct Container {
  std::string id;
  /// Without the slash before it; of several the first that is not a link's ("/web/db"); "" if it has none.
  std::string name;
  std::string image_id;  ///< full: "sha256:…"; of a container whose image is gone, whatever stands there
  std::string state;     ///< "running", "exited", …
  friend bool operator==(const Container&, const Container&) = default;
};

/// A known defect of engines that concerns RepoDigests.
struct Advisory {
  std::string_view id;        ///< "moby-48747": the label `advisory`
  std::string_view text;      ///< one sentence
  std::string_view fixed_in;  ///< the first version without it: the label `fixed_in`
  std::string_view url;
  bool affects = false;  ///< whether the engine asked about has it
};

/// Every known defect, each with whether an engine of that version and store has it; the order is fixed. Pre-
/// releases count as their release ("27.4.0-rc.1" is 27.4.0), missing parts as 0 ("28.0"), what a
/// distribution adds ("26.1.5+dfsg1") is ignored. A version that can't be read affects nothing (never a claim
/// that is not known). Any thread.
std::vector<Advisory> advisories(std::string_view version, ImageStore store);

/// Whether inspect of such an engine gives one name's entry twice (moby-46007): then every image is a
/// suspect, not only those with several names of one repository. Any thread.
bool doubles_single_names(std::string_view version, ImageStore store);

}  // namespace repodigest::engine
