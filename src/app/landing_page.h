// What stands on `/` without the status page (--no-web.ui): what this is, and where to go on. No word of the
// engine, no style, no script.
#pragma once

#include "page.h"
#include "repodigest/web/message.h"

namespace repodigest::app {

/// Any thread.
web::Reply landing_page(const PageOptions& options, bool gzip);

}  // namespace repodigest::app
