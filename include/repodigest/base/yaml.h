// YAML texts of ours: exactly one document.
#pragma once

#include <string>

namespace YAML {
class Node;
}  // namespace YAML

namespace repodigest {

/// The root of the document that `text` is; a null node if it is empty. yaml-cpp's LoadAll() never comes to
/// an end with some texts (",": one empty document after the other, until memory is full). Throws
/// YAML::ParserException if it is no YAML, YAML::RepresentationException if there are several documents. Any
/// thread.
YAML::Node read_yaml(const std::string& text);

}  // namespace repodigest
