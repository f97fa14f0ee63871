// Bodies as the transport hands them out.
#pragma once

#include <fstream>
#include <iterator>
#include <string>

#include "repodigest/transport/transport.h"

namespace repodigest::engine {

inline std::string padded(std::string body) {
  body.reserve(body.size() + transport::body_padding);
  return body;
}

inline std::string read_body(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return padded(std::string(std::istreambuf_iterator<char>(file), {}));
}

}  // namespace repodigest::engine
