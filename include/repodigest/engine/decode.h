// Engine bodies become types here, by simdjson. Nothing in a body is trusted: it is validated whole (JSON and
// UTF-8) before anything of it is used.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "repodigest/base/result.h"
#include "repodigest/engine/image_list.h"
#include "repodigest/engine/types.h"

namespace repodigest::engine {

struct Version {
  std::string version;
  std::string api_version;
  std::string min_api_version;
  std::string os;
  std::string architecture;
};

struct Info {
  std::string id;
  std::string name;
  std::string storage_driver;
  ImageStore image_store = ImageStore::unknown;
  std::optional<std::size_t> images;  ///< nothing if it is absent or no count
};

class BodyParser;

/// Decodes bodies; keeps its parser's memory between calls, so hold one per thread that decodes.
/// Every body must have transport::body_padding spare bytes of capacity behind its end.
/// Errors: Reason::parse, saying where: not JSON, not UTF-8, deeper than 64 levels, a key missing or given
/// twice, a wrong type; an Id that is not `algorithm:hex`. Missing or null arrays of strings are empty.
/// Unknown keys are ignored.
class Decoder {
 public:
  Decoder();
  ~Decoder();
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;

  Result<ImageList> image_list(const std::string& body);
  Result<std::vector<Container>> containers(const std::string& body);
  Result<ImageInspect> image_inspect(const std::string& body);
  Result<Version> version(const std::string& body);
  Result<Info> info(const std::string& body);
  /// The `message` of an engine's error body, or its first line as text; shortened to 200 characters, control
  /// characters replaced. "" if there is none.
  std::string error_message(const std::string& body);

 private:
  std::unique_ptr<BodyParser> parser_;
};

}  // namespace repodigest::engine
