#include "forwarder.h"

#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "headers.h"

namespace repodigest::facade {
namespace {

/// As every call of the program that is no list (--docker.max-response-bytes).
constexpr std::size_t max_light_bytes = std::size_t{16} << 20U;

/// What a client that hung up before its answer began is counted as: see api_codes.
constexpr int client_gone = 499;

}  // namespace

Forwarder::Forwarder(const Options& options, Connect connect, Stats& stats, const Clock& clock)
    : options_(options),
      stats_(stats),
      clock_(clock),
      pool_(std::move(connect)),
      busy_(stats.engine_busy[index_of(Caller::facade)], clock) {}

transport::Request Forwarder::to_engine(const web::RawRequest& request, Errand errand) const {
  transport::Request asked;
  asked.method = request.method;
  asked.target = std::move(errand.target);
  asked.headers = for_engine(request.headers, options_.correct);
  switch (errand.permit.manner) {
    case Manner::light:
      asked.max_body_bytes = max_light_bytes;
      break;
    case Manner::list:
      asked.max_body_bytes = options_.max_list_bytes;
      break;
    case Manner::bulk:
      asked.max_body_bytes = std::numeric_limits<std::size_t>::max();
      asked.head_timeout = options_.list_timeout;
      break;
    case Manner::stream:
      asked.max_body_bytes = std::numeric_limits<std::size_t>::max();
      asked.head_timeout = options_.timeout;
      break;
  }
  return asked;
}

Cancel Forwarder::cancel_of(Manner manner, const Wake& gone) const {
  const Cancel cancel(gone);
  switch (manner) {
    case Manner::light:
      return cancel.within(options_.timeout);
    case Manner::list:
      return cancel.within(options_.list_timeout);
    case Manner::stream:
      return cancel.also(streams_end_);
    case Manner::bulk:
      break;
  }
  return cancel;
}

void Forwarder::answer(const web::RawRequest& request, Errand errand, web::Flow& flow) {
  const Permit permit = errand.permit;
  const Cancel cancel = cancel_of(permit.manner, flow.gone());
  Relay relay(flow, cancel, permit.call, options_.correct, stats_);
  std::unique_ptr<transport::Transport> engine = pool_.take();
  Status outcome;
  {
    std::optional<BusyTime::Call> under_way;
    if (permit.manner != Manner::stream) under_way.emplace(busy_);
    outcome = engine->stream(to_engine(request, std::move(errand)),
                             {.head = [&](const transport::Response& answer) { return relay.head(answer); },
                              .piece = [&](std::string_view bytes) { return relay.piece(bytes); }},
                             cancel);
  }
  if (outcome) {
    pool_.give_back(std::move(engine));
    (void)relay.end();
    return;
  }
  engine.reset();            // closed before anything else, so that the engine stops working on the answer
  if (flow.begun()) return;  // in the middle: the flow breaks off, lest a part be taken for the whole
  if (flow.gone().raised())
    relay.count(client_gone);
  else
    tell(outcome.error(), permit, relay);
}

void Forwarder::tell(const Error& error, Permit permit, Relay& relay) {
  if (permit.manner == Manner::stream && streams_end_.raised())
    return relay.say(503, "the program is stopping");
  const auto operation = api_call_names[index_of(permit.call)];
  // Not the text: it has the target in it, and with it names and filters.
  if (const auto count = trouble_.occurred(name_of(error.reason), clock_.now()))
    log::warn(
        "a call of the corrected Docker API got no answer from the engine",
        {{"operation", operation}, {"reason", name_of(error.reason)}, {"count", std::to_string(*count)}});
  if (error.status != 0) return relay.say(error.status, error.text);
  switch (error.reason) {
    case Reason::timeout:
      return relay.say(504, "the engine did not answer in time: " + error.text);
    case Reason::too_large:
      return relay.say(502, "the engine's answer is too large: " + error.text +
                                (permit.manner == Manner::list ? ": raise --docker.max-response-bytes" : ""));
    case Reason::http:
    case Reason::parse:
      return relay.say(502, "the engine's answer is not understood: " + error.text);
    default:
      return relay.say(502, "cannot reach the engine: " + error.text);
  }
}

}  // namespace repodigest::facade
