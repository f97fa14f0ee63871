// The page on `/`: how the engine is and what its images' RepoDigests come to, in one HTML that needs nothing
// from elsewhere. Rendered here, it is whole without script; its script (page/script.js) keeps it live,
// searches and sorts.
#pragma once

#include "page.h"
#include "replies.h"
#include "repodigest/web/message.h"

namespace repodigest::app {

/// `events`: whether the event stream is open. Any thread.
web::Reply status_page(const Moment& moment, bool events, const PageOptions& options, bool gzip);

}  // namespace repodigest::app
