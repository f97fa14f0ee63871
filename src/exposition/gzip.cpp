#include "repodigest/exposition/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <new>

namespace repodigest::exposition {
namespace {

constexpr std::size_t stored_block_limit = 65535;  // RFC 1951 3.2.4: LEN has 16 bits

std::uint32_t crc_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

void append_little_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8 * i)) & 0xff);
}

/// Ends the deflate state whatever happens in between.
class Deflater {
 public:
  Deflater() {
    constexpr int gzip_window = MAX_WBITS + 16;  // 16: zlib writes the gzip header too
    constexpr int memory_level = 8;              // zlib's default
    if (deflateInit2(&stream_, 6, Z_DEFLATED, gzip_window, memory_level, Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
  }
  ~Deflater() { deflateEnd(&stream_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  /// Header and deflated bytes, flushed to a byte boundary but not ended. Once only.
  std::string flushed(std::string_view plain) {
    std::string out;
    do {
      const std::string_view piece = plain.substr(0, std::numeric_limits<uInt>::max());
      plain.remove_prefix(piece.size());
      stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(piece.data()));
      stream_.avail_in = static_cast<uInt>(piece.size());
      do {
        stream_.next_out = buffer_;
        stream_.avail_out = sizeof buffer_;
        deflate(&stream_, plain.empty() ? Z_FULL_FLUSH : Z_NO_FLUSH);
        out.append(reinterpret_cast<const char*>(buffer_), sizeof buffer_ - stream_.avail_out);
      } while (stream_.avail_out == 0);  // a buffer that is full may not be all (zlib.h, deflate)
    } while (!plain.empty());
    out.shrink_to_fit();  // it may be kept for long
    return out;
  }

 private:
  z_stream stream_{};
  Bytef buffer_[16384];
};

}  // namespace

GzipPart gzip_part(std::string_view plain) {
  return {std::make_shared<const std::string>(Deflater().flushed(plain)), crc_of(plain), plain.size()};
}

std::string gzip_end(const GzipPart& part, std::string_view tail) {
  const std::uint32_t crc =
      static_cast<std::uint32_t>(crc32_combine(part.crc, crc_of(tail), static_cast<z_off_t>(tail.size())));
  const std::uint64_t size = part.size + tail.size();
  std::string out;
  out.reserve(tail.size() + 5 * (tail.size() / stored_block_limit + 1) + 8);
  // At least one block, if an empty one: it carries the bit that ends the member. Each starts on a byte
  // boundary, so that its header is one byte.
  do {
    const std::string_view block = tail.substr(0, stored_block_limit);
    tail.remove_prefix(block.size());
    out += tail.empty() ? '\1' : '\0';
    append_little_endian(out, block.size(), 2);
    append_little_endian(out, ~static_cast<std::uint64_t>(block.size()), 2);
    out += block;
  } while (!tail.empty());
  append_little_endian(out, crc, 4);
  append_little_endian(out, size, 4);
  return out;
}

}  // namespace repodigest::exposition
