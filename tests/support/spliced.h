// A text through the Splicer, cut in every way, and by a reference of other make.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "repodigest/splice/splicer.h"

namespace repodigest::support {

/// What came of it.
struct Spliced {
  std::string output;
  std::string error;    ///< empty: none
  splice::Place place;  ///< of the error
  std::uint64_t removed = 0;
  std::uint64_t lists = 0;
  friend bool operator==(const Spliced&, const Spliced&) = default;
};

inline std::ostream& operator<<(std::ostream& out, const Spliced& spliced) {
  return out << "{\"" << spliced.output << "\", \"" << spliced.error << "\" at " << spliced.place.line << ":"
             << spliced.place.column << ", removed " << spliced.removed << " of " << spliced.lists << "}";
}

/// In two pieces, the first of `first` bytes, or in many of `size` bytes. After an error the rest goes past
/// the splicer, as whoever passes bytes on does it.
inline Spliced spliced_in_pieces(std::string_view text, std::size_t first, std::size_t size,
                                 splice::Options options = {}) {
  splice::Splicer splicer(options);
  Spliced spliced;
  Status status;
  std::size_t at = 0;
  for (std::size_t next = first; at < text.size() && status.ok(); next = size) {
    // A piece of its own on the heap, so that a sanitizer sees who reads beyond it.
    const std::vector<char> piece(
        text.begin() + static_cast<std::ptrdiff_t>(at),
        text.begin() + static_cast<std::ptrdiff_t>(std::min(at + next, text.size())));
    status = splicer.feed({piece.data(), piece.size()}, spliced.output);
    at += piece.size();
  }
  if (status.ok()) status = splicer.finish(spliced.output);
  spliced.output += text.substr(at);
  if (!status.ok()) {
    spliced.error = status.error().text;
    spliced.place = splicer.place();
  }
  spliced.removed = splicer.removed();
  spliced.lists = splicer.lists();
  return spliced;
}

inline Spliced spliced(std::string_view text, splice::Options options = {}) {
  return spliced_in_pieces(text, text.size(), text.size(), options);
}

}  // namespace repodigest::support
