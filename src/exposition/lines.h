// The lines of both formats; those of text 0.0.4 byte for byte as prometheus-cpp's TextSerializer writes
// them, without its streams: a scrape writes 200 of them, a snapshot of 10,000 images 20,000. All that a
// format changes is a family's head, and the bounds of a histogram.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "repodigest/exposition/format.h"

namespace repodigest::exposition {

using Label = std::pair<std::string_view, std::string_view>;

/// What is being written.
struct Output {
  std::string bytes = {};
  Format format = Format::text;
};

enum class Type {
  counter,  ///< its name ends in _total
  gauge,
  histogram,
  info,  ///< its name ends in _info, its values are 1; text knows it as a gauge
};

/// The lines before a family's samples. `name` is that of the samples (of a histogram's without what follows
/// it there), and ends in the unit if there is one; `help` has no line feed and no backslash.
void append_head(Output& out, Type type, std::string_view name, std::string_view help);
/// `{name="value",…}`, values escaped; nothing for no labels.
void append_labels(std::string& out, std::span<const Label> labels);
/// A blank, the value with up to 16 digits, and the end of the line.
void append_value(std::string& out, std::uint64_t value);
void append_value(std::string& out, double value);

}  // namespace repodigest::exposition
