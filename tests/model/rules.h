// What an engine of each version and store says about the same images: the rules of moby (24.0.0 to 29.7.2)
// and podman 4.3, as far as they matter here.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace repodigest::model {

using Strings = std::vector<std::string>;

enum class Store { containerd, graphdriver, podman };

/// An image as it lies in the store.
struct Image {
  std::string id;
  std::string digest;           ///< of its manifest: with the containerd store the Id itself
  std::set<std::string> names;  ///< "repo:tag"; with the containerd store and podman also "repo@sha256:…",
                                ///< with the containerd store "repo:tag@sha256:…"
  std::set<std::string> digests;  ///< RepoDigests that are references of their own (graphdriver)
  bool hidden = false;            ///< an intermediate image of a build: not listed, but inspected by Id
  std::string parent;             ///< the Id of the hidden image it was built on, or ""
  std::int64_t created = 0;
  std::int64_t size = 0;
};

/// One row of a list, or one inspect.
struct Said {
  Strings tags;
  Strings digests;
};

struct Rules {
  std::string version;
  Store store = Store::containerd;
  std::string api_version;
  std::string min_api_version;

  bool null_arrays = false;              ///< inspect's empty arrays are null
  bool a_row_per_name = false;           ///< and the names there are long
  bool digested_tags_listed = false;     ///< "repo@sha256:…" stands in RepoTags of the list
  bool digested_tags_inspected = false;  ///< the same for inspect
  bool pinned_digests = false;           ///< "repo:tag@sha256:…" stands in RepoDigests
  bool doubles_single_names = false;
  bool doubles_names = false;
  bool untagged_loads_visible = false;
  bool counts_names = false;  ///< /info Images
  bool announces_pulls = false;
  bool announces_creation = false;  ///< of what a classic build makes
  bool import_announces_tag = false;
  bool untag_names_the_id = false;
  bool announces_prune = false;
  bool old_event_fields = false;  ///< status, id, from

  /// Whether every change that goes through its API comes with an event.
  [[nodiscard]] bool announces_every_change() const { return announces_pulls; }

  /// The rows that the list has of `image`.
  [[nodiscard]] std::vector<Said> rows(const Image& image) const;
  [[nodiscard]] Said inspect(const Image& image) const;
};

/// Those of a version ("27.3.1"; podman's are below 10).
Rules rules_of(const std::string& version, Store store);

/// The versions that are modelled: of Docker's engine, of podman.
const Strings& docker_versions();
const Strings& podman_versions();

// --- Names.

[[nodiscard]] bool has_digest(std::string_view name);
/// "team/app:a" without its tag, and without its digest.
[[nodiscard]] std::string repository_in(std::string_view name);

}  // namespace repodigest::model
