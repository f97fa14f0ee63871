// The JSON that this room itself reads and writes.
#pragma once

#include <string>
#include <string_view>

#include "repodigest/base/result.h"

namespace repodigest::facade {

/// What Docker's API says with an error: {"message": …} and a line end. Any thread.
std::string message_body(std::string_view message);

/// The `filters` of /events (decoded; "" is none) so that they let pass events of type image alone, written
/// anew from what was understood: an engine cannot read another type out of them, whatever doubled or escaped
/// keys there were. Docker's two forms are taken, {"type":{"image":true}} and {"type":["image"]}; one of them
/// throughout (moby api/types/filters/parse.go, FromJSON). Docker takes every type if none is named, and
/// podman takes no heed of one that is false, so one that is asked for must be true. Errors, with the status
/// to answer: 400 for another form; 403 (Reason::permission) where types were named, but not image. Any
/// thread.
Result<std::string> image_filters(std::string_view filters);

}  // namespace repodigest::facade
