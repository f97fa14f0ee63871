#include "format.h"

#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "repodigest/base/sha256.h"

namespace repodigest::cache {
namespace {

using inventory::Remembered;

constexpr std::size_t number_bytes = 4;
constexpr std::size_t sum_bytes = Sha256::Sum().size();
constexpr std::size_t smallest_text_bytes = number_bytes + 1;
constexpr std::size_t smallest_image_bytes = smallest_text_bytes + 3 * number_bytes;

/// Ids, names and digests become labels and JSON: not empty, UTF-8, no control characters (U+0080 to U+009F
/// are C2 80 to C2 9F).
bool is_sound(std::string_view text, const Limits& limits) {
  if (text.empty() || text.size() > limits.text_bytes) return false;
  unsigned char before = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F || (before == 0xC2 && byte < 0xA0)) return false;
    before = byte;
  }
  return simdjson::validate_utf8(text.data(), text.size());
}

bool is_sound(const std::vector<std::string>& texts, const Limits& limits) {
  return texts.size() <= limits.list_texts &&
         std::all_of(texts.begin(), texts.end(),
                     [&](const std::string& text) { return is_sound(text, limits); });
}

bool is_sound(const Remembered& image, const Limits& limits) {
  return is_sound(image.id, limits) && is_sound(image.row_tags, limits) &&
         is_sound(image.row_digests, limits) && is_sound(image.repo_digests, limits);
}

/// Gathers small pieces and hands them on as large ones, with the sum of all at the end.
class Writer {
 public:
  explicit Writer(const Sink& sink) : sink_(sink) { gathered_.reserve(2 * block_bytes); }

  void bytes(std::string_view bytes) {
    gathered_ += bytes;
    if (gathered_.size() >= block_bytes) hand_on();
  }
  void number(std::size_t number) {
    for (unsigned shift = 0; shift < 32; shift += 8) gathered_ += static_cast<char>(number >> shift & 0xFFU);
  }
  void text(std::string_view text) {
    number(text.size());
    bytes(text);
  }
  void texts(const std::vector<std::string>& texts) {
    number(texts.size());
    for (const auto& one : texts) text(one);
  }
  Status finish() {
    hand_on();
    const Sha256::Sum sum = sum_.finish();
    if (status_) status_ = sink_({sum.data(), sum.size()});
    return std::move(status_);
  }

 private:
  static constexpr std::size_t block_bytes = std::size_t{64} << 10U;

  void hand_on() {
    sum_.add(gathered_);
    if (status_) status_ = sink_(gathered_);
    gathered_.clear();
  }

  const Sink& sink_;
  std::string gathered_;
  Sha256 sum_;
  Status status_;  ///< the first error of the sink; nothing is handed to it after that
};

std::size_t encoded_size(const std::vector<std::string>& texts) {
  std::size_t size = number_bytes;
  for (const auto& text : texts) size += number_bytes + text.size();
  return size;
}

/// Takes parts from the beginning. After one that is not there or not sound everything fails.
class Reader {
 public:
  Reader(std::string_view bytes, const Limits& limits)
      : left_(bytes), limits_(limits), texts_left_(limits.texts) {}

  bool number(std::uint32_t& into) {
    std::string_view part;
    if (!take(number_bytes, part)) return false;
    into = 0;
    for (unsigned i = 0; i < number_bytes; ++i)
      into |= static_cast<std::uint32_t>(static_cast<unsigned char>(part[i])) << (8 * i);
    return true;
  }
  /// A number of things of which each takes at least `bytes_each`.
  bool count(std::uint32_t& into, std::size_t most, std::size_t bytes_each) {
    return number(into) && into <= most && into <= left_.size() / bytes_each;
  }
  /// A text of any content.
  bool raw_text(std::string& into) {
    std::uint32_t size = 0;
    std::string_view part;
    if (!count(size, limits_.text_bytes, 1) || !take(size, part)) return false;
    into = part;
    return true;
  }
  bool text(std::string& into) { return raw_text(into) && is_sound(into, limits_); }
  bool texts(std::vector<std::string>& into) {
    std::uint32_t size = 0;
    if (!count(size, std::min(limits_.list_texts, texts_left_), smallest_text_bytes)) return false;
    texts_left_ -= size;
    into.resize(size);
    return std::all_of(into.begin(), into.end(), [this](std::string& one) { return text(one); });
  }
  [[nodiscard]] bool at_end() const { return left_.empty(); }

 private:
  bool take(std::size_t size, std::string_view& into) {
    if (size > left_.size()) return false;
    into = left_.substr(0, size);
    left_.remove_prefix(size);
    return true;
  }

  std::string_view left_;
  const Limits& limits_;
  std::size_t texts_left_;
};

}  // namespace

std::string_view store_name(const engine::Identity& engine) {
  return engine::image_store_names[static_cast<std::size_t>(engine.image_store)];
}

Status encode(const engine::Identity& engine, const std::vector<Remembered>& images, const Limits& limits,
              const Sink& sink) {
  std::size_t size = magic.size() + 5 * number_bytes + engine.id.size() + engine.version.size() +
                     store_name(engine).size() + sum_bytes;
  std::size_t texts = 0;
  std::vector<const Remembered*> kept;
  kept.reserve(images.size());
  for (const auto& image : images) {
    if (!is_sound(image, limits)) continue;
    kept.push_back(&image);
    texts += image.row_tags.size() + image.row_digests.size() + image.repo_digests.size();
    size += number_bytes + image.id.size() + encoded_size(image.row_tags) + encoded_size(image.row_digests) +
            encoded_size(image.repo_digests);
  }
  if (size > limits.bytes || texts > limits.texts || kept.size() > limits.images ||
      std::max(engine.id.size(), engine.version.size()) > limits.text_bytes)
    return Error{Reason::too_large, std::to_string(kept.size()) + " images with " + std::to_string(texts) +
                                        " names and digests take " + std::to_string(size) +
                                        " bytes: that is more than a cache file may hold"};

  Writer writer(sink);
  writer.bytes(magic);
  writer.number(format_version);
  writer.text(engine.id);
  writer.text(engine.version);
  writer.text(store_name(engine));
  writer.number(kept.size());
  for (const Remembered* image : kept) {
    writer.text(image->id);
    writer.texts(image->row_tags);
    writer.texts(image->row_digests);
    writer.texts(image->repo_digests);
  }
  return writer.finish();
}

std::variant<std::vector<Remembered>, Refusal> decode(std::string_view bytes, const engine::Identity& engine,
                                                      const Limits& limits) {
  if (!is_replaceable(bytes)) return Refusal(NoCacheFile{});
  Reader head(bytes.substr(std::min(bytes.size(), magic.size())), limits);
  std::uint32_t version = 0;
  if (!head.number(version)) return Refusal(Damaged{"it is cut off"});
  if (version != format_version) return Refusal(OtherFormat{version});
  if (bytes.size() < magic.size() + number_bytes + sum_bytes) return Refusal(Damaged{"it is cut off"});

  const std::string_view summed = bytes.substr(0, bytes.size() - sum_bytes);
  Sha256 sum;
  sum.add(summed);
  const Sha256::Sum expected = sum.finish();
  if (bytes.substr(summed.size()) != std::string_view(expected.data(), expected.size()))
    return Refusal(Damaged{"its checksum is wrong"});

  constexpr Damaged nonsense{"its checksum is right, but its content makes no sense"};
  Reader reader(summed.substr(magic.size() + number_bytes), limits);
  OtherEngine written_for;
  std::uint32_t count = 0;
  if (!reader.raw_text(written_for.id) || !reader.raw_text(written_for.version) ||
      !reader.raw_text(written_for.store))
    return Refusal(nonsense);
  if (written_for.id != engine.id || written_for.version != engine.version ||
      written_for.store != store_name(engine))
    return Refusal(written_for);
  if (!reader.count(count, limits.images, smallest_image_bytes)) return Refusal(nonsense);
  std::vector<Remembered> images(count);
  for (auto& image : images)
    if (!reader.text(image.id) || !reader.texts(image.row_tags) || !reader.texts(image.row_digests) ||
        !reader.texts(image.repo_digests))
      return Refusal(nonsense);
  if (!reader.at_end()) return Refusal(nonsense);
  return images;
}

bool is_replaceable(std::string_view beginning) {
  const std::size_t size = std::min(beginning.size(), magic.size());
  return beginning.substr(0, size) == magic.substr(0, size);
}

}  // namespace repodigest::cache
