// gzip of bytes that are mostly the same as last time: one member, made of a cached deflate part that ends
// with a full flush, and a stored block for what changed; its trailer comes from crc32_combine (RFC
// 1951 3.2.4, RFC 1952).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace repodigest::exposition {

/// The cached part: gzip header and deflated bytes, still open.
struct GzipPart {
  std::shared_ptr<const std::string> bytes;
  std::uint32_t crc = 0;
  std::uint64_t size = 0;  ///< of the plain bytes
};

/// Deflates `plain` (level 6). Any thread.
GzipPart gzip_part(std::string_view plain);
/// What must follow the part so that the whole is one gzip member of plain + tail: stored blocks and the
/// trailer.
std::string gzip_end(const GzipPart& part, std::string_view tail);

}  // namespace repodigest::exposition
