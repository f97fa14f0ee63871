// What the engine of the fault matrix has, and what may be shown of it. Its images are those of a recording
// and a probe, which is another image in each generation: so what is shown tells of which generation it is,
// and a number that is mixed, left over or made up is seen.
#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "support/recording.h"

namespace repodigest::faults {

/// The calls of the poller.
enum class Call { ping, version, info, list, inspect, containers };

/// What is on the engine now.
struct Moment {
  unsigned generation = 0;
  unsigned edition = 0;  ///< of the generation: the same image and RepoDigests, other tags
};

/// The image that is of that generation alone.
struct Probe {
  explicit Probe(Moment moment);
  std::string id;
  std::vector<std::string> tags;     ///< one of each repo_digest
  std::vector<std::string> digests;  ///< as inspect says them: an entry for each tag
  std::vector<std::string> unique;
};

/// What of a moment may be shown.
enum class Shown {
  whole,       ///< as the engine gives it, all inspected
  uninspected  ///< the probe without counts
};

class Truth {
 public:
  Truth();

  [[nodiscard]] support::Recording at(Moment moment) const;
  /// The body of a call at that moment; inspect: of the probe.
  [[nodiscard]] std::string body(Call call, Moment moment) const;
  /// The same call with numbers and names that the engine never gave, where it has some.
  [[nodiscard]] std::string lie(Call call, Moment moment) const;

  /// What is wrong with a document of /api/v1/images: nothing, if it is one of `may_show`, each with its
  /// containers or those of another of them, or not known. "" or a sentence.
  struct View {
    Moment moment;
    Shown shown = Shown::whole;
  };
  [[nodiscard]] std::string objection(const nlohmann::json& document,
                                      const std::vector<View>& may_show) const;
  /// The same for a text of /metrics.
  [[nodiscard]] std::string objection(const std::string& metrics, const std::vector<View>& may_show) const;
  /// Whether the document is exactly `moment`, containers included.
  [[nodiscard]] bool is_exactly(const nlohmann::json& document, Moment moment) const;

 private:
  [[nodiscard]] nlohmann::json probe_of(const nlohmann::json& document) const;

  support::Recording base_;
  nlohmann::json golden_;                         ///< the document of the recording alone
  std::map<std::string, nlohmann::json> images_;  ///< its images by Id
};

/// The name of the container that runs the recording's first image in that generation.
std::string container_of(unsigned generation);

}  // namespace repodigest::faults
