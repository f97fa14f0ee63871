#include "repodigest/engine/events.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "body_parser.h"
#include "repodigest/engine/decode.h"

namespace repodigest::engine {
namespace {

namespace dom = simdjson::dom;

/// `Type` of the events that are listened to, in the request and in each line.
constexpr std::string_view image_type = "image";

EventAction action_of(std::string_view name) {
  // "exec_create: sh": what follows the colon is detail (moby v27.3.1 api/types/events/events.go).
  name = name.substr(0, name.find(':'));
  if (name == "loadfromarchive") return EventAction::load;  // podman
  if (name == "remove") return EventAction::remove;         // podman's own API
  const auto known = std::find(event_action_names.begin(), event_action_names.end(), name);
  if (known == event_action_names.end()) return EventAction::other;
  return static_cast<EventAction>(known - event_action_names.begin());
}

/// What is wrong with an event, as the end of a sentence that begins with it; nothing if it is good.
using Problem = std::optional<std::string>;

/// The string at `key`, if there is one; null is none.
Problem read(dom::object object, std::string_view key, std::string_view& into) {
  dom::element value;
  if (object.at_key(key).get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
  if (value.get(into) != simdjson::SUCCESS) return "has something else than a string at " + std::string(key);
  return std::nullopt;
}

/// The object at `key`, if there is one; null is none.
Problem read(dom::object object, std::string_view key, std::optional<dom::object>& into) {
  dom::element value;
  if (object.at_key(key).get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
  dom::object found;
  if (value.get(found) != simdjson::SUCCESS)
    return "has something else than an object at " + std::string(key);
  into = found;
  return std::nullopt;
}

/// Leaves `into` alone if the event is not of an image.
Problem read_event(dom::element line, std::optional<Event>& into) {
  dom::object object;
  if (line.get(object) != simdjson::SUCCESS) return "is not an object";
  std::string_view type = image_type;  // of that type alone was asked for
  std::string_view action;
  if (Problem problem = read(object, "Type", type)) return problem;
  if (type != image_type) return std::nullopt;
  if (Problem problem = read(object, "Action", action)) return problem;
  if (action.empty())
    if (Problem problem = read(object, "status", action)) return problem;
  if (action.empty()) return "has no Action";

  std::string_view id;
  std::string_view name;
  std::optional<dom::object> actor;
  std::optional<dom::object> attributes;
  if (Problem problem = read(object, "Actor", actor)) return problem;
  if (actor) {
    if (Problem problem = read(*actor, "ID", id)) return problem;
    if (Problem problem = read(*actor, "Attributes", attributes)) return problem;
  }
  if (attributes)
    if (Problem problem = read(*attributes, "name", name)) return problem;
  into = Event{.action = action_of(action), .id = std::string(id), .name = std::string(name)};
  return std::nullopt;
}

}  // namespace

struct EventDecoder::State {
  std::string line;  // what has come of it
  BodyParser parser;
};

EventDecoder::EventDecoder() : state_(std::make_unique<State>()) {}
EventDecoder::~EventDecoder() = default;
EventDecoder::EventDecoder(EventDecoder&&) noexcept = default;
EventDecoder& EventDecoder::operator=(EventDecoder&&) noexcept = default;

Status EventDecoder::feed(std::string_view bytes, const std::function<void(const Event&)>& take) {
  std::string& line = state_->line;
  while (true) {
    const std::size_t end = bytes.find('\n');
    const auto part = bytes.substr(0, end);
    if (part.size() > max_line_bytes - line.size())
      return Error{Reason::too_large, "an event is larger than " + std::to_string(max_line_bytes) + " bytes"};
    line.append(part);
    if (end == std::string_view::npos) return {};
    bytes.remove_prefix(end + 1);
    if (line.find_first_not_of(" \t\r") == std::string::npos) {
      line.clear();
      continue;
    }
    line.reserve(line.size() + transport::body_padding);  // else the parser copies it
    const Result<dom::element> parsed = state_->parser.parse(line, "an event");
    if (!parsed) return parsed.error();
    std::optional<Event> event;
    if (const Problem problem = read_event(*parsed, event)) return parse_error("an event " + *problem);
    line.clear();
    if (event) take(*event);
  }
}

EventStream::EventStream(std::unique_ptr<transport::Transport> transport, std::string endpoint_text,
                         Duration head_timeout)
    : transport_(std::move(transport)),
      endpoint_text_(std::move(endpoint_text)),
      head_timeout_(head_timeout) {}

Error EventStream::follow(const std::string& api_version, const std::function<void()>& opened,
                          const std::function<void(const Event&)>& take, const Cancel& cancel) {
  transport::Request request;
  request.target = "/v" + api_version + "/events?filters=" +
                   transport::encode_path(R"({"type":[")" + std::string(image_type) + R"("]})");
  request.max_body_bytes = std::numeric_limits<std::size_t>::max();
  request.head_timeout = head_timeout_;
  const auto placed = [&](Error error) {
    error.text = "GET " + request.target + " on " + endpoint_text_ + ": " + error.text;
    return error;
  };

  int status = 0;
  std::string refusal;
  EventDecoder decoder;
  const auto is_open = [&] { return status >= 200 && status < 300; };
  const auto refused = [&] {
    const std::string message = Decoder().error_message(refusal);
    return placed({.reason = Reason::http,
                   .text = "status " + std::to_string(status) + (message.empty() ? "" : ": " + message),
                   .status = status});
  };
  const transport::Receiver receiver{.head = [&](const transport::Response& head) -> Status {
                                       status = head.status;
                                       if (is_open()) opened();
                                       return {};
                                     },
                                     .piece = [&](std::string_view piece) -> Status {
                                       if (is_open()) {
                                         if (const Status fed = decoder.feed(piece, take); !fed)
                                           return placed(fed.error());
                                         return {};
                                       }
                                       constexpr std::size_t enough = std::size_t{64}
                                                                      << 10U;  // for a message
                                       refusal.append(piece.substr(0, enough - refusal.size()));
                                       return refusal.size() < enough ? Status() : Status(refused());
                                     }};
  const Status ended = transport_->stream(request, receiver, cancel);
  // Whatever became of the refusal's text, it was refused.
  if (status != 0 && !is_open()) return refused();
  if (!ended) return ended.error();
  return placed({.reason = Reason::interrupted, .text = "the engine ended the stream"});
}

}  // namespace repodigest::engine
