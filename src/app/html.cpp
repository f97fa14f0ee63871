#include "html.h"

#include <algorithm>

namespace repodigest::app {
namespace {

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  append_escaped(out, text);
  return out;
}

Html& Html::text(std::string_view text) {
  append_escaped(bytes_, text);
  return *this;
}

std::string filled(std::string_view form,
                   std::initializer_list<std::pair<std::string_view, std::string_view>> values) {
  std::string out;
  for (std::size_t at = 0; at < form.size();) {
    const std::size_t begin = form.find("{{", at);
    const std::size_t end = begin == std::string_view::npos ? begin : form.find("}}", begin);
    out += form.substr(at, begin - at);
    if (end == std::string_view::npos) break;
    const std::string_view name = form.substr(begin + 2, end - begin - 2);
    const auto* value =
        std::find_if(values.begin(), values.end(), [name](const auto& one) { return one.first == name; });
    if (value != values.end()) out += value->second;
    at = end + 2;
  }
  return out;
}

}  // namespace repodigest::app
