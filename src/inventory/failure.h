// What a failed inspect tells: about the image, about the way to the engine, or about the moment. For the
// inventory room alone.
#pragma once

#include "repodigest/base/result.h"

namespace repodigest::inventory {

/// How often an inspect is made that fails in a way that may pass.
inline constexpr unsigned tries_before_failure = 3;

/// Whether it is about the way to the engine, so that it says nothing about the image.
inline bool concerns_connection(Reason reason) {
  return reason == Reason::connect || reason == Reason::permission || reason == Reason::tls ||
         reason == Reason::api_version;
}

/// Whether it says that there is nothing by the name asked for, or that it is no name: containerd takes names
/// that Docker refuses with 400.
inline bool leads_nowhere(const Error& error) {
  return error.reason == Reason::not_found ||
         (error.reason == Reason::http && error.status >= 300 && error.status < 500);
}

/// Whether it is what engines answer while an image is being tagged or removed, or cut off while they stop:
/// worth asking again at once.
inline bool may_pass(const Error& error) {
  return error.reason == Reason::not_found || error.reason == Reason::interrupted ||
         (error.reason == Reason::http && error.status >= 500);
}

}  // namespace repodigest::inventory
