#include "lines.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>

#include "repodigest/base/stats.h"

namespace repodigest::exposition {
namespace {

constexpr std::array<std::string_view, 4> type_names = {"counter", "gauge", "histogram", "info"};

/// Appends a label value; backslash, quote and line feed are what the formats escape.
void append_escaped(std::string& out, std::string_view value) {
  for (;;) {
    const auto special = static_cast<std::size_t>(
        std::find_if(value.begin(), value.end(), [](char c) { return c == '\\' || c == '"' || c == '\n'; }) -
        value.begin());
    out += value.substr(0, special);
    if (special == value.size()) return;
    out += '\\';
    out += value[special] == '\n' ? 'n' : value[special];
    value.remove_prefix(special + 1);
  }
}

/// `print` writes the value into what it is given and returns its end.
template <typename Print>
void append_line_end(std::string& out, Print print) {
  std::array<char, 32> text{};
  text[0] = ' ';
  char* const end = print(text.data() + 1, text.data() + text.size() - 1);
  *end = '\n';
  out.append(text.data(), end + 1);
}

}  // namespace

void append_head(Output& out, Type type, std::string_view name, std::string_view help) {
  std::string& bytes = out.bytes;
  if (out.format == Format::text) {
    const std::string_view type_name = type_names[index_of(type == Type::info ? Type::gauge : type)];
    bytes.append("# HELP ").append(name).append(" ").append(help);
    bytes.append("\n# TYPE ").append(name).append(" ").append(type_name).append("\n");
    return;
  }
  if (type == Type::counter) name.remove_suffix(std::string_view("_total").size());
  if (type == Type::info) name.remove_suffix(std::string_view("_info").size());
  bytes.append("# HELP ").append(name).append(" ");
  // Of what is to be escaped quotes alone can be there; byte by byte that would be a tenth of a scrape.
  for (auto quote = help.find('"'); quote != std::string_view::npos; quote = help.find('"')) {
    bytes.append(help.substr(0, quote)).append("\\\"");
    help.remove_prefix(quote + 1);
  }
  bytes.append(help)
      .append("\n# TYPE ")
      .append(name)
      .append(" ")
      .append(type_names[index_of(type)])
      .append("\n");
  for (const std::string_view unit : {"seconds", "bytes"})
    if (name.ends_with(unit)) bytes.append("# UNIT ").append(name).append(" ").append(unit).append("\n");
}

void append_labels(std::string& out, std::span<const Label> labels) {
  if (labels.empty()) return;
  char before = '{';
  for (const auto& [name, value] : labels) {
    out += before;
    out += name;
    out += "=\"";
    append_escaped(out, value);
    out += '"';
    before = ',';
  }
  out += '}';
}

void append_value(std::string& out, std::uint64_t value) {
  // Every value is a double in this format; below 2^53 that makes no difference.
  if (value >> 53U != 0) return append_value(out, static_cast<double>(value));
  append_line_end(out, [value](char* begin, char* end) { return std::to_chars(begin, end, value).ptr; });
}

void append_value(std::string& out, double value) {
  if (std::isnan(value)) {
    out += " Nan\n";
  } else if (std::isinf(value)) {
    out += value < 0 ? " -Inf\n" : " +Inf\n";
  } else {
    constexpr int digits = 16;  // text_serializer.cc: max_digits10 - 1
    append_line_end(out, [value](char* begin, char* end) {
      return std::to_chars(begin, end, value, std::chars_format::general, digits).ptr;
    });
  }
}

}  // namespace repodigest::exposition
