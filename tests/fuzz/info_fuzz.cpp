// GET /info: the engine's words and its store as nlohmann reads them, and nothing that it refuses.
#include <cstdint>

#include "bodies.h"
#include "repodigest/engine/decode.h"

namespace repodigest::fuzz {
namespace {

/// Whether the pairs name containerd's snapshotter; nothing if they are no pairs.
std::optional<bool> names_snapshotter(const Json* pairs) {
  bool named = false;
  if (pairs == nullptr) return named;
  if (!pairs->is(Kind::array)) return std::nullopt;
  for (const auto& [none, pair] : pairs->members) {
    if (!pair.is(Kind::array) || pair.members.size() != 2) return std::nullopt;
    const Json& name = pair.members[0].second;
    const Json& value = pair.members[1].second;
    if (!name.is(Kind::string) || !value.is(Kind::string)) return std::nullopt;
    if (name.string == "driver-type" && value.string == "io.containerd.snapshotter.v1") named = true;
  }
  return named;
}

std::optional<engine::Info> expected(const Json& root) {
  ObjectReading object(root);
  engine::Info info{.id = object.word("ID"),
                    .name = object.word("Name"),
                    .storage_driver = object.word("Driver"),
                    .images = {}};
  const auto snapshotter = names_snapshotter(object.value("DriverStatus"));
  if (const Json* const images = object.value("Images"); images != nullptr && images->is(Kind::natural))
    info.images = images->natural;
  if (!object.good || !snapshotter) return std::nullopt;
  if (*snapshotter)
    info.image_store = engine::ImageStore::containerd;
  else if (!info.storage_driver.empty())
    info.image_store = engine::ImageStore::graphdriver;
  return info;
}

bool same(const engine::Info& one, const engine::Info& other) {
  return one.id == other.id && one.name == other.name && one.storage_driver == other.storage_driver &&
         one.image_store == other.image_store && one.images == other.images;
}

}  // namespace
}  // namespace repodigest::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace repodigest;
  static engine::Decoder decoder;
  fuzz::hold_against(
      fuzz::text_of(data, size), [](const std::string& body) { return decoder.info(body); }, fuzz::expected,
      fuzz::same);
  return 0;
}
