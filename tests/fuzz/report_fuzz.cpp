// What `check` makes of a daemon's answers: the document of all images, then a byte FF before that of each
// chosen one. The reference is nlohmann's tree of what came out.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "app/report.h"
#include "json_tree.h"
#include "require.h"

namespace repodigest::fuzz {
namespace {

/// Whether a terminal may have it.
void require_tame(const std::string& text, std::size_t most_lines) {
  std::size_t lines = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '\n') ++lines;
    require(byte == '\n' || (byte >= 0x20 && byte != 0x7F), "no control character is printed");
    const unsigned next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
    require(byte != 0xC2 || next < 0x80 || next >= 0xA0, "no C1 control is printed");
  }
  require(lines <= most_lines, "no foreign text ends a line");
}

void check_report(std::string_view document) {
  const auto report = app::read_report(document);
  const JsonText text = JsonReader::read(document);
  if (!report.ok()) {
    require(report.error().reason == Reason::parse, "what is no document is called that");
    return;
  }
  require(text.root.has_value(), "a report is of JSON");
  require(text.depth <= 65, "and of some that is not nested without end");
  require(report->images == report->rows.size(), "each row is an image");
  std::size_t raw = 0;
  std::size_t unique = 0;
  for (const auto& row : report->rows) {
    require(row.inspected || (row.raw == 0 && row.unique == 0), "nothing is counted that was not inspected");
    raw += row.raw;
    unique += row.unique;
  }
  require(raw == report->raw && unique == report->unique, "sums are those of the rows");
  require_tame(as_table(*report, true), report->rows.size() + 6);
  const std::string nagios = as_nagios(*report, 1, 10);
  require_tame(nagios, 1);
  require(std::count(nagios.begin(), nagios.end(), '|') == 1, "one bar");
}

void check(std::string_view text) {
  const auto parts = split(text, "\xFF");
  check_report(parts.front());
  const std::vector<std::string> images(parts.begin() + 1, parts.end());
  const auto chosen = app::with_images(parts.front(), images);
  if (!chosen.ok()) {
    require(chosen.error().reason == Reason::parse, "what is no document is called that");
    require_tame(app::as_nagios_unknown(chosen.error().text), 1);
    return;
  }
  const JsonText out = JsonReader::read(*chosen);
  require(out.root.has_value(), "what comes out is JSON");
  const Json* const list = out.root->find("images");
  require(list != nullptr && list->is(Json::Kind::array) && list->members.size() == images.size(),
          "with each of the images");
  check_report(*chosen);
}

}  // namespace
}  // namespace repodigest::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  repodigest::fuzz::check(repodigest::fuzz::text_of(data, size));
  return 0;
}
