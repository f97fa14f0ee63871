// GET /containers/json: containers as nlohmann reads them, and nothing that it refuses.
#include <cstdint>

#include "bodies.h"
#include "repodigest/engine/decode.h"

namespace repodigest::fuzz {
namespace {

using Containers = std::vector<engine::Container>;

/// The first name without a slash inside, else the first at all.
std::string name_among(std::vector<std::string> names) {
  for (auto& name : names)
    if (!name.empty() && name[0] == '/') name.erase(0, 1);
  for (const auto& name : names)
    if (name.find('/') == std::string::npos) return name;
  return names.empty() ? "" : names[0];
}

std::optional<Containers> expected(const Json& root) {
  Containers containers;
  if (root.is(Kind::null)) return containers;
  if (!root.is(Kind::array)) return std::nullopt;
  for (const auto& [none, element] : root.members) {
    ObjectReading row(element);
    engine::Container container{.id = row.word("Id", true),
                                .name = name_among(row.strings("Names")),
                                .image_id = row.word("ImageID"),
                                .state = row.word("State")};
    if (!row.good) return std::nullopt;
    if (const auto full = ObjectReading::full_id(container.image_id); !full.empty())
      container.image_id = full;
    containers.push_back(std::move(container));
  }
  return containers;
}

}  // namespace
}  // namespace repodigest::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace repodigest;
  static engine::Decoder decoder;
  fuzz::hold_against(
      fuzz::text_of(data, size), [](const std::string& body) { return decoder.containers(body); },
      fuzz::expected);
  return 0;
}
