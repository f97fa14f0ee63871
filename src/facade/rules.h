// What may pass: a list of what is allowed, decided by method and path alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "repodigest/base/stats.h"
#include "repodigest/facade/facade.h"

namespace repodigest::facade {

/// How an answer comes: what decides on its deadline, its cap and its lane.
enum class Manner {
  light,   ///< soon, and small
  list,    ///< takes the engine long, and is as large as the engine has things
  bulk,    ///< begins after a while, and is as large as images are
  stream,  ///< ends when somebody ends it
};

/// A call that may pass.
struct Permit {
  ApiCall call;
  Manner manner;
  friend bool operator==(const Permit&, const Permit&) = default;
};

/// What `method` and `target` (as received, with its query) ask for; nothing if that is refused. Judged is
/// the path as decoded, since that is what dockerd routes by (moby api/server/server.go: gorilla/mux without
/// UseEncodedPath; podman's mux routes by the encoded one, and what matches there matches decoded, too).
/// Refused is whatever a router, or a proxy before it, could make another path of: dot segments, empty ones
/// (a slash at the end is one), what is encoded twice, and `?`, `#`, `\`, `;`, control and foreign bytes
/// behind a
/// "%". Any thread.
std::optional<Permit> permit(std::string_view method, std::string_view target, Groups allowed);

/// The method as it may be told: one of HTTP's, else "{method}". Any thread.
std::string_view shown_method(std::string_view method);

/// The path as it may be told: without version and query, words of the Docker API as they are, runs of all
/// else as "{name}", so that no foreign text is logged or sent back: "/images/{name}/json". Any thread.
std::string path_class(std::string_view target);

}  // namespace repodigest::facade
