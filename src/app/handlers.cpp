#include "repodigest/app/handlers.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "image_handlers.h"
#include "landing_page.h"
#include "replies.h"
#include "repodigest/exposition/json.h"
#include "repodigest/exposition/live.h"
#include "status_page.h"

namespace repodigest::app {
namespace {

using web::Reply;
using web::Request;

Reply metrics_reply(web::Bytes snapshot_part, std::string live_part) {
  Reply reply;
  reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
  reply.headers.emplace_back("Vary", "Accept-Encoding");
  reply.body = {std::move(snapshot_part), bytes_of(std::move(live_part))};
  return reply;
}

Reply metrics_reply(const exposition::GzipPart& snapshot_part, std::string_view live_part) {
  Reply reply = metrics_reply(snapshot_part.bytes, exposition::gzip_end(snapshot_part, live_part));
  mark_gzip(reply);
  return reply;
}

Reply metrics(const Request& request, const Sources& sources, const exposition::LiveOptions& options) {
  const Moment moment(sources);
  if (!wants_gzip(request)) {
    auto text = sources.forms.text(moment.snapshot, moment.stale);
    return metrics_reply(std::move(text), exposition::render_live(sources.stats, moment.health, options));
  }
  const auto part = sources.forms.text_gzip(moment.snapshot, moment.stale);
  return metrics_reply(part, exposition::render_live(sources.stats, moment.health, options));
}

/// For the usual scrape: gzip of a snapshot that was scraped before.
std::optional<Reply> metrics_at_once(const Request& request, const Sources& sources,
                                     const exposition::LiveOptions& options) {
  if (!wants_gzip(request)) return std::nullopt;
  const Moment moment(sources);
  const auto part = sources.forms.text_gzip_if_made(moment.snapshot, moment.stale);
  if (!part) return std::nullopt;
  return metrics_reply(*part, exposition::render_live(sources.stats, moment.health, options));
}

Reply ready(const Sources& sources) {
  const Moment moment(sources);
  if (moment.health.ready) return Reply::text(200, "Ready\n");
  std::string text = "Not ready: the engine's images have not been listed yet\n";
  if (moment.health.last_error) text += moment.health.last_error->text + "\n";
  return Reply::text(503, std::move(text));
}

}  // namespace

web::Routes make_routes(const cli::Config& config, const Sources& sources) {
  web::Routes routes;
  const std::string telemetry_path = config.web_telemetry_path;
  const exposition::LiveOptions live{.exporter_metrics = !config.web_disable_exporter_metrics,
                                     .polling = config.poll,
                                     .docker_api = !config.docker_api_listen_addresses.empty()};
  const PageOptions page{
      .telemetry_path = telemetry_path, .api = config.web_api && config.poll, .polling = config.poll};
  routes.exact(
      telemetry_path, Handler::metrics,
      [sources, live](const Request& request) { return metrics(request, sources, live); },
      [sources, live](const Request& request) { return metrics_at_once(request, sources, live); });
  routes.exact("/", Handler::page, [sources, page, status = config.web_ui](const Request& request) {
    if (!status) return landing_page(page, wants_gzip(request));
    return status_page(Moment(sources), sources.stats.events_connected, page, wants_gzip(request));
  });
  routes.exact("/-/healthy", Handler::healthy, [](const Request&) { return Reply::text(200, "Healthy\n"); });
  routes.exact("/-/ready", Handler::ready, [sources, polling = config.poll](const Request&) {
    return polling ? ready(sources) : Reply::text(200, "Ready\n");
  });
  if (!page.api) return routes;
  add_image_routes(routes, sources);
  routes.exact("/api/v1/summary", Handler::summary, [sources](const Request&) {
    const Moment moment(sources);
    return json_reply(bytes_of(
        exposition::render_summary(*moment.snapshot, moment.health, sources.stats, moment.now, moment.wall)));
  });
  routes.exact("/api/v1/engine", Handler::engine, [sources](const Request&) {
    const Moment moment(sources);
    return json_reply(bytes_of(
        exposition::render_engine(*moment.snapshot, moment.health, sources.stats, moment.now, moment.wall)));
  });
  return routes;
}

}  // namespace repodigest::app
