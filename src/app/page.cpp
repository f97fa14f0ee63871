#include "page.h"

#include <utility>

#include "html.h"
#include "replies.h"
#include "repodigest/base/embedded.h"
#include "repodigest/base/sha256.h"
#include "repodigest/exposition/forms.h"

extern "C" {
extern const repodigest::EmbeddedFile repodigest_page_files[];
extern const repodigest::EmbeddedFile repodigest_page_files_end[];
}

namespace repodigest::app {

std::string page_links(const PageOptions& options) {
  Html list;
  const auto link = [&list](std::string_view href, std::string_view text) {
    list.html("<li><a href=\"").text(href).html("\">").text(text).html("</a></li>\n");
  };
  link(options.telemetry_path.substr(1), "Metrics");
  if (options.api) {
    link("api/v1/images", "Images (JSON)");
    link("api/v1/summary", "Summary (JSON)");
    link("api/v1/engine", "Engine (JSON)");
  }
  link("-/healthy", "Healthy");
  link("-/ready", "Ready");
  return list.take();
}

std::string_view page_file(std::string_view name) {
  const auto* file = repodigest_page_files;
  while (file != repodigest_page_files_end && file->name() != name) ++file;
  return file == repodigest_page_files_end ? std::string_view() : file->bytes();
}

std::string status_page_policy(bool script) {
  std::string policy = "default-src 'none'; style-src 'sha256-" + sha256_base64(page_file("style.css")) + "'";
  if (script)
    policy += "; script-src 'sha256-" + sha256_base64(page_file("script.js")) + "'; connect-src 'self'";
  return policy + "; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
}

web::Reply page_reply(std::string html, std::string policy, bool gzip) {
  web::Reply reply;
  reply.content_type = "text/html; charset=utf-8";
  reply.headers = {{"Content-Security-Policy", std::move(policy)},
                   {"Referrer-Policy", "no-referrer"},
                   {"Vary", "Accept-Encoding"}};
  if (!gzip) {
    reply.body = {bytes_of(std::move(html))};
    return reply;
  }
  reply.body = {exposition::make_document(std::move(html), true).gzip};
  mark_gzip(reply);
  return reply;
}

}  // namespace repodigest::app
