// RepoDigests entries and names: taken apart as distribution's regular expressions take them, put together
// again, counted and made unique.
#include <cstdint>
#include <map>
#include <regex>
#include <set>

#include "repodigest/digest/digest.h"
#include "require.h"

namespace repodigest::fuzz {
namespace {

using digest::Entry;
using digest::EntryKind;

/// distribution/reference v0.6.0 regexp.go; greedy as there. Too long for std::regex's recursion is nothing
/// that -max_len lets in.
const std::regex& grammar() {
  static const std::string part = "[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*";
  static const std::string label = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
  static const std::string domain =
      "(?:" + label + "(?:[.]" + label + ")*|\\[(?:[a-fA-F0-9:]+)\\])(?::[0-9]+)?";
  static const std::string hex = "(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})";
  static const std::regex regex("(?:(?:" + domain + ")/)?" + part + "(?:/" + part + ")*" +
                                    "(?::([a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}))?@" + hex,
                                std::regex::ECMAScript | std::regex::optimize);
  return regex;
}

/// The repository without its host, of which 255 characters are allowed.
std::string_view path_of(std::string_view repository) {
  static const std::regex domain(
      "(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
      "(?:[.](?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|"
      "\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?");
  const auto slash = repository.find('/');
  if (slash == std::string_view::npos ||
      !std::regex_match(repository.begin(), repository.begin() + static_cast<std::ptrdiff_t>(slash), domain))
    return repository;
  return repository.substr(slash + 1);
}

std::string put_together(const Entry& entry) {
  std::string text(entry.repository);
  if (!entry.tag.empty()) text.append(":").append(entry.tag);
  return text.append("@").append(entry.digest);
}

void check_entry(std::string_view text) {
  const Entry entry = digest::parse_entry(text);
  const std::string copy(text);
  std::smatch parts;
  const bool matches = copy.find('\n') == std::string::npos && std::regex_match(copy, parts, grammar());
  const bool has_repository = entry.kind == EntryKind::canonical || entry.kind == EntryKind::tagged;
  if (has_repository) {
    require(matches, "what has a repository is a reference");
    require(put_together(entry) == text, "its parts put together are the entry");
    require(parts[1].str() == entry.tag && parts[2].str() == entry.digest,
            "tag and digest are where the grammar has them");
    require(digest::repository_of(text) == entry.repository, "a name's repository is the entry's");
    require((entry.kind == EntryKind::tagged) == !entry.tag.empty(), "an entry is tagged if it has a tag");
    require(path_of(entry.repository).size() <= 255, "a path has at most 255 characters");
  } else if (matches) {
    const auto repository = text.substr(0, text.find_last_of('@'));
    require(path_of(digest::repository_of(repository)).size() > 255,
            "a reference is taken unless its path is too long");
  }
  if (entry.kind == EntryKind::bare)
    require(entry.digest == text && entry.repository.empty(), "a bare digest is all of it");
  if (entry.kind == EntryKind::placeholder) require(text == "<none>@<none>", "there is one placeholder");
  if (entry.kind == EntryKind::malformed)
    require(entry.repository.empty() && entry.tag.empty() && entry.digest.empty(),
            "what is malformed has no parts");
}

void check_names(std::string_view text) {
  const auto repository = digest::repository_of(text);
  require(text.starts_with(repository) && digest::repository_of(repository).size() <= repository.size(),
          "a repository begins its name");
  require(
      text.size() == repository.size() || text[repository.size()] == ':' || text[repository.size()] == '@',
      "a tag or a digest follows it");
  const auto familiar = digest::familiar_name(text);
  require(text.ends_with(familiar), "a familiar name ends its name");
}

void check_list(const std::vector<std::string>& entries) {
  const digest::Analysis analysis = digest::analyse(entries);
  std::map<std::string_view, std::uint32_t> counts;
  std::vector<std::string_view> unique;
  for (const auto& entry : entries)
    if (++counts[entry] == 1) unique.push_back(entry);
  require(analysis.raw_count == entries.size(), "all entries are counted");
  require(analysis.unique == unique, "what is unique keeps its first place");
  std::size_t more = 0;
  std::uint32_t before = 0;
  for (const auto& [index, count] : analysis.duplicates) {
    require(count == counts.at(unique.at(index)) && count > 1, "a duplicate's count is how often it stands");
    require(more == 0 || index > before, "duplicates are in the order of their first appearance");
    before = index;
    more += count - 1;
  }
  require(more == entries.size() - unique.size(), "no duplicate is missing");
  require(analysis.anomalies.has(digest::Anomaly::duplicate) == (more > 0), "duplicates are an anomaly");
  require(digest::analyse(analysis.unique.strings()).unique == unique, "what is unique stays as it is");

  std::map<std::string_view, std::set<std::string_view>> digests;
  for (const auto entry : unique)
    if (const Entry parts = digest::parse_entry(entry); !parts.repository.empty())
      digests[parts.repository].insert(parts.digest);
  const bool several =
      std::any_of(digests.begin(), digests.end(), [](const auto& one) { return one.second.size() > 1; });
  require(analysis.anomalies.has(digest::Anomaly::several_digests) == several,
          "a repository of several digests is told");
  for (const auto& [repository, known] : digests)
    for (const auto& found : digest::digests_of(analysis.unique, repository)) {
      const Entry parts = digest::parse_entry(found);
      require(parts.kind == EntryKind::canonical &&
                  digest::familiar_name(parts.repository) == digest::familiar_name(repository),
              "the digests of a repository are of that repository");
    }
}

}  // namespace
}  // namespace repodigest::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace repodigest::fuzz;
  std::vector<std::string> entries;
  for (const auto line : split(text_of(data, size), "\n")) {
    check_entry(line);
    check_names(line);
    entries.emplace_back(line);
  }
  check_list(entries);
  return 0;
}
