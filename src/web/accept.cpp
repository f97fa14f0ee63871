#include "repodigest/web/accept.h"

#include <algorithm>
#include <optional>

#include "ascii.h"

namespace repodigest::web {
namespace {

constexpr int whole_weight = 1000;
/// Browsers and Prometheus send up to 250 bytes.
constexpr std::size_t longest_accept = 1024;

/// A weight in thousandths (RFC 9110 12.4.2, qvalue); nothing if it is none.
std::optional<int> parse_weight(std::string_view text) {
  constexpr std::size_t longest = 5;  // "0.001"
  if (text.empty() || text.size() > longest || text[0] > '1' || text[0] < '0') return std::nullopt;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  int weight = text[0] == '1' ? whole_weight : 0;
  int digit_value = whole_weight;
  for (const char c : text.substr(std::min<std::size_t>(text.size(), 2))) {
    digit_value /= 10;
    if (!is_digit(c)) return std::nullopt;
    weight += (c - '0') * digit_value;
  }
  return weight <= whole_weight ? std::optional(weight) : std::nullopt;
}

/// Takes the grammar apart from the front. Each take_* leaves what it does not want where it is.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  [[nodiscard]] std::string_view rest() const { return rest_; }
  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// "" if there is none.
  std::string_view take_token() {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_token_character);
    return take_first(static_cast<std::size_t>(end - rest_.begin()));
  }
  /// A token or what stands between quotes, escapes as they are (RFC 9110 5.6.4).
  std::optional<std::string_view> take_value() {
    if (!take('"')) {
      const auto token = take_token();
      return token.empty() ? std::nullopt : std::optional(token);
    }
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      if (rest_[i] == '\\') {
        ++i;
      } else if (rest_[i] == '"') {
        const auto value = take_first(i);
        take('"');
        return value;
      }
    }
    return std::nullopt;
  }

 private:
  std::string_view take_first(std::size_t size) {
    const auto first = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return first;
  }

  std::string_view rest_;
};

struct Parameter {
  std::string_view name;
  std::string_view value;
};

/// Calls `visit` with each of the parameters at the front (RFC 9110 5.6.6). False if they are malformed.
template <typename Visit>
bool take_parameters(Scanner& scanner, Visit visit) {
  for (;;) {
    scanner.skip_blanks();
    if (!scanner.take(';')) return true;
    scanner.skip_blanks();
    const auto name = scanner.take_token();
    if (name.empty()) continue;  // a semicolon may stand alone
    if (!scanner.take('=')) return false;
    const auto value = scanner.take_value();
    if (!value) return false;
    visit(Parameter{name, *value});
  }
}

/// One element of an Accept: media-range [ weight ].
struct Range {
  std::string_view type;
  std::string_view subtype;
  std::optional<std::string_view> version = {};
  std::optional<int> weight = whole_weight;  ///< nothing: it is malformed
  std::string_view parameters = {};
};

std::optional<Range> take_range(Scanner& scanner) {
  Range range;
  range.type = scanner.take_token();
  if (range.type.empty() || !scanner.take('/')) return std::nullopt;
  range.subtype = scanner.take_token();
  if (range.subtype.empty() || (range.type == "*" && range.subtype != "*")) return std::nullopt;
  const std::string_view behind = scanner.rest();
  const bool well_formed = take_parameters(scanner, [&range](const Parameter& parameter) {
    if (same_ignoring_case(parameter.name, "version")) range.version = parameter.value;
    if (same_ignoring_case(parameter.name, "q")) range.weight = parse_weight(parameter.value);
  });
  if (!well_formed || !range.weight) return std::nullopt;
  range.parameters = behind.substr(0, behind.size() - scanner.rest().size());
  return range;
}

/// How exactly a range names an offer; 0: not at all.
int exactness(const Range& range, const MediaType& offer) {
  if (range.version && *range.version != offer.version) return 0;
  if (range.type == "*") return 1;
  if (!same_ignoring_case(range.type, offer.type)) return 0;
  if (range.subtype == "*") return 2;
  if (!same_ignoring_case(range.subtype, offer.subtype)) return 0;
  return range.version ? 4 : 3;
}

/// Calls `visit` with each range in turn. False if anything of the Accept is malformed.
template <typename Visit>
bool for_each_range(std::string_view accept, Visit visit) {
  Scanner scanner(accept);
  for (;;) {
    scanner.skip_blanks();
    if (scanner.take(',')) continue;  // RFC 9110 5.6.1.2: an element of a list may be empty
    if (scanner.rest().empty()) return true;
    const auto range = take_range(scanner);
    if (!range) return false;
    visit(*range);
    if (!scanner.rest().empty() && !scanner.take(',')) return false;
  }
}

}  // namespace

Preference preferred(std::string_view accept, std::span<const MediaType> offers) {
  if (accept.size() > longest_accept) return {};
  Preference best;
  int best_weight = 0;
  std::size_t best_place = 0;
  for (std::size_t i = 0; i < offers.size(); ++i) {
    int exact = 0;
    int weight = 0;
    std::size_t place = 0;
    std::string_view parameters;
    std::size_t count = 0;
    const bool well_formed = for_each_range(accept, [&](const Range& range) {
      ++count;
      const int how = exactness(range, offers[i]);
      if (how == 0 || how < exact || (how == exact && *range.weight <= weight)) return;
      exact = how;
      weight = *range.weight;
      place = count;
      parameters = range.parameters;
    });
    if (!well_formed) return {};
    if (weight < best_weight || weight == 0 || (weight == best_weight && place >= best_place)) continue;
    best = {i, parameters};
    best_weight = weight;
    best_place = place;
  }
  return best;
}

std::string_view parameter_of(std::string_view parameters, std::string_view name) {
  std::string_view value;
  Scanner scanner(parameters);
  take_parameters(scanner, [&](const Parameter& parameter) {
    if (same_ignoring_case(parameter.name, name)) value = parameter.value;
  });
  return value;
}

}  // namespace repodigest::web
