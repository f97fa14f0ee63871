// GET /images/json: rows as nlohmann reads them, and nothing that it refuses.
#include <cstdint>

#include "bodies.h"
#include "repodigest/engine/decode.h"

namespace repodigest::fuzz {
namespace {

using Rows = std::vector<engine::ImageRow>;

std::optional<engine::ImageList> expected(const Json& root) {
  Rows rows;
  if (root.is(Kind::null)) return engine::ImageList(rows);
  if (!root.is(Kind::array)) return std::nullopt;
  for (const auto& [none, element] : root.members) {
    ObjectReading row(element);
    rows.push_back({.id = row.id("Id"),
                    .repo_tags = row.strings("RepoTags"),
                    .repo_digests = row.strings("RepoDigests"),
                    .created = row.integer("Created"),
                    .size = row.size("Size")});
    constexpr std::int64_t year_one = -62135596800;  // how Go says that there is no time
    if (rows.back().created == year_one) rows.back().created = 0;
    if (!row.good) return std::nullopt;
  }
  return engine::ImageList(rows);
}

bool same(const engine::ImageList& one, const engine::ImageList& other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end());
}

}  // namespace
}  // namespace repodigest::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace repodigest;
  static engine::Decoder decoder;
  fuzz::hold_against(
      fuzz::text_of(data, size), [](const std::string& body) { return decoder.image_list(body); },
      fuzz::expected, fuzz::same);
  return 0;
}
