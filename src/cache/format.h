// The bytes of a cache file: magic, version of the format, engine ID, engine version and image store, number
// of images, the images, SHA-256 of all before it. Numbers are 32 bits, little end first; a text is its
// length and its bytes, a list of texts their number and the texts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "repodigest/base/result.h"
#include "repodigest/cache/cache_file.h"
#include "repodigest/engine/types.h"
#include "repodigest/inventory/inventory.h"

namespace repodigest::cache {

/// Grows when an older program would misread a file.
inline constexpr std::uint32_t format_version = 1;

/// What no file holds more of, so that a wrong one cannot take much memory. An image beyond the first two is
/// not kept; more images than fit into the others are an error.
struct Limits {
  std::size_t text_bytes = 4096;    ///< of one text
  std::size_t list_texts = 65'536;  ///< in one list
  std::size_t texts = 4'000'000;    ///< in all lists
  std::size_t images = 1'000'000;
  std::size_t bytes = CacheFile::max_bytes;
};

/// As it stands in a file.
std::string_view store_name(const engine::Identity& engine);

/// Takes bytes as they come.
using Sink = std::function<Status(std::string_view)>;

/// Writes what is worth keeping of `images`. Errors: too_large (before the first byte) if it is more than
/// `limits` allow; those of `sink`.
Status encode(const engine::Identity& engine, const std::vector<inventory::Remembered>& images,
              const Limits& limits, const Sink& sink);

/// The first bytes of every version.
inline constexpr std::string_view magic = "rdxcache";

/// Why a file is not used.
struct NoCacheFile {};  ///< it has not the magic: perhaps somebody needs it
struct Damaged {
  std::string_view how;
};
struct OtherFormat {
  std::uint32_t version;
};
struct OtherEngine {
  std::string id;
  std::string version;
  std::string store;
};

using Refusal = std::variant<NoCacheFile, Damaged, OtherFormat, OtherEngine>;

/// What `bytes` hold for just this engine, version and store. Nothing in them is trusted: every length is
/// checked before memory is taken for it.
std::variant<std::vector<inventory::Remembered>, Refusal> decode(std::string_view bytes,
                                                                 const engine::Identity& engine,
                                                                 const Limits& limits);

/// Whether a file that begins so may be replaced by a cache file: it is one, or the beginning of one (nothing
/// at all, too).
bool is_replaceable(std::string_view beginning);

}  // namespace repodigest::cache
