#include "repodigest/app/handlers.h"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "image_handlers.h"
#include "landing_page.h"
#include "replies.h"
#include "repodigest/exposition/json.h"
#include "repodigest/exposition/live.h"
#include "repodigest/web/accept.h"
#include "status_page.h"

namespace repodigest::app {
namespace {

using exposition::Format;
using web::Reply;
using web::Request;

/// The format of the metrics that a request is answered with, and its Content-Type.
struct Wanted {
  Format format = Format::text;
  std::string content_type;
};

/// OpenMetrics 0.0.1, which older Prometheus servers ask for, is not among the offers: such a client did not
/// say that it reads 1.0.0, and text, which it takes too, has the same samples. text/plain;version=1.0.0
/// differs from 0.0.4 by a way to write names that none of ours needs.
Wanted wanted_by(const Request& request) {
  constexpr std::array<web::MediaType, 2> offers = {
      {{"text", "plain", "0.0.4"}, {"application", "openmetrics-text", "1.0.0"}}};
  const std::string accept = request.list("Accept");
  const web::Preference preference = web::preferred(accept, offers);
  if (preference.offer == 0) return {Format::text, "text/plain; version=0.0.4; charset=utf-8"};
  Wanted wanted{Format::openmetrics, "application/openmetrics-text; version=1.0.0; charset=utf-8"};
  // How a client wants names written that need it. By the other two schemes, dots and values, ours would
  // change, and so they are not claimed (prometheus/docs, docs/instrumenting/escaping_schemes.md).
  const auto escaping = web::parameter_of(preference.parameters, "escaping");
  if (escaping == "allow-utf-8" || escaping == "underscores")
    wanted.content_type.append("; escaping=").append(escaping);
  return wanted;
}

Reply metrics_reply(Wanted wanted, web::Bytes snapshot_part, std::string live_part) {
  Reply reply{.content_type = std::move(wanted.content_type),
              .headers = {},
              .body = {std::move(snapshot_part), bytes_of(std::move(live_part))}};
  reply.headers.emplace_back("Vary", "Accept, Accept-Encoding");
  return reply;
}

Reply metrics_reply(Wanted wanted, const exposition::GzipPart& snapshot_part, std::string_view live_part) {
  Reply reply =
      metrics_reply(std::move(wanted), snapshot_part.bytes, exposition::gzip_end(snapshot_part, live_part));
  mark_gzip(reply);
  return reply;
}

Reply metrics(const Request& request, const Sources& sources, const exposition::LiveOptions& options) {
  const Moment moment(sources);
  Wanted wanted = wanted_by(request);
  const Format format = wanted.format;
  if (!wants_gzip(request)) {
    auto text = sources.forms.text(moment.snapshot, moment.stale, format);
    return metrics_reply(std::move(wanted), std::move(text),
                         exposition::render_live(sources.stats, moment.health, options, format));
  }
  const auto part = sources.forms.text_gzip(moment.snapshot, moment.stale, format);
  return metrics_reply(std::move(wanted), part,
                       exposition::render_live(sources.stats, moment.health, options, format));
}

/// For the usual scrape: gzip of a snapshot that was scraped before.
std::optional<Reply> metrics_at_once(const Request& request, const Sources& sources,
                                     const exposition::LiveOptions& options) {
  if (!wants_gzip(request)) return std::nullopt;
  const Moment moment(sources);
  Wanted wanted = wanted_by(request);
  const Format format = wanted.format;
  const auto part = sources.forms.text_gzip_if_made(moment.snapshot, moment.stale, format);
  if (!part) return std::nullopt;
  return metrics_reply(std::move(wanted), *part,
                       exposition::render_live(sources.stats, moment.health, options, format));
}

Reply ready(const Sources& sources) {
  const Moment moment(sources);
  if (moment.health.ready) return Reply::text(200, "Ready\n");
  std::string text = "Not ready: the engine's images have not been listed yet\n";
  if (moment.health.last_error) text += moment.health.last_error->text + "\n";
  return Reply::text(503, std::move(text));
}

Reply reload(const Request& request, const Sources& sources) {
  if (request.method != "POST") {
    Reply reply = Reply::text(405, "only POST is allowed\n");
    reply.headers.emplace_back("Allow", "POST");
    return reply;
  }
  if (sources.reload()) return Reply::text(200, "Reloaded\n");
  return Reply::text(500, "A file is broken, what was read before stays: the log says why\n");
}

}  // namespace

web::Routes make_routes(const cli::Config& config, const Sources& sources) {
  web::Routes routes(config.web_route_prefix);
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
  if (config.web_enable_lifecycle)
    routes.exact(std::string(reload_path), Handler::reload,
                 [sources](const Request& request) { return reload(request, sources); });
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
