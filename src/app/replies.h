// What the handlers' answers have in common.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "repodigest/app/handlers.h"
#include "repodigest/web/message.h"

namespace repodigest::app {

web::Bytes bytes_of(std::string text);
web::Reply json_reply(web::Bytes body);

bool wants_gzip(const web::Request& request);
void mark_gzip(web::Reply& reply);

/// A 503 that says when to ask again.
void mark_retry(web::Reply& reply);

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

/// Why there is no list to answer from yet; nothing once there is one.
std::optional<std::string> why_not_listed(const Moment& moment);

}  // namespace repodigest::app
