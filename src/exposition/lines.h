// The lines of Prometheus' text 0.0.4, byte for byte as prometheus-cpp's TextSerializer writes them, without
// its streams: a scrape writes 200 of them, a snapshot of 10,000 images 20,000.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace repodigest::exposition {

using Label = std::pair<std::string_view, std::string_view>;

/// The two lines before a family's samples. Neither text may have a line feed or a backslash.
void append_head(std::string& out, std::string_view name, std::string_view type, std::string_view help);
/// `{name="value",…}`, values escaped; nothing for no labels.
void append_labels(std::string& out, std::initializer_list<Label> labels);
/// A blank, the value with up to 16 digits, and the end of the line.
void append_value(std::string& out, std::uint64_t value);
void append_value(std::string& out, double value);

}  // namespace repodigest::exposition
