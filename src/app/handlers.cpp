#include "repodigest/app/handlers.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "landing_page.h"
#include "repodigest/exposition/json.h"
#include "repodigest/exposition/live.h"

namespace repodigest::app {
namespace {

using web::Reply;
using web::Request;

constexpr std::string_view images_path = "/api/v1/images";
constexpr std::string_view json_type = "application/json; charset=utf-8";

web::Bytes bytes_of(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

Reply json_reply(web::Bytes body) {
  Reply reply;
  reply.content_type = json_type;
  reply.body = {std::move(body)};
  return reply;
}

bool wants_gzip(const Request& request) {
  return web::accepts_gzip(request.header("Accept-Encoding"));
}

void mark_gzip(Reply& reply) {
  reply.headers.emplace_back("Content-Encoding", "gzip");
}

/// One look at everything a handler answers from.
struct Moment {
  explicit Moment(const Sources& sources)
      : now(sources.clock.now()),
        wall(sources.clock.wall()),
        snapshot(sources.snapshots.current()),
        health(sources.health.get()),
        stale(health.stale(now)) {}

  SteadyTime now;
  WallTime wall;
  std::shared_ptr<const inventory::Snapshot> snapshot;
  poll::Health health;
  bool stale;
};

/// 503 while there is no list to answer from, and why.
std::optional<Reply> refuse_before_first_list(const Moment& moment) {
  if (moment.snapshot->listed) return std::nullopt;
  std::string message = "the engine's images have not been listed yet";
  if (moment.health.last_error) message += ": " + moment.health.last_error->text;
  Reply reply = Reply::json_error(503, message);
  reply.headers.emplace_back("Retry-After", "5");
  return reply;
}

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

Result<std::size_t> parse_count(std::string_view name, std::string_view text) {
  std::size_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size())
    return Error{Reason::usage, std::string(name) + " is not a number of images: write it as 100", 400};
  return value;
}

Result<exposition::Filter> parse_filter(const Request& request) {
  exposition::Filter filter;
  for (const auto& [name, value] : request.query) {
    if (name == "anomaly") {
      const auto* found = std::find(digest::anomaly_names.begin(), digest::anomaly_names.end(), value);
      if (found == digest::anomaly_names.end()) {
        std::string known;
        for (const auto one : digest::anomaly_names) known += (known.empty() ? "" : ", ") + std::string(one);
        return Error{Reason::usage, "unknown anomaly: it is one of " + known, 400};
      }
      filter.anomaly = static_cast<digest::Anomaly>(found - digest::anomaly_names.begin());
    } else if (name == "name") {
      filter.name = value;
    } else if (name == "limit" || name == "offset") {
      const auto count = parse_count(name, value);
      if (!count.ok()) return count.error();
      if (name == "limit")
        filter.limit = *count;
      else
        filter.offset = *count;
    } else {
      return Error{Reason::usage, "unknown parameter: there are anomaly, name, limit and offset", 400};
    }
  }
  return filter;
}

Reply images(const Request& request, const Sources& sources) {
  const Moment moment(sources);
  if (auto refusal = refuse_before_first_list(moment)) return std::move(*refusal);
  const auto filter = parse_filter(request);
  if (!filter.ok()) return Reply::json_error(400, filter.error().text);
  const bool gzip = wants_gzip(request);
  const exposition::Document document =
      filter->any() ? exposition::make_document(
                          exposition::render_images(*moment.snapshot, moment.stale, *filter), gzip)
                    : sources.forms.images(moment.snapshot, moment.stale, gzip);
  Reply reply = json_reply(gzip ? document.gzip : document.bytes);
  if (gzip) mark_gzip(reply);
  reply.headers.emplace_back("Vary", "Accept-Encoding");
  // Other bytes want another strong tag (RFC 9110 8.8.3.3); a client that has either form needs neither
  // again.
  std::string packed_etag = document.etag;
  packed_etag.insert(packed_etag.size() - 1, "-gzip");
  reply.headers.emplace_back("ETag", gzip ? packed_etag : document.etag);
  const auto known = request.header("If-None-Match");
  if (web::etag_matches(known, document.etag) || web::etag_matches(known, packed_etag)) {
    reply.status = 304;
    reply.body.clear();
  }
  return reply;
}

Reply image(const Request& request, const Sources& sources) {
  const Moment moment(sources);
  if (auto refusal = refuse_before_first_list(moment)) return std::move(*refusal);
  const auto found = moment.snapshot->find(std::string_view(request.path).substr(images_path.size() + 1));
  if (!found.ok())
    return Reply::json_error(found.error().reason == Reason::usage ? 409 : 404, found.error().text);
  return json_reply(bytes_of(exposition::render_image(**found, moment.snapshot->containers_known)));
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
  const exposition::LiveOptions live{.exporter_metrics = !config.web_disable_exporter_metrics};
  routes.exact(
      telemetry_path, Handler::metrics,
      [sources, live](const Request& request) { return metrics(request, sources, live); },
      [sources, live](const Request& request) { return metrics_at_once(request, sources, live); });
  routes.exact("/", Handler::page, [sources, telemetry_path, api = config.web_api](const Request&) {
    const Moment moment(sources);
    return landing_page(*moment.snapshot, moment.health, moment.stale, sources.stats.events_connected,
                        telemetry_path, api);
  });
  routes.exact("/-/healthy", Handler::healthy, [](const Request&) { return Reply::text(200, "Healthy\n"); });
  routes.exact("/-/ready", Handler::ready, [sources](const Request&) { return ready(sources); });
  if (!config.web_api) return routes;
  routes.exact(std::string(images_path), Handler::images,
               [sources](const Request& request) { return images(request, sources); });
  routes.prefix(std::string(images_path) + "/", Handler::image,
                [sources](const Request& request) { return image(request, sources); });
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
