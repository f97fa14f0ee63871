// GET /version: the engine's words as nlohmann reads them, and nothing that it refuses; and what is concluded
// from a version.
#include <cstdint>

#include "bodies.h"
#include "repodigest/engine/decode.h"
#include "repodigest/engine/types.h"

namespace repodigest::fuzz {
namespace {

std::optional<engine::Version> expected(const Json& root) {
  ObjectReading object(root);
  engine::Version version{.version = object.word("Version", true),
                          .api_version = object.word("ApiVersion", true),
                          .min_api_version = object.word("MinAPIVersion"),
                          .os = object.word("Os"),
                          .architecture = object.word("Arch")};
  if (!object.good) return std::nullopt;
  return version;
}

template <typename Version>
bool same(const Version& one, const Version& other) {
  return one.version == other.version && one.api_version == other.api_version &&
         one.min_api_version == other.min_api_version && one.os == other.os &&
         one.architecture == other.architecture;
}

/// Any text may stand there.
void conclude(std::string_view version) {
  for (const auto store :
       {engine::ImageStore::unknown, engine::ImageStore::containerd, engine::ImageStore::graphdriver}) {
    for (const auto& advisory : engine::advisories(version, store)) {
      const bool begins_with_a_number = !version.empty() && version[0] >= '0' && version[0] <= '9';
      require(begins_with_a_number || !advisory.affects,
              "of a version that can't be read nothing is claimed");
    }
    engine::doubles_single_names(version, store);
    engine::announces_every_change({.version = std::string(version), .image_store = store});
  }
}

}  // namespace
}  // namespace repodigest::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace repodigest;
  static engine::Decoder decoder;
  const std::string_view text = fuzz::text_of(data, size);
  fuzz::hold_against(
      text,
      [](const std::string& body) {
        auto version = decoder.version(body);
        if (version) fuzz::conclude(version->version);
        return version;
      },
      fuzz::expected, [](const auto& one, const auto& other) { return fuzz::same(one, other); });
  fuzz::conclude(text);
  return 0;
}
