// What scripts want instead of RepoDigests[0]: one repository@digest of an image, or why not. One rule for
// the command `digest` and for the path /api/v1/images/{id or name}/digest.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "repodigest/digest/texts.h"

namespace repodigest::app {

/// What came of it: with exactly one in `found`, that is the answer.
struct DigestChoice {
  std::vector<std::string> found;  ///< "repository@sha256:…", each once, in order of appearance
  std::string why;                 ///< one sentence about none or several; "" about one
};

/// Chooses among an image's entries. The repository is `repository`, else that of `asked`, by which the image
/// was found; any, where `asked` is the image's Id or its beginning. If `asked` names a digest that is among
/// the entries, it is exactly that. `repository_option` is how `why` tells the reader to name a repository:
/// "--repository=". Any thread.
DigestChoice choose_digest(std::string_view asked, std::string_view repository, std::string_view id,
                           const digest::Texts& repo_tags, const digest::Texts& repo_digests,
                           std::string_view repository_option);

}  // namespace repodigest::app
