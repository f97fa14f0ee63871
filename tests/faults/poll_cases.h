// The table of the fault matrix: each call of the poller with each trouble, and what is to be counted for it.
// The reasons are what CONTRACT's words mean, not what the program happens to say.
#pragma once

#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "repodigest/base/result.h"
#include "rig.h"
#include "support/fault.h"
#include "truth.h"

namespace repodigest::faults {

struct Case {
  std::string name;
  Call call = Call::ping;
  Trouble trouble = Trouble::answer;
  /// What becomes of the answer, whose body would be `body`.
  std::function<support::Fault(const std::string& body)> fault = {};
  /// What is counted; nothing: the answer is as good as any.
  std::optional<Reason> reason = std::nullopt;
  bool over_tcp = false;
};
void PrintTo(const Case& one, std::ostream* out);

/// Names in test names, and of what they do in the metrics and on the wire.
std::string name_of(Call call);
std::string operation_of(Call call);
std::string pattern_of(Call call);

std::vector<Case> transport_cases();
std::vector<Case> json_cases();
std::vector<Case> field_cases();

/// `text` as the value of a key in a JSON body that nobody reads: of its first object.
std::string with_odd_value(const std::string& body, const std::string& text);
/// A whole answer as it stands on the wire.
std::string as_http(const std::string& body, const std::string& more_headers = "");

}  // namespace repodigest::faults
