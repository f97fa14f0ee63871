#include "engine/image_archive.h"

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

#include "repodigest/base/sha256.h"

namespace repodigest::support {
namespace {

using nlohmann::json;

constexpr std::size_t block = 512;

std::string header_of(const std::string& name, std::size_t size) {
  std::string header(block, '\0');
  const auto field = [&](std::size_t at, std::string_view text) { header.replace(at, text.size(), text); };
  const auto octal = [](std::size_t value, int digits) {
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "%0*zo", digits, value);
    return std::string(text.data());
  };
  field(0, name);
  field(100, octal(0644, 7));   // mode
  field(108, octal(0, 7));      // owner
  field(116, octal(0, 7));      // group
  field(124, octal(size, 11));  // size
  field(136, octal(0, 11));     // time
  field(148, "        ");       // the checksum counts itself as blanks
  field(156, "0");              // a file
  field(257, "ustar");
  field(263, "00");
  std::size_t sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  field(148, octal(sum, 6) + std::string(1, '\0'));
  return header;
}

std::string sha256_hex(std::string_view bytes) {
  Sha256 hash;
  hash.add(bytes);
  std::string text;
  for (const char byte : hash.finish()) {
    std::array<char, 3> two{};
    std::snprintf(two.data(), two.size(), "%02x", static_cast<unsigned char>(byte));
    text += two.data();
  }
  return text;
}

}  // namespace

std::string tar_of(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string archive;
  for (const auto& [name, content] : files) {
    archive += header_of(name, content.size());
    archive += content;
    archive.resize((archive.size() + block - 1) / block * block);
  }
  return archive.append(2 * block, '\0');
}

std::string image_archive(const std::vector<ArchivedImage>& images) {
  std::vector<std::pair<std::string, std::string>> files;
  std::set<std::string> stored;
  const auto store = [&](const std::string& name, const std::string& content) {
    if (stored.insert(name).second) files.emplace_back(name, content);
    return name;
  };
  json manifest = json::array();
  for (const ArchivedImage& image : images) {
    json paths = json::array();
    json diff_ids = json::array();
    for (const std::string& text : image.layers) {
      const std::string layer = tar_of({{"file", text}});
      const std::string sum = sha256_hex(layer);
      paths.push_back(store(sum + "/layer.tar", layer));
      diff_ids.push_back("sha256:" + sum);
    }
    const std::string config = json{{"architecture", "amd64"},
                                    {"os", "linux"},
                                    {"created", image.created},
                                    {"config", {{"Cmd", {"/file"}}}},
                                    {"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}}}
                                   .dump();
    manifest.push_back({{"Config", store(sha256_hex(config) + ".json", config)},
                        {"RepoTags", image.names},
                        {"Layers", paths}});
  }
  store("manifest.json", manifest.dump());
  return tar_of(files);
}

}  // namespace repodigest::support
