// Requests and what becomes of them.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "facade/rules.h"

namespace repodigest::facade {

constexpr Permit light(ApiCall call) {
  return {call, Manner::light};
}
inline constexpr Permit ping = light(ApiCall::ping);
inline constexpr Permit version = light(ApiCall::version);
inline constexpr Permit info = light(ApiCall::info);
inline constexpr Permit inspect = light(ApiCall::image_inspect);
inline constexpr Permit history = light(ApiCall::image_history);
inline constexpr Permit image_list{ApiCall::image_list, Manner::list};
inline constexpr Permit events{ApiCall::events, Manner::stream};
inline constexpr Permit image_export{ApiCall::image_export, Manner::bulk};
inline constexpr Permit system_df{ApiCall::system_df, Manner::list};
inline constexpr Permit container_list{ApiCall::container_list, Manner::list};
inline constexpr Permit container_inspect = light(ApiCall::container_inspect);

inline Groups all_groups() {
  Groups groups;
  for (const Group group : {Group::df, Group::containers, Group::export_images, Group::all_events})
    groups.add(group);
  return groups;
}
inline Groups only(Group group) {
  Groups groups;
  groups.add(group);
  return groups;
}

/// A request and its verdict with every group open.
struct Case {
  std::string method;
  std::string target;
  std::optional<Permit> permit;      ///< nothing: refused…
  std::string told = std::string();  ///< …and told so
};

inline std::ostream& operator<<(std::ostream& out, const Case& one) {
  return out << one.method << " " << one.target;
}

inline const std::string digest = "sha256:" + std::string(64, 'a');

inline const std::vector<Case>& cases() {
  static const std::vector<Case> table = {
      // What is served, with and without a version.
      {"GET", "/_ping", ping},
      {"HEAD", "/_ping", ping},
      {"GET", "/v1.47/_ping", ping},
      {"GET", "/version", version},
      {"GET", "/v1.24/version", version},
      {"GET", "/info", info},
      {"GET", "/v1.47/info?x=/containers/json", info},
      {"GET", "/images/json", image_list},
      {"HEAD", "/images/json", image_list},
      {"GET", "/v1.47/images/json?all=1&filters=%7B%22dangling%22%3A%5B%22true%22%5D%7D", image_list},
      {"GET", "/v10.123/images/json", image_list},
      {"GET", "/images/nginx/json", inspect},
      {"GET", "/v1.47/images/nginx:1.27/json?manifests=1", inspect},
      {"GET", "/images/nginx/history", history},
      {"GET", "/events", events},
      {"GET", "/v1.47/events?since=1&until=2", events},
      {"GET", "/images/nginx/get", image_export},
      {"GET", "/images/get?names=a&names=b", image_export},
      {"GET", "/system/df", system_df},
      {"GET", "/v1.47/system/df?type=image", system_df},
      {"GET", "/containers/json?all=1", container_list},
      {"GET", "/containers/web/json?size=1", container_inspect},
      // Names with all that names are made of, encoded or not.
      {"GET", "/images/localhost:5000/team/app:1.0/json", inspect},
      {"GET", "/images/localhost:5000/team/app@" + digest + "/json", inspect},
      {"GET", "/images/localhost%3A5000%2Fteam%2Fapp%3A1.0/json", inspect},
      {"GET", "/images/localhost%3a5000%2fteam%2fapp%40sha256%3a" + std::string(64, 'a') + "/json", inspect},
      {"GET", "/images/" + digest + "/json", inspect},
      {"GET", "/images/" + digest + "/history", history},
      {"GET", "/v1.47/images/team%2Fapp/get", image_export},
      {"GET", "/images/a%20b/json", inspect},
      {"GET", "/images/a+b/json", inspect},
      {"GET", "/images/.../json", inspect},
      {"GET", "/images/a..b/json", inspect},
      {"GET", "/%69mages/json", image_list},
      {"GET", "/images%2Fjson", image_list},
      {"GET", "/%76%31.47/images/json", image_list},
      {"GET", "/images/nginx%2Fjson", inspect},
      // Names that look like words of the API: the last part decides, as in moby's routes.
      {"GET", "/images/json/json", inspect},
      {"GET", "/images/get/json", inspect},
      {"GET", "/images/search/json", inspect},
      {"GET", "/images/json/history", history},
      {"GET", "/images/json/get", image_export},
      {"GET", "/images/containers/json", inspect},
      {"GET", "/images/x/get/json", inspect},
      {"GET", "/images/images/json/history", history},
      {"GET", "/containers/json/json", container_inspect},
      {"GET", "/v1.47/images/v1.47/json", inspect},
      // Other calls of the API, and what it has never had.
      {"GET", "/", std::nullopt, "GET /"},
      {"GET", "/v1.47", std::nullopt, "GET /{name}"},
      {"GET", "/v1.47/", std::nullopt, "GET /"},
      {"GET", "/images", std::nullopt, "GET /images"},
      {"GET", "/images/search?term=x", std::nullopt, "GET /images/search"},
      {"GET", "/images/nginx", std::nullopt, "GET /images/{name}"},
      {"GET", "/images/nginx/push", std::nullopt, "GET /images/{name}/push"},
      {"GET", "/images/team/hidden/app/tag", std::nullopt, "GET /images/{name}/tag"},
      {"GET", "/images/nginx/JSON", std::nullopt, "GET /images/{name}"},
      {"GET", "/Images/json", std::nullopt, "GET /{name}/json"},
      {"GET", "/containers/web/logs?stdout=1", std::nullopt, "GET /containers/{name}/logs"},
      {"GET", "/containers/web/archive?path=/etc", std::nullopt, "GET /containers/{name}/archive"},
      {"GET", "/containers/web/export", std::nullopt, "GET /containers/{name}/export"},
      {"GET", "/containers/web/top", std::nullopt, "GET /containers/{name}/top"},
      {"GET", "/containers/web/attach/ws", std::nullopt, "GET /containers/{name}/attach/ws"},
      {"GET", "/containers/a/b/json", std::nullopt, "GET /containers/{name}/json"},
      {"GET", "/containers/a%2Fb/json", std::nullopt, "GET /containers/{name}/json"},
      {"GET", "/exec/0123/json", std::nullopt, "GET /exec/{name}/json"},
      {"GET", "/volumes", std::nullopt, "GET /volumes"},
      {"GET", "/networks/mine", std::nullopt, "GET /networks/{name}"},
      {"GET", "/plugins/mine/json", std::nullopt, "GET /plugins/{name}/json"},
      {"GET", "/distribution/nginx/json", std::nullopt, "GET /distribution/{name}/json"},
      {"GET", "/secrets", std::nullopt, "GET /secrets"},
      {"GET", "/configs/mine", std::nullopt, "GET /configs/{name}"},
      {"GET", "/swarm/unlockkey", std::nullopt, "GET /swarm/unlockkey"},
      {"GET", "/system/info", std::nullopt, "GET /system/info"},
      {"GET", "/metrics", std::nullopt, "GET /{name}"},
      {"GET", "/libpod/images/json", std::nullopt, "GET /{name}/images/json"},
      {"GET", "/v4.0.0/libpod/images/json", std::nullopt, "GET /{name}/images/json"},
      // Versions that are none.
      {"GET", "/v1/images/json", std::nullopt, "GET /{name}/images/json"},
      {"GET", "/v1./images/json", std::nullopt, "GET /{name}/images/json"},
      {"GET", "/v.47/images/json", std::nullopt, "GET /{name}/images/json"},
      {"GET", "/v1.47.1/images/json", std::nullopt, "GET /{name}/images/json"},
      {"GET", "/V1.47/images/json", std::nullopt, "GET /{name}/images/json"},
      {"GET", "/v1.47/v1.47/images/json", std::nullopt, "GET /{name}/images/json"},
      {"GET", "/v-1.47/images/json", std::nullopt, "GET /{name}/images/json"},
      // Paths that a router, or a proxy before it, could make others of.
      {"GET", "/images/../containers/web/logs/json", std::nullopt,
       "GET /images/{name}/containers/{name}/logs/json"},
      {"GET", "/images/..%2Fcontainers/json", std::nullopt, "GET /images/{name}/containers/json"},
      {"GET", "/images/%2e%2e/containers/json", std::nullopt, "GET /images/{name}/containers/json"},
      {"GET", "/images/%2E./volumes/json", std::nullopt, "GET /images/{name}/volumes/json"},
      {"GET", "/images/./json", std::nullopt, "GET /images/{name}/json"},
      {"GET", "/images/a/./json", std::nullopt, "GET /images/{name}/json"},
      {"GET", "/images/a/%2e/json", std::nullopt, "GET /images/{name}/json"},
      {"GET", "/./images/json", std::nullopt, "GET /{name}/images/json"},
      {"GET", "/images/a/..", std::nullopt, "GET /images/{name}"},
      {"GET", "//images/json", std::nullopt, "GET /{name}/images/json"},
      {"GET", "/images//json", std::nullopt, "GET /images/{name}/json"},
      {"GET", "/images/%2F/json", std::nullopt, "GET /images/{name}/json"},
      {"GET", "/images/a%2F%2Fb/json", std::nullopt, "GET /images/{name}/json"},
      {"GET", "/images/a/%2Fjson", std::nullopt, "GET /images/{name}/json"},
      {"GET", "/images/json/", std::nullopt, "GET /images/json/{name}"},
      {"GET", "/images/json%2F", std::nullopt, "GET /images/json/{name}"},
      {"GET", "/images/nginx/json/", std::nullopt, "GET /images/{name}/json/{name}"},
      {"GET", "/_ping/", std::nullopt, "GET /_ping/{name}"},
      {"GET", "/v1.47//images/json", std::nullopt, "GET /{name}/images/json"},
      {"GET", "/images/%252e%252e/json", std::nullopt, "GET /images/{name}/json"},
      {"GET", "/images/a%25b/json", std::nullopt, "GET /images/{name}/json"},
      {"GET", "/containers/web/logs%3F/json", std::nullopt, "GET /containers/{name}/json"},
      {"GET", "/images/a%3Fb/json", std::nullopt, "GET /images/{name}/json"},
      {"GET", "/images/a%23b/json", std::nullopt, "GET /images/{name}/json"},
      {"GET", "/images/..%5Ccontainers/json", std::nullopt, "GET /images/{name}/json"},
      {"GET", "/images/a\\b/json", std::nullopt, "GET /images/{name}/json"},
      {"GET", "/images/..;/json", std::nullopt, "GET /images/{name}/json"},
      {"GET", "/images/a;b=c/json", std::nullopt, "GET /images/{name}/json"},
      {"GET", "/images/a%3Bb/json", std::nullopt, "GET /images/{name}/json"},
      {"GET", "/images/a%00/json", std::nullopt, "GET /images/{name}/json"},
      {"GET", "/images/a%0d%0aX:%20y/json", std::nullopt, "GET /images/{name}/json"},
      {"GET", "/images/a%7f/json", std::nullopt, "GET /images/{name}/json"},
      {"GET", "/images/a%c3%a9/json", std::nullopt, "GET /images/{name}/json"},
      {"GET", "/images/a%c0%ae%c0%ae/json", std::nullopt, "GET /images/{name}/json"},
      {"GET", "/images/json%00", std::nullopt, "GET /images/{name}"},
      {"GET", "/version%20", std::nullopt, "GET /{name}"},
      {"GET", "/containers/%2e%2e/json", std::nullopt, "GET /containers/{name}/json"},
      // Methods.
      {"POST", "/images/create?fromImage=hidden", std::nullopt, "POST /images/create"},
      {"POST", "/v1.47/containers/create?name=hidden", std::nullopt, "POST /containers/create"},
      {"DELETE", "/images/team/hidden:1", std::nullopt, "DELETE /images/{name}"},
      {"POST", "/images/hidden/tag?repo=x", std::nullopt, "POST /images/{name}/tag"},
      {"POST", "/images/json", std::nullopt, "POST /images/json"},
      {"PUT", "/images/nginx/json", std::nullopt, "PUT /images/{name}/json"},
      {"PATCH", "/info", std::nullopt, "PATCH /info"},
      {"OPTIONS", "/_ping", std::nullopt, "OPTIONS /_ping"},
      {"TRACE", "/_ping", std::nullopt, "TRACE /_ping"},
      {"CONNECT", "/_ping", std::nullopt, "CONNECT /_ping"},
      {"get", "/_ping", std::nullopt, "{method} /_ping"},
      {"Get", "/images/json", std::nullopt, "{method} /images/json"},
      {"GETS", "/images/json", std::nullopt, "{method} /images/json"},
      {"HIDDEN", "/images/json", std::nullopt, "{method} /images/json"},
      {std::string(200, 'X'), "/_ping", std::nullopt, "{method} /_ping"},
      // What is told is short, however long the path is.
      {"POST", "/json/json/json/json/json/json/json/json/json", std::nullopt,
       "POST /json/json/json/json/json/json/{name}"},
  };
  return table;
}

}  // namespace repodigest::facade
