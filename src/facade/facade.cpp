#include "repodigest/facade/facade.h"

#include <string>
#include <utility>
#include <variant>

#include "forwarder.h"
#include "json.h"
#include "query.h"
#include "repodigest/base/log.h"
#include "rules.h"

namespace repodigest::facade {
namespace {

/// The lane of a call.
constexpr std::size_t lane_of(Manner manner) {
  switch (manner) {
    case Manner::light:
      return 0;
    case Manner::list:
    case Manner::bulk:
      return 1;
    case Manner::stream:
      break;
  }
  return 2;
}

web::ServerOptions with_flag(web::ServerOptions serving) {
  serving.address_flag = "--docker-api.listen-address";
  return serving;
}

}  // namespace

class Facade::Impl {
 public:
  Impl(web::ServerOptions serving, Options options, Connect connect, Stats& stats, const Clock& clock)
      : options_(options),
        stats_(stats),
        forwarder_(options_, std::move(connect), stats, clock),
        server_(with_flag(std::move(serving)), passage(), stats) {}
  ~Impl() { forwarder_.end_streams(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  web::Server& server() { return server_; }
  void stop(Duration grace) {
    forwarder_.end_streams();
    server_.stop(grace);
  }

 private:
  web::Passage passage();
  std::variant<web::Reply, std::size_t> rule(const web::RawRequest& request);
  /// What to ask the engine for it; or an Error with the status and the message to refuse it with.
  [[nodiscard]] Result<Errand> judge(const web::RawRequest& request) const;
  web::Reply refuse(const web::RawRequest& request, const Error& why);

  const Options options_;
  Stats& stats_;
  Forwarder forwarder_;
  web::Server server_;  // last: its threads use all the rest
};

web::Passage Facade::Impl::passage() {
  web::Passage passage;
  passage.rule = [this](const web::RawRequest& request) { return rule(request); };
  passage.answer = [this](const web::RawRequest& request, web::Flow& flow) {
    // Judged once more, since rule() can hand on no more than a lane.
    if (auto errand = judge(request)) forwarder_.answer(request, *std::move(errand), flow);
  };
  passage.refused = [this](int status) { stats_.count_api(ApiCall::other, status); };
  passage.lanes = {Options::max_light_calls, Options::max_heavy_calls, Options::max_event_streams};
  return passage;
}

Result<Errand> Facade::Impl::judge(const web::RawRequest& request) const {
  constexpr std::string_view not_supported = " is not supported by this read-only Docker API";
  const std::string method(shown_method(request.method));
  const auto permitted = permit(request.method, request.target, options_.allow);
  if (!permitted)
    return Error{Reason::permission, method + " " + path_class(request.target) + std::string(not_supported),
                 403};
  if (request.has_body) return Error{Reason::parse, "a " + method + " with a body is not served", 400};
  if (permitted->call != ApiCall::events || options_.allow.has(Group::all_events))
    return Errand{*permitted, request.target};
  auto narrowed = narrowed_to_images(request.target);
  if (narrowed) return Errand{*permitted, *std::move(narrowed)};
  Error error = std::move(narrowed).error();
  if (error.reason == Reason::permission)
    error.text = method + " /events of other types than image" + std::string(not_supported);
  return error;
}

std::variant<web::Reply, std::size_t> Facade::Impl::rule(const web::RawRequest& request) {
  const auto errand = judge(request);
  if (!errand) return refuse(request, errand.error());
  return lane_of(errand->permit.manner);
}

web::Reply Facade::Impl::refuse(const web::RawRequest& request, const Error& why) {
  stats_.count_api(ApiCall::other, why.status);
  log::info("a call of the Docker API was refused", {{"peer", request.peer},
                                                     {"method", shown_method(request.method)},
                                                     {"path", path_class(request.target)},
                                                     {"status", std::to_string(why.status)}});
  auto reply = web::Reply::text(why.status, message_body(why.text));
  reply.content_type = "application/json";
  return reply;
}

Facade::Facade(web::ServerOptions serving, Options options, Connect connect, Stats& stats, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(serving), options, std::move(connect), stats, clock)) {}

Facade::~Facade() = default;

Status Facade::start() {
  return impl_->server().start();
}

const std::vector<web::ListenAddress>& Facade::bound() const {
  return impl_->server().bound();
}

void Facade::stop(Duration grace) {
  impl_->stop(grace);
}

}  // namespace repodigest::facade
