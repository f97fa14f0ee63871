// What the pages on `/` have in common: the status page, and the list of links that stands there without it.
#pragma once

#include <string>
#include <string_view>

#include "repodigest/web/message.h"

namespace repodigest::app {

/// What of a page is a matter of flags.
struct PageOptions {
  std::string telemetry_path;
  bool api = true;      ///< whether the links to /api/v1 lead anywhere, and the page can refresh itself
  bool polling = true;  ///< whether anything of the engine is known
};

/// The other paths of the server, as <li>. They are relative, so that they also lead somewhere behind a proxy
/// that adds a prefix. Any thread.
std::string page_links(const PageOptions& options);

/// A file of src/app/page, which are part of the program; it must be there. Any thread.
std::string_view page_file(std::string_view name);

/// The Content-Security-Policy under which the style of the page is the only style, and its script, if it
/// has one, the only script, that a browser takes. Any thread.
std::string status_page_policy(bool script);

/// A page under that policy. Any thread.
web::Reply page_reply(std::string html, std::string policy, bool gzip);

}  // namespace repodigest::app
