// What a client says it wants: Accept, Accept-Encoding and If-None-Match, each against a naive reading.
#include <array>
#include <cstdint>
#include <optional>
#include <regex>

#include "repodigest/web/accept.h"
#include "repodigest/web/message.h"
#include "require.h"

namespace repodigest::fuzz {
namespace {

constexpr std::array<web::MediaType, 3> offers = {
    {{"text", "plain", "0.0.4"}, {"application", "openmetrics-text", "1.0.0"}, {"text", "html", ""}}};

std::string lower(std::string_view text) {
  std::string copy(text);
  for (char& c : copy)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return copy;
}

/// One range of an Accept.
struct Range {
  std::string type, subtype;
  std::optional<std::string> version;
  int weight = 1000;
};

const std::string token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const std::string value = "(?:" + token + "|\"(?:[^\"\\\\]|\\\\[^])*\")";

/// Each range, by regular expressions; nothing if anything is malformed.
std::optional<std::vector<Range>> ranges_of(const std::string& accept) {
  static const std::regex range("(" + token + ")/(" + token + ")((?:[ \\t]*;[ \\t]*(?:" + token + "=" +
                                value + ")?)*)[ \\t]*(?:,|$)");
  static const std::regex parameter("(" + token + ")=(" + value + ")");
  static const std::regex empty("[ \\t]*,|[ \\t]+$");
  static const std::regex weight("0(?:\\.[0-9]{0,3})?|1(?:\\.0{0,3})?");
  std::vector<Range> ranges;
  for (auto at = accept.begin(); at != accept.end();) {
    std::smatch found;
    constexpr auto here = std::regex_constants::match_continuous;
    if (std::regex_search(at, accept.end(), found, empty, here)) {
      at = found[0].second;
      continue;
    }
    while (*at == ' ' || *at == '\t') ++at;
    if (!std::regex_search(at, accept.end(), found, range, here)) return std::nullopt;
    Range one{lower(found[1].str()), lower(found[2].str()), {}, 1000};
    if (one.type == "*" && one.subtype != "*") return std::nullopt;
    const std::string parameters = found[3].str();
    bool weight_known = true;
    for (auto each = std::sregex_iterator(parameters.begin(), parameters.end(), parameter);
         each != std::sregex_iterator(); ++each) {
      const std::string name = lower((*each)[1].str());
      std::string text = (*each)[2].str();
      if (text[0] == '"') text = text.substr(1, text.size() - 2);
      if (name == "version") one.version = text;
      if (name != "q") continue;
      weight_known = std::regex_match(text, weight);
      if (weight_known) one.weight = static_cast<int>(std::stod(text) * 1000 + 0.5);
    }
    if (!weight_known) return std::nullopt;
    ranges.push_back(std::move(one));
    at = found[0].second;
  }
  return ranges;
}

int exactness(const Range& range, const web::MediaType& offer) {
  if (range.version && *range.version != offer.version) return 0;
  if (range.type == "*") return 1;
  if (range.type != offer.type) return 0;
  if (range.subtype == "*") return 2;
  if (range.subtype != offer.subtype) return 0;
  return range.version ? 4 : 3;
}

std::size_t preferred(const std::vector<Range>& ranges) {
  std::size_t best = 0;
  std::pair<int, std::size_t> best_rank{0, 0};  // weight, and how near the front
  for (std::size_t i = 0; i < offers.size(); ++i) {
    std::pair<int, int> exact_and_weight{0, 0};
    std::size_t front = 0;
    for (std::size_t k = 0; k < ranges.size(); ++k) {
      const std::pair<int, int> rank{exactness(ranges[k], offers[i]), ranges[k].weight};
      if (rank.first == 0 || rank <= exact_and_weight) continue;
      exact_and_weight = rank;
      front = ranges.size() - k;
    }
    const std::pair<int, std::size_t> rank{exact_and_weight.second, front};
    if (rank.first == 0 || rank <= best_rank) continue;
    best = i;
    best_rank = rank;
  }
  return best;
}

void check_accept(std::string_view text) {
  const web::Preference got = web::preferred(text, offers);
  require(got.offer < offers.size(), "one of the offers is preferred");
  require(
      got.parameters.empty() || (got.parameters.data() >= text.data() &&
                                 got.parameters.data() + got.parameters.size() <= text.data() + text.size()),
      "the parameters are a part of the header");
  web::parameter_of(got.parameters, "escaping");
  web::parameter_of(text, "escaping");
  const auto ranges = ranges_of(std::string(text));
  require(got.offer == (ranges && text.size() <= 1024 ? preferred(*ranges) : 0),
          "it is what the header weighs most, and the first if it is malformed");
}

/// Items are read leniently: what stands before the first semicolon, and the first q of what follows.
void check_encoding(std::string_view text) {
  std::optional<bool> gzip;
  bool others = false;
  const auto trimmed = [](std::string_view part) {
    while (!part.empty() && (part.front() == ' ' || part.front() == '\t')) part.remove_prefix(1);
    while (!part.empty() && (part.back() == ' ' || part.back() == '\t')) part.remove_suffix(1);
    return part;
  };
  for (const auto item : split(text, ",")) {
    auto parts = split(item, ";");
    const std::string coding = lower(trimmed(parts.front()));
    bool zero = false;
    for (std::size_t i = 1; i < parts.size(); ++i) {
      const auto equals = parts[i].find('=');
      if (lower(trimmed(parts[i].substr(0, equals))) != "q") continue;
      const auto weight = equals == std::string_view::npos ? std::string_view() : parts[i].substr(equals + 1);
      zero = trimmed(weight).find_first_not_of("0.") == std::string_view::npos;
      break;
    }
    if (!gzip && (coding == "gzip" || coding == "x-gzip")) gzip = !zero;
    if (coding == "*") others = !zero;
  }
  require(web::accepts_gzip(text) == gzip.value_or(others), "gzip is sent to whom takes it alone");
}

void check_etag(std::string_view text) {
  const std::string etag = "\"v1-1f\"";
  static const std::regex list(R"((?:[, \t]*(?:W/)?"[^"]*")*[, \t]*(?:W/)?"v1-1f"[^]*)");
  static const std::regex star(R"([ \t]*\*[ \t]*)");
  const std::string copy(text);
  require(web::etag_matches(text, etag) == (std::regex_match(copy, list) || std::regex_match(copy, star)),
          "an answer is left out only where the client has it");
}

}  // namespace
}  // namespace repodigest::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace repodigest::fuzz;
  const std::string_view text = text_of(data, size);
  check_accept(text);
  check_encoding(text);
  check_etag(text);
  return 0;
}
