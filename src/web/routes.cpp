#include "repodigest/web/server.h"

namespace repodigest::web {

Routes::Routes(std::string prefix) : prefix_(std::move(prefix)) {
  if (prefix_.empty()) return;
  const auto redirect = [target = prefix_ + "/"](const Request& request) {
    Reply reply = Reply::text(302, "everything is below " + target + "\n");
    reply.headers.emplace_back("Location",
                               target + (request.raw_query.empty() ? "" : "?" + request.raw_query));
    return reply;
  };
  for (const auto& path : {std::string("/"), prefix_})
    routes_.push_back({path, false, Handler::other, redirect});
}

void Routes::exact(std::string path, Handler handler, HandlerFunction function, AtOnceFunction at_once) {
  routes_.push_back({prefix_ + std::move(path), false, handler, std::move(function), std::move(at_once)});
}

void Routes::prefix(std::string prefix, Handler handler, HandlerFunction function) {
  routes_.push_back({prefix_ + std::move(prefix), true, handler, std::move(function)});
}

const Routes::Route* Routes::find(std::string_view path) const {
  const Route* best = nullptr;
  for (const Route& route : routes_) {
    if (!route.is_prefix) {
      if (route.path == path) return &route;
    } else if (path.size() > route.path.size() && path.substr(0, route.path.size()) == route.path &&
               (best == nullptr || route.path.size() > best->path.size())) {
      best = &route;
    }
  }
  return best;
}

}  // namespace repodigest::web
