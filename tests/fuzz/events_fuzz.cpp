// GET /events: the events of a stream are the same however it is cut, and those that nlohmann reads line by
// line.
#include <algorithm>
#include <cstdint>

#include "bodies.h"
#include "repodigest/engine/events.h"

namespace repodigest::fuzz {
namespace {

/// What came of a stream.
struct Events {
  std::vector<engine::Event> events;
  std::string error;  ///< "": none
  friend bool operator==(const Events&, const Events&) = default;
};

struct Feeding {
  engine::EventDecoder decoder;
  Events come;
  bool feed(std::string_view bytes) {
    const Status fed =
        decoder.feed(bytes, [this](const engine::Event& event) { come.events.push_back(event); });
    if (!fed) {
      require(fed.error().reason == Reason::parse && !fed.error().text.empty(), "an error is one of parsing");
      come.error = fed.error().text;
    }
    return fed.ok();
  }
};

/// A member that may be missing or null; `good` says whether it is of that kind then.
const Json* member(const Json* object, std::string_view key, Kind kind, bool& good) {
  const Json* const found = object == nullptr ? nullptr : object->find(key);
  if (found == nullptr || found->is(Kind::null)) return nullptr;
  good = good && found->is(kind);
  return found->is(kind) ? found : nullptr;
}

std::string text_at(const Json* object, std::string_view key, bool& good) {
  const Json* const found = member(object, key, Kind::string, good);
  return found == nullptr ? "" : found->string;
}

EventAction action_named(std::string name) {
  name = name.substr(0, name.find(':'));
  if (name == "loadfromarchive") name = "load";
  if (name == "remove") return EventAction::remove;
  for (std::size_t i = 0; i < event_action_names.size(); ++i)
    if (event_action_names[i] == name) return static_cast<EventAction>(i);
  return EventAction::other;
}

/// One line by nlohmann's tree.
struct Line {
  bool good = false;
  std::optional<engine::Event> event = {};
};
Line read(const Json& root) {
  Line line{.good = root.is(Kind::object)};
  if (!line.good) return line;
  const Json* const type = member(&root, "Type", Kind::string, line.good);
  if (!line.good || (type != nullptr && type->string != "image")) return line;
  std::string action = text_at(&root, "Action", line.good);
  if (action.empty()) action = text_at(&root, "status", line.good);
  const Json* const actor = member(&root, "Actor", Kind::object, line.good);
  const Json* const attributes = member(actor, "Attributes", Kind::object, line.good);
  engine::Event event{.action = action_named(action),
                      .id = text_at(actor, "ID", line.good),
                      .name = text_at(attributes, "name", line.good)};
  line.good = line.good && !action.empty();
  if (line.good) line.event = std::move(event);
  return line;
}

void hold_against_lines(std::string_view text, const Events& come) {
  auto next = come.events.begin();
  auto lines = split(text, "\n");
  lines.pop_back();  // not whole yet
  for (const auto line : lines) {
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const JsonText json = JsonReader::read(line);
    const Line expected = json.root ? read(*json.root) : Line();
    const bool sure = !json.odd && !json.large_number && json.depth < 64;
    if (sure && expected.event)
      require(next != come.events.end() && *next == *expected.event, "an event is what another parser reads");
    if (sure && !expected.good) {
      require(!come.error.empty(), "a line that is no event is an error");
      break;
    }
    if (expected.event && next != come.events.end() && *next == *expected.event)
      ++next;
    else if (!sure)
      return;
  }
  require(next == come.events.end(), "there are no events beyond those of the lines");
}

}  // namespace
}  // namespace repodigest::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace repodigest::fuzz;
  const std::string_view text = text_of(data, size);
  Feeding whole;
  whole.feed(text);
  Feeding cut;
  in_pieces(text, [&](std::string_view piece) { return cut.feed(piece); });
  require(whole.come == cut.come, "events are the same however a stream is cut");
  hold_against_lines(text, whole.come);
  return 0;
}
