#include "landing_page.h"

#include "html.h"
#include "repodigest/base/build_info.h"

namespace repodigest::app {

web::Reply landing_page(const PageOptions& options, bool gzip) {
  Html page;
  page.html(
          "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
          "content=\"width=device-width\"><title>repodigest_exporter</title></head><body>\n"
          "<h1>repodigest_exporter</h1>\n<p>Version ")
      .text(build_info::version())
      .html(" (")
      .text(build_info::revision())
      .html(
          "). Counts raw and unique RepoDigests of the Docker images on this host "
          "(<a href=\"https://github.com/moby/moby/issues/48747\">moby issue 48747</a>).</p>\n<ul>\n")
      .html(page_links(options))
      .html("</ul>\n</body></html>\n");
  return page_reply(page.take(),
                    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", gzip);
}

}  // namespace repodigest::app
