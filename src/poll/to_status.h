// The outcome of a call without its value.
#pragma once

#include "repodigest/base/result.h"

namespace repodigest::poll {

/// Whether it succeeded, or why not, without the value.
template <typename T>
Status to_status(const Result<T>& result) {
  if (result.ok()) return {};
  return result.error();
}

}  // namespace repodigest::poll
