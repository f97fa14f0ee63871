// Which headers go through: end-to-end ones, but for credentials.
#pragma once

#include "repodigest/web/passage.h"

namespace repodigest::facade {

/// What a client's request goes to the engine with: without hop-by-hop headers (RFC 9110 7.6.1, those that
/// Connection names included), Host and what speaks of a body, which are the next hop's own; without
/// X-Registry-*, Authorization and Cookie, which nothing that may pass needs. `correct`: the answer must come
/// whole and as it is, so Accept-Encoding is identity, and ranges are not asked for. Any thread.
web::Headers for_engine(const web::Headers& received, bool correct);

/// What an engine's answer goes to the client with: without hop-by-hop headers and Content-Length, which
/// web::Flow says. Any thread.
web::Headers for_client(const web::Headers& answered);

/// Whether two header names, or tokens in a header, are the same in any case of their letters.
bool same_ignoring_case(std::string_view a, std::string_view b);

}  // namespace repodigest::facade
