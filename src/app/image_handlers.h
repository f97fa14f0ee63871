// What the paths below /api/v1/images answer.
#pragma once

#include "repodigest/app/handlers.h"

namespace repodigest::app {

/// /api/v1/images, /api/v1/images/{id or name} and …/digest. `sources` outlive the routes.
void add_image_routes(web::Routes& routes, const Sources& sources);

}  // namespace repodigest::app
