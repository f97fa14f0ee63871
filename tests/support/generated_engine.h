// An engine with as many images as a benchmark wants.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>

#include "support/recording.h"

namespace repodigest::support {

/// What list and inspect say of one image.
struct GeneratedImage {
  std::string row;
  std::string inspect;  ///< begins {"Id":"sha256:…"
};

/// Image i as the sets of the engine measurements have it: four names in two repositories, each doubled by
/// inspect.
inline GeneratedImage generated_image(std::size_t i) {
  char hex[65];
  std::snprintf(hex, sizeof hex, "%064zx", i * 2654435761U);
  const std::string id = std::string("sha256:") + hex;
  const std::string app = "team" + std::to_string(i % 20) + "/app" + std::to_string(i);
  std::string tags;
  std::string digests;
  for (const std::string host : {"mirror.example.com/", "registry.example.com/"})
    for (const std::string tag : {":1.0.0", ":latest"}) {
      tags += (tags.empty() ? "\"" : ",\"") + host + app + tag + "\"";
      digests += (digests.empty() ? "\"" : ",\"") + host + app + "@" + id + "\"";
    }
  const std::string own = "\"Id\":\"" + id + "\",\"RepoTags\":[" + tags + "],";
  const std::string labels =
      "\"Labels\":{\"idx\":\"" + std::to_string(i) + "\",\"org.opencontainers.image.vendor\":\"Example\"}";
  return {"{\"Containers\":-1,\"Created\":1700000000," + own + "\"RepoDigests\":[\"registry.example.com/" +
              app + "@" + id + "\"]," + labels + ",\"ParentId\":\"\",\"SharedSize\":-1,\"Size\":25600}",
          "{" + own + "\"RepoDigests\":[" + digests +
              "],\"Parent\":\"\",\"Comment\":\"\",\"Created\":\"2023-11-14T22:13:20Z\",\"Size\":25600,"
              "\"Config\":{" +
              labels + "},\"Padding\":\"" + std::string(900, 'x') + "\"}"};
}

/// The embedded engine with `count` generated images instead of its own.
inline Recording generated_recording(std::size_t count) {
  auto recording = Recording::embedded();
  recording.set_body("/images/json", "[]");
  for (std::size_t i = 0; i < count; ++i) {
    const auto image = generated_image(i);
    recording.add_image(image.row, image.inspect);
  }
  return recording;
}

}  // namespace repodigest::support
