// How the rows of the table store their values.
#pragma once

#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "repodigest/cli/options.h"
#include "values.h"

namespace repodigest::cli {

using Set = std::function<Status(Config&, const Values&)>;

/// Stores what `read` makes of the only text in the part of Config that `field` names (a pointer to a member
/// or a function).
template <typename Field, typename Read>
Set into(Field field, Read read) {
  return [field, read](Config& config, const Values& values) -> Status {
    auto value = read(std::string_view(values.back()));
    if (!value) return std::move(value).error();
    std::invoke(field, config) = *std::move(value);
    return {};
  };
}

/// The same for a number from `least` on.
template <typename Field>
Set into_number(Field field, std::size_t least) {
  return into(field, [least](std::string_view text) { return read_number(text, least); });
}

/// The same for one of a few words.
template <typename Field, typename Enum>
Set into_choice(Field field, std::vector<std::pair<std::string_view, Enum>> choices) {
  return into(field, [choices](std::string_view text) { return read_choice(text, choices); });
}

}  // namespace repodigest::cli
