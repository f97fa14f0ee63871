#include "replies.h"

#include <utility>

namespace repodigest::app {

web::Bytes bytes_of(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

web::Reply json_reply(web::Bytes body) {
  web::Reply reply;
  reply.content_type = "application/json; charset=utf-8";
  reply.body = {std::move(body)};
  return reply;
}

bool wants_gzip(const web::Request& request) {
  return web::accepts_gzip(request.list("Accept-Encoding"));
}

void mark_gzip(web::Reply& reply) {
  reply.headers.emplace_back("Content-Encoding", "gzip");
}

void mark_retry(web::Reply& reply) {
  reply.headers.emplace_back("Retry-After", "5");
}

std::optional<std::string> why_not_listed(const Moment& moment) {
  if (moment.snapshot->listed) return std::nullopt;
  std::string message = "the engine's images have not been listed yet";
  if (moment.health.last_error) message += ": " + moment.health.last_error->text;
  return message;
}

}  // namespace repodigest::app
