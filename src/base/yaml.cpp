#include "repodigest/base/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <sstream>

namespace repodigest {
namespace {

/// Notes where a document begins, and nothing else.
class Beginning final : public YAML::EventHandler {
 public:
  [[nodiscard]] const YAML::Mark& mark() const { return mark_; }

  void OnDocumentStart(const YAML::Mark& mark) override { mark_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
  }
  void OnMapEnd() override {}

 private:
  YAML::Mark mark_ = YAML::Mark::null_mark();
};

}  // namespace

YAML::Node read_yaml(const std::string& text) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  Beginning beginning;
  if (parser.HandleNextDocument(beginning) && parser.HandleNextDocument(beginning))
    throw YAML::RepresentationException(beginning.mark(), "several YAML documents; one is wanted");
  return YAML::Load(text);
}

}  // namespace repodigest
