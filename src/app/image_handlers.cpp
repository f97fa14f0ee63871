#include "image_handlers.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>

#include "choose_digest.h"
#include "replies.h"
#include "repodigest/exposition/json.h"

namespace repodigest::app {
namespace {

using web::Reply;
using web::Request;

constexpr std::string_view images_path = "/api/v1/images";

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
  if (const auto why = why_not_listed(moment)) {
    Reply reply = Reply::json_error(503, *why);
    mark_retry(reply);
    return reply;
  }
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
  const auto known = request.list("If-None-Match");
  if (web::etag_matches(known, document.etag) || web::etag_matches(known, packed_etag)) {
    reply.status = 304;
    reply.body.clear();
  }
  return reply;
}

Reply image_reply(const Moment& moment, const inventory::Image& image) {
  return json_reply(bytes_of(exposition::render_image(image, moment.snapshot->containers_known)));
}

int status_of(const Error& not_one) {
  return not_one.reason == Reason::usage ? 409 : 404;
}

/// The repository that a request for a digest names; "" if none. Errors: usage.
Result<std::string_view> parse_repository(const Request& request) {
  std::string_view repository;
  for (const auto& [name, value] : request.query) {
    if (name != "repository") return Error{Reason::usage, "unknown parameter: there is repository", 400};
    if (value.empty()) return Error{Reason::usage, "repository is empty", 400};
    repository = value;
  }
  return repository;
}

Reply line(int status, std::string text) {
  return Reply::text(status, std::move(text) + "\n");
}

/// For scripts, so in plain text whatever comes of it.
Reply digest_reply(const Request& request, std::string_view asked, const inventory::Image& image) {
  const auto repository = parse_repository(request);
  if (!repository.ok()) return line(400, repository.error().text);
  if (!image.digests) {
    if (image.anomalies.has(digest::Anomaly::not_inspectable))
      return line(404, "the engine has no details of " + std::string(asked));
    Reply reply = line(503, std::string(asked) + " has not been inspected yet");
    mark_retry(reply);
    return reply;
  }
  const DigestChoice choice =
      choose_digest(asked, *repository, image.id, image.repo_tags, image.digests->unique, "?repository=");
  if (choice.found.empty()) return line(404, choice.why);
  std::string lines;
  for (const auto& one : choice.found) lines += one + "\n";
  return Reply::text(choice.found.size() == 1 ? 200 : 409, std::move(lines));
}

Reply image(const Request& request, const Sources& sources) {
  constexpr std::string_view digest_ending = "/digest";
  const std::string_view asked = request.rest;
  const bool for_digest = asked.size() > digest_ending.size() && asked.ends_with(digest_ending);
  const std::string_view owner = asked.substr(0, asked.size() - (for_digest ? digest_ending.size() : 0));
  const Moment moment(sources);
  if (const auto why = why_not_listed(moment)) {
    Reply reply = for_digest ? line(503, *why) : Reply::json_error(503, *why);
    mark_retry(reply);
    return reply;
  }
  const auto found = moment.snapshot->find(owner);
  if (found.ok()) return for_digest ? digest_reply(request, owner, **found) : image_reply(moment, **found);
  if (!for_digest) return Reply::json_error(status_of(found.error()), found.error().text);
  // "team/digest" may be an image's own name.
  if (const auto same_name = moment.snapshot->find(asked); same_name.ok() && status_of(found.error()) == 404)
    return image_reply(moment, **same_name);
  return line(status_of(found.error()), found.error().text);
}

}  // namespace

void add_image_routes(web::Routes& routes, const Sources& sources) {
  routes.exact(std::string(images_path), Handler::images,
               [sources](const Request& request) { return images(request, sources); });
  routes.prefix(std::string(images_path) + "/", Handler::image,
                [sources](const Request& request) { return image(request, sources); });
}

}  // namespace repodigest::app
