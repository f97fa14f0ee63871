// Tar archives for an engine: of single files, and of images as `docker load` takes them.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace repodigest::support {

/// Files, each as its name (at most 99 bytes) and its content, in a tar archive (POSIX.1-1988 ustar).
std::string tar_of(const std::vector<std::pair<std::string, std::string>>& files);

/// An image to be loaded. Equal text is an equal layer.
struct ArchivedImage {
  std::vector<std::string> layers;  ///< the text of the one file in each
  std::vector<std::string> names;
  std::string created = "2024-10-24T10:00:00Z";  ///< engines sort by it, and by nothing else
};

/// The archive of `docker save`: it holds a layer that several images share once.
std::string image_archive(const std::vector<ArchivedImage>& images);

}  // namespace repodigest::support
