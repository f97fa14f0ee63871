// What an engine answers, as bytes: the bodies of its HTTP API and the lines of its event stream, by the
// rules of its version and store.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "image_store.h"
#include "repodigest/engine/types.h"
#include "rules.h"

namespace repodigest::model {

/// A row of a list. Lives as long as the image in its store.
struct Row {
  const Image* image;
  Said said;
};
/// The rows of all images, in the order of their Ids.
std::vector<Row> rows_of(const ImageStore& store);

std::string version_body(const Rules& rules);
std::string info_body(const Rules& rules, const std::string& engine_id, std::size_t images);
std::string list_body(const Rules& rules, const std::vector<Row>& rows);
std::string inspect_body(const Rules& rules, const Image& image, const Said& said);
std::string containers_body(const std::vector<engine::Container>& containers);
std::string message_body(const std::string& message);

/// Whether a client that speaks this version of the API ("1.47") is refused.
bool is_too_new(std::string_view spoken, const Rules& rules);
std::string too_new_message(std::string_view spoken, const Rules& rules);

/// With its line feed.
std::string event_line(const Rules& rules, const ModelEvent& event);

}  // namespace repodigest::model
