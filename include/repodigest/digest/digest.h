// What RepoDigests entries mean: the grammar `repository[:tag]@algorithm:hex`, the unique list, counts and
// anomalies. Pure functions over strings; no HTTP, no JSON, no time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "repodigest/digest/texts.h"

namespace repodigest::digest {

/// What is odd about an image's list; the names are values of the label `anomaly` and of `anomalies` in the
/// JSON.
enum class Anomaly {
  duplicate,        ///< an entry stands more than once
  several_digests,  ///< one repository with two or more different digests
  tagged_digest,    ///< `repository:tag@sha256:…`
  bare_digest,      ///< `sha256:…` without a repository
  placeholder,      ///< `<none>@<none>`
  malformed,        ///< anything else that is not a RepoDigest
  list_mismatch,    ///< the list and the inspect disagree
  not_inspectable,  ///< inspect answers 404 though a newer list still has the image
};
inline constexpr std::array<std::string_view, 8> anomaly_names = {
    "duplicate",   "several_digests", "tagged_digest", "bare_digest",
    "placeholder", "malformed",       "list_mismatch", "not_inspectable"};

/// A set of anomalies. A value.
class Anomalies {
 public:
  constexpr Anomalies() = default;
  constexpr Anomalies(std::initializer_list<Anomaly> all) {
    for (const Anomaly one : all) add(one);
  }
  constexpr void add(Anomaly anomaly) { bits_ |= bit(anomaly); }
  constexpr void add(Anomalies other) { bits_ |= other.bits_; }
  [[nodiscard]] constexpr bool has(Anomaly anomaly) const { return (bits_ & bit(anomaly)) != 0; }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  /// Whether the image counts as anomalous: any anomaly but tagged_digest and placeholder, which are counted
  /// only (CONTRACT, Metrics).
  [[nodiscard]] constexpr bool anomalous() const {
    return (bits_ & ~(bit(Anomaly::tagged_digest) | bit(Anomaly::placeholder))) != 0;
  }
  /// The names of the members, in the order of Anomaly.
  [[nodiscard]] std::vector<std::string_view> names() const;
  friend constexpr bool operator==(Anomalies, Anomalies) = default;

 private:
  static constexpr std::uint16_t bit(Anomaly anomaly) {
    return static_cast<std::uint16_t>(1U << static_cast<unsigned>(anomaly));
  }
  std::uint16_t bits_ = 0;
};

/// What kind of string an entry is.
enum class EntryKind { canonical, tagged, bare, placeholder, malformed };

/// One entry taken apart. The views point into the entry and live as long as it does. Parts that an entry of
/// its kind does not have are empty; a malformed entry has none.
struct Entry {
  EntryKind kind = EntryKind::malformed;
  std::string_view repository;  ///< "localhost:5000/namespace1/myimage"
  std::string_view tag;         ///< of `tagged` only
  std::string_view digest;      ///< "sha256:…" (64 hex digits) or "sha512:…" (128)
};

/// Takes one RepoDigests entry apart. The grammar is that of distribution/reference v0.6.0 (reference.go,
/// regexp.go): a repository of an optional host (with port; `[::1]` too) and lower-case path components, at
/// most 255 characters without the host; a tag of at most 128 word characters, dots and dashes; sha256 or
/// sha512 with lower-case hex. Linear. Any thread.
Entry parse_entry(std::string_view entry);

/// The repository of a name in RepoTags, which may be `repository:tag`, `repository@digest` or
/// `repository:tag@digest`; the whole name if it has neither. A view into `name`. Any thread.
std::string_view repository_of(std::string_view name);

/// A name or entry as Docker shows it: without `docker.io/` and, for an official image, without `library/`
/// (distribution/reference normalize.go, familiarizeName). Two names mean the same if these are equal. A view
/// into `name`. Any thread.
std::string_view familiar_name(std::string_view name);

/// An entry that stands more than once.
struct Duplicate {
  std::uint32_t index = 0;  ///< of the entry in Analysis::unique
  std::uint32_t count = 0;  ///< how often it stands, at least 2
  friend bool operator==(const Duplicate&, const Duplicate&) = default;
};

/// What one image's RepoDigests come to.
struct Analysis {
  std::size_t raw_count = 0;
  Texts unique;                       ///< equal by string, first appearance keeps its place (moby v27.4.0
                                      ///< daemon/containerd/image.go: sliceutil.Dedup)
  std::vector<Duplicate> duplicates;  ///< in the order of their first appearance
  Anomalies anomalies;  ///< all but list_mismatch and not_inspectable, which no single list shows
  friend bool operator==(const Analysis&, const Analysis&) = default;
};

/// Counts, makes unique and looks for anomalies. Linear in the number of entries (10,000 are no problem). Any
/// thread.
Analysis analyse(std::span<const std::string> repo_digests);

/// What scripts want instead of RepoDigests[0]: the `repository@digest` of one repository, each once, in
/// order of appearance. A tag in an entry is left out; repositories are compared as familiar_name() shows
/// them; "" is any repository. Entries that name no repository are passed over. Any thread.
std::vector<std::string> digests_of(const Texts& repo_digests, std::string_view repository);

/// The anomalies that an entry shows by its kind alone (tagged_digest, bare_digest, placeholder, malformed).
Anomalies anomalies_of_entries(const Texts& repo_digests);

}  // namespace repodigest::digest
