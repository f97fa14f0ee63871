// Pieces of JSON, good and bad, one for each rule of RFC 8259 that a reader can get wrong: what an engine, or
// whatever stands in its place, may put anywhere into an answer.
#pragma once

#include <string>
#include <vector>

namespace repodigest::faults {

/// The value of a key that nobody reads.
struct JsonText {
  std::string name;
  std::string text;
  bool good = false;  ///< it is JSON
};

/// What is JSON, or what only strangers to the grammar take for it.
const std::vector<JsonText>& json_texts();

/// JSON by the grammar that no Go program writes, and that two readers may take for two things: half a
/// surrogate pair, numbers beyond all that an engine has a type for, nesting deeper than any body's. The
/// poller refuses it; to the corrected Docker API it is JSON.
const std::vector<JsonText>& grammatical_texts();

/// What becomes of a whole body.
struct JsonDocument {
  std::string name;
  std::string (*of)(const std::string& body);
};

/// None of what they make is one JSON text that any call may be answered with.
const std::vector<JsonDocument>& json_documents();

}  // namespace repodigest::faults
