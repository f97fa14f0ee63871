// Which of the kinds of content that a handler can make a client wants (RFC 9110 12.5.1).
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace repodigest::web {

/// A kind of content: `text/plain;version=0.0.4`.
struct MediaType {
  std::string_view type;
  std::string_view subtype;
  std::string_view version;  ///< its parameter of that name
};

struct Preference {
  std::size_t offer = 0;  ///< its place among the offers
  /// Of the range that asks for it, as sent (";version=1.0.0;q=0.5"); a view into the header, empty if no
  /// range did.
  std::string_view parameters = {};
};

/// What an Accept prefers among `offers`, of which there is at least one: that with the highest weight, each
/// having the weight of the range that names it most exactly; of equals that which stands first in the
/// Accept, then that which is offered first. The first one too if the Accept is empty, malformed, or takes
/// none. A range with another version than the offer's does not name it; all other parameters make no
/// difference. An Accept of more than 1 kB counts as malformed. Any thread.
Preference preferred(std::string_view accept, std::span<const MediaType> offers);

/// The value of a parameter (any case) in what `preferred` gave, without quotes; "" if it isn't there.
std::string_view parameter_of(std::string_view parameters, std::string_view name);

}  // namespace repodigest::web
