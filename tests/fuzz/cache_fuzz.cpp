// A cache file: any bytes are refused or read, and what is read is written again as the same bytes.
#include <cstdint>
#include <variant>

#include "cache/format.h"
#include "repodigest/base/sha256.h"
#include "require.h"

namespace repodigest::fuzz {
namespace {

using cache::Limits;
using inventory::Remembered;

const engine::Identity an_engine{
    .id = "an engine", .version = "27.3.1", .image_store = engine::ImageStore::containerd};

std::string number(std::size_t value) {
  std::string bytes;
  for (unsigned shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(value >> shift & 0xFFU);
  return bytes;
}

std::string text(std::string_view value) {
  return number(value.size()).append(value);
}

std::string summed(std::string bytes) {
  Sha256 sum;
  sum.add(bytes);
  const auto made = sum.finish();
  return bytes.append(made.data(), made.size());
}

bool is_sound(std::string_view value) {
  if (value.empty() || value.size() > Limits().text_bytes || !is_utf8(value)) return false;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const auto byte = static_cast<unsigned char>(value[i]);
    if (byte < 0x20 || byte == 0x7F) return false;
    if (byte == 0xC2 && static_cast<unsigned char>(value[i + 1]) < 0xA0) return false;
  }
  return true;
}

void check_image(const Remembered& image) {
  require(is_sound(image.id), "an id is sound");
  for (const auto* texts : {&image.row_tags, &image.row_digests, &image.repo_digests})
    for (const auto& one : *texts) require(is_sound(one), "names and digests are sound");
}

/// What is read of a file is what is in it.
void check_file(const std::string& bytes, const Limits& limits) {
  const auto content = cache::decode(bytes, an_engine, limits);
  const auto* const images = std::get_if<std::vector<Remembered>>(&content);
  if (images == nullptr) return;
  std::string again;
  for (const auto& image : *images) check_image(image);
  const Status encoded = cache::encode(an_engine, *images, {}, [&](std::string_view piece) -> Status {
    again += piece;
    return {};
  });
  require(encoded.ok() && again == bytes, "what is read is written as the same bytes");
  require(cache::is_replaceable(bytes), "it may be replaced");
}

}  // namespace
}  // namespace repodigest::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace repodigest;
  using namespace repodigest::fuzz;
  const std::string bytes(text_of(data, size));
  check_file(bytes, {});
  // Chance finds no checksum, so it stands for what lies behind the magic, and for the images alone.
  const std::string head = std::string(cache::magic) + number(cache::format_version);
  check_file(summed(std::string(cache::magic) + bytes), {});
  const std::string images = head + text(an_engine.id) + text(an_engine.version) + text("containerd") + bytes;
  check_file(summed(images), {});
  check_file(summed(images), {.text_bytes = 16, .list_texts = 2, .texts = 3, .images = 2});
  return 0;
}
