#include "repodigest/web/server.h"

namespace repodigest::web {

void Routes::exact(std::string path, Handler handler, HandlerFunction function, AtOnceFunction at_once) {
  routes_.push_back({std::move(path), false, handler, std::move(function), std::move(at_once)});
}

void Routes::prefix(std::string prefix, Handler handler, HandlerFunction function) {
  routes_.push_back({std::move(prefix), true, handler, std::move(function)});
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
