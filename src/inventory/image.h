// What follows about one image from what the list and its inspect said. Pure functions; for the inventory
// room alone.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "repodigest/engine/types.h"
#include "repodigest/inventory/snapshot.h"

namespace repodigest::inventory {

/// What derive() needs beside the image.
struct Circumstances {
  const digest::Texts& row_digests;  ///< RepoDigests of the image's list row
  bool current = false;              ///< the image's digests were inspected since its row last changed
  bool row_known = true;             ///< false after a bell: the row is of another moment than the image
  bool doubtful = false;             ///< they are of another moment than its row: to be asked again
  bool not_inspectable = false;      ///< inspect answers 404 though a newer list still has the image
  engine::ImageStore store = engine::ImageStore::unknown;
  bool engine_doubles = false;  ///< engine::doubles_single_names of this engine
};

/// Fills in what follows from the rest of `image`: name, state, anomalies, pending and suspect. n log n in
/// its names.
void derive(Image& image, const Circumstances& circumstances);

/// Whether a list row's RepoTags and an inspect's can be of one moment: they have the same tags. Names with a
/// digest don't count, because engines before 28 leave them out of inspect (moby v27.3.1
/// daemon/containerd/image.go); equal familiar names are equal. n log n.
bool have_same_tags(const digest::Texts& row_tags, const digest::Texts& inspect_tags);

/// Whether an inspect with `digests` can be of the moment of a list row, with the containerd store, where
/// each entry follows from a name (moby v27.3.1 daemon/containerd/image.go): no entry of a repository of
/// which the row has nothing, none missing of one that has a name, not more entries than names, and not fewer
/// where the engine makes one for each name (`repeats`). 24.0 shows names with a digest among its row's
/// digests only; pinned names ("repository:tag@digest") have an entry from 28 on. n log n.
bool entries_go_with_names(const digest::Analysis& digests, const digest::Texts& row_tags,
                           const digest::Texts& row_digests, bool repeats);

/// Whether two RepoTags hold the same names, those with a digest included; equal familiar names are equal.
/// n log n.
bool have_same_names(const digest::Texts& some, const digest::Texts& others);

/// Adds what `image` contributes to the totals; with `times` -1 takes it away again.
void tally(Totals& totals, const Image& image, int times);

/// Each string once, the first appearance keeps its place. n log n.
void keep_first_appearances(std::vector<std::string>& strings);

}  // namespace repodigest::inventory
