// GET /events as types: one long answer, of which each line is an event.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "repodigest/base/cancel.h"
#include "repodigest/base/clock.h"
#include "repodigest/base/result.h"
#include "repodigest/base/stats.h"
#include "repodigest/transport/transport.h"

namespace repodigest::engine {

/// What of an event is used (moby v27.3.1 api/types/events/events.go). Its older fields `status`, `id` and
/// `from`, gone from API 1.52 on, are not read; but `status` is the action of an event that has no Action, as
/// before API 1.22.
struct Event {
  EventAction action = EventAction::other;
  std::string id;    ///< Actor.ID: an image's Id, or a reference (pull, push)
  std::string name;  ///< Actor.Attributes.name; "" if there is none; podman's load has a path here
  friend bool operator==(const Event&, const Event&) = default;
};

/// Bytes, as they come, into events. Events of other types than image are left out. Thread rule: one thread.
class EventDecoder {
 public:
  /// At most so long a line: attributes hold an image's labels.
  static constexpr std::size_t max_line_bytes = std::size_t{1} << 20U;

  EventDecoder();
  ~EventDecoder();
  EventDecoder(EventDecoder&&) noexcept;
  EventDecoder& operator=(EventDecoder&&) noexcept;

  /// Calls `take` for each event that is whole. Errors: parse (a line that is no event), too_large; after one
  /// the decoder is of no use.
  Status feed(std::string_view bytes, const std::function<void(const Event&)>& take);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The stream of events of type image. Thread rule: one thread.
class EventStream {
 public:
  /// `head_timeout` is for its answer to begin; there is none for events.
  EventStream(std::unique_ptr<transport::Transport> transport, std::string endpoint_text,
              Duration head_timeout);

  /// Opens it, calls `opened`, then `take` for each event, until it ends; returns why. Errors: those of the
  /// transport and of EventDecoder; http with the status and what the engine says if it is refused (any
  /// status but 2xx); interrupted when the engine ended it.
  Error follow(const std::string& api_version, const std::function<void()>& opened,
               const std::function<void(const Event&)>& take, const Cancel& cancel);

 private:
  std::unique_ptr<transport::Transport> transport_;
  std::string endpoint_text_;
  Duration head_timeout_;
};

}  // namespace repodigest::engine
