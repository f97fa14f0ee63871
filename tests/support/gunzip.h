// Reads gzip as a strict client does.
#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

namespace repodigest::support {

/// What a reader of exactly one gzip member sees (curl stops after the first). Anything that is no gzip, is
/// cut off, or goes on after that member is a failure of the test.
inline std::string gunzip_one_member(std::string bytes) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string plain;
  std::string buffer(65536, '\0');
  int status = Z_OK;
  while (status == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    status = inflate(&stream, Z_NO_FLUSH);
    plain.append(buffer, 0, buffer.size() - stream.avail_out);
  }
  EXPECT_EQ(status, Z_STREAM_END) << (stream.msg != nullptr ? stream.msg : "cut off");
  EXPECT_EQ(stream.avail_in, 0U) << "bytes after the member";
  inflateEnd(&stream);
  return plain;
}

}  // namespace repodigest::support
