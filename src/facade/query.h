// The query of /events.
#pragma once

#include <string>
#include <string_view>

#include "repodigest/base/result.h"

namespace repodigest::facade {

/// The target of an /events call so that it asks for events of type image alone: with exactly one `filters`,
/// at the place of the first, and without empty parameters; all else as it came. The first of several counts,
/// as for Go's Form.Get. Errors: as image_filters(); 400 for a bare `;` too, which Go took for `&`
/// before 1.17 and refuses since. Any thread.
Result<std::string> narrowed_to_images(std::string_view target);

}  // namespace repodigest::facade
